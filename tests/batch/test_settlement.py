"""What becomes of the entries of a batch that did not end well."""

import asyncio
import gc
import weakref

import httpx
import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    DecodeError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
)
from plangrep_async.session import BasicCredentials, BearerCredentials, CallOptions, Hooks

BUSY = (503, {"message": "busy"})


async def finish(world, coalescer, calls, options=None):
    """Results and errors of calls made at one moment, with time passing as it must."""
    tasks = [asyncio.ensure_future(coalescer.send(call, options)) for call in calls]
    await world.clock.run_until_idle()
    return [task.exception() or task.result() for task in tasks]


# Single entries


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_only_the_failed_entries_are_sent_again_and_together(world, status):
    world.service.replies = {path: [(status, {}), (status, {})] for path in ("/1", "/3")}
    coalescer = world.coalescer()
    results = await finish(world, coalescer, [world.get(f"/{n}") for n in range(5)])
    assert results == [f"/{n}" for n in range(5)]
    assert world.service.requests == [["/0", "/1", "/2", "/3", "/4"], ["/1", "/3"], ["/1", "/3"]]
    assert coalescer.statistics().retried == 4


async def test_the_backoff_is_the_sessions(world):
    world.service.replies = {path: [BUSY, BUSY] for path in ("/1", "/2")}
    await finish(world, world.coalescer(), [world.get(f"/{n}") for n in range(3)])
    # Half of 1 s, then half of 2 s: the random number is 0.5.
    assert world.clock.monotonic() == pytest.approx(1_001.5)
    assert world.service.requests == [["/0", "/1", "/2"], ["/1", "/2"], ["/1", "/2"]]


async def test_attempts_end_and_the_error_counts_them_all(world):
    world.service.replies = {"/0": [BUSY] * 9, "/1": [BUSY] * 9}
    coalescer = world.coalescer(world.session(retry=RetryPolicy(max_attempts=3)))
    errors = await finish(world, coalescer, [world.get("/0"), world.get("/1")])
    for error in errors:
        assert type(error) is ServerError
        assert error.attempts == 3
        assert "all 3 attempts were used" in str(error)
    assert len(world.service.batches) == 3


async def test_attempts_are_counted_across_a_batch_and_the_session(world):
    """The second attempt is alone, so it and the third are the session's."""
    world.service.replies = {"/1": [BUSY] * 9}
    coalescer = world.coalescer(world.session(retry=RetryPolicy(max_attempts=3)))
    _, error = await finish(world, coalescer, [world.get("/0"), world.get("/1")])
    assert (type(error), error.attempts) == (ServerError, 3)
    assert error.elapsed == pytest.approx(world.clock.monotonic() - 1_000.0)
    assert world.service.requests == [["/0", "/1"], "/1", "/1"]


async def test_max_attempts_of_a_call_is_respected(world):
    world.service.replies = {"/0": [BUSY], "/1": [BUSY]}
    results = await finish(
        world, world.coalescer(), [world.get("/0"), world.get("/1"), world.get("/2")], CallOptions(max_attempts=1)
    )
    assert [type(result) for result in results] == [ServerError, ServerError, str]
    assert len(world.service.requests) == 1


async def test_a_write_that_failed_is_not_repeated(world):
    world.service.replies = {"/w": [(500, {"message": "Sorry"})]}
    error, result = await finish(world, world.coalescer(), [world.post("/w"), world.get("/r")])
    assert result == "/r"
    assert type(error) is ServerError
    assert "may have been carried out" in str(error)
    assert world.service.carried_out["/w"] == 1


async def test_a_write_with_an_idempotency_key_is(world):
    world.service.replies = {"/w": [(500, {"message": "Sorry"})]}
    assert await finish(world, world.coalescer(), [world.post("/w", idempotency_key="k"), world.get("/r")]) == [
        "/w",
        "/r",
    ]


async def test_a_429_in_an_entry_closes_the_gate_and_repeats_even_writes(world):
    world.service.replies = {"/w": [(429, {"message": "API rate limit exceeded"})]}
    session = world.session()
    coalescer = world.coalescer(session)
    tasks = [asyncio.ensure_future(coalescer.send(call)) for call in (world.post("/w"), world.get("/r"))]
    await asyncio.sleep(0)
    await world.clock.advance(0.0)
    assert not session.limiter.try_acquire()
    await world.clock.run_until_idle()
    assert [task.result() for task in tasks] == ["/w", "/r"]
    assert world.service.carried_out["/w"] == 1
    assert session.limiter.statistics().refusals == 1


async def test_many_429s_of_one_batch_close_the_gate_once(world):
    world.service.replies = {f"/{n}": [(429, {"message": "API rate limit exceeded"})] for n in range(10)}
    session = world.session()
    assert len(await finish(world, world.coalescer(session), [world.get(f"/{n}") for n in range(10)])) == 10
    assert session.limiter.statistics().refusals == 1
    assert len(world.service.batches) == 2


async def test_a_429_that_asks_for_too_long_a_wait_is_the_calls_answer(world):
    def whole(entries, answers):
        answers[0] = {
            "status_code": 429,
            "headers": [{"name": "Retry-After", "value": "3600"}],
            "body": '{"message": "API rate limit exceeded"}',
        }
        return httpx.Response(200, json={"data": answers})

    world.service.wholes = [whole]
    error, result = await finish(world, world.coalescer(), [world.get("/0"), world.get("/1")])
    assert type(error) is RateLimitError
    assert error.retry_after == 3600
    assert result == "/1"


async def test_what_the_session_can_do_more_about_leaves_alone(world):
    """New credentials after 401, and a redirect of a GET: the session goes on where an entry of a batch cannot."""
    session = world.session(credentials=BearerCredentials("old", refresh=lambda: "new"))
    world.service.replies = {"/401": [(401, {})], "/303": [(303, {})]}

    def whole(entries, answers):
        answers[1]["headers"] = [{"name": "Location", "value": "/elsewhere"}]
        return httpx.Response(200, json={"data": answers})

    world.service.wholes = [whole]
    paths = ["/401", "/303", "/2"]
    world.service.replies["/401"] *= 2
    assert await finish(world, world.coalescer(session), [world.get(path) for path in paths]) == paths
    assert world.service.requests == [paths, "/401", "/303", "/401"]
    assert [headers["authorization"] for headers in world.service.headers] == ["Bearer old"] * 3 + ["Bearer new"]


async def test_a_detour_is_no_attempt(world):
    world.service.replies = {"/0": [(401, {}), (404, {"message": "gone"})]}
    session = world.session(credentials=BearerCredentials("old"))
    error, _ = await finish(world, world.coalescer(session), [world.get("/0"), world.get("/1")])
    assert (error.status, error.attempts) == (404, 1)


async def test_a_401_that_no_new_credentials_can_help_is_the_calls_answer(world):
    world.service.replies = {"/0": [(401, {})]}
    session = world.session(credentials=BasicCredentials("key"))
    error, result = await finish(world, world.coalescer(session), [world.get("/0"), world.get("/1")])
    assert type(error) is AuthenticationError
    assert result == "/1"
    assert len(world.service.requests) == 1


async def test_an_entry_that_cannot_be_read_is_asked_for_alone(world):
    def whole(entries, answers):
        return httpx.Response(200, json={"data": [answers[0], None, answers[2], None]})

    world.service.wholes = [whole]
    calls = [world.get("/0"), world.get("/1"), world.get("/2"), world.post("/3")]
    *results, error = await finish(world, world.coalescer(), calls)
    assert results == ["/0", "/1", "/2"]
    assert type(error) is DecodeError
    assert "may have been carried out" in str(error)
    assert world.service.requests == [["/0", "/1", "/2", "/3"], "/1"]


# Whole batches


@pytest.mark.parametrize("status", [400, 413])
async def test_a_refused_batch_is_halved_until_the_guilty_one_is_alone(world, status):
    guilty = "/11"

    class Picky(type(world.service)):
        async def handle_async_request(self, request):
            if guilty.encode() in await request.aread():
                self.wholes.insert(0, status)
            return await super().handle_async_request(request)

    world.service.__class__ = Picky
    world.service.replies = {guilty: [(422, {"message": "Title missing."})]}
    coalescer = world.coalescer()
    results = await finish(world, coalescer, [world.post(f"/{n}") for n in range(20)])
    for number, result in enumerate(results):
        if number == 11:
            assert isinstance(result, APIStatusError)
            assert (result.status, result.url, result.attempts) == (422, "http://localhost/11", 1)
        else:
            assert result == f"/{number}"
    assert set(world.service.carried_out.values()) == {1}
    assert coalescer.statistics().refused == len([batch for batch in world.service.batches if guilty in batch])
    assert len(world.service.requests) == 1 + 2 * 5, "two for each halving of 20"


async def test_a_batch_that_was_too_large_once_is_not_made_again(world):
    coalescer = world.coalescer()
    world.service.wholes = [413]
    calls = [world.post(f"/{n}", json="x" * 100) for n in range(10)]
    await finish(world, coalescer, calls)
    refused = len(world.service.bodies[0])
    await finish(world, coalescer, calls)
    assert all(len(body) < refused for body in world.service.bodies[1:])


@pytest.mark.parametrize("status", [404, 405, 409, 410, 302])
async def test_a_service_without_batches_gets_single_calls(world, status):
    """Nobody takes the batch's 404, 409 or 410 for an answer to his own call."""
    world.service.wholes = [status]
    calls = [world.get("/0"), world.post("/1"), world.get("/2")]
    assert await finish(world, world.coalescer(), calls) == ["/0", "/1", "/2"]
    assert world.service.singles == ["/0", "/1", "/2"]


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDeniedError)])
async def test_refused_credentials_fail_each_call_with_an_error_of_its_own(world, status, kind):
    world.service.wholes = [status]
    first, second = await finish(world, world.coalescer(), [world.get("/0"), world.post("/1")])
    assert (type(first), type(second)) == (kind, kind)
    assert first is not second
    assert (first.url, second.url) == ("http://localhost/0", "http://localhost/1")
    assert len(world.service.requests) == 1


async def test_a_429_for_the_batch_repeats_all_of_it(world):
    world.service.wholes = [429]
    session = world.session()
    assert await finish(world, world.coalescer(session), [world.get("/0"), world.post("/1")]) == ["/0", "/1"]
    assert world.service.requests == [["/0", "/1"], ["/0", "/1"]]
    assert session.limiter.statistics().refusals == 1


async def test_429s_are_counted_apart_from_failures(world):
    world.service.wholes = [429] * 8
    assert await finish(world, world.coalescer(), [world.get("/0"), world.get("/1")]) == ["/0", "/1"]
    world.service.wholes = [429] * 30
    patient = CallOptions(deadline=86_400)
    errors = await finish(world, world.coalescer(), [world.get("/0"), world.get("/1")], patient)
    assert [type(error) for error in errors] == [RateLimitError] * 2


async def test_a_connection_that_was_never_made_repeats_even_writes(world):
    world.service.wholes = ["never"]
    assert await finish(world, world.coalescer(), [world.get("/0"), world.post("/1")]) == ["/0", "/1"]
    assert set(world.service.carried_out.values()) == {1}


@pytest.mark.parametrize("whole", ["lost", 500, 502, 503, 504])
async def test_a_lost_answer_repeats_reads_and_reports_writes(world, whole):
    world.service.wholes = [whole]
    calls = [world.get("/0"), world.post("/1"), world.get("/2"), world.post("/3", idempotency_key="k")]
    first, lost, third, keyed = await finish(world, world.coalescer(), calls)
    assert (first, third, keyed) == ("/0", "/2", "/3")
    assert isinstance(lost, APIConnectionError if whole == "lost" else ServerError)
    assert "may have been carried out" in str(lost)
    assert lost.url == "http://localhost/1"
    assert world.service.carried_out["/1"] == 1


async def test_one_call_that_breaks_every_batch_does_not_take_the_others_along(world):
    """A lost batch is sent again in quarters, so that the one to blame is soon alone."""

    class Fragile(type(world.service)):
        async def handle_async_request(self, request):
            if b'"/17"' in await request.aread() or request.url.path == "/17":
                raise httpx.ReadError("reset", request=request)
            return await super().handle_async_request(request)

    world.service.__class__ = Fragile
    results = await finish(world, world.coalescer(), [world.get(f"/{n}") for n in range(50)])
    assert [number for number, result in enumerate(results) if result != f"/{number}"] == [17]
    assert isinstance(results[17], APIConnectionError)


def wrong_count(entries, answers):
    return httpx.Response(200, json={"data": answers[:-1]})


def too_many(entries, answers):
    return httpx.Response(200, json={"data": [*answers, answers[0]]})


def garbage(entries, answers):
    return httpx.Response(200, content=b"<html>login</html>")


def cut_short(entries, answers):
    return httpx.Response(200, content=b'{"data": [{"status_code": 2')


def no_array(entries, answers):
    return httpx.Response(200, json={"data": {"0": answers[0]}})


@pytest.mark.parametrize("whole", [wrong_count, too_many, garbage, cut_short, no_array])
async def test_an_answer_that_cannot_be_assigned_gives_nobody_anothers_record(world, whole):
    world.service.wholes = [whole]
    calls = [world.get("/0"), world.post("/1"), world.get("/2"), world.post("/3")]
    first, lost, third, other = await finish(world, world.coalescer(), calls)
    assert (first, third) == ("/0", "/2")
    assert (type(lost), type(other)) == (DecodeError, DecodeError)
    assert lost is not other
    assert "may have been carried out" in str(lost)
    assert lost.body
    assert world.service.singles == ["/0", "/2"]
    assert world.service.carried_out["/1"] == world.service.carried_out["/3"] == 1


async def test_an_error_nobody_expected_reaches_everybody_once(world):
    def whole(entries, answers):
        raise RuntimeError("surprise")

    world.service.wholes = [whole]
    first, second = await finish(world, world.coalescer(), [world.get("/0"), world.get("/1")])
    assert first is not second
    assert type(first).__name__ == "PlangrepAsyncError"
    assert isinstance(first.__cause__, RuntimeError)


async def test_tracebacks_of_one_call_do_not_grow_into_anothers(world):
    world.service.wholes = ["lost"]
    errors = await finish(world, world.coalescer(), [world.post(f"/{n}") for n in range(3)])
    assert len({id(error) for error in errors}) == 3
    assert len({id(error.__traceback__) for error in errors}) == 3


async def test_retries_are_told_to_the_hooks(world):
    told = []
    world.service.replies = {"/1": [BUSY]}
    coalescer = world.coalescer(world.session(hooks=Hooks(on_retry=told.append)))
    await finish(world, coalescer, [world.get("/0"), world.get("/1?token=secret"), world.get("/1")])
    (event,) = told
    assert (event.method, event.url, event.attempt, event.status, event.wait) == (
        "GET",
        "http://localhost/1",
        1,
        503,
        0.5,
    )


async def test_a_settled_batch_leaves_nothing_in_memory(world):
    coalescer = world.coalescer()
    world.service.wholes = ["lost"]
    seen = []

    async def note():
        for flight in coalescer._dispatcher._batches._flights:
            seen.extend(weakref.ref(thing) for thing in (flight, *flight.entries))

    world.service.before = note
    await finish(world, coalescer, [world.get(f"/{n}") for n in range(10)])
    gc.collect()
    assert len(seen) > 11
    assert not [thing for thing in seen if thing() is not None]
