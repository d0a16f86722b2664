"""A server that counts exactly, on a clock that is moved by hand."""

from __future__ import annotations

import asyncio
import bisect
import math
import random
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import pytest
from attrs import define, field

from plangrep_async.ratelimit import RateLimit, RateLimiter, WindowSnapshot
from plangrep_async.testing import ManualClock

Mode = Literal["fixed", "sliding"]


@define
class _Window:
    rate: RateLimit
    mode: Mode
    phase: float
    times: list[float] = field(factory=list)  # sorted: when each counted call arrived

    def _begin(self, now: float) -> float:
        interval = self.rate.interval
        if self.mode == "sliding":
            return math.nextafter(now - interval, math.inf)
        return math.floor((now - self.phase) / interval) * interval + self.phase

    def used(self, now: float) -> int:
        return len(self.times) - bisect.bisect_left(self.times, self._begin(now))

    def resets_in(self, now: float) -> float:
        interval = self.rate.interval
        if self.mode == "fixed":
            return self._begin(now) + interval - now
        used = self.used(now)
        return (self.times[-used] if used else now) + interval - now

    def snapshot(self, now: float) -> WindowSnapshot:
        remaining = max(0, self.rate.limit - self.used(now))
        return WindowSnapshot(
            self.rate.kind, self.rate.interval, self.rate.limit, remaining, float(math.ceil(self.resets_in(now)))
        )


class SimulatedServer:
    """Counts calls when they arrive; refuses what is over a limit, and does not count it then."""

    def __init__(self, clock: ManualClock, limits: Sequence[RateLimit], mode: Mode, phase: float = 0.0) -> None:
        self.clock = clock
        self.windows = [_Window(rate, mode, phase) for rate in limits]
        self.accepted = 0
        self.refused = 0

    def arrive(self, kinds: Collection[str], cost: int = 1) -> WindowSnapshot | None:
        now = self.clock.monotonic()
        counting = [window for window in self.windows if window.rate.kind in kinds]
        for window in counting:
            if window.used(now) + cost > window.rate.limit:
                self.refused += 1
                return window.snapshot(now)
        for window in counting:
            window.times.extend([now] * cost)
        self.accepted += 1
        return None

    def account(self) -> list[WindowSnapshot]:
        return [window.snapshot(self.clock.monotonic()) for window in self.windows]


class SimulatedClient:
    """Sends calls through a limiter, each with its own time on the way there and back, until they are accepted."""

    def __init__(
        self,
        limiter: RateLimiter,
        server: SimulatedServer,
        *,
        there: Callable[[], float] = lambda: 0.02,
        back: Callable[[], float] = lambda: 0.02,
        feedback: bool = True,
        learns: bool = True,
    ) -> None:
        self.limiter = limiter
        self.server = server
        self.clock = server.clock
        self.there = there
        self.back = back
        self.feedback = feedback
        self.learns = learns
        self.most_attempts = 0

    async def call(self, kinds: Collection[str] = ("all",)) -> None:
        attempts = 0
        while True:
            await self.limiter.acquire(kinds)
            left = self.clock.monotonic()
            attempts += 1
            self.most_attempts = max(self.most_attempts, attempts)
            await self.clock.sleep(self.there())
            refusal = self.server.arrive(kinds)
            await self.clock.sleep(self.back())
            age = self.clock.monotonic() - left
            if self.feedback:
                self.limiter.answered(kinds, age=age)
            if refusal is None:
                return
            self.limiter.throttled(retry_after=None, snapshots=[refusal] if self.learns else [], age=age)

    async def calls(self, number: int, kinds: Collection[str] = ("all",)) -> float:
        """All at once; the seconds until the last was accepted."""
        began = self.clock.monotonic()
        tasks = [asyncio.create_task(self.call(kinds)) for _ in range(number)]
        await self.clock.run_until_idle()
        await asyncio.gather(*tasks)
        return self.clock.monotonic() - began


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def dice() -> random.Random:
    return random.Random(20170224)


@pytest.fixture
def simulated_server(clock: ManualClock) -> Callable[..., SimulatedServer]:
    def make(limits: Sequence[RateLimit], mode: Mode, phase: float = 0.0) -> SimulatedServer:
        return SimulatedServer(clock, limits, mode, phase)

    return make


@pytest.fixture
def simulated_client() -> type[SimulatedClient]:
    return SimulatedClient
