from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import ClientClosedError, ConfigurationError, DeadlineExceededError, InvalidInputError
from plangrep_async.plangrid import DOCUMENTED_LIMITS, PlanGridClient
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.testing import ManualClock
from plangrep_async.testing.clock import settle

Make = Callable[..., PlanGridClient]
LIMITS = {
    "data": [
        {"request_type": "all", "interval": 1, "limit": 33, "remaining": 22, "reset": "2013-05-17T02:30:22+00:00"},
        {"request_type": "write", "interval": 60, "limit": 100, "remaining": 90, "reset": "2013-05-17T02:31:00+00:00"},
    ],
    "next_page_url": None,
    "total_count": 2,
}
DATE = {"date": "Fri, 17 May 2013 02:30:21 GMT"}


def windows(client: PlanGridClient) -> set[tuple[str, float, int]]:
    return {(window.kind, window.interval, window.limit) for window in client.statistics()[0].windows}


@pytest.fixture
def limits(wire: Any) -> None:
    wire.answer("GET", "/rate_limits", httpx.Response(200, json=LIMITS, headers=DATE))
    wire.answer("GET", "/projects/p", {"uid": "p"})


def test_before_anything_is_known_the_documented_limits_hold(make_client: Make) -> None:
    assert windows(make_client()) == {(s.kind, s.interval, s.limit) for s in DOCUMENTED_LIMITS}


def test_limits_of_the_user_s_own_stay_below(make_client: Make) -> None:
    client = make_client(limits=[RateLimit(5, 1.0)])

    assert ("all", 1.0, 5) in windows(client)
    assert ("write", 360.0, 2000) in windows(client)


def test_limits_and_a_limiter_are_one_too_many(make_client: Make) -> None:
    with pytest.raises(InvalidInputError, match="limits and limiter"):
        make_client(limits=[RateLimit(5, 1.0)], limiter=RateLimiter())


@pytest.mark.usefixtures("limits")
async def test_the_first_calls_wait_until_the_limits_are_known(make_client: Make, wire: Any) -> None:
    client = make_client(learn_limits="first-call", coalesce=False)

    await asyncio.gather(client.projects.get("p"), client.projects.get("p"))
    await client.projects.get("p")

    assert wire.seen == ["GET /rate_limits", *["GET /projects/p"] * 3]
    assert {("all", 1.0, 33), ("write", 60.0, 100)} <= windows(client)


@pytest.mark.usefixtures("limits")
async def test_what_was_assumed_goes_when_the_service_has_told_all(make_client: Make) -> None:
    client = make_client(learn_limits="first-call", limits=[RateLimit(5, 3.0)])

    await client.projects.get("p")

    assert windows(client) == {("all", 1.0, 33), ("write", 60.0, 100), ("all", 3.0, 5)}


@pytest.mark.parametrize("part", [{"next_page_url": "https://api.test/rate_limits?skip=2"}, {"data": []}])
async def test_what_was_assumed_stays_while_the_service_has_not_told_all(
    part: dict[str, Any], make_client: Make, wire: Any
) -> None:
    wire.answer("GET", "/rate_limits", httpx.Response(200, json=LIMITS | part, headers=DATE))
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(learn_limits="first-call")

    await client.projects.get("p")

    assert {("all", 86_400.0, 10_000), ("write", 360.0, 2_000)} < windows(client)


@pytest.mark.usefixtures("limits")
async def test_lazily_nobody_waits(make_client: Make, wire: Any) -> None:
    answered = asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        await answered.wait()
        return httpx.Response(200, json=LIMITS, headers=DATE)

    wire.answer("GET", "/rate_limits", slow)
    client = make_client(learn_limits="lazily")

    await client.projects.get("p")
    assert ("all", 1.0, 33) not in windows(client)
    answered.set()
    await settle()

    assert wire.seen.count("GET /rate_limits") == 1
    assert ("all", 1.0, 33) in windows(client)


def writes_left(remaining: int, at: str, reset: str) -> httpx.Response:
    window = {"request_type": "write", "interval": 60, "limit": 3, "remaining": remaining}
    account = {**LIMITS, "data": [{**window, "reset": f"2013-05-17T{reset}+00:00"}]}
    return httpx.Response(200, json=account, headers={"date": f"Fri, 17 May 2013 {at} GMT"})


@pytest.mark.parametrize(
    ("second", "sent"),
    [
        (writes_left(3, "02:31:03", "02:32:00"), {43.0: 4, 100.0: 4, 101.0: 5}),  # it has begun anew
        (writes_left(1, "02:31:03", "02:31:23"), {43.0: 2, 62.0: 3}),  # it slides: ours counts until it is a minute old
        (httpx.Response(503), {57.0: 1, 58.0: 3, 60.0: 3, 61.0: 4}),  # as if it slid
    ],
    ids=["fixed", "sliding", "no answer"],
)
async def test_a_first_reset_is_asked_about_when_calls_wait(
    make_client: Make, wire: Any, second: httpx.Response, sent: dict[float, int]
) -> None:
    clock = ManualClock()
    accounts = iter([writes_left(1, "02:30:21", "02:31:00"), second])
    wire.answer("GET", "/rate_limits", lambda _: next(accounts))
    wire.answer("POST", "/projects", {"uid": "p"})
    client = make_client(learn_limits="first-call", clock=clock, coalesce=False, random=lambda: 0.0)

    calls = [asyncio.ensure_future(client.projects.create(str(number))) for number in range(5)]
    await clock.advance(42.0)
    assert wire.seen == ["GET /rate_limits", "POST /projects"]
    for moment, number in sent.items():
        await clock.advance(moment - (clock.monotonic() - 1_000.0))
        assert wire.seen.count("POST /projects") == number, moment
    assert wire.seen.count("GET /rate_limits") == 2

    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)


async def test_a_client_that_is_closed_is_not_asked(make_client: Make, wire: Any) -> None:
    clock = ManualClock()
    limiter = RateLimiter(clock=clock)
    wire.answer("GET", "/rate_limits", lambda _: writes_left(1, "02:30:21", "02:31:00"))
    wire.answer("POST", "/projects", {"uid": "p"})
    first, second = (make_client(learn_limits="first-call", clock=clock, limiter=limiter) for _ in range(2))
    await second.projects.create("a")
    await second.aclose()

    call = asyncio.ensure_future(first.projects.create("b"))
    await clock.advance(43.0)
    assert wire.seen.count("GET /rate_limits") == 3, "each client's first, and the question"
    await first.aclose()
    waiting = asyncio.ensure_future(limiter.acquire(("all", "write")))
    await clock.advance(120.0)
    assert waiting.done()
    assert wire.seen.count("GET /rate_limits") == 3
    await asyncio.gather(call, return_exceptions=True)


@pytest.mark.usefixtures("limits")
async def test_never_means_never(make_client: Make, wire: Any) -> None:
    client = make_client(learn_limits="never")

    await client.projects.get("p")

    assert wire.seen == ["GET /projects/p"]


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(403, json={"message": "no"}), httpx.ConnectError("no"), httpx.Response(200, text="rubbish")],
)
async def test_without_an_answer_the_documented_limits_stay(answer: Any, make_client: Make, wire: Any) -> None:
    wire.answer("GET", "/rate_limits", answer)
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(learn_limits="first-call", random=lambda: 0.0)

    await client.projects.get("p")
    await client.projects.get("p")

    assert ("all", 86_400.0, 10_000) in windows(client)
    assert wire.seen.count("GET /projects/p") == 2


async def test_the_question_does_not_hold_calls_up_for_ever(make_client: Make, wire: Any) -> None:
    clock = ManualClock()
    wire.answer("GET", "/rate_limits", lambda _: asyncio.get_running_loop().create_future())
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(learn_limits="first-call", clock=clock)

    call = asyncio.ensure_future(client.projects.get("p"))
    await clock.advance(14.0)
    assert not call.done()
    await clock.advance(2.0)

    assert (await call).uid == "p"


async def test_a_deadline_counts_the_wait(make_client: Make, wire: Any) -> None:
    clock = ManualClock()
    wire.answer("GET", "/rate_limits", lambda _: asyncio.get_running_loop().create_future())
    client = make_client(learn_limits="first-call", clock=clock)

    call = asyncio.ensure_future(client.projects.get("p", deadline=5.0))
    await clock.advance(5.0)

    assert call.done()
    with pytest.raises(DeadlineExceededError, match="reading the rate limits") as caught:
        await call
    assert caught.value.spent["reading the rate limits"] == pytest.approx(5.0)
    assert wire.seen == ["GET /rate_limits"]


async def test_a_cancelled_caller_does_not_stop_the_question(make_client: Make, wire: Any) -> None:
    answered = asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        await answered.wait()
        return httpx.Response(200, json=LIMITS, headers=DATE)

    wire.answer("GET", "/rate_limits", slow)
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(learn_limits="first-call")
    first, second = (asyncio.ensure_future(client.projects.get("p")) for _ in range(2))
    await settle()

    first.cancel()
    await settle()
    answered.set()

    assert (await second).uid == "p"
    assert first.cancelled()
    assert wire.seen == ["GET /rate_limits", "GET /projects/p"]


async def test_closing_while_the_question_is_asked(make_client: Make, wire: Any) -> None:
    wire.answer("GET", "/rate_limits", lambda _: asyncio.get_running_loop().create_future())
    client = make_client(learn_limits="first-call")
    call = asyncio.ensure_future(client.projects.get("p"))
    await settle()

    await client.aclose()

    with pytest.raises(ClientClosedError):
        await call
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_draining_waits_for_calls_that_have_not_got_past_the_question(make_client: Make, wire: Any) -> None:
    answered = asyncio.Event()

    async def slow(_: httpx.Request) -> httpx.Response:
        await answered.wait()
        return httpx.Response(200, json=LIMITS, headers=DATE)

    wire.answer("GET", "/rate_limits", slow)
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(learn_limits="first-call")
    call = asyncio.ensure_future(client.projects.get("p"))
    await settle()

    closing = asyncio.ensure_future(client.aclose(drain=True))
    await settle()
    with pytest.raises(ClientClosedError):
        await client.projects.get("p")
    answered.set()

    assert (await call).uid == "p"
    await closing


@pytest.mark.parametrize("coalesce", [True, False])
async def test_draining_waits_for_calls_behind_the_limiter(make_client: Make, wire: Any, coalesce: bool) -> None:
    clock = ManualClock()
    wire.answer("GET", "/projects/p", {"uid": "p"})
    wire.answer("POST", "/batch", {"data": [{"status_code": 200, "body": '{"uid": "p"}'}] * 2})
    client = make_client(limits=[RateLimit(1, 1.0)], clock=clock, coalesce=coalesce)
    calls = [asyncio.ensure_future(client.projects.get("p")) for _ in range(3)]
    await settle()

    closing = asyncio.ensure_future(client.aclose(drain=True))
    await clock.advance(10.0)

    await closing
    assert [(await call).uid for call in calls] == ["p"] * 3


async def test_a_drain_that_is_cancelled_ends_the_calls(make_client: Make, wire: Any) -> None:
    wire.answer("GET", "/projects/p", {"uid": "p"})
    client = make_client(limits=[RateLimit(1, 1.0)], clock=ManualClock(), coalesce=False)
    calls = [asyncio.ensure_future(client.projects.get("p")) for _ in range(3)]
    await settle()

    closing = asyncio.ensure_future(client.aclose(drain=True))
    await settle()
    closing.cancel()
    await asyncio.wait([closing])

    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(end, ClientClosedError) for end in ended) == 2
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_way_of_learning_that_does_not_exist(make_client: Make) -> None:
    with pytest.raises(ConfigurationError, match="learn_limits: 'sometimes'"):
        make_client(learn_limits="sometimes")
