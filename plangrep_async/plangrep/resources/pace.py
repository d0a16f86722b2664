"""How often one job is read, whoever asks."""

from __future__ import annotations

from collections import OrderedDict

from ..._clock import Clock

__all__ = ["MIN_INTERVAL", "Pace"]

MIN_INTERVAL = 5.0
"""Seconds; the service asks not to read a job more often ("Polling and webhooks")."""

_REMEMBERED = 10_000


class Pace:
    """Remembers when each job was read, so that all waits of a client together keep the distance.

    A reading that a program asks for itself (``jobs.get``) is never held back; it counts for the next one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._read: OrderedDict[str, float] = OrderedDict()

    def allowed_in(self, job_id: str) -> float:
        """Seconds until the job may be read again; 0 when it may be now."""
        last = self._read.get(job_id)
        return 0.0 if last is None else max(0.0, last + MIN_INTERVAL - self._clock.monotonic())

    def note(self, job_id: str) -> None:
        """It is being read, or was just read."""
        self._read[job_id] = self._clock.monotonic()
        self._read.move_to_end(job_id)
        if len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)
