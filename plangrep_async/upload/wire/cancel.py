"""Stopping transfers from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["CancelToken"]


class CancelToken:
    """Stops every transfer that was given this token, now or later. Thread safe; cancelling twice is harmless.

    One token may serve many transfers (all parts of a file).
    """

    __slots__ = ("_cancelled", "_hooks", "_lock")

    def __init__(self) -> None:
        self._cancelled = False
        self._hooks: set[Callable[[], None]] = set()
        self._lock = threading.Lock()

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._cancelled

    def cancel(self) -> None:
        """Shut the sockets of the running transfers down: their threads wake at once, close them and raise
        :class:`~plangrep_async.errors.TransferCancelledError`. A transfer that starts later raises it before it
        connects. The system's name lookup cannot be stopped: it goes on in a thread of its own, and nobody waits.
        """
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            # Under the lock: once discard() has returned, its hook will not touch a socket that was closed since.
            for hook in self._hooks:
                hook()
            self._hooks.clear()

    def add(self, hook: Callable[[], None]) -> bool:
        """Have ``hook`` called at :meth:`cancel`, by the cancelling thread. It must not block nor use this token.

        Gives ``False``, and does not keep the hook, when it is too late.
        """
        with self._lock:
            if self._cancelled:
                return False
            self._hooks.add(hook)
            return True

    def discard(self, hook: Callable[[], None]) -> None:
        """Forget ``hook``. When this returns, it is not running and will not run."""
        with self._lock:
            self._hooks.discard(hook)
