"""What resources need of their client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ..config import RetryPolicy
from ..session.call import CallKeywords, CallOptions, Sender
from ._rules import check_flag

if TYPE_CHECKING:
    from ..session import Session
    from ..upload import UploadScheduler
    from .unverified import Unverified

__all__ = ["CallArguments", "Context", "options_of"]


class CallArguments(CallKeywords, total=False):
    """What every call takes: ``timeout``, ``deadline``, ``max_attempts`` and ``coalesce``.

    See :class:`~plangrep_async.session.CallOptions`.
    """

    coalesce: bool | None


def options_of(arguments: CallArguments) -> CallOptions | None:
    """The options that were given with one call.

    Raises :class:`~plangrep_async.errors.InvalidInputError` for a value that no call can keep to.
    """
    if not arguments:
        return None
    options = CallOptions(**arguments)
    if options.coalesce is not None:
        check_flag(options.coalesce, "coalesce")
    return options


@frozen
class Context:
    """What resources need of their client.

    Attributes:
        sender: sends calls; the coalescer, or what stands before it.
        session: for downloads, and for the clock.
        scheduler: gives the upload engine, opened at its first use.
        unverified: conventions that no page confirms.
        retry: how often and after how long a completion or a download is tried again.
        random: chance, for the waits in between.
        together: seconds that the small calls of many uploads wait for one another.
    """

    sender: Sender
    session: Session
    scheduler: Callable[[], Awaitable[UploadScheduler]]
    unverified: Unverified
    retry: RetryPolicy
    random: Callable[[], float]
    together: float = 0.0

    @property
    def base_url(self) -> str:
        """The API's base URL."""
        return self.session.base_url

    def room(self) -> float:
        """How many reads could leave now without waiting for the limiter."""
        return self.session.limiter.available(("all",))
