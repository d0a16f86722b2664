"""What resources need of their client."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from ..config import RetryPolicy
from ..session.call import CallKeywords, CallOptions, Sender, options_from
from ..session.deadline import countdown

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

    Raises :class:`~plangrep_async.errors.InvalidInputError` for a value that no call can keep to, and ``TypeError`` for
    an argument that there is not.
    """
    return options_from(arguments, CallArguments) if arguments else None


@frozen
class Context:
    """What resources need of their client.

    Attributes:
        sender: sends calls; the coalescer, or what stands before it.
        gathering: the same for the small calls of many uploads: they wait a little for one another.
        session: for downloads, and for the clock.
        scheduler: runs uploads.
        unverified: conventions that no page confirms.
        retry: how often and after how long a completion is tried again.
        random: chance, for the waits in between.
        options: the client's own (``with_options``), for downloads; the senders know them.
    """

    sender: Sender
    gathering: Sender
    session: Session
    scheduler: UploadScheduler
    unverified: Unverified
    retry: RetryPolicy
    random: Callable[[], float]
    options: CallOptions = field(factory=CallOptions)

    @property
    def base_url(self) -> str:
        """The API's base URL."""
        return self.session.base_url

    def countdown(self, arguments: CallArguments) -> Callable[[], CallArguments]:
        """For one operation of several calls: each time it is asked, the arguments with what is left of the deadline.

        Raises what :func:`options_of` does.
        """
        given = options_of(arguments) or CallOptions()
        left = countdown(self.session.clock, given.over(self.options).over(self.session.options).deadline)
        return lambda: {**arguments, "deadline": left()}

    def for_many(self) -> Context:
        """For uploads of which there may be many: their calls leave in fuller batches."""
        return evolve(self, sender=self.gathering)

    def room(self) -> float:
        """How many reads could leave now without waiting for the limiter."""
        return self.session.limiter.available(("all",))
