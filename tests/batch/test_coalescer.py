"""What leaves together, and what does not."""

import asyncio

import pytest

from plangrep_async.batch import BatchFormat
from plangrep_async.errors import ConfigurationError, NotFoundError, QueueFullError
from plangrep_async.session import CallOptions


async def test_calls_of_one_moment_leave_as_one_batch_in_order(world):
    coalescer = world.coalescer()
    paths = [f"/issues/{n}" for n in range(7)]
    assert await asyncio.gather(*(coalescer.send(world.get(path)) for path in paths)) == paths
    assert world.service.requests == [paths]


async def test_a_thousand_reads_are_twenty_requests(world):
    coalescer = world.coalescer()
    paths = [f"/issues/{n}" for n in range(1000)]
    assert await asyncio.gather(*(coalescer.send(world.get(path)) for path in paths)) == paths
    assert [len(batch) for batch in world.service.batches] == [50] * 20
    assert not world.service.singles
    assert [path for batch in world.service.batches for path in batch] == paths
    statistics = coalescer.statistics()
    assert (statistics.calls, statistics.batches, statistics.mean_size, statistics.alone) == (1000, 20, 50.0, 0)


async def test_a_lone_call_leaves_as_it_is_and_at_once(world):
    coalescer = world.coalescer()
    assert await coalescer.send(world.get("/issues/1")) == "/issues/1"
    assert world.service.requests == ["/issues/1"]
    assert world.clock.monotonic() == 1_000.0
    assert coalescer.statistics().alone == 1


async def test_a_lone_call_is_sent_by_the_task_that_made_it(world):
    tasks = []

    async def note():
        tasks.append(asyncio.current_task())

    world.service.before = note
    await world.coalescer().send(world.get("/issues/1"))
    assert tasks == [asyncio.current_task()]


async def test_what_answers_wake_leaves_together_again(world):
    """Fifty programs, each of which makes one call after the other: the second calls are a batch too."""
    coalescer = world.coalescer()

    async def program(number):
        first = await coalescer.send(world.get(f"/first/{number}"))
        return first, await coalescer.send(world.get(f"/second/{number}"))

    await asyncio.gather(*(program(n) for n in range(50)))
    assert [len(batch) for batch in world.service.batches] == [50, 50]


async def test_each_gets_its_own_record_or_its_own_error(world):
    coalescer = world.coalescer()
    world.service.replies = {f"/{n}": [(404, {"message": f"Issue {n} does not exist."})] for n in (1, 3)}
    results = await asyncio.gather(*(coalescer.send(world.get(f"/{n}")) for n in range(5)), return_exceptions=True)
    assert [results[n] for n in (0, 2, 4)] == ["/0", "/2", "/4"]
    for n in (1, 3):
        error = results[n]
        assert type(error) is NotFoundError
        assert error.service_message == f"Issue {n} does not exist."
        assert error.url == f"http://localhost/{n}"
        assert (error.method, error.status, error.attempts) == ("GET", 404, 1)


async def test_a_failing_decoder_harms_only_its_own_call(world):
    coalescer = world.coalescer()
    broken = world.get("/1").replace(decode=lambda answer: answer.json()["nowhere"])
    good, bad = await asyncio.gather(coalescer.send(world.get("/0")), coalescer.send(broken), return_exceptions=True)
    assert good == "/0"
    assert type(bad).__name__ == "DecodeError"
    assert bad.body == b'{"path": "/1"}'


async def test_reads_and_writes_share_a_batch_in_order(world):
    coalescer = world.coalescer()
    calls = [world.get("/a"), world.post("/b"), world.get("/c"), world.post("/d", idempotency_key="k")]
    assert await asyncio.gather(*(coalescer.send(call) for call in calls)) == ["/a", "/b", "/c", "/d"]
    assert world.service.requests == [["/a", "/b", "/c", "/d"]]


async def test_a_batch_is_a_json_post_of_the_session(world):
    session = world.session(headers={"Accept": "application/vnd.plangrid+json; version=1"})
    coalescer = world.coalescer(session)
    await asyncio.gather(*(coalescer.send(world.get(f"/{n}")) for n in range(2)))
    (headers,) = world.service.headers
    assert headers["content-type"] == "application/json"
    assert headers["accept"] == "application/vnd.plangrid+json; version=1"
    assert world.service.bodies == [b'[{"method":"GET","path":"/0"},{"method":"GET","path":"/1"}]']


async def test_batches_are_bounded_in_bytes(world):
    coalescer = world.coalescer(format=BatchFormat(max_bytes=1_000))
    calls = [world.post(f"/{n}", json="x" * 300) for n in range(5)] + [world.post("/large", json="x" * 2_000)]
    await asyncio.gather(*(coalescer.send(call) for call in calls))
    assert world.service.requests == [["/0", "/1"], ["/2", "/3"], "/4", "/large"]
    assert all(len(body) <= 1_000 for body in world.service.bodies[:2])


@pytest.mark.parametrize(
    "changes",
    [
        {"coalescable": False},
        {"authenticated": False},
        {"path": "https://plangrid-attachments.s3.amazonaws.com/x"},
        {"method": "HEAD", "decode": lambda answer: answer.status},
        {"body": lambda: b"raw", "content_type": "application/pdf", "method": "PUT"},
    ],
)
async def test_what_cannot_be_in_a_batch_goes_straight_to_the_session(world, changes):
    coalescer = world.coalescer()
    other = world.get("/0").replace(**changes)
    await asyncio.gather(coalescer.send(world.get("/1")), coalescer.send(other), coalescer.send(world.get("/2")))
    assert world.service.batches == [["/1", "/2"]]
    assert len(world.service.singles) == 1
    assert coalescer.statistics().bypassed == 1


async def test_a_url_of_the_services_own_is_merged(world):
    """PlanGrid's ``webhook_url`` and ``next_page_url`` are absolute."""
    coalescer = world.coalescer()
    await asyncio.gather(
        coalescer.send(world.get("http://localhost/completions/t?page=2")), coalescer.send(world.get("/1"))
    )
    assert world.service.requests == [["/completions/t?page=2", "/1"]]


async def test_a_call_or_a_client_may_choose_not_to_be_merged(world):
    never = CallOptions(coalesce=False)
    coalescer = world.coalescer()
    await asyncio.gather(*(coalescer.send(world.get(f"/{n}"), never) for n in range(2)))
    assert world.service.requests == ["/0", "/1"]
    disabled = world.coalescer(enabled=False)
    await asyncio.gather(*(disabled.send(world.get(f"/{n}")) for n in range(2, 4)))
    assert world.service.requests == ["/0", "/1", "/2", "/3"]
    always = CallOptions(coalesce=True)
    await asyncio.gather(*(disabled.send(world.get(f"/{n}"), always) for n in range(4, 6)))
    assert world.service.requests[4:] == [["/4", "/5"]]


async def test_what_json_cannot_say_fails_alone(world):
    coalescer = world.coalescer()
    bad = world.post("/bad", json=float("nan"))
    results = await asyncio.gather(
        *(coalescer.send(call) for call in (world.get("/0"), bad, world.get("/1"))), return_exceptions=True
    )
    assert (results[0], results[2]) == ("/0", "/1")
    assert isinstance(results[1], ValueError)
    assert world.service.requests == [["/0", "/1"]]


async def test_the_queue_is_bounded(world):
    coalescer = world.coalescer(max_queue=3)
    results = await asyncio.gather(
        *(coalescer.send(world.get(f"/t/{n}?token=secret")) for n in range(4)), return_exceptions=True
    )
    assert [type(result) for result in results] == [str, str, str, QueueFullError]
    assert "secret" not in str(results[3])
    assert len(world.service.requests) == 1


async def test_linger_waits_for_others_but_not_when_a_batch_is_full(world):
    coalescer = world.coalescer(linger=0.1)
    first = asyncio.ensure_future(coalescer.send(world.get("/0")))
    await world.clock.advance(0.09)
    second = asyncio.ensure_future(coalescer.send(world.get("/1")))
    await world.clock.advance(0.009)
    assert not world.service.requests
    await world.clock.advance(0.001)
    assert world.service.requests == [["/0", "/1"]]
    await asyncio.gather(first, second)
    full = [asyncio.ensure_future(coalescer.send(world.get(f"/{n}"))) for n in range(50)]
    await asyncio.gather(*full)
    assert world.clock.monotonic() == pytest.approx(1_000.1)


async def test_no_secret_is_shown(world):
    coalescer = world.coalescer()
    world.service.latency = 1.0
    task = asyncio.ensure_future(coalescer.send(world.get("/completions/token-1?signature=s3cret")))
    other = asyncio.ensure_future(coalescer.send(world.post("/b", json={"password": "s3cret"})))
    await world.clock.advance(0.5)
    (flight,) = coalescer._dispatcher._batches._flights
    shown = repr(coalescer) + repr(flight) + "".join(map(repr, flight.entries))
    assert "s3cret" not in shown
    assert "token-1" not in shown
    await world.clock.advance(1)
    await asyncio.gather(task, other)


@pytest.mark.parametrize(
    "wrong",
    [
        {"linger": -1},
        {"batch_cost": 0},
        {"patience": -1},
        {"concurrency": 0},
        {"max_queue": 0},
        {"linger": float("nan")},
    ],
)
async def test_numbers_that_cannot_work_are_refused(world, wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        world.coalescer(**wrong)
