"""One upload as a value: the files, where they go, and what the service does before, after and in doubt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeAlias

from attrs import field, frozen
from typing_extensions import TypeVar

from .._checks import is_number
from ..errors import InvalidInputError
from .file import FileSource, UploadFile
from .fingerprint import Fingerprint
from .parts import ConfirmedPart
from .state import UploadState
from .targets import Target, check_target
from .wire import WireAnswer

__all__ = [
    "NOT_STORED",
    "UNKNOWN",
    "Confirmation",
    "PreparedFile",
    "SendAgain",
    "SlotRequest",
    "StartOver",
    "Stored",
    "Unconfirmed",
    "Upload",
    "stored_as",
]


@frozen
class PreparedFile:
    """A file as it was found on disk.

    Attributes:
        file: as the user gave it.
        fingerprint: size and modification time; checked again whenever its bytes are read.
        digests: hexadecimal, by name (``"sha256"``), those that ``Upload.digests`` asked for.
    """

    file: UploadFile
    fingerprint: Fingerprint
    digests: Mapping[str, str] = field(factory=dict)

    @property
    def name(self) -> str:
        """The file's name for the service."""
        return self.file.name

    @property
    def content_type(self) -> str:
        """The media type."""
        return self.file.content_type

    @property
    def size(self) -> int:
        """Bytes, exact."""
        return self.fingerprint.size

    @property
    def sha256(self) -> str | None:
        """64 lower-case hexadecimal digits, or ``None`` when it was not asked for."""
        return self.digests.get("sha256")


@frozen
class SlotRequest:
    """What the engine knows when it asks a service where to send the files.

    Attributes:
        files: in the order of the upload.
        renewal: 0 the first time, then 1 for the first renewal, and so on.
        previous: the target that ran out or failed, when this is a renewal.
        reason: why a new one is needed.
        state: what a former process had reached (``Upload.resume``), so that its session can be continued.
    """

    files: tuple[PreparedFile, ...]
    renewal: int = 0
    previous: Target | None = None
    reason: Exception | None = None
    state: UploadState | None = None

    @property
    def file(self) -> PreparedFile:
        """The first, for uploads of one file."""
        return self.files[0]


@frozen
class Stored:
    """The bytes are at the far end, confirmed.

    Attributes:
        files: what was sent.
        memo: the target's ``memo``; of the saved state when a former process had stored the bytes.
        target: where they were sent; ``None`` when a former process did that.
        answer: the last answer (of the form or the PUT); ``None`` for multipart, when it was lost and confirmed, and
            when a former process had it.
        parts: of a multipart upload, in order.
        finished: what ``MultipartTarget.finish`` gave.
        evidence: what ``Upload.confirm`` gave with its "stored".
    """

    files: tuple[PreparedFile, ...]
    memo: Any = field(default=None, repr=False)
    target: Target | None = None
    answer: WireAnswer | None = None
    parts: tuple[ConfirmedPart, ...] = ()
    finished: Any = None
    evidence: Any = None

    @property
    def file(self) -> PreparedFile:
        """The first, for uploads of one file."""
        return self.files[0]


#: What ``Upload.complete`` gives; without it, :class:`Stored`.
R = TypeVar("R", default=Stored)


@frozen
class Unconfirmed:
    """All bytes were sent, or may have been, and no usable answer came.

    Attributes:
        target: where they were sent.
        files: what was sent.
        reason: what happened to the answer.
    """

    target: Target
    files: tuple[PreparedFile, ...]
    reason: Exception


@frozen
class Confirmation:
    """What asking has brought to light: see :func:`stored_as`, :data:`NOT_STORED` and :data:`UNKNOWN`."""

    stored: bool | None
    evidence: Any = None


#: The far end does not hold it: it is sent again.
NOT_STORED = Confirmation(False)
#: Asking did not settle it: sent again when the target is repeatable, else the upload fails as unconfirmed.
UNKNOWN = Confirmation(None)


def stored_as(evidence: Any = None) -> Confirmation:
    """The far end holds it; ``evidence`` is handed on as :attr:`Stored.evidence`."""
    return Confirmation(True, evidence)


class SendAgain(Exception):
    """Raised by ``Upload.complete``: the service does not have the bytes; send them again to the same target."""


class StartOver(Exception):
    """Raised by ``Upload.complete`` or a target's callback: the session is gone; ask for a new target, begin anew."""


TargetSource: TypeAlias = Target | Callable[[SlotRequest], Awaitable[Target]]


DigestNames: TypeAlias = tuple[str, ...] | Callable[[int], tuple[str, ...]]


def _digest_names(value: Iterable[str] | Callable[[int], tuple[str, ...]]) -> DigestNames:
    return value if callable(value) else tuple(value)


def _files(value: UploadFile | FileSource | Sequence[UploadFile | FileSource]) -> tuple[UploadFile, ...]:
    if isinstance(value, (list, tuple)):
        return tuple(UploadFile.of(item) for item in value)
    return (UploadFile.of(value),)  # type: ignore[arg-type]  # no sequence is left, which mypy cannot tell


@frozen(eq=False)
class Upload(Generic[R]):
    """One unit of work of the scheduler: one file, or several that leave in one form.

    Attributes:
        files: one file or a list of them; paths are taken too. Several only with a :class:`FormTarget`.
        target: where to send, or a function that asks the service for it. The function is called shortly before the
            bytes can leave, after the digests are known, and again whenever the target ran out: an expired URL needs no
            care of its own. It should not be asked for longer than a target lives.
        complete: called when the bytes are stored; what it returns is ``Outcome.result``. It may raise
            :class:`SendAgain` or :class:`StartOver`; any other error ends the upload. Without it the result is
            :class:`Stored`.
        confirm: asked when an answer was lost after bytes had left: did the far end store them? See
            :class:`Confirmation`.
        digests: names of :mod:`hashlib` algorithms that ``target`` needs beforehand, for example ``("sha256",)``; or a
            function that tells them from a file's size in bytes, where not every way of sending needs them.
        resume: what a former process had reached. A source that differs is refused: a file on disk is recognised by
            its path, size, modification time and inode, any other source by its SHA-256.
        on_state: called with each new :class:`UploadState`, before anything depends on it; when it fails, the upload
            fails. Several parts that are confirmed while a call is running lead to one more call. A source that is no
            file on disk is hashed first, so that it can be recognised.
        deadline: seconds from the moment the scheduler takes it up; then
            :class:`~plangrep_async.errors.DeadlineExceededError`.
        abort: on cancellation or a deadline, give a multipart session up instead of keeping it for resume.
            That is waited for, ten seconds at most.
        key: whatever the user wants to recognise it by.

    Raises:
        InvalidInputError: no file, no target, or a deadline that is not positive.
    """

    files: tuple[UploadFile, ...] = field(converter=_files)
    target: TargetSource = field(repr=False)
    complete: Callable[[Stored], Awaitable[R]] | None = field(default=None, kw_only=True, repr=False)
    confirm: Callable[[Unconfirmed], Awaitable[Confirmation]] | None = field(default=None, kw_only=True, repr=False)
    digests: DigestNames = field(default=(), converter=_digest_names, kw_only=True)
    resume: UploadState | None = field(default=None, kw_only=True, repr=False)
    on_state: Callable[[UploadState], Awaitable[None] | None] | None = field(default=None, kw_only=True, repr=False)
    deadline: float | None = field(default=None, kw_only=True)
    abort: bool = field(default=False, kw_only=True)
    key: Any = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.files:
            raise InvalidInputError("Upload(files=): there is no file; give at least one")
        if isinstance(self.target, type) or not callable(self.target):
            check_target(self.target, "it is of type")
        if self.resume is not None and not isinstance(self.resume, UploadState):
            raise InvalidInputError(
                f"Upload(resume=): {type(self.resume).__name__} is no UploadState; UploadState.from_json makes one"
            )
        if self.deadline is not None and not (is_number(self.deadline) and self.deadline > 0):
            raise InvalidInputError(
                f"Upload(deadline=): {self.deadline!r} is no positive number; give seconds, or None for none"
            )

    def digests_for(self, size: int) -> tuple[str, ...]:
        """The names of ``digests`` for a file of ``size`` bytes."""
        return self.digests(size) if callable(self.digests) else self.digests

    @property
    def file(self) -> UploadFile:
        """The first, for uploads of one file."""
        return self.files[0]
