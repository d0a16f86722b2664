"""Hooks for metrics and tracing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from attrs import field, frozen

from .._checks import kind

__all__ = ["Hooks", "RequestEvent", "ResponseEvent", "RetryEvent"]

_logger = logging.getLogger("plangrep_async")
E = TypeVar("E")


@frozen
class RequestEvent:
    """An attempt is about to be sent. ``url`` is redacted; ``attempt`` counts from 1."""

    method: str
    url: str
    attempt: int


@frozen
class ResponseEvent:
    """An attempt ended.

    Attributes:
        status: ``None`` when no answer came; ``error`` then names the failure.
        seconds: from sending to the end of the answer.
    """

    method: str
    url: str
    attempt: int
    status: int | None
    seconds: float
    error: str | None = None


@frozen
class RetryEvent:
    """The call will be sent again after ``wait`` seconds. ``attempt`` is the one that failed."""

    method: str
    url: str
    attempt: int
    wait: float
    status: int | None
    error: str | None = None


@frozen
class Hooks:
    """Functions that are told of each attempt, from the event loop; they must not block.

    An exception in one is logged and harms no call.
    """

    on_request: Callable[[RequestEvent], None] | None = field(default=None, validator=kind(Callable | None))
    on_response: Callable[[ResponseEvent], None] | None = field(default=None, validator=kind(Callable | None))
    on_retry: Callable[[RetryEvent], None] | None = field(default=None, validator=kind(Callable | None))


def tell(hook: Callable[[E], None] | None, make: Callable[[], E]) -> None:
    """Call ``hook`` with the event that ``make`` builds, if there is a hook."""
    if hook is None:
        return
    try:
        hook(make())
    except Exception:
        _logger.exception("a hook of plangrep_async failed; the call goes on")
