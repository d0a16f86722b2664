"""Reading a record again and again until it is as wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..._checks import is_number
from ..._clock import Clock
from ...errors import (
    APIConnectionError,
    DeadlineExceededError,
    InvalidInputError,
    PlangrepAsyncError,
    RateLimitError,
    ServerError,
    WaitTimeoutError,
)
from ...session.call import CallKeywords
from .._context import WireKeywords

__all__ = ["MAX_FAILURES", "check_waiting", "poll"]

T = TypeVar("T")

MAX_FAILURES = 5
"""Readings in a row that may fail (each after its own retries) before the wait ends in their error."""


def check_waiting(interval: float, deadline: float | None, *, least: float = 0.0, rule: str = "") -> None:
    """Raise :class:`~plangrep_async.InvalidInputError` for an interval or a deadline that cannot work."""
    if not is_number(interval) or interval <= 0 or interval < least:
        bound = f"at least {least:g} s" if least else "more than 0 s"
        raise InvalidInputError(f"interval must be a number, and {bound}, not {interval!r:.100}{rule}")
    if deadline is not None and not (is_number(deadline) and deadline > 0):
        raise InvalidInputError(
            f"deadline must be a number, and more than 0 s, not {deadline!r:.100}; None waits without an end"
        )


async def poll(
    read: Callable[[CallKeywords], Awaitable[T]],
    until: Callable[[T], bool],
    status: Callable[[T], str],
    *,
    what: str,
    advice: str,
    clock: Clock,
    interval: float,
    deadline: float | None,
    keywords: WireKeywords,
    on_update: Callable[[T], None] | None = None,
    sleep: Callable[[float], Awaitable[object]] | None = None,
    allowed_in: Callable[[], float] = lambda: 0.0,
) -> T:
    """Read until a reading is as wanted.

    A reading that fails for want of a connection or of a healthy server is no end; :data:`MAX_FAILURES` in a row are.

    Args:
        read: one reading; gets the keywords with the time that is left as its deadline.
        until: whether this reading ends the wait; its exceptions end it, too.
        what, advice: for the error: ``what`` is still ``status`` after so many seconds; ``advice``.
        on_update: told of each reading.
        sleep: waits between two readings; may end early.
        allowed_in: seconds until a reading is allowed; asked before each.

    Raises:
        WaitTimeoutError: ``deadline`` seconds have passed.
    """
    started = clock.monotonic()
    last: T | None = None
    failure: PlangrepAsyncError | None = None
    failures = 0
    while True:
        left = None if deadline is None else deadline - (clock.monotonic() - started)
        if left is not None and left <= 0:
            break
        if (pause := allowed_in()) > 0:
            await clock.sleep(pause if left is None else min(pause, left))
            continue
        try:
            reading = await read({**keywords, "deadline": left})
        except DeadlineExceededError as error:
            failure, failures = error, failures + 1
            if deadline is not None:
                break
        except (APIConnectionError, ServerError, RateLimitError) as error:
            failure, failures = error, failures + 1
        else:
            last, failure, failures = reading, None, 0
            if on_update is not None:
                on_update(reading)
            if until(reading):
                return reading
        if failure is not None and failures >= MAX_FAILURES:
            raise failure
        left = None if deadline is None else deadline - (clock.monotonic() - started)
        await (sleep or clock.sleep)(interval if left is None else max(0.0, min(interval, left)))
    seen = None if last is None else status(last)
    state = "was never read" if seen is None else f"is still {seen!r}"
    trouble = f" (the last reading failed: {failure})" if failure is not None else ""
    raise WaitTimeoutError(
        f"{what} {state} after {deadline:g} s{trouble}; {advice}", last_status=seen, last=last
    ) from failure
