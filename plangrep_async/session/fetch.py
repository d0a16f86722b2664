"""A whole file, begun anew where it breaks off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import evolve

from ..errors import APIConnectionError
from .call import Call, CallOptions
from .deadline import Deadline
from .retry import Outcome, Verdict
from .session import Session
from .stream import StreamedAnswer

__all__ = ["fetch"]

T = TypeVar("T")


async def fetch(
    session: Session, call: Call[Any], rest: Callable[[], CallOptions], store: Callable[[StreamedAnswer], Awaitable[T]]
) -> T:
    """Give the answer to ``store``, and another one to begin anew with, where it breaks off.

    How often and after how long is the session's policy, as for attempts that get no answer. A call that is given
    ``max_attempts`` of its own is sent so often in all.

    Args:
        session: sends the call.
        call: of a file.
        rest: the options, with what is left of the deadline. It bounds all requests and the pauses in between.
        store: reads the answer to its end, and leaves nothing behind where it raises.

    Raises:
        APIConnectionError, APITimeoutError: broken off too often, or the call must not be repeated.
        DeadlineExceededError: it took too long, or will.
        ClientClosedError: the session was closed during a pause.

    Beside these, what :meth:`Session.stream` and ``store`` raise. Cancelled: as ``store`` is.
    """
    sent = broken = 0
    while True:
        options = rest().over(session.options)
        most = options.max_attempts
        left = options if most is None else evolve(options, max_attempts=most - sent)
        async with session.stream(call, left) as answer:
            try:
                return await store(answer)
            except APIConnectionError as error:
                failure = error
        sent += answer.attempts
        broken += 1
        decision = session.decide(call, options, Outcome(), attempts=broken if most is None else sent)
        if decision.verdict is not Verdict.RETRY:
            raise type(failure)(
                f"{failure.message}; it was not repeated because {decision.reason}",
                method=failure.method,
                url=failure.url,
                attempts=sent,
            ) from failure
        seconds = rest().deadline
        if seconds is not None and decision.wait > seconds:
            raise Deadline(session.clock, seconds, call.method, session.url_of(call)).error(
                f"its answer broke off, and it would be sent again in {decision.wait:.1f} s"
            ) from failure
        await session.pause(decision.wait)
