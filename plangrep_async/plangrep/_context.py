"""What all resources of one client share."""

from __future__ import annotations

import random as _random
import uuid
from collections.abc import Callable
from typing import TypedDict, TypeVar

from attrs import evolve, field, frozen

from .._clock import Clock, SystemClock
from ..config import Timeouts
from ..errors import InvalidInputError
from ..session.call import Call, CallKeywords, CallOptions, Sender, options_from, path_of
from ..session.deadline import countdown
from ._codec import Codec

__all__ = ["Context", "WireKeywords", "api_path"]

T = TypeVar("T")
_PREFIX = "/api/open/v1"


class WireKeywords(TypedDict, total=False):
    """What the methods take that have a deadline of their own: a subset of :class:`CallKeywords`."""

    timeout: float | Timeouts | None
    max_attempts: int | None


@frozen
class Context:
    """How resources send, decode, wait and draw lots.

    Attributes:
        sender: the session, or a stand-in for tests.
        options: the client's own (``with_options``).
        new_key: makes idempotency keys and trace ids.
        on_loopback: the service is an emulator on this machine, so its webhooks may come here without https.
    """

    sender: Sender
    options: CallOptions = field(factory=CallOptions)
    codec: Codec = field(factory=Codec)
    clock: Clock = field(factory=SystemClock)
    random: Callable[[], float] = _random.random
    new_key: Callable[[], str] = lambda: str(uuid.uuid4())
    on_loopback: bool = False

    async def send(self, call: Call[T], keywords: CallKeywords | None = None) -> T:
        """Send a call with what its method was given, over the client's own options."""
        return await self.sender.send(call, self.over(keywords))

    def over(self, keywords: CallKeywords | None) -> CallOptions:
        """The options of one call. Raises what :func:`options_from` does."""
        return options_from(keywords).over(self.options) if keywords else self.options

    def countdown(self, keywords: CallKeywords) -> Callable[[], CallKeywords]:
        """For one operation of several calls: each time it is asked, the keywords with what is left of the deadline."""
        left = countdown(self.clock, self.over(keywords).deadline)
        return lambda: {**keywords, "deadline": left()}

    def replace(self, options: CallOptions) -> Context:
        """The same with other options; what they leave open stays."""
        return evolve(self, options=options.over(self.options))


def api_path(*segments: str) -> str:
    """A path below ``/api/open/v1``, each segment percent-encoded.

    Raises:
        InvalidInputError: an id is empty, no string, or ``.`` or ``..``.
    """
    for segment in segments:
        if not isinstance(segment, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidInputError(f"an id must be a string, not {type(segment).__name__}; pass the record's id")
    try:
        return _PREFIX + path_of(*segments)
    except ValueError as error:
        raise InvalidInputError(str(error)) from None
