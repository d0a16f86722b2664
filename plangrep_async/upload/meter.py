"""The counters of one upload."""

from __future__ import annotations

from typing import Any

from .job import Job

__all__ = ["Meter"]


class Meter:
    """Written on the event loop; the running jobs' own counters are written by their threads.

    Attributes:
        began: when the upload was taken up, on the engine's clock.
        size: bytes of all files of the upload.
        confirmed: bytes that the far end has acknowledged.
        wire: bytes written to the wire by attempts that have ended, lost ones included.
        attempts: requests that carried bytes.
        running: the attempts under way.
    """

    __slots__ = ("attempts", "began", "confirmed", "name", "running", "size", "wire")

    def __init__(self, name: str, began: float = 0.0) -> None:
        self.name = name
        self.began = began
        self.size = 0
        self.confirmed = 0
        self.wire = 0
        self.attempts = 0
        self.running: set[Job[Any]] = set()

    @property
    def sent(self) -> int:
        """Bytes written to the wire and not lost again. The frame of a form is not counted."""
        return min(self.size, self.confirmed + sum(job.sent for job in self.running))

    def ended(self, job: Job[Any]) -> None:
        """An attempt is over."""
        self.running.discard(job)
        self.wire += job.sent
        self.attempts += job.settled
