"""Tells the user of each new state, one call at a time."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable

from .state import UploadState

__all__ = ["StateKeeper"]


class StateKeeper:
    """States that become old while a call is running are skipped: the newest one says all that they said.

    Args:
        callback: ``Upload.on_state``.
    """

    __slots__ = ("_callback", "_latest", "_lock", "_told")

    def __init__(self, callback: Callable[[UploadState], Awaitable[None] | None]) -> None:
        self._callback = callback
        self._lock = asyncio.Lock()
        self._latest: UploadState | None = None
        self._told: UploadState | None = None

    async def tell(self, state: UploadState) -> None:
        """Return when the callback has taken ``state`` or a later one. Raises what the callback raises."""
        self._latest = state
        async with self._lock:
            latest = self._latest
            if latest is self._told:
                return
            answer = self._callback(latest)
            if inspect.isawaitable(answer):
                await answer
            self._told = latest
