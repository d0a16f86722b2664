"""One call's life: deadline, rate limiter, credentials of the origin, transport, retry, decoding."""

from __future__ import annotations

import asyncio
import logging
import random as _random
import ssl
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from attrs import evolve

from .._checks import check_kinds
from .._clock import Clock, SystemClock
from ..config import RetryPolicy, Timeouts
from ..errors import ClientClosedError, DecodeError, PlangrepAsyncError
from ..ratelimit import RateLimiter
from . import hush
from .call import Answer, Call, CallOptions
from .credentials import Credentials
from .deadline import Deadline
from .exchange import Exchange, Sent
from .failure import ErrorReader, read_error, server_time, status_error
from .guard import Guard
from .headers import OWN, check_headers, merged
from .hooks import Hooks
from .origin import Origin, check_base_url
from .redaction import redact_url
from .retry import Decision, Outcome, Verdict, decide, parse_retry_after
from .slots import SlotTransport
from .stream import StreamedAnswer
from .undocumented import words_of

__all__ = ["DEFAULT_DEADLINE", "Session"]

T = TypeVar("T")

_logger = logging.getLogger("plangrep_async")
_DECODE_IN_THREAD = 1 << 20
DEFAULT_DEADLINE = 600.0
"""Seconds for a whole call where nothing else is said."""


class Session:
    """Sends :class:`Call` values to one service.

    Opens nothing until the first call. Use ``async with`` or :meth:`aclose`. A session belongs to the process and the
    event loop that first use it.

    Args:
        base_url: the service; the credentials go to its scheme, host and port and nowhere else.
        credentials: what to put into ``Authorization``, or ``None``.
        limiter: paces the calls; one without limits of its own by default. A limiter that is passed in may serve
            several sessions and is not closed with this one.
        retry: when a call is repeated.
        timeouts: how long the wire may be silent.
        headers: sent with every call to the service itself.
        transport: any ``httpx.AsyncBaseTransport``; closed with the session. :class:`SlotTransport` by default.
        ssl_context: for the default transport.
        proxy: for the default transport, instead of the environment's.
        trust_env: whether the default transport takes proxies and certificate files from the environment.
        max_connections: of the default transport.
        hooks: told of each attempt.
        options: defaults of every call; a deadline of 600 s where none is given.
        error_reader: reads the service's error bodies.
        clock, random: for tests.
        allow_insecure: permits a plain ``http://`` base URL that is not loopback.
        owner: the client's class. Where it is given, a session that was used and is collected without having been
            closed is a ``ResourceWarning`` that names it.

    Raises:
        ConfigurationError: the base URL cannot be used, or another argument cannot be.
    """

    _owner: str | None = None  # until there is something to close

    def __init__(
        self,
        *,
        base_url: str,
        credentials: Credentials | None = None,
        limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        max_connections: int = 50,
        hooks: Hooks | None = None,
        options: CallOptions | None = None,
        error_reader: ErrorReader = read_error,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
        allow_insecure: bool = False,
        owner: str | None = None,
    ) -> None:
        check_kinds(
            limiter=(limiter, RateLimiter | None),
            retry=(retry, RetryPolicy | None),
            timeouts=(timeouts, Timeouts | None),
            headers=(headers, Mapping | None),
            transport=(transport, httpx.AsyncBaseTransport | None),
            hooks=(hooks, Hooks | None),
            options=(options, CallOptions | None),
            clock=(clock, Clock | None),
            random=(random, Callable),
            allow_insecure=(allow_insecure, bool),
        )
        self.base_url = check_base_url(base_url, allow_insecure=allow_insecure)
        self.origin = Origin.of(self.base_url)
        self.clock: Clock = clock or SystemClock()
        self._owns_limiter = limiter is None
        self.limiter = limiter or RateLimiter(clock=self.clock, random=random)
        self.options = (options or CallOptions()).over(CallOptions(deadline=DEFAULT_DEADLINE))
        self.hooks = hooks or Hooks()
        self.read_error = error_reader
        self.credentials = credentials
        self._retry = retry or RetryPolicy()
        self._timeouts = timeouts or Timeouts()
        self.headers = check_headers(headers or {})
        self.always = merged(OWN, self.headers)
        self._random = random
        self.transport: httpx.AsyncBaseTransport = transport or SlotTransport(
            max_connections=max_connections,
            ssl_context=ssl_context,
            proxy=proxy,
            trust_env=trust_env,
            clock=self.clock,
        )
        self._guard = Guard("client")
        self._pausing: set[asyncio.Future[None]] = set()
        hush.install()
        self._owner = owner

    def __repr__(self) -> str:
        return f"<Session {self.base_url}>"

    def __del__(self) -> None:
        if self._owner is not None and self._guard.left_open and not sys.is_finalizing():
            warnings.warn(
                f"a {self._owner} was used and never closed, so its connections stayed open: use it with `async with`, "
                "or await its aclose()",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )

    async def __aenter__(self) -> Self:
        self._guard.check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections. Calls that wait for the limiter, or to be repeated, raise ``ClientClosedError``.

        Raises ``ClientForkedError`` or ``WrongEventLoopError`` where the connections are not this process's or loop's.
        """
        if self._guard.closed:
            return
        self._guard.check()
        self._guard.closed = True
        for waiter in self._pausing:
            if not waiter.done():
                waiter.set_exception(ClientClosedError("the client was closed while the call waited to be sent again"))
        if self._owns_limiter:
            self.limiter.close(ClientClosedError("the client was closed while the call waited for the rate limiter"))
        await self.transport.aclose()

    async def pause(self, seconds: float) -> None:
        """Wait before a call is sent again. Raises ``ClientClosedError`` as soon as the session is closed."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end() -> None:
            if not waiter.done():
                waiter.set_result(None)

        timer = self.clock.call_later(seconds, end)
        self._pausing.add(waiter)
        try:
            await waiter
        finally:
            self._pausing.discard(waiter)
            timer.cancel()

    def check_usable(self) -> None:
        """Raise :class:`ClientClosedError`, :class:`ClientForkedError` or :class:`WrongEventLoopError` if it is not."""
        self._guard.check()

    async def send(self, call: Call[T], options: CallOptions | None = None, *, prepaid: bool = False) -> T:
        """Send a call until it succeeds or must not be repeated, and decode the answer.

        Args:
            call: what to send.
            options: what this call does differently.
            prepaid: the limiter's tokens for the first attempt were taken by the caller.

        Raises:
            APIStatusError: the service's answer, by status.
            APIConnectionError, APITimeoutError: no answer.
            DeadlineExceededError: the whole call took too long.
            DecodeError: the answer is not as documented.

        Cancelled: the request in flight is aborted and its connection closed; whether the service carried it out is
        then unknown.
        """
        with self._deadline(call, options) as deadline:
            sent = await Exchange(self, call, options, deadline, prepaid=prepaid, read=True).run()
            elapsed = deadline.elapsed
            if len(sent.answer.content) < _DECODE_IN_THREAD:
                return self._interpret(call, sent, elapsed)
            with deadline.phase("decoding"):
                return await asyncio.to_thread(self._interpret, call, sent, elapsed)

    @asynccontextmanager
    async def stream(self, call: Call[Any], options: CallOptions | None = None) -> AsyncGenerator[StreamedAnswer]:
        """Send a call and give its answer as it comes, for downloads: a whole file, which is asked for as it is stored.

        Repeats until an answer with a good status begins, never after. The deadline covers the body of the ``async
        with`` too. Raises what :meth:`send` raises, and a ``DecodeError`` for an answer that is no whole file.
        """
        call = call.replace(headers=merged(call.headers, [("Accept-Encoding", "identity")]))
        with self._deadline(call, options) as deadline:
            sent = await Exchange(self, call, options, deadline, prepaid=False, read=False).run()
            try:
                if not 200 <= sent.answer.status < 300:
                    self._interpret(call, sent, deadline.elapsed)
                with deadline.phase("answer"):
                    yield StreamedAnswer(sent.response, call.method, redact_url(sent.url), attempts=sent.attempts)
            finally:
                await sent.response.aclose()

    def interpret(
        self,
        call: Call[T],
        answer: Answer,
        *,
        attempts: int = 1,
        elapsed: float = 0.0,
        url: str | None = None,
        reason: str = "",
    ) -> T:
        """Decode an answer to a call, or raise its typed error; no I/O. For entries of a batch.

        Raises:
            APIStatusError: the status is no success.
            DecodeError: the body is not as documented.
        """
        url = url or self.url_of(call)
        if 200 <= answer.status < 300:
            try:
                return call.decode(answer)
            except PlangrepAsyncError:
                raise
            except Exception as error:
                raise DecodeError(
                    f"the answer to {call.method} {redact_url(url)} (status {answer.status}, {len(answer.content)} "
                    f"bytes) is not as documented: {words_of(error)}. Its body is in the error's `body`",
                    method=call.method,
                    url=redact_url(url),
                    status=answer.status,
                    body=answer.content,
                    attempts=attempts,
                    elapsed=elapsed,
                ) from error
        detail = self.read_error(answer)
        if self.credentials is not None and detail.message:
            detail = evolve(detail, message=self.credentials.hide(detail.message))
        raise status_error(
            answer,
            detail,
            method=call.method,
            url=url,
            attempts=attempts,
            elapsed=elapsed,
            retry_after=self.retry_after(answer),
            reason=reason,
        )

    def url_of(self, call: Call[Any]) -> str:
        """The absolute URL of a call; it may hold secrets."""
        target = call.target
        return self.base_url + target if target.startswith("/") else target

    def is_own(self, url: str) -> bool:
        """Whether the URL is on the service's own origin, the only one that sees the credentials."""
        if url.startswith("/"):
            return True
        try:
            return Origin.of(url) == self.origin
        except ValueError:
            return False

    def retry_after(self, answer: Answer) -> float | None:
        """Seconds that an answer asks to wait, by the server's own clock where it tells it."""
        return parse_retry_after(answer.headers.get("retry-after"), server_time(answer, self.clock.time()))

    def note_throttled(self, answer: Answer, *, age: float = 0.0) -> None:
        """Tell the limiter of a 429, alone or as an entry of a batch; ``age``: seconds since its tokens were taken."""
        self.limiter.throttled(
            retry_after=self.retry_after(answer), snapshots=self.read_error(answer).snapshots, age=age
        )

    def decide(
        self,
        call: Call[Any],
        options: CallOptions,
        outcome: Outcome | None,
        *,
        attempts: int,
        throttled: int = 0,
        random: Callable[[], float] | None = None,
    ) -> Decision:
        """Whether a call that ended so is sent again, by this session's policy; alone or as an entry of a batch.

        Args:
            outcome: of the last attempt; ``None`` where another would fail alike.
            attempts: made so far; ``throttled`` of them were answered with 429.
            random: instead of the session's.
        """
        if outcome is None:
            return Decision(Verdict.STOP)
        policy, count = self._retry, attempts - throttled
        if options.max_attempts is not None:
            policy, count = evolve(policy, max_attempts=options.max_attempts), attempts
        elif outcome.status == 429:
            policy, count = evolve(policy, max_attempts=policy.max_throttled + 1), throttled
        return decide(count, call.may_repeat, outcome, policy, random or self._random)

    @property
    def retry(self) -> RetryPolicy:
        """When a call is repeated."""
        return self._retry

    def timeouts_of(self, options: CallOptions) -> Timeouts:
        """How long the wire may be silent for a call with these options."""
        return self._timeouts if options.timeout is None else Timeouts.of(options.timeout)

    def _deadline(self, call: Call[Any], options: CallOptions | None) -> Deadline:
        self._guard.check()
        seconds = options.deadline if options is not None and options.deadline is not None else self.options.deadline
        return Deadline(self.clock, seconds, call.method, self.url_of(call))

    def _interpret(self, call: Call[T], sent: Sent, elapsed: float) -> T:
        return self.interpret(
            call, sent.answer, attempts=sent.attempts, elapsed=elapsed, url=sent.url, reason=sent.reason
        )
