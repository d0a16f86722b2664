"""The entries that wait to leave, in order, and which of them leave together."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from attrs import Factory, define, field

from .entry import Entry
from .wire import BatchFormat

__all__ = ["EntryQueue"]


@define(eq=False)
class EntryQueue:
    """First come, first served; an entry leaves it in constant time from any position.

    Attributes:
        format: bounds a group's entries and bytes.
        max_bytes: the same bound, lowered when the service has found a batch too large.
    """

    format: BatchFormat
    max_bytes: int = field(default=Factory(lambda self: self.format.max_bytes, takes_self=True))
    _entries: OrderedDict[Entry, None] = field(default=Factory(OrderedDict), init=False, repr=False)

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, entry: Entry) -> None:
        """Put at the end."""
        self._entries[entry] = None

    def put_back(self, entries: Sequence[Entry]) -> None:
        """Put before all others, in the given order: they have waited before."""
        for entry in reversed(entries):
            self._entries[entry] = None
            self._entries.move_to_end(entry, last=False)

    def discard(self, entry: Entry) -> None:
        """Take out, if it is there."""
        self._entries.pop(entry, None)

    def clear(self) -> list[Entry]:
        """Take all out."""
        entries = list(self._entries)
        self._entries.clear()
        return entries

    @property
    def head(self) -> Entry | None:
        """The first that somebody waits for."""
        return next((entry for entry in self._entries if not entry.future.done()), None)

    def group(self) -> list[Entry]:
        """Those that would leave now: the first, and what may go with it. They stay in the queue.

        The first decides how many; an entry that may only leave in a smaller group waits until it is the first. Empty
        when nobody waits for any of them: an entry that was cancelled a moment ago is still there, and must not leave.
        """
        if len(self._entries) == 1:
            return [entry for entry in self._entries if not entry.future.done()]
        entries = (entry for entry in self._entries if not entry.future.done())
        head = next(entries, None)
        if head is None:
            return []
        most = min(self.format.max_entries, head.largest)
        if most == 1 or not self._pack(head):
            return [head]
        group, total = [head], len(head.packed or b"")
        for entry in entries:
            if len(group) == most:
                break
            if entry.largest < most or not self._pack(entry):
                continue
            total += len(entry.packed or b"")
            if self.format.size(len(group) + 1, total) > self.max_bytes:
                break
            group.append(entry)
        return group

    def _pack(self, entry: Entry) -> bool:
        """Whether the entry can be in a batch. One that cannot leaves alone, where the session says what is wrong."""
        if entry.packed is None and entry.largest > 1:
            try:
                entry.packed = self.format.pack(entry.call, entry.target)
            except (ValueError, TypeError):
                entry.largest = 1
        return entry.largest > 1
