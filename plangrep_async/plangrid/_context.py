"""What resources need of their client."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from attrs import frozen

from ..config import RetryPolicy, Timeouts
from ..errors import InvalidInputError
from ..session.call import CallKeywords, CallOptions, Sender
from ._rules import check_flag, check_integer

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
    if options.timeout is not None and not isinstance(options.timeout, Timeouts):
        _check_seconds(options.timeout, "timeout")
        if options.timeout <= 0:
            raise InvalidInputError(f"timeout: {options.timeout!r} s is no time; give more than 0, or none")
    if options.deadline is not None:
        _check_seconds(options.deadline, "deadline")  # one that has passed already is no mistake of the caller's
    if options.max_attempts is not None:
        check_integer(options.max_attempts, "max_attempts", at_least=1)
    if options.coalesce is not None:
        check_flag(options.coalesce, "coalesce")
    return options


def _check_seconds(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        raise InvalidInputError(f"{name}: {value!r} is no number of seconds")


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
