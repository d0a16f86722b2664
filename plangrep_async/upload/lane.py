"""One host's jobs. Counters and queues; no I/O, no threads of its own."""

from __future__ import annotations

from collections import deque
from typing import Any

from attrs import frozen

from .._clock import TimerHandle
from .adaptive import AdaptiveLimit
from .netjob import NetworkJob
from .ordering import LARGE, ReadyQueue
from .wire import Multiplexer

__all__ = ["Lane", "LaneStatistics"]


@frozen
class LaneStatistics:
    """One host at one moment: transfers allowed and under way, jobs that wait, complaints of the host so far."""

    limit: int
    running: int
    waiting: int
    complaints: int


class Lane:
    """Used by :class:`Lanes` on the event loop; its sharing thread calls :meth:`take` alone.

    Attributes:
        ready: jobs that wait.
        runway: small jobs handed over to the sharing thread and not yet taken by it.
        handed: jobs handed over and not back yet; ``large`` and ``small`` count them by kind.
        multiplexer: what the sharing thread runs; ``None`` when there is no such thread.
        paused: no job may start now.
        sent, requests: of jobs that are back.
    """

    __slots__ = (
        "closed",
        "complaints",
        "handed",
        "large",
        "limit",
        "multiplexer",
        "next_small",
        "paused",
        "ready",
        "reopening",
        "requests",
        "runway",
        "sent",
        "small",
    )

    def __init__(self, limit: AdaptiveLimit) -> None:
        self.limit = limit
        self.ready: ReadyQueue[NetworkJob[Any]] = ReadyQueue()
        self.runway: deque[NetworkJob[Any]] = deque()
        self.handed: set[NetworkJob[Any]] = set()
        self.multiplexer: Multiplexer | None = None
        self.large = 0
        self.small = 0
        self.sent = 0
        self.requests = 0
        self.complaints = 0
        self.paused = False
        self.closed = False
        self.reopening: TimerHandle | None = None
        self.next_small = True

    @property
    def wanting(self) -> bool:
        """Whether it has work."""
        return bool(self.handed or len(self.ready))

    @property
    def on_wire(self) -> int:
        """Transfers under way, as far as the loop can know."""
        width = 0 if self.multiplexer is None else self.multiplexer.width
        return self.large + min(self.small, width)

    def moved(self) -> int:
        """Bytes that have gone out so far, those of running jobs included."""
        return self.sent + sum(job.sent for job in self.handed)

    def push(self, job: NetworkJob[Any]) -> None:
        """Let a job wait."""
        self.ready.push(job, size=max(job.size, LARGE) if job.alone else job.size, order=job.order)

    def choose(self, allowed: int) -> NetworkJob[Any] | None:
        """The next job to hand over when ``allowed`` may be on the wire (rules 4 and 5), or ``None``."""
        small, large = self.ready.small, self.ready.large
        if allowed == 1 and large:
            if self.handed:
                return None
            self.next_small = not self.next_small
            return self.ready.pop_small() if small and self.next_small else self.ready.pop_large()
        for_small = max(1, allowed // 4) if small or self.small else 0
        if large and self.large < allowed - for_small:
            return self.ready.pop_large()
        if small and self.small < 2 * (allowed - self.large):
            return self.ready.pop_small()
        return None

    def came_back(self, job: NetworkJob[Any]) -> None:
        """Count a job that no thread has to do with any more."""
        self.handed.discard(job)
        self.sent += job.sent
        self.requests += 1
        if job.alone:
            self.large -= 1
        else:
            self.small -= 1
