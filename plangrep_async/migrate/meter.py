"""How far a run is, how fast, and how long it will take."""

from __future__ import annotations

from collections import deque

from .document import State
from .events import Progress
from .journal import Tally

__all__ = ["Meter"]

_WINDOW = 60.0
_LEAST = 10.0


class Meter:
    """Counts; knows no clock of its own.

    Args:
        tally: as the journal stood when the run began.
        now: monotonic seconds.
    """

    def __init__(self, tally: Tally, now: float) -> None:
        self._began = now
        self.documents = tally.total
        self.arrived = tally.count(State.COMPLETED, State.VERIFIED)
        self.failed = tally.count(State.FAILED)
        self.skipped = tally.count(State.SKIPPED)
        self.bytes_total = sum(tally.bytes.values()) - tally.size(State.SKIPPED)
        self.bytes_arrived = tally.size(State.COMPLETED, State.VERIFIED)
        self.bytes_failed = tally.size(State.FAILED)
        self.groups = 0
        self.new_failures = 0
        self._open: dict[int, tuple[int, bool]] = {}
        self._history: deque[tuple[float, int, int]] = deque([(now, self.arrived, self.bytes_arrived)])

    def size_known(self, before: int, now: int) -> None:
        """A document's size became known, or changed."""
        self.bytes_total += now - before

    def began(self, document_id: int, size: int = 0, *, whole: bool = False) -> None:
        """A document is taken up, and the target has so many bytes of it; what it has, or has not any more, is no work
        of this moment.

        Args:
            whole: it has all of them, and what is missing is their completion.
        """
        before, before_whole = self._open.get(document_id, (0, False))
        self.confirmed(document_id, size, whole=whole)
        more, bytes_more = whole - before_whole, size - before
        if more or bytes_more:
            self._history = deque((now, files + more, stored + bytes_more) for now, files, stored in self._history)

    def confirmed(self, document_id: int, size: int, *, whole: bool = False) -> None:
        """The target now has so many bytes of a document that has not ended."""
        if size or whole:
            self._open[document_id] = size, whole
        else:
            self._open.pop(document_id, None)

    def ended(self, document_id: int, state: State, size: int) -> None:
        """A document has ended."""
        self._open.pop(document_id, None)
        if state is State.COMPLETED:
            self.arrived += 1
            self.bytes_arrived += size
        elif state is State.FAILED:
            self.failed += 1
            self.new_failures += 1
            self.bytes_failed += size
        elif state is State.SKIPPED:
            self.skipped += 1
            self.bytes_total -= size

    def opened_again(self, documents: int, size: int) -> None:
        """Documents that were left out are not any more."""
        self.skipped -= documents
        self.bytes_total += size

    def progress(self, now: float, *, waiters: int = 0, waited: float = 0.0, final: bool = False) -> Progress:
        """The state of things."""
        parts = sum(size for size, _ in self._open.values())
        stored = self.arrived + sum(whole for _, whole in self._open.values())
        confirmed = min(self.bytes_arrived + parts, max(self.bytes_total, self.bytes_arrived))
        history = self._history
        if now - history[-1][0] >= 1.0:
            history.append((now, stored, confirmed))
        while len(history) > 2 and now - history[1][0] > _WINDOW:
            history.popleft()
        began, stored_then, confirmed_then = history[0]
        seconds = max(now - began, 0.001)
        byte_rate = max(0.0, (confirmed - confirmed_then) / seconds)
        file_rate = max(0, stored - stored_then) / seconds
        open_ones = max(0, self.documents - self.arrived - self.failed - self.skipped)
        files_left = self.documents - stored - self.failed - self.skipped  # the others wait for their completion
        bytes_left = max(0, self.bytes_total - self.bytes_failed - confirmed)  # nobody sends the failed ones
        left: float | None = 0.0 if not open_ones else None
        if files_left > 0 and seconds >= _LEAST and file_rate > 0 and (byte_rate > 0 or not bytes_left):
            left = max(files_left / file_rate, bytes_left / byte_rate if bytes_left else 0.0)
        return Progress(
            documents=self.documents,
            arrived=self.arrived,
            failed=self.failed,
            skipped=self.skipped,
            bytes_total=self.bytes_total,
            bytes_confirmed=confirmed,
            rate=byte_rate,
            limiter_waiters=waiters,
            limiter_waited=waited,
            groups=self.groups,
            seconds=now - self._began,
            seconds_left=left,
            final=final,
        )
