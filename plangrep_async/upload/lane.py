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

# While the sharing thread has work, the loop can sleep: the wake-ups of both cost more than small files do.
_RUNWAY = 128
_RUNWAY_BYTES = 8 << 20


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
        handed: jobs handed over and not back yet; ``large`` and ``small`` count them by kind, ``small_bytes`` adds up.
        taken, returned: small jobs that the sharing thread has taken so far, and that are back.
        width: small jobs that may be on the wire at once.
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
        "returned",
        "runway",
        "sent",
        "small",
        "small_bytes",
        "taken",
        "width",
    )

    def __init__(self, limit: AdaptiveLimit) -> None:
        self.limit = limit
        self.ready: ReadyQueue[NetworkJob[Any]] = ReadyQueue()
        self.runway: deque[NetworkJob[Any]] = deque()
        self.handed: set[NetworkJob[Any]] = set()
        self.multiplexer: Multiplexer | None = None
        self.large = 0
        self.small = 0
        self.small_bytes = 0
        self.width = 1
        self.taken = 0
        self.returned = 0
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
        """Transfers under way, those included that the sharing thread may start at this moment."""
        return self.large + max(self.taken - self.returned, min(self.small, self.width))

    def moved(self) -> int:
        """Bytes that have gone out so far, those of running jobs included."""
        return self.sent + sum(job.sent for job in self.handed)

    def push(self, job: NetworkJob[Any]) -> None:
        """Let a job wait."""
        self.ready.push(job, size=max(job.size, LARGE) if job.alone else job.size, order=job.order)

    def set_width(self, allowed: int) -> None:
        """How many small jobs may be on the wire when ``allowed`` jobs may (rule 5). Takes effect at once."""
        for_small = max(1, allowed // 4) if self.ready.small or self.small else 0
        self.width = max(1, allowed - min(self.large + self.ready.large, allowed - for_small))
        if self.multiplexer is not None:
            self.multiplexer.width = self.width

    def choose(self, allowed: int) -> NetworkJob[Any] | None:
        """The next job to hand over when ``allowed`` may be on the wire (rules 3 to 5), or ``None``."""
        small, large = self.ready.small, self.ready.large
        if allowed == 1 and large:
            if self.handed:
                return None
            self.next_small = not self.next_small
            return self.ready.pop_small() if small and self.next_small else self.ready.pop_large()
        if large and self.on_wire < allowed:
            return self.ready.pop_large()
        if small and self.large < allowed and self._has_runway():
            return self.ready.pop_small()
        return None

    def _has_runway(self) -> bool:
        if self.small < 2 * self.width:
            return True
        # Whoever wants to be told, asks for slots by that: these must not be asked for long before the bytes can leave.
        unhurried = self.ready.next_small.on_handed is None
        return unhurried and self.small < _RUNWAY and self.small_bytes < _RUNWAY_BYTES

    def hand(self, job: NetworkJob[Any]) -> None:
        """Count a job that a thread is about to take; a small one goes on the runway."""
        self.handed.add(job)
        if job.alone:
            self.large += 1
        else:
            self.small += 1
            self.small_bytes += job.size
            self.runway.append(job)

    def came_back(self, job: NetworkJob[Any]) -> None:
        """Count a job that no thread has to do with any more."""
        self.handed.discard(job)
        self.sent += job.sent
        self.requests += 1
        if job.alone:
            self.large -= 1
        else:
            self.small -= 1
            self.small_bytes -= job.size
            self.returned += 1
