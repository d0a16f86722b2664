"""A client that cannot be used here and now."""

from __future__ import annotations

from .root import PlangrepAsyncError

__all__ = ["ClientClosedError", "ClientForkedError", "WrongEventLoopError"]


class ClientClosedError(PlangrepAsyncError):
    """The client was used after it was closed, or closed under a waiting call."""


class ClientForkedError(PlangrepAsyncError):
    """The client was opened in another process. Create one in each process, after the fork."""


class WrongEventLoopError(PlangrepAsyncError):
    """The client was opened on another event loop (create one for each loop), or is used where asyncio runs none."""
