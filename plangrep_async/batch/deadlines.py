"""Deadlines of many entries with few timers."""

from __future__ import annotations

from collections.abc import Callable

from attrs import Factory, define, field

from .._clock import Clock, TimerHandle
from .entry import Entry, Place

__all__ = ["Deadlines", "Watch"]

_GRAIN = 1e-3  # seconds; deadlines that are closer together than this end together


@define(eq=False)
class Watch:
    """Entries that came in one turn of the event loop, with deadlines of the same length, in their order."""

    entries: dict[Entry, None] = field(default=Factory(dict))
    timer: TimerHandle | None = None

    def discard(self, entry: Entry) -> None:
        """Watch an entry no longer."""
        self.entries.pop(entry, None)
        if self.timer is not None and not self.entries:
            self.timer.cancel()
            self.timer = None


class Deadlines:
    """Calls ``expire`` for each entry whose deadline runs out while it is here.

    Most entries end in time, and an entry that leaves in the turn in which it came needs no timer at all.
    """

    def __init__(self, clock: Clock, expire: Callable[[Entry], None]) -> None:
        self._clock = clock
        self._expire = expire
        self._fresh: list[Entry] = []

    def add(self, entry: Entry) -> None:
        """Watch an entry, from the next :meth:`arm` on."""
        self._fresh.append(entry)

    def arm(self) -> None:
        """Set timers for the entries that were added and neither left alone nor ended since."""
        watches: dict[float, Watch] = {}
        for entry in self._fresh:
            deadline = entry.options.deadline
            if deadline is not None and entry.place is not Place.ALONE and entry.place is not Place.OUT:
                watch = watches.get(deadline)
                if watch is None:
                    watch = watches[deadline] = Watch()
                watch.entries[entry] = None
                entry.watch = watch
        self._fresh.clear()
        for watch in watches.values():
            self._set(watch)

    def _set(self, watch: Watch) -> None:
        due = next(iter(watch.entries)).due or 0.0
        watch.timer = self._clock.call_later(max(0.0, due - self._clock.monotonic()), lambda: self._fire(watch))

    def _fire(self, watch: Watch) -> None:
        watch.timer = None
        now = self._clock.monotonic() + _GRAIN
        for entry in [entry for entry in watch.entries if (entry.due or 0.0) <= now]:
            self._expire(entry)
        if watch.entries:
            self._set(watch)
