"""Every error that this package raises.

::

    PlangrepAsyncError
    ├── ConfigurationError            (also ValueError)  settings that cannot work, found before any request
    ├── InvalidInputError             (also ValueError)  an argument breaks a documented rule; nothing was sent
    ├── APIStatusError                the service answered with an error status
    │   ├── BadRequestError               400
    │   ├── AuthenticationError           401
    │   ├── PermissionDeniedError         403
    │   ├── NotFoundError                 404
    │   ├── ConflictError                 409
    │   ├── GoneError                     410
    │   ├── PayloadTooLargeError          413
    │   ├── UnprocessableEntityError      422
    │   ├── RateLimitError                429
    │   └── ServerError                   5xx
    ├── APIConnectionError            no answer: could not connect, or the connection broke
    │   └── APITimeoutError               the wire was silent for longer than ``timeout=`` allows
    ├── DeadlineExceededError         (also TimeoutError) ``deadline=`` ran out; says where the time went
    ├── DecodeError                   the answer is not what the documentation promises
    ├── BodyNotReplayableError        the call failed in a way worth repeating, but its body can be read only once
    ├── WaitTimeoutError              (also TimeoutError) a poll (project, job, packet) gave up; shows the last status
    ├── JobError                      a job ended without a result, or cannot go on
    │   ├── JobFailedError                ``failed``, ``cancelled`` or ``expired``
    │   └── JobBlockedError               ``blocked_insufficient_credits``; add credits, then resume
    ├── UploadError                   one file could not be stored
    │   ├── SourceError                   the file itself
    │   │   ├── SourceNotFoundError           it does not exist, or is no regular file
    │   │   ├── SourceUnreadableError         it cannot be opened or read
    │   │   └── SourceChangedError            its size or modification time changed under the upload
    │   ├── TransferError                 the bytes on the wire
    │   │   ├── TransferConnectionError       could not connect, or the connection broke
    │   │   ├── TransferStalledError          no progress was confirmed for too long
    │   │   └── TransferCancelledError        stopped on request (raised in worker threads only)
    │   ├── StorageError                  the storage service refused it (status, code and message are its own)
    │   │   └── UploadExpiredError            the signed URL or policy has run out
    │   ├── ChecksumMismatchError         what was stored is not what was sent
    │   ├── UploadUnconfirmedError        bytes were sent, and whether they were stored cannot be found out
    │   └── UploadIncompleteError         of several files, some are not confirmed; ``report`` says which
    │       └── UploadDeadlineExceededError   (also DeadlineExceededError) because ``deadline=`` ran out
    ├── WebhookSignatureError         a webhook is not signed as the verifier expects
    ├── QueueFullError                more calls wait than the queue takes; nothing was sent
    ├── ClientClosedError             used after ``aclose()``
    ├── ClientForkedError             used in a child process of the one that opened it
    └── WrongEventLoopError           used on another event loop than the one that opened it

Each error carries what is known of the call: method, URL without secrets, status, the service's own code and message,
the whole body, attempts and elapsed seconds; what is not known is ``None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BodyNotReplayableError",
    "ChecksumMismatchError",
    "ClientClosedError",
    "ClientForkedError",
    "ConfigurationError",
    "ConflictError",
    "DeadlineExceededError",
    "DecodeError",
    "GoneError",
    "InvalidInputError",
    "JobBlockedError",
    "JobError",
    "JobFailedError",
    "NotFoundError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "PlangrepAsyncError",
    "QueueFullError",
    "RateLimitError",
    "ServerError",
    "SourceChangedError",
    "SourceError",
    "SourceNotFoundError",
    "SourceUnreadableError",
    "StorageError",
    "TransferCancelledError",
    "TransferConnectionError",
    "TransferError",
    "TransferStalledError",
    "UnprocessableEntityError",
    "UploadDeadlineExceededError",
    "UploadError",
    "UploadExpiredError",
    "UploadIncompleteError",
    "UploadUnconfirmedError",
    "VersionUploadError",
    "WaitTimeoutError",
    "WebhookSignatureError",
    "WrongEventLoopError",
    "status_error_class",
]


class PlangrepAsyncError(Exception):
    """The root of all errors of this package.

    Attributes:
        method: the HTTP method, for example ``"GET"``.
        url: the URL without credentials, tokens and signed queries.
        status: the HTTP status of the answer.
        code: the service's machine-readable code (Plangrep's ``error.code``, S3's ``<Code>``).
        service_message: the service's own words; they may change, do not branch on them.
        body: the whole body of the answer, as bytes.
        attempts: how many times the call was sent, this answer included.
        elapsed: seconds from the call's start, waiting included.
        response: the raw ``httpx.Response`` where there is one.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        url: str | None = None,
        status: int | None = None,
        code: str | None = None,
        service_message: str | None = None,
        body: bytes | None = None,
        attempts: int | None = None,
        elapsed: float | None = None,
        response: httpx.Response | None = None,
    ) -> None:
        super().__init__(message)
        self.method = method
        self.url = url
        self.status = status
        self.code = code
        self.service_message = service_message
        self.body = body
        self.attempts = attempts
        self.elapsed = elapsed
        self.response = response

    @property
    def message(self) -> str:
        """The sentence that says what happened."""
        return str(self.args[0])

    def __str__(self) -> str:
        return self.message


class ConfigurationError(PlangrepAsyncError, ValueError):
    """Settings that cannot work: a missing key, a base URL without a scheme, a limit of zero."""


class InvalidInputError(PlangrepAsyncError, ValueError):
    """An argument breaks a documented rule. Nothing was sent. The text names the input, the rule and what to do."""


class APIStatusError(PlangrepAsyncError):
    """The service answered with a status of 400 or above (or an unexpected redirect)."""


class BadRequestError(APIStatusError):
    """400: the service did not understand the request."""


class AuthenticationError(APIStatusError):
    """401: the credentials are missing, invalid, revoked or expired."""


class PermissionDeniedError(APIStatusError):
    """403: a right is missing. PlanGrid also answers so to a wrong key."""


class NotFoundError(APIStatusError):
    """404: there is no such record, or not for these credentials."""


class ConflictError(APIStatusError):
    """409: the record's state does not allow it (a consumed token, an index that is not ready)."""


class GoneError(APIStatusError):
    """410: it existed and has run out."""


class PayloadTooLargeError(APIStatusError):
    """413: the body is larger than the service takes."""


class UnprocessableEntityError(APIStatusError):
    """422: the body was understood and refused."""


class RateLimitError(APIStatusError):
    """429: too many calls.

    Attributes:
        retry_after: seconds that the service asked to wait, or ``None``.
        rate_limit: the service's account of the limit (PlanGrid's ``rate_limit`` object, decoded), or ``None``.
    """

    def __init__(
        self, message: str, *, retry_after: float | None = None, rate_limit: Any = None, **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.retry_after = retry_after
        self.rate_limit = rate_limit


class ServerError(APIStatusError):
    """5xx: the service failed."""


class APIConnectionError(PlangrepAsyncError):
    """No answer: the connection could not be made or broke before the answer was complete."""


class APITimeoutError(APIConnectionError):
    """The wire was silent for longer than ``timeout=`` allows."""


class DeadlineExceededError(PlangrepAsyncError, TimeoutError):
    """The deadline of the whole call ran out.

    Attributes:
        deadline: the seconds that the call was given.
        spent: seconds by phase, for example ``{"rate limit": 4.1, "backoff": 2.0, "request": 0.9}``.
    """

    def __init__(
        self,
        message: str,
        *,
        deadline: float | None = None,
        spent: dict[str, float] | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.deadline = deadline
        self.spent: dict[str, float] = spent or {}


class DecodeError(PlangrepAsyncError):
    """The answer has a good status, but its body is not what the documentation promises."""


class BodyNotReplayableError(PlangrepAsyncError):
    """The call may be repeated, but its body can be read only once. ``__cause__`` is the failure."""


class WaitTimeoutError(PlangrepAsyncError, TimeoutError):
    """Polling gave up.

    Attributes:
        last_status: the last status that was seen.
        last: the last record that was seen.
    """

    def __init__(self, message: str, *, last_status: str | None = None, last: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.last_status = last_status
        self.last = last


class JobError(PlangrepAsyncError):
    """A job ended without a result, or cannot go on. ``job`` is its last record."""

    def __init__(self, message: str, *, job: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.job = job


class JobFailedError(JobError):
    """The job ended as ``failed``, ``cancelled`` or ``expired``."""


class JobBlockedError(JobError):
    """The job waits for credits (``blocked_insufficient_credits``). Add credits, then resume it."""


class UploadError(PlangrepAsyncError):
    """One file could not be stored.

    Attributes:
        file_name: the name of the file as the user gave it.
        bytes_sent: body bytes that were written to the wire.
        bytes_confirmed: body bytes that the far end has acknowledged.
    """

    def __init__(
        self,
        message: str,
        *,
        file_name: str | None = None,
        bytes_sent: int | None = None,
        bytes_confirmed: int | None = None,
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.file_name = file_name
        self.bytes_sent = bytes_sent
        self.bytes_confirmed = bytes_confirmed


class SourceError(UploadError):
    """Something is wrong with the file itself; sending it again as it is does not help."""


class SourceNotFoundError(SourceError):
    """The file does not exist, or is a folder or a device."""


class SourceUnreadableError(SourceError):
    """The file cannot be opened or read."""


class SourceChangedError(SourceError):
    """The file's size or modification time changed while it was uploaded; nothing of it counts as stored."""


class TransferError(UploadError):
    """The bytes did not get through."""


class TransferConnectionError(TransferError):
    """The connection could not be made or broke.

    Attributes:
        nothing_sent: ``True`` when it is proven that no byte of the request left this machine.
        reused: the connection had carried earlier requests and broke before any byte of this answer. Servers close
            idle connections when they like, so this says little about their health.
    """

    def __init__(self, message: str, *, nothing_sent: bool = False, reused: bool = False, **context: Any) -> None:
        super().__init__(message, **context)
        self.nothing_sent = nothing_sent
        self.reused = reused


class TransferStalledError(TransferError):
    """No byte was taken by the far end, or no answer came, for longer than the stall timeout."""


class TransferCancelledError(TransferError):
    """The transfer was stopped on request. Seen in worker threads; a task sees its own cancellation."""


class StorageError(UploadError):
    """The storage service answered with an error; ``status``, ``code`` and ``service_message`` are its own."""


class UploadExpiredError(StorageError):
    """The signed URL, policy or upload session has run out; a new one is needed."""


class ChecksumMismatchError(UploadError):
    """What the far end stored is not what was sent."""


class UploadUnconfirmedError(UploadError):
    """The bytes were sent, the answer was lost, and asking the service did not settle whether they are stored."""


class UploadIncompleteError(UploadError):
    """Several files were to be stored, and some are not confirmed, for want of time or of a connection.

    Attributes:
        report: what is stored and what is not (:class:`plangrep_async.plangrep.UploadReport`): enough to go on.
    """

    def __init__(self, message: str, *, report: Any = None, **context: Any) -> None:
        super().__init__(message, **context)
        self.report = report


class UploadDeadlineExceededError(UploadIncompleteError, DeadlineExceededError):
    """``deadline=`` of an upload of several files ran out; names those that are not confirmed."""


class WebhookSignatureError(PlangrepAsyncError):
    """A webhook is not signed as the verifier expects, or is too old. Answer it with 401 or 403 and do nothing else."""


class QueueFullError(PlangrepAsyncError):
    """More calls wait than the queue takes. Nothing was sent; let some finish first, or allow a longer queue."""


class VersionUploadError(UploadError):
    """A version of sheets is not complete.

    Attributes:
        unfinished: how far it came; ``sheets.resume_version(unfinished)`` goes on.
        failures: why, one error for each file that is missing.
    """

    def __init__(
        self, message: str, *, unfinished: Any = None, failures: tuple[Exception, ...] = (), **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.unfinished = unfinished
        self.failures = failures


class ClientClosedError(PlangrepAsyncError):
    """The client was used after it was closed, or closed under a waiting call."""


class ClientForkedError(PlangrepAsyncError):
    """The client was opened in another process. Create one in each process, after the fork."""


class WrongEventLoopError(PlangrepAsyncError):
    """The client was opened on another event loop. Create one for each loop."""


_BY_STATUS: dict[int, type[APIStatusError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    413: PayloadTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
}


def status_error_class(status: int) -> type[APIStatusError]:
    """The class for an HTTP status; :class:`APIStatusError` itself where there is none of its own."""
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, APIStatusError)
