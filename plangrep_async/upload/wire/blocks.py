"""Memory for the bytes between file and socket, used again and again."""

from __future__ import annotations

from collections import deque

__all__ = ["Blocks"]

_SMALL = 1 << 18  # many small requests in one thread then fit in the CPU's cache
_KEPT = 64


class Blocks:
    """Two sizes of blocks: ``size`` bytes, and 256 KiB for requests that are smaller. Thread safe.

    At most 64 of each are kept.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._small = min(_SMALL, size)
        self._kept = {size: deque[memoryview](maxlen=_KEPT), self._small: deque[memoryview](maxlen=_KEPT)}

    def take(self, total: int) -> memoryview:
        """A block for a request of ``total`` bytes; its content is arbitrary."""
        size = self._small if total <= self._small else self._size
        try:
            return self._kept[size].pop()
        except IndexError:
            return memoryview(bytearray(size))

    def give(self, block: memoryview) -> None:
        """Take a block back."""
        self._kept[len(block)].append(block)

    def clear(self) -> None:
        """Forget the blocks that are not in use."""
        for kept in self._kept.values():
            kept.clear()
