"""What the scheduler needs from the data plane; :class:`~plangrep_async.upload.wire.TransferPool` has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .wire import CancelToken, Steps, WireAnswer, WireRequest

__all__ = ["Transfer"]


class Transfer(Protocol):
    """Sends one request, once, as steps that a thread runs."""

    def steps(
        self, request: WireRequest, *, cancel: CancelToken, on_sent: Callable[[int], None] | None = None
    ) -> Steps[WireAnswer]:
        """See :meth:`TransferPool.steps`."""
        ...

    def close(self) -> None:
        """Close what is idle."""
        ...
