"""Stopping transfers from another thread."""

from __future__ import annotations

__all__ = ["CancelToken"]


class CancelToken:
    """Stops every transfer that was given this token, now or later. Thread safe; cancelling twice is harmless.

    One token may serve many transfers (all parts of a file).
    """

    @property
    def cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Shut the sockets of the running transfers down: their threads wake at once, close them and raise
        :class:`~plangrep_async.errors.TransferCancelledError`. A transfer that starts later raises it before it
        connects. A transfer inside the system's name lookup raises it when the lookup ends.
        """
        raise NotImplementedError
