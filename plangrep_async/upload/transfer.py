"""What the scheduler needs from the data plane; :class:`~plangrep_async.upload.wire.TransferPool` has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .wire import CancelToken, WireAnswer, WireRequest

__all__ = ["Transfer"]


class Transfer(Protocol):
    """Sends one request, blocking, from any thread."""

    def send(
        self, request: WireRequest, *, cancel: CancelToken | None = None, on_sent: Callable[[int], None] | None = None
    ) -> WireAnswer:
        """See :meth:`TransferPool.send`."""
        ...

    def close(self) -> None:
        """Close what is idle."""
        ...
