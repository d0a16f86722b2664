"""Every error that this package raises.

::

    PlangrepAsyncError
    ├── InvalidInputError             (also ValueError)  an argument breaks a documented rule; nothing was sent
    │   └── ConfigurationError            settings that cannot work, found before any request
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
    ├── DeadlineExceededError         (also TimeoutError) ``deadline=`` ran out or surely will; says where the time went
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
    │   ├── UploadIncompleteError         of several files, some are not confirmed; ``report`` says which
    │   │   └── UploadDeadlineExceededError   (also DeadlineExceededError) because ``deadline=`` ran out
    │   └── VersionUploadError            a version of sheets is not complete; ``sheets.resume_version`` goes on
    ├── WebhookSignatureError         a webhook is not signed as the verifier expects
    ├── QueueFullError                more calls wait than the queue takes; nothing was sent
    ├── ClientClosedError             used after ``aclose()``
    ├── ClientForkedError             used in a child process of the one that opened it
    └── WrongEventLoopError           used on another event loop than the one that opened it, or on none of asyncio's

Each error carries what is known of the call: method, URL without secrets, status, the service's own code and message,
the whole body, attempts and elapsed seconds; what is not known is ``None``.
"""

from __future__ import annotations

from .call import (
    APIConnectionError,
    APITimeoutError,
    BodyNotReplayableError,
    DeadlineExceededError,
    DecodeError,
    QueueFullError,
)
from .client import ClientClosedError, ClientForkedError, WrongEventLoopError
from .job import JobBlockedError, JobError, JobFailedError, WaitTimeoutError, WebhookSignatureError
from .root import ConfigurationError, InvalidInputError, PlangrepAsyncError
from .status import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    GoneError,
    NotFoundError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnprocessableEntityError,
    status_error_class,
)
from .upload import (
    ChecksumMismatchError,
    SourceChangedError,
    SourceError,
    SourceNotFoundError,
    SourceUnreadableError,
    StorageError,
    TransferCancelledError,
    TransferConnectionError,
    TransferError,
    TransferStalledError,
    UploadDeadlineExceededError,
    UploadError,
    UploadExpiredError,
    UploadIncompleteError,
    UploadUnconfirmedError,
    VersionUploadError,
)

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
