"""A backlog against servers that count exactly: no refusal, and no allowance left unused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.testing import ManualClock

DOCUMENTED = (RateLimit(40, 1), RateLimit(10_000, 86_400), RateLimit(2_000, 360, "write"))
WRITE = frozenset({"all", "write"})


@pytest.mark.parametrize(("mode", "phase"), [("fixed", 0.0), ("fixed", 0.37), ("sliding", 0.0)])
@pytest.mark.parametrize("kinds", [("all",), WRITE])
async def test_two_thousand_calls_draw_no_429_and_use_the_allowance(
    mode: str,
    phase: float,
    kinds: Any,
    clock: ManualClock,
    dice: random.Random,
    simulated_server: Callable[..., Any],
    simulated_client: Callable[..., Any],
) -> None:
    server = simulated_server(DOCUMENTED, mode, phase)
    limiter = RateLimiter(clock=clock)
    limiter.observe(server.account())
    client = simulated_client(limiter, server, there=lambda: 0.02 + dice.random() * 0.005)
    elapsed = await client.calls(2_000, kinds)
    assert (server.accepted, server.refused) == (2_000, 0)
    assert 2_000 / elapsed >= 0.98 * 40


@pytest.mark.parametrize("mode", ["fixed", "sliding"])
async def test_a_network_of_uneven_speed_draws_no_429(
    mode: str,
    clock: ManualClock,
    dice: random.Random,
    simulated_server: Callable[..., Any],
    simulated_client: Callable[..., Any],
) -> None:
    """Connections are made at first, one call in fifty is held up by 20 to 150 ms, and answers take their own time."""
    server = simulated_server(DOCUMENTED, mode, 0.5)
    limiter = RateLimiter(clock=clock)
    limiter.observe(server.account())
    made = 0

    def there() -> float:
        nonlocal made
        made += 1
        late = dice.uniform(0.02, 0.15) if dice.random() < 0.02 else 0.0
        return 0.03 + dice.random() * 0.003 + late + (0.08 if made <= 40 else 0.0)

    client = simulated_client(limiter, server, there=there, back=lambda: 0.03 + dice.random() * 0.003)
    elapsed = await client.calls(2_000)
    assert (server.accepted, server.refused) == (2_000, 0)
    assert 2_000 / elapsed >= 0.98 * 40


@pytest.mark.parametrize("seed", range(3))
async def test_a_machine_that_stands_still_now_and_then_is_refused_once_and_then_minds_lateness(
    seed: int, clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    """Under heavy load all that is on its way is late, by up to 0.4 s every 1.5 s; a 429 shows that it matters."""
    dice = random.Random(seed)
    stalls, at = [], clock.monotonic()
    while at < clock.monotonic() + 200:
        at += dice.expovariate(1 / 1.5)
        stalls.append((at, at + dice.uniform(0.03, 0.4)))

    def way() -> float:
        base = 0.003 + dice.expovariate(1 / 0.01)
        then = clock.monotonic() + base
        return base + max((end - then for begin, end in stalls if begin <= then < end), default=0.0)

    server = simulated_server(DOCUMENTED, "sliding")
    limiter = RateLimiter(clock=clock, random=dice.random)
    limiter.observe(server.account())
    client = simulated_client(limiter, server, there=way, back=way)
    elapsed = await client.calls(2_000)
    assert server.accepted == 2_000
    assert server.refused <= 10, "one burst of them"
    assert 2_000 / elapsed >= 0.88 * 40


@pytest.mark.parametrize("mode", ["fixed", "sliding"])
async def test_writes_of_several_windows_are_served_as_the_windows_come(
    mode: str, clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    server = simulated_server(DOCUMENTED, mode, 100.0)
    limiter = RateLimiter(DOCUMENTED, clock=clock)
    client = simulated_client(limiter, server)
    elapsed = await client.calls(6_000, WRITE)
    assert server.refused == 0
    # The first 2,000 leave at once, at 40 a second; then one window each.
    assert elapsed <= (2 * 360 + 50) / 0.98


async def test_a_named_reset_is_followed(
    clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    """2,000 writes a minute before the reset, 2,000 after it: no interval is waited for in between."""
    server = simulated_server(DOCUMENTED, "fixed", phase=(clock.monotonic() + 60) % 360)
    limiter = RateLimiter(clock=clock)
    limiter.observe(server.account())
    client = simulated_client(limiter, server)
    elapsed = await client.calls(4_000, WRITE)
    assert server.refused == 0
    assert elapsed < 60 + 3 + 50 / 0.98


async def test_calls_around_a_followed_reset_count_on_both_sides(
    clock: ManualClock, dice: random.Random, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    """The calls that leave while the reset passes are the server's next window's; none of that window is refused."""
    limits = (RateLimit(2_000, 360),)
    server = simulated_server(limits, "fixed", phase=(clock.monotonic() + 10.4) % 360)
    limiter = RateLimiter(clock=clock)
    limiter.observe(server.account())
    client = simulated_client(limiter, server, there=lambda: dice.uniform(0.01, 0.9))
    tasks = []
    for _ in range(1_000):  # 50 a second, over the reset
        tasks.append(asyncio.create_task(client.call()))
        await clock.advance(0.02)
    tasks += [asyncio.create_task(client.call()) for _ in range(4_000)]
    await clock.run_until_idle()
    await asyncio.gather(*tasks)
    assert server.refused == 0
    assert server.accepted == 5_000


async def test_a_sliding_window_that_names_resets_is_found_out(
    clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    """One answer with 429 is enough to see that the reset was none; from then on a call counts for an interval."""
    limits = (RateLimit(100, 360),)
    server = simulated_server(limits, "sliding")
    limiter = RateLimiter(clock=clock)
    limiter.observe(server.account())
    client = simulated_client(limiter, server)
    tasks = []
    for _ in range(100):
        tasks.append(asyncio.create_task(client.call()))
        await clock.advance(3.5)
    tasks += [asyncio.create_task(client.call()) for _ in range(500)]
    await clock.run_until_idle()
    await asyncio.gather(*tasks)
    assert server.accepted == 600
    first = server.refused
    await client.calls(300)
    assert server.refused == first


@pytest.fixture
def asked(clock: ManualClock) -> Callable[..., list[float]]:
    """Lets a limiter ask a server for its account; the moments at which it did."""

    def let(limiter: RateLimiter, server: Any, *, answers: bool = True) -> list[float]:
        moments: list[float] = []

        def ask() -> None:
            moments.append(clock.monotonic())
            if answers:
                clock.call_later(0.05, lambda: limiter.observe(server.account()))

        limiter.ask_with(ask)
        limiter.observe(server.account())
        return moments

    return let


@pytest.mark.parametrize(("mode", "questions"), [("fixed", 1), ("sliding", 2)])
@pytest.mark.parametrize("until_first", [0.0, 20.0, 350.0, 500.0])
async def test_no_window_refuses_a_call_where_the_server_can_be_asked(
    mode: str,
    questions: int,
    until_first: float,
    clock: ManualClock,
    simulated_server: Callable[..., Any],
    simulated_client: Callable[..., Any],
    asked: Callable[..., list[float]],
) -> None:
    """The first reset is asked about, and none after it."""
    server = simulated_server(DOCUMENTED, mode, clock.monotonic() % 360)
    limiter = RateLimiter(clock=clock)
    moments = asked(limiter, server)
    client = simulated_client(limiter, server)
    await clock.advance(until_first)
    elapsed = await client.calls(8_000, WRITE)
    assert server.refused == 0
    assert len(moments) == questions
    first = 360 - until_first % 360 if mode == "fixed" else 360
    whole, last = divmod(8_000 - min(2_000, 40 * first) - 1, 2_000)
    assert elapsed <= (first + whole * 360 + last / 40) / 0.98 + 5


async def test_calls_that_arrive_late_in_a_long_window_count_for_longer(
    clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    """For a while each takes three seconds on its way, which is more than the window is lengthened by."""
    server = simulated_server(DOCUMENTED[2:], "sliding")
    limiter = RateLimiter([RateLimit(40, 1), RateLimit(2_000, 360, "write")], clock=clock)
    began = clock.monotonic()
    client = simulated_client(limiter, server, there=lambda: 3.0 if 30 < clock.monotonic() - began < 50 else 0.02)
    elapsed = await client.calls(5_000, WRITE)
    assert server.refused == 0
    assert elapsed <= (2 * 360 + 1_000 / 40) / 0.98


@pytest.mark.parametrize("mode", ["fixed", "sliding"])
async def test_without_an_answer_a_reset_frees_nothing(
    mode: str,
    clock: ManualClock,
    simulated_server: Callable[..., Any],
    simulated_client: Callable[..., Any],
    asked: Callable[..., list[float]],
) -> None:
    server = simulated_server(DOCUMENTED, mode, (clock.monotonic() + 100) % 360)
    limiter = RateLimiter(clock=clock)
    moments = asked(limiter, server, answers=False)
    client = simulated_client(limiter, server)
    elapsed = await client.calls(4_000, WRITE)
    assert (server.refused, server.accepted) == (0, 4_000)
    assert elapsed <= (360 + 50) / 0.98 + 20
    assert 1 <= len(moments) <= elapsed / 30 + 1


async def test_who_can_ask_no_more_is_not_asked(
    clock: ManualClock, simulated_server: Callable[..., Any], simulated_client: Callable[..., Any]
) -> None:
    server = simulated_server(DOCUMENTED, "fixed", clock.monotonic() % 360)
    limiter = RateLimiter(clock=clock)
    asked: list[str] = []
    end = limiter.ask_with(lambda: asked.append("first"))
    limiter.ask_with(lambda: asked.append("second"))()
    limiter.observe(server.account())
    client = simulated_client(limiter, server)
    calls = asyncio.create_task(client.calls(2_500, WRITE))
    await clock.advance(370)
    assert asked == ["first"]
    end()
    await calls
    assert asked == ["first"]
    assert server.accepted == 2_500


@pytest.mark.parametrize("mode", ["fixed", "sliding"])
@pytest.mark.parametrize("learns", [True, False])
async def test_two_clients_that_share_a_key_recover_from_every_429(
    mode: str,
    learns: bool,
    clock: ManualClock,
    dice: random.Random,
    simulated_server: Callable[..., Any],
    simulated_client: Callable[..., Any],
) -> None:
    server = simulated_server((RateLimit(40, 1),), mode, 0.2)
    clients = [
        simulated_client(
            RateLimiter(clock=clock, random=dice.random),
            server,
            there=lambda: 0.02 + dice.random() * 0.02,
            learns=learns,
        )
        for _ in range(2)
    ]
    if learns:
        for client in clients:
            client.limiter.observe(server.account())
    began = clock.monotonic()
    tasks = [asyncio.create_task(client.call()) for client in clients for _ in range(600)]
    await clock.run_until_idle()
    await asyncio.gather(*tasks)
    assert server.accepted == 1_200
    assert max(client.most_attempts for client in clients) <= 3
    assert 1_200 / (clock.monotonic() - began) > (0.6 if learns else 0.4) * 40
    if learns:
        assert server.refused < 0.05 * 1_200
