"""From a failed answer or exchange to the error that says what happened."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Any, cast

import httpx
from attrs import frozen

from ..errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DecodeError,
    InvalidInputError,
    PlangrepAsyncError,
    RateLimitError,
    status_error_class,
)
from .call import Answer
from .redaction import redact_text, redact_url, without_tokens_of
from .retry import Outcome

if TYPE_CHECKING:
    from ..ratelimit import WindowSnapshot

__all__ = [
    "ErrorDetail",
    "ErrorReader",
    "connection_error",
    "held_back",
    "outcome_of",
    "read_error",
    "server_time",
    "status_error",
]

_EXCERPT = 300
_TITLE = re.compile(r"<(?:title|h1)[^>]*>(.*?)</(?:title|h1)>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


@frozen
class ErrorDetail:
    """What an error body tells.

    Attributes:
        code: the machine-readable code.
        message: the service's words, or an excerpt of a body that has none.
        rate_limit: for 429, the service's account of the limit.
        snapshots: the same for the limiter.
    """

    code: str | None = None
    message: str | None = None
    rate_limit: Any = None
    snapshots: tuple[WindowSnapshot, ...] = ()


ErrorReader = Callable[[Answer], ErrorDetail]


def read_error(answer: Answer) -> ErrorDetail:
    """Read any error body: ``{"error": {"code", "message"}}``, ``{"message"}``, other JSON, HTML, text, or nothing."""
    text = answer.content[:65536].decode("utf-8", "replace").strip()
    if not text:
        return ErrorDetail()
    try:
        data = json.loads(answer.content)
    except (ValueError, RecursionError):
        return ErrorDetail(message=_excerpt(_words(text)))
    if isinstance(data, dict):
        record = cast("dict[str, Any]", data)
        nested = record.get("error")
        source = cast("dict[str, Any]", nested) if isinstance(nested, dict) else record
        code, message = source.get("code"), source.get("message")
        if message is None and isinstance(nested, str):
            # RFC 6749 section 5.2, as OAuth token endpoints answer.
            code, message = nested, record.get("error_description")
        if code is not None or message is not None:
            return ErrorDetail(
                code=None if code is None else str(code), message=None if message is None else _excerpt(str(message))
            )
    return ErrorDetail(message=_excerpt(text))


def _words(text: str) -> str:
    if text.lstrip("\ufeff")[:1] != "<":
        return text
    title = _TITLE.search(text)
    return " ".join(unescape(_TAG.sub(" ", title.group(1) if title else text)).split())


def _excerpt(text: str) -> str:
    text = redact_text(text)
    return text if len(text) <= _EXCERPT else text[:_EXCERPT] + "…"


def status_error(
    answer: Answer,
    detail: ErrorDetail,
    *,
    method: str,
    url: str,
    attempts: int,
    elapsed: float,
    retry_after: float | None = None,
    reason: str = "",
) -> APIStatusError:
    """The typed error for an answer with an error status."""
    message = detail.message and without_tokens_of(url, detail.message)
    url = redact_url(url)
    text = f"{method} {url} was answered with {answer.status} {_phrase(answer.status)}".rstrip()
    if answer.status == 304:
        text += " (though the request set no condition)"
    elif 300 <= answer.status < 400:
        location = answer.headers.get("location")
        text += (
            f", a redirect to {redact_url(location)} that is not followed" if location else ", a redirect to nowhere"
        )
        text, reason = text + (f" because {reason}" if reason else ""), ""
    if detail.code:
        text += f" [{detail.code}]"
    text += f": {message}" if message else " and no message"
    if attempts > 1:
        text += f" (after {attempts} attempts)"
    if reason:
        text += f"; it was not repeated because {reason}"
    context: dict[str, Any] = {
        "method": method,
        "url": url,
        "status": answer.status,
        "code": detail.code,
        "service_message": message,
        "body": answer.content,
        "attempts": attempts,
        "elapsed": elapsed,
        "response": _raw_response(answer.status, answer.headers, answer.content),
    }
    if answer.status == 429:
        return RateLimitError(text, retry_after=retry_after, rate_limit=detail.rate_limit, **context)
    return status_error_class(answer.status)(text, **context)


def held_back(error: RateLimitError, method: str, url: str, *, attempts: int, elapsed: float) -> RateLimitError:
    """The error for a call that the limiter does not even let wait. ``url`` is redacted already."""
    return RateLimitError(
        f"{method} {url} was not sent{' again' if attempts else ''}: {error.message}",
        retry_after=error.retry_after,
        method=method,
        url=url,
        status=429,
        attempts=attempts,
        elapsed=elapsed,
    )


def _phrase(status: int) -> str:
    try:
        return httpx.codes(status).name.replace("_", " ").title()
    except ValueError:
        return ""


def _raw_response(status: int, headers: Mapping[str, str], content: bytes) -> httpx.Response:
    # Without its request, which holds the credentials; without encodings, which were undone already.
    shown = [
        (name.encode(), (redact_url(value) if name == "location" else value).encode("utf-8", "replace"))
        for name, value in headers.items()
        if name not in ("content-encoding", "transfer-encoding", "content-length")
    ]
    return httpx.Response(status, headers=shown, content=content)


def server_time(answer: Answer, ours: float) -> float:
    """The server's clock at the time of the answer, from its ``Date`` header; ``ours`` where it has none."""
    try:
        date = parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return ours
    return date.timestamp() if date.tzinfo is not None else ours


NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
"""Failures that prove that the service has not seen the request."""


def outcome_of(failure: httpx.RequestError | None) -> Outcome | None:
    """The outcome for the retry decision; ``None`` where another attempt would fail alike."""
    if isinstance(failure, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.TooManyRedirects):
        return None
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return None
        cause = cause.__cause__ or cause.__context__
    return Outcome(nothing_arrived=isinstance(failure, NEVER_ARRIVED))


def connection_error(
    failure: httpx.RequestError, method: str, url: str, attempts: int, elapsed: float | None, reason: str
) -> PlangrepAsyncError:
    """The error for an exchange without an answer. ``url`` is redacted already."""
    context: dict[str, Any] = {"method": method, "url": url, "attempts": attempts, "elapsed": elapsed}
    words = redact_text(str(failure)) or type(failure).__name__
    again = f" ({attempts} attempts)" if attempts > 1 else ""
    tail = f"; it was not repeated because {reason}" if reason else ""
    if isinstance(failure, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return InvalidInputError(f"{method} {url} cannot be sent: {words}", **context)
    if isinstance(failure, httpx.DecodingError):
        return DecodeError(f"the answer to {method} {url} is compressed and broken: {words}{again}{tail}", **context)
    if isinstance(failure, httpx.TimeoutException):
        phases: dict[type[Exception], str] = {
            httpx.ConnectTimeout: "the connection was not made in time",
            httpx.ReadTimeout: "no answer came in time",
            httpx.WriteTimeout: "the far end stopped reading",
            httpx.PoolTimeout: "no connection was free in time",
        }
        phase = phases.get(type(failure), "time ran out")
        return APITimeoutError(f"{method} {url}: {phase}{again}{tail}", **context)
    return APIConnectionError(
        f"{method} {url}: the connection failed: {words} [{type(failure).__name__}]{again}{tail}", **context
    )
