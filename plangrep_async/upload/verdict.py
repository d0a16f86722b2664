"""What an answer, or the lack of one, means for an upload. Pure decisions.

Sources: Amazon S3 API Reference, "Error responses" (codes) and "POST Object" (redirects); RFC 9110 section 15.
"""

from __future__ import annotations

import ssl
from enum import Enum

from attrs import frozen

from ..errors import (
    ChecksumMismatchError,
    StorageError,
    TransferConnectionError,
    TransferError,
    TransferStalledError,
    UploadError,
    UploadExpiredError,
)
from ..session.call import Answer
from ..session.failure import server_time
from ..session.redaction import redact_url
from ..session.retry import parse_retry_after
from .s3error import read_refusal
from .wire import WireAnswer

__all__ = ["STORED", "Judgement", "Verdict", "judge_answer", "judge_failure", "says_stored"]


class Verdict(Enum):
    """What to do next."""

    STORED = "stored"
    RETRY = "retry"
    """It is not stored; the same may work a moment later."""
    DOUBT = "doubt"
    """It may be stored: ask, or repeat what can be repeated."""
    EXPIRED = "expired"
    """The target has run out; a new one is needed."""
    GONE = "gone"
    """The multipart session does not exist (any more)."""
    REFUSED = "refused"
    """Repeating does not help."""


@frozen
class Judgement:
    """A verdict and its reasons.

    Attributes:
        error: what to raise when this is the end; ``None`` for ``STORED`` alone.
        retry_after: seconds that the far end asked for.
        slow_down: the far end is overloaded, or too slow for us.
    """

    verdict: Verdict
    error: UploadError | None = None
    retry_after: float | None = None
    slow_down: bool = False


STORED = Judgement(Verdict.STORED)
_EXPIRED_CODES = frozenset({"ExpiredToken", "TokenRefreshRequired", "RequestExpired"})
_CHECKSUM_CODES = frozenset({"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"})
_SLOW_DOWN_CODES = frozenset({"SlowDown", "TooManyRequests", "ThrottlingException", "RequestLimitExceeded"})
# MalformedPOSTRequest: what we send is well-formed, so the far end has seen a part of it only. NoSuchKey: what is to be
# stored cannot be missing; it is what Ceph RGW says of a body that broke off.
_RETRY_CODES = (
    frozenset({"RequestTimeout", "IncompleteBody", "MalformedPOSTRequest", "NoSuchKey", "OperationAborted"})
    | _SLOW_DOWN_CODES
)
_NOT_STORED = frozenset({425, 429})
_HARDLY_STORED = frozenset({408, 499, 503})  # 499: nginx and SeaweedFS lost the client in mid-body
_MAYBE_STORED = frozenset({500, 502, 504})


def judge_answer(
    answer: WireAnswer,
    *,
    method: str,
    url: str,
    name: str,
    ok: frozenset[int] = frozenset(),
    expires_at: float | None = None,
    suspect: bool = False,
    once: bool = False,
    now: float,
) -> Judgement:
    """Judge what came back for the bytes of the file ``name``.

    Args:
        ok: the statuses that mean "stored"; any 2xx when empty.
        expires_at: when the target runs out, in the server's time.
        suspect: take a bare 401 or 403, without a word why (Ceph RGW: "AccessDenied" and no message), as "expired". For
            targets that can be renewed and that do not say when they expire.
        once: what was sent must not be repeated unless it is proven that nothing came of it.
        now: our idea of the time in seconds since 1970, where the answer has no ``Date``.
    """
    if says_stored(answer, ok) and not answer.early:
        return STORED
    status = answer.status
    where = redact_url(url)
    if says_stored(answer, ok):
        return Judgement(
            Verdict.DOUBT,
            StorageError(
                f"{name}: {where} answered {status} before all bytes were sent, so they cannot be stored",
                file_name=name, method=method, url=where, status=status, body=answer.content,
            ),
        )  # fmt: skip
    code, message = read_refusal(answer)
    text = f"{name}: {where} answered {status}"
    text += f" {code}" if code else ""
    text += f": {message}" if message else ""
    now = server_time(Answer(status, answer.headers), now)

    def ending(verdict: Verdict, kind: type[UploadError] = StorageError, *, slow_down: bool = False) -> Judgement:
        error = kind(
            text, file_name=name, method=method, url=where, status=status, code=code, service_message=message,
            body=answer.content,
        )  # fmt: skip
        wait = parse_retry_after(answer.headers.get("retry-after"), now)
        return Judgement(verdict, error, retry_after=wait, slow_down=slow_down)

    if code == "NoSuchUpload":
        return ending(Verdict.GONE, UploadExpiredError)
    if status == 410 or code in _EXPIRED_CODES or (status in (400, 401, 403) and "expired" in (message or "").lower()):
        return ending(Verdict.EXPIRED, UploadExpiredError)
    if status in (401, 403) and expires_at is not None and now >= expires_at:
        return ending(Verdict.EXPIRED, UploadExpiredError)
    if status in (401, 403) and suspect and code in (None, "AccessDenied") and message is None:
        return ending(Verdict.EXPIRED, UploadExpiredError)
    if code in _CHECKSUM_CODES:
        return ending(Verdict.RETRY, ChecksumMismatchError)
    if status in _NOT_STORED or status in _HARDLY_STORED or code in _RETRY_CODES:
        doubtful = once and status in _HARDLY_STORED and code not in _RETRY_CODES and not answer.early
        slow_down = status in (429, 503) or code in _SLOW_DOWN_CODES
        return ending(Verdict.DOUBT if doubtful else Verdict.RETRY, slow_down=slow_down)
    if status in _MAYBE_STORED:
        return ending(Verdict.RETRY if answer.early else Verdict.DOUBT)
    if 300 <= status < 400:
        text += " (a redirect, which is not followed: the bytes and their signature belong to one place)"
    return ending(Verdict.REFUSED)


def says_stored(answer: WireAnswer, ok: frozenset[int]) -> bool:
    """Whether its status means "stored" (if all bytes were out)."""
    return answer.status in ok or (not ok and 200 <= answer.status < 300)


def judge_failure(error: TransferError, *, complete: bool) -> Judgement:
    """Judge an attempt without an answer.

    Args:
        error: what the transfer raised.
        complete: whether the last byte of the body had been given to the wire. Before that, the far end cannot have
            stored it: every body has a Content-Length.
    """
    if isinstance(error, TransferConnectionError) and _is_certificate_failure(error):
        return Judgement(Verdict.REFUSED, error)
    slow_down = isinstance(error, TransferStalledError)
    if not complete or getattr(error, "nothing_sent", False):
        return Judgement(Verdict.RETRY, error, slow_down=slow_down)
    return Judgement(Verdict.DOUBT, error, slow_down=slow_down)


def _is_certificate_failure(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
