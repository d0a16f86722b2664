"""Entries that wait to be sent again, and wake together so that they can leave together."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import Factory, define, field

from .._clock import Clock, TimerHandle
from .entry import Entry

__all__ = ["Rest", "Resting"]


@define(eq=False)
class Rest:
    """Entries under one timer."""

    entries: dict[Entry, None]
    timer: TimerHandle | None = None


@define(eq=False)
class Resting:
    """All that rest. ``wake`` gets the entries of one timer, in order."""

    clock: Clock
    wake: Callable[[Sequence[Entry]], None] = field(repr=False)
    _rests: dict[Rest, None] = field(default=Factory(dict), init=False)

    def __len__(self) -> int:
        return sum(len(rest.entries) for rest in self._rests)

    def add(self, entries: Sequence[Entry], seconds: float) -> None:
        """Let entries rest."""
        rest = Rest(dict.fromkeys(entries))
        for entry in entries:
            entry.rest = rest
        self._rests[rest] = None
        rest.timer = self.clock.call_later(seconds, lambda: self._end(rest))

    def discard(self, entry: Entry) -> None:
        """Forget an entry; the last one of a timer stops it."""
        rest, entry.rest = entry.rest, None
        if rest is None:
            return
        rest.entries.pop(entry, None)
        if not rest.entries:
            self._rests.pop(rest, None)
            if rest.timer is not None:
                rest.timer.cancel()

    def clear(self) -> list[Entry]:
        """Forget all, and say which."""
        entries = [entry for rest in self._rests for entry in rest.entries]
        for entry in entries:
            self.discard(entry)
        return entries

    def _end(self, rest: Rest) -> None:
        self._rests.pop(rest, None)
        entries = list(rest.entries)
        for entry in entries:
            entry.rest = None
        self.wake(entries)
