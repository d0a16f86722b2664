"""How many threads may keep a processor busy at once.

Threads that wait for the network cost nothing. Where the network is faster than the machine, none of them waits: then
more of them than there are cores take turns at the scheduler's pleasure, some of them while they hold the interpreter
lock, and the event loop stands still for as long as that takes. So they take turns here, a block at a time, in order.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from types import TracebackType

__all__ = ["Turnstile", "cores"]


def cores() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


class Turnstile:
    """Lets ``places`` threads in at once, first come, first served. Use it as a context manager.

    Unlike a semaphore's, a place goes straight to whoever waits longest: a thread that leaves and comes back at once
    cannot take it again.
    """

    __slots__ = ("_free", "_lock", "_waiting")

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[threading.Lock] = deque()
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._free += 1
