"""The attempts of one call: limiter, credentials, transport, and again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx
from attrs import field, frozen

from ..errors import DeadlineExceededError, DecodeError, InvalidInputError, RateLimitError
from .call import Answer, Call, CallOptions
from .deadline import Deadline
from .failure import NEVER_ARRIVED, connection_error, held_back, outcome_of
from .headers import OWN, merged
from .hooks import RequestEvent, ResponseEvent, RetryEvent, tell
from .hush import hushed
from .origin import Origin
from .redaction import redact_text, redact_url
from .retry import Decision, Outcome, Verdict

if TYPE_CHECKING:
    from .session import Session

__all__ = ["Exchange", "Sent"]

_logger = logging.getLogger("plangrep_async")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_LARGEST = 1 << 28  # bytes of an answer in memory; what is larger is a file, and read with Session.stream


@frozen
class Sent:
    """How the attempts ended: with this answer, still open when it is streamed and its status is good."""

    answer: Answer
    response: httpx.Response = field(repr=False)
    url: str
    attempts: int
    reason: str = ""


class Exchange:
    """Sends one call until it succeeds or must not be repeated.

    Args:
        session: whose transport, credentials, limiter and hooks are used.
        call: what to send.
        options: what this call does differently.
        deadline: entered by the caller; told of the phases.
        prepaid: the caller took the limiter's tokens for the first attempt.
        read: whether the body of a good answer is read too.
    """

    def __init__(
        self,
        session: Session,
        call: Call[Any],
        options: CallOptions | None,
        deadline: Deadline,
        *,
        prepaid: bool,
        read: bool,
    ) -> None:
        self._session = session
        self._call = call
        self._options = session.options if options is None else options.over(session.options)
        self._deadline = deadline
        self._prepaid = prepaid
        self._read = read
        self._url = session.url_of(call)
        self._own = session.is_own(call.path)
        self._kinds = call.limit_kinds  # none once a redirect has led to another host: its 429s are its own affair
        self._attempts = 0
        self._throttled = 0
        self._redirects = 0
        self._stuck = ""  # why a redirect was not followed
        self._refreshed = False
        self._tokens_taken = session.clock.monotonic()

    async def run(self) -> Sent:
        """The last answer, whatever its status. Raises the error of an exchange without an answer."""
        while True:
            with self._deadline.phase("rate limit"):
                await self._pass_the_limiter()
            authorization = self._authorization()
            request = self._ready(authorization)
            self._attempts += 1
            try:
                answer, response = await self._attempt(request)
            except httpx.RequestError as failure:
                if isinstance(failure, httpx.PoolTimeout):
                    self._session.check_usable()
                decision = self._decide(outcome_of(failure))
                if decision.verdict is not Verdict.RETRY:
                    raise connection_error(
                        failure,
                        self._call.method,
                        redact_url(self._url),
                        self._attempts,
                        self._deadline.elapsed,
                        decision.reason,
                    ) from failure
                await self._back_off(decision, None, failure)
                continue
            if 200 <= answer.status < 300:
                return Sent(answer, response, self._url, self._attempts)
            if self._follow(answer) or await self._refresh(answer, authorization):
                continue
            if answer.status == 429:
                self._throttled += 1
                if self._kinds:
                    self._session.note_throttled(answer, age=self._age)
            decision = self._decide(Outcome(answer.status, retry_after=self._session.retry_after(answer)))
            if decision.verdict is not Verdict.RETRY:
                return Sent(answer, response, self._url, self._attempts, decision.reason or self._stuck)
            await self._back_off(decision, answer.status, None)

    async def _pass_the_limiter(self) -> None:
        if self._prepaid:
            self._prepaid = False
            return
        session, deadline = self._session, self._deadline
        if self._kinds:
            try:
                await session.limiter.acquire(
                    self._kinds, within=deadline.remaining, longest_gate=session.retry.max_retry_after
                )
            except DeadlineExceededError as error:
                raise deadline.error(error.message) from None
            except RateLimitError as error:
                raise held_back(
                    error,
                    self._call.method,
                    redact_url(self._url),
                    attempts=self._attempts,
                    elapsed=deadline.elapsed,
                ) from None
        self._tokens_taken = session.clock.monotonic()

    @property
    def _age(self) -> float:
        """Seconds since the limiter let this attempt go."""
        return self._session.clock.monotonic() - self._tokens_taken

    def _authorization(self) -> str | None:
        credentials = self._session.credentials
        if credentials is None or not self._call.authenticated or not self._own:
            return None
        return credentials.authorization()

    def _ready(self, authorization: str | None) -> httpx.Request:
        """The request, with the tokens paid; they are given back when there is none.

        Raises:
            InvalidInputError: the call cannot be written as a request.
        """
        try:
            self._session.check_usable()
            return self._build(authorization)
        except BaseException as error:
            self._refund()
            if not isinstance(error, ValueError | TypeError | httpx.InvalidURL) or isinstance(error, InvalidInputError):
                raise
            method, url = self._call.method, redact_url(self._url)
            raise InvalidInputError(
                f"{method} {url} cannot be sent, since its URL, headers or body cannot be written as a request: "
                f"{redact_text(str(error))}",
                method=method,
                url=url,
            ) from error

    def _refund(self) -> None:
        if self._kinds:
            self._session.limiter.refund(self._kinds, age=self._age)

    async def _attempt(self, request: httpx.Request) -> tuple[Answer, httpx.Response]:
        session, call, attempt = self._session, self._call, self._attempts
        tell(session.hooks.on_request, lambda: RequestEvent(call.method, redact_url(self._url), attempt))
        started = session.clock.monotonic()
        try:
            with self._deadline.phase("request"):
                answer, response = await self._transmit(request)
        except httpx.RequestError as failure:
            if isinstance(failure, NEVER_ARRIVED):
                self._refund()
            self._note(started, None, type(failure).__name__)
            raise
        self._note(started, answer.status, None)
        return answer, response

    async def _transmit(self, request: httpx.Request) -> tuple[Answer, httpx.Response]:
        token = hushed.set(True)
        try:
            response = await self._session.transport.handle_async_request(request)
        finally:
            hushed.reset(token)
        if self._kinds:
            self._session.limiter.answered(self._kinds, age=self._age)
        content = b""
        good = 200 <= response.status_code < 300
        if self._read or not good:
            try:
                content = await self._content(response, good)
            finally:
                await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, content), response

    async def _content(self, response: httpx.Response, good: bool) -> bytes:
        """The whole body; of an error's, what came, since the status says more than how the connection ended.

        Raises:
            DecodeError: it is larger than any record of the services could be.
        """
        parts: list[bytes] = []
        size = 0
        try:
            async for part in response.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > _LARGEST:
                    url = redact_url(self._url)
                    raise DecodeError(
                        f"the answer to {self._call.method} {url} has more than {_LARGEST:,} bytes; it was not read on",
                        method=self._call.method,
                        url=url,
                        status=response.status_code,
                        attempts=self._attempts,
                        elapsed=self._deadline.elapsed,
                    )
        except httpx.RequestError:
            if good:
                raise
        return b"".join(parts)

    def _build(self, authorization: str | None) -> httpx.Request:
        call, timeouts = self._call, self._session.timeouts_of(self._options)
        always = self._session.always if self._own else OWN
        headers = [*(merged(always, call.headers) if call.headers else always)]
        content = call.content()
        content_type = call.content_type or ("application/json" if content is not None else None)
        if content_type is not None:
            headers.append(("Content-Type", content_type))
        if call.idempotency_key is not None:
            headers.append(("Idempotency-Key", call.idempotency_key))
        if authorization is not None:
            headers.append(("Authorization", authorization))
        limits = {"connect": timeouts.connect, "read": timeouts.read, "write": timeouts.write, "pool": None}
        extensions = {"timeout": limits, "plangrep_async.phase": self._deadline.phase}
        return httpx.Request(call.method, self._url, headers=headers, content=content, extensions=extensions)

    def _follow(self, answer: Answer) -> bool:
        """Go on elsewhere: only with what changes nothing, never from https to http, and to another host only when the
        body is streamed (a file at a storage host; records come from the service itself)."""
        location = answer.headers.get("location")
        if answer.status not in _REDIRECTS or location is None or self._call.method not in ("GET", "HEAD"):
            return False
        if self._redirects >= _MAX_REDIRECTS:
            self._stuck = f"there were too many ({_MAX_REDIRECTS} were followed)"
            return False
        try:
            target = urljoin(self._url, location)
            httpx.URL(target)
            before, after = Origin.of(self._url), Origin.of(target)
        except (ValueError, httpx.InvalidURL):
            return False
        if (before.scheme == "https" and after.scheme != "https") or (self._read and before != after):
            return False
        self._url = target
        self._own = self._session.is_own(target)
        if not self._own:
            self._kinds = frozenset()
        self._redirects += 1
        self._attempts -= 1
        return True

    async def _refresh(self, answer: Answer, authorization: str | None) -> bool:
        credentials = self._session.credentials
        if answer.status != 401 or authorization is None or credentials is None or self._refreshed:
            return False
        self._refreshed = True
        with self._deadline.phase("credentials"):
            return await credentials.refresh(authorization)

    def _decide(self, outcome: Outcome | None) -> Decision:
        return self._session.decide(
            self._call, self._options, outcome, attempts=self._attempts, throttled=self._throttled
        )

    async def _back_off(self, decision: Decision, status: int | None, failure: httpx.RequestError | None) -> None:
        error = None if failure is None else type(failure).__name__
        tell(
            self._session.hooks.on_retry,
            lambda: RetryEvent(self._call.method, redact_url(self._url), self._attempts, decision.wait, status, error),
        )
        remaining = self._deadline.remaining
        if remaining is not None and decision.wait > remaining:
            raise self._deadline.error(
                f"after {error or f'an answer with {status}'} it would be sent again in {decision.wait:.1f} s"
            ) from failure
        # After a 429 the limiter's gate is the wait, for this call as for every other that it counts.
        if status != 429 or not self._kinds:
            with self._deadline.phase("backoff"):
                await self._session.pause(decision.wait)

    def _note(self, started: float, status: int | None, error: str | None) -> None:
        seconds = self._session.clock.monotonic() - started
        method, url, attempt = self._call.method, self._url, self._attempts
        if _logger.isEnabledFor(logging.DEBUG):
            _logger.debug(
                "%s %s -> %s in %.0f ms (attempt %d)", method, redact_url(url), status or error, seconds * 1000, attempt
            )
        hook: Callable[[ResponseEvent], None] | None = self._session.hooks.on_response
        tell(hook, lambda: ResponseEvent(method, redact_url(url), attempt, status, seconds, error))
