"""A sender with other defaults, for ``client.with_options(…)``."""

from __future__ import annotations

from typing import TypeVar

from .call import Call, CallOptions, Sender

__all__ = ["ScopedSender"]

T = TypeVar("T")


class ScopedSender:
    """Sends through another sender; where a call leaves an option open, this scope's choice stands."""

    __slots__ = ("_options", "_sender")

    def __init__(self, sender: Sender, options: CallOptions) -> None:
        self._sender = sender
        self._options = options

    async def send(self, call: Call[T], options: CallOptions | None = None) -> T:
        """As :meth:`Sender.send`."""
        return await self._sender.send(call, self._options if options is None else options.over(self._options))
