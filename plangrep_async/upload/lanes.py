"""Worker threads, shared out among hosts.

How it works, in six rules:

1. All decisions are made on the event loop, from plain counters; threads take jobs and run them. There is no lock.
2. Each host has a *lane*. Jobs wait in the lane's ready queue and are handed out in its order. At most ``allowed`` of
   them are on the wire: what the lane's :class:`AdaptiveLimit` says, and no more than its share of all.
3. A large job, and one that may block for long, gets a thread of its own.
4. Small jobs share one thread a lane, which goes from socket to socket (:class:`Multiplexer`). It takes them from the
   lane's *runway*, which holds more than may be on the wire, so that it need not wait for the loop.
5. Large jobs leave a quarter of a lane to small ones where such wait.
6. Jobs come back through one deque and one wake-up of the loop for as many as there are.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from .._clock import Clock
from .adaptive import AdaptiveLimit
from .disk import shut_down
from .lane import Lane, LaneStatistics
from .netjob import NetworkJob
from .rounds import Rounds
from .wire import Errand, Multiplexer

__all__ = ["Lanes"]

T = TypeVar("T")

_IDLE_LANES = 64
_TOGETHER = 32  # small jobs that come back with one wake-up of the loop, when there is no pause in between


class Lanes:
    """Runs network jobs in threads, by host. Create and use it on one event loop.

    Args:
        max_on_wire: jobs under way at once, all hosts together.
        make_limit: the limit of a host seen for the first time.
        clock: for what the limits learn, and for hosts that are left alone for a while.
    """

    def __init__(self, *, max_on_wire: int, make_limit: Callable[[], AdaptiveLimit], clock: Clock) -> None:
        self._max = max_on_wire
        self._make_limit = make_limit
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._executor = ThreadPoolExecutor(2 * max_on_wire, thread_name_prefix="upload")
        self._lanes: OrderedDict[Hashable, Lane] = OrderedDict()
        self._rounds = Rounds(clock, self._fill)
        self._back: deque[tuple[Lane, NetworkJob[Any] | None]] = deque()
        self._signalled = False
        self._posted: dict[Lane, None] = {}
        self._sharing = 0
        self._quiet = asyncio.Event()

    async def run(self, key: Hashable, job: NetworkJob[T]) -> T:
        """Run ``job`` in the lane of ``key`` and give its result.

        Cancellation: a job that waits is dropped at once; one that runs is told to stop, and the call returns only when
        its thread has left it.
        """
        self.post(key, job)
        return await job.wait()

    def post(self, key: Hashable, job: NetworkJob[Any]) -> None:
        """The same, not awaited: the job tells its end through ``job.on_settled``.

        Jobs are handed out together with all that are posted in this turn of the loop and in the next, in which tasks
        begin that were created in this one: so large ones go before small ones that were there a moment earlier.
        """
        lane = self._lanes.get(key)
        if lane is None:
            self._forget_idle()
            lane = self._lanes[key] = Lane(self._make_limit())
        lane.push(job)
        if not self._posted:
            self._loop.call_soon(self._loop.call_soon, self._fill_posted)
        self._posted[lane] = None

    def complain(self, key: Hashable, epoch: int, *, retry_after: float | None = None) -> None:
        """The host of ``key`` was too slow or asked to slow down, in answer to a job of ``epoch``."""
        lane = self._lanes.get(key)
        if lane is None:
            return
        if lane.limit.complain(epoch):
            lane.complaints += 1
            self._rounds.drop(lane)
        if retry_after:
            self._close(lane, retry_after)
        self._fill(lane)

    @property
    def backlog(self) -> int:
        """Jobs that wait for a thread."""
        return sum(len(lane.ready) + len(lane.runway) for lane in self._lanes.values())

    def statistics(self) -> dict[Hashable, LaneStatistics]:
        """Each host that was used lately."""
        return {
            key: LaneStatistics(lane.limit.limit, lane.on_wire, len(lane.ready) + len(lane.runway), lane.complaints)
            for key, lane in self._lanes.items()
        }

    async def aclose(self) -> None:
        """Wait for the running jobs and end the threads. All that wait for a job must have been cancelled before."""
        self._rounds.stop()
        for lane in self._lanes.values():
            if lane.reopening is not None:
                lane.reopening.cancel()
        while self._sharing or any(lane.large for lane in self._lanes.values()):
            self._quiet.clear()
            await self._quiet.wait()
        await shut_down(self._executor)

    # On the event loop

    def _fill_posted(self) -> None:
        posted, self._posted = self._posted, {}
        for lane in posted:
            self._fill(lane)

    def _allowed(self, lane: Lane) -> int:
        if lane.closed:
            return 0
        wanting = [other for other in self._lanes.values() if other.wanting]
        if len(wanting) > self._max and lane not in wanting[: self._max]:
            return 0
        share = max(1, self._max // max(1, len(wanting)))
        free = self._max - sum(other.on_wire for other in wanting if other is not lane)
        return max(0, min(lane.limit.limit, share, free))

    def _fill(self, lane: Lane) -> None:
        allowed = self._allowed(lane)
        lane.paused = not allowed
        width = lane.width
        if allowed:
            lane.set_width(allowed)
        added = lane.width > width
        while allowed and (job := lane.choose(allowed)) is not None:
            if not job.dropped:  # else it was stopped while it waited
                added |= self._hand(lane, job)
        if allowed and lane.small:
            if lane.multiplexer is None:
                self._share_thread(lane)
            elif added:
                lane.multiplexer.wake()
        if len(lane.ready):
            self._rounds.begin(lane)

    def _hand(self, lane: Lane, job: NetworkJob[Any]) -> bool:
        lane.hand(job)
        if job.alone:
            self._executor.submit(self._run_alone, lane, job)
        if job.on_handed is not None:
            job.on_handed()
        return not job.alone

    def _share_thread(self, lane: Lane) -> None:
        lane.multiplexer = Multiplexer(partial(self._take, lane), width=lane.width, pause=self._signal)
        self._sharing += 1
        self._executor.submit(self._run_shared, lane, lane.multiplexer)

    def _take_back(self) -> None:
        self._signalled = False
        touched: dict[Lane, None] = {}
        while True:
            try:
                lane, job = self._back.popleft()
            except IndexError:
                break
            touched[lane] = None
            if job is None:
                lane.multiplexer = None
                self._sharing -= 1
            else:
                lane.came_back(job)
                job.settle()
        if len(self._lanes) > 1:  # what became free may be another host's turn
            touched.update(dict.fromkeys(lane for lane in self._lanes.values() if lane.wanting))
        for lane in touched:
            self._fill(lane)
        self._quiet.set()

    def _close(self, lane: Lane, seconds: float) -> None:
        if lane.reopening is not None:
            lane.reopening.cancel()
        lane.closed = True
        lane.reopening = self._clock.call_later(seconds, partial(self._reopen, lane))

    def _reopen(self, lane: Lane) -> None:
        lane.closed = False
        lane.reopening = None
        self._fill(lane)

    def _forget_idle(self) -> None:
        if len(self._lanes) >= _IDLE_LANES:
            for key in [key for key, lane in self._lanes.items() if not (lane.wanting or lane.closed)]:
                del self._lanes[key]

    # In threads

    def _run_alone(self, lane: Lane, job: NetworkJob[Any]) -> None:
        if job.claim():
            job.epoch = lane.limit.epoch
            job.execute()
        self._give_back(lane, job)

    def _run_shared(self, lane: Lane, multiplexer: Multiplexer) -> None:
        try:
            with multiplexer:
                multiplexer.run()
        finally:
            self._give_back(lane, None)

    def _take(self, lane: Lane) -> Errand[Any] | None:
        while not lane.paused:
            try:
                job = lane.runway.popleft()
            except IndexError:
                return None
            lane.taken += 1
            if job.claim():
                job.epoch = lane.limit.epoch
                return Errand(job.steps(job), job.cancel, partial(self._done, lane, job))
            self._give_back(lane, job)
        return None

    def _done(self, lane: Lane, job: NetworkJob[Any], result: Any, error: Exception | None) -> None:
        job.done(result, error)
        self._back.append((lane, job))
        if len(self._back) >= _TOGETHER or not lane.runway or lane.ready.large:
            self._signal()

    def _give_back(self, lane: Lane, job: NetworkJob[Any] | None) -> None:
        self._back.append((lane, job))
        self._signal()

    def _signal(self) -> None:
        if not self._signalled:
            self._signalled = True
            self._loop.call_soon_threadsafe(self._take_back)
