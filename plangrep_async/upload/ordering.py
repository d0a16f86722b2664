"""Which of the waiting things goes next. No I/O, no time."""

from __future__ import annotations

import heapq
from collections import deque
from typing import Generic, TypeVar

__all__ = ["LARGE", "ReadyQueue"]

#: Bytes from which an upload counts as large: below, the request around a file costs more time than its bytes.
LARGE = 1 << 20

T = TypeVar("T")


class _Entry(Generic[T]):
    __slots__ = ("item", "taken")

    def __init__(self, item: T) -> None:
        self.item = item
        self.taken = False


class ReadyQueue(Generic[T]):
    """Waiting items, large ones apart from small ones.

    1. Small items leave in the order in which they came.
    2. Large items leave alternately: from the largest upload, then from the one that came first. So the longest work
       starts early, and nothing waits for ever behind ever larger files.
    3. How many of each kind may be under way is the caller's decision: :meth:`pop_small`, :meth:`pop_large`.
    """

    def __init__(self) -> None:
        self._small: deque[T] = deque()
        self._by_size: list[tuple[int, int, _Entry[T]]] = []
        self._by_age: list[tuple[int, int, _Entry[T]]] = []
        self._large = 0
        self._turn = 0
        self._oldest_next = False

    @property
    def small(self) -> int:
        """How many small items wait."""
        return len(self._small)

    @property
    def large(self) -> int:
        """How many large items wait."""
        return self._large

    @property
    def next_small(self) -> T:
        """What :meth:`pop_small` would give."""
        return self._small[0]

    def __len__(self) -> int:
        return len(self._small) + self._large

    def push(self, item: T, *, size: int, order: int) -> None:
        """Add an item. ``size`` is that of its whole upload in bytes, ``order`` the upload's place in the run."""
        if size < LARGE:
            self._small.append(item)
            return
        entry = _Entry(item)
        self._turn += 1
        self._large += 1
        heapq.heappush(self._by_size, (-size, self._turn, entry))
        heapq.heappush(self._by_age, (order, self._turn, entry))

    def pop_small(self) -> T:
        """The next small item. Raises ``IndexError`` when none waits."""
        return self._small.popleft()

    def pop_large(self) -> T:
        """The next large item. Raises ``IndexError`` when none waits."""
        heap, other = (self._by_age, self._by_size) if self._oldest_next else (self._by_size, self._by_age)
        while True:
            entry = heapq.heappop(heap)[2]
            if not entry.taken:
                break
        entry.taken = True
        self._large -= 1
        self._oldest_next = not self._oldest_next
        if len(other) > 2 * self._large + 32:  # what the other heap still holds of taken ones must not pile up
            other[:] = [kept for kept in other if not kept[2].taken]
            heapq.heapify(other)
        return entry.item
