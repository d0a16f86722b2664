"""What is known of PlanGrid's rate limits, and how it is learned (page "Rate Limiting")."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from attrs import evolve

from ..errors import ClientClosedError, ConfigurationError, PlangrepAsyncError
from ..ratelimit import WindowSnapshot
from ..session import Answer, Call, CallOptions, Sender, Session
from ..session.deadline import Deadline
from .failures import snapshots_of
from .models import RateLimitStatus
from .pages import Page, page_of

__all__ = ["DOCUMENTED_LIMITS", "LearnLimits", "LimitLearner"]

T = TypeVar("T")

_logger = logging.getLogger("plangrep_async")

DOCUMENTED_LIMITS = (
    WindowSnapshot("all", 1.0, 40),
    WindowSnapshot("all", 86_400.0, 10_000),
    WindowSnapshot("write", 360.0, 2_000),
)
"""The documented example; kept to until the service has given its own account of the key, and dropped then."""

LearnLimits: TypeAlias = Literal["first-call", "lazily", "never"]

_PATIENCE = 15.0  # seconds that other calls are held up by the question, at most


class LimitLearner:
    """Asks ``GET /rate_limits`` and tells the limiter, in front of another sender.

    Args:
        sender: where calls go on to.
        session: asks the question, and has the limiter.
        when: ``"first-call"``: the first calls wait for the answer. ``"lazily"``: it is asked beside the first call,
            and nobody waits. ``"never"``.

    Without an answer the documented limits stay, and every 429 corrects them. It is asked again when calls wait and a
    reset that was named for the first time has passed: whether the window began anew then, or slides.

    Every call of the client passes here, so this is also where those that have not ended are counted.

    Raises:
        ConfigurationError: ``when`` is none of the three.
    """

    def __init__(self, sender: Sender, session: Session, when: LearnLimits) -> None:
        if when not in get_args(LearnLimits):
            raise ConfigurationError(f"learn_limits: {when!r} is none of {', '.join(map(repr, get_args(LearnLimits)))}")
        self._sender = sender
        self._session = session
        self._when: LearnLimits = when
        self._asking: asyncio.Task[None] | None = None
        self._known = when == "never"
        self._stop_asking = session.limiter.ask_with(self._ask_again) if not self._known else None
        self._under_way = 0
        self._idle: asyncio.Future[None] | None = None  # while the client drains

    async def send(self, call: Call[T], options: CallOptions | None = None) -> T:
        """Send the call on; before the first one, learn the limits.

        Cancelled: the question goes on for the others.
        """
        if self._idle is not None:
            raise ClientClosedError("this client is closed; create a new one")
        self._under_way += 1
        try:
            if not self._known:
                options = await self._learn(call, options)
            return await self._sender.send(call, options)
        finally:
            self._under_way -= 1
            self._tell_idle()

    async def drain(self) -> None:
        """Take no more calls, and wait until all that were made have ended: in a batch, alone, or still to be sent."""
        self._idle = asyncio.get_running_loop().create_future()
        self._tell_idle()
        await self._idle

    def _tell_idle(self) -> None:
        if self._idle is not None and not self._under_way and not self._idle.done():
            self._idle.set_result(None)

    async def aclose(self) -> None:
        """Stop asking."""
        self._known = True
        if self._stop_asking is not None:
            self._stop_asking()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _learn(self, call: Call[Any], options: CallOptions | None) -> CallOptions | None:
        self._session.check_usable()
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask(CallOptions(deadline=_PATIENCE, max_attempts=2)))
        if self._when != "first-call" or self._asking.done():
            self._known = True
            return options
        given = (options or CallOptions()).over(self._session.options)
        url = self._session.url_of(call)
        with Deadline(self._session.clock, given.deadline, call.method, url) as deadline:
            with deadline.phase("reading the rate limits"):
                await asyncio.wait([self._asking])
            if self._asking.cancelled():
                raise ClientClosedError("the client was closed while the call waited for the rate limits to be read")
        self._asking.result()
        self._known = True
        return given if deadline.remaining is None else evolve(given, deadline=deadline.remaining)

    def _ask_again(self) -> None:
        if self._asking is None or self._asking.done():
            # Those who wait for the windows do so for its answer.
            self._asking = asyncio.ensure_future(
                self._ask(CallOptions(deadline=_PATIENCE, max_attempts=1), prepaid=True)
            )

    async def _ask(self, options: CallOptions, *, prepaid: bool = False) -> None:
        answers: list[Answer] = []

        def decode(answer: Answer) -> Page[RateLimitStatus]:
            answers.append(answer)
            return page_of(RateLimitStatus)(answer)

        question = Call("GET", "/rate_limits", decode, coalescable=False)
        try:
            page = await self._session.send(question, options, prepaid=prepaid)
        except PlangrepAsyncError as error:
            _logger.warning("the rate limits could not be read, those known so far are assumed: %s", error)
            return
        self._session.limiter.observe(snapshots_of(page.data, answers[-1]), complete=page.next_page_url is None)
