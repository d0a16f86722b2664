"""What a user chooses about a migration."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen, validators

from ..errors import InvalidInputError

__all__ = ["Dedupe", "MigrationOptions", "OnChanged"]

OnChanged: TypeAlias = Literal["send", "send-again", "skip", "fail"]
Dedupe: TypeAlias = Literal["skip", "keep"]


def _check_version_name(_options: object, _attribute: object, name: str) -> None:
    if not name.strip():
        raise InvalidInputError("version_name: a version needs a name; give at least one character")


@frozen(kw_only=True)
class MigrationOptions:
    """Choices of one run; another run on the same journal may choose otherwise.

    Attributes:
        transfers: files on their way at once; the upload engine's own default when not given, and four for copies into
            a folder.
        max_bandwidth: bytes a second over all files.
        max_errors: a run stops when more documents than this have failed in it; ``None`` never stops.
        on_changed: what becomes of a file that changed since it was found: ``send`` it as it is now (one that had
            arrived before it changed is only reported), ``send-again`` (those too), ``skip``, or ``fail``.
        dedupe: ``skip`` sends equal bytes once and reports the others as duplicates; ``keep`` sends them all.
        wait: wait until the Plangrep jobs have ended.
        attempts: how often a document is begun before it counts as failed; what an outage costs is not counted.
        spool_bytes: of files that were fetched from a remote source and are not sent yet, at most; one that is larger
            passes alone. The default is what a Plangrep job holds at most, so that none is smaller for want of room.
        patience: seconds for which nothing but broken connections is put up with.
        jobs: Plangrep jobs that are filled at the same time.
        pdfs: what becomes of a PDF in PlanGrid: an attachment, or a sheet of a new version.
        version_name: of that version, where the source does not name one.

    Raises:
        InvalidInputError: the version's name is blank.
    """

    transfers: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    max_bandwidth: float | None = field(default=None, validator=validators.optional(validators.gt(0)))
    max_errors: int | None = field(default=None, validator=validators.optional(validators.ge(0)))
    on_changed: OnChanged = field(default="send", validator=validators.in_(("send", "send-again", "skip", "fail")))
    dedupe: Dedupe = field(default="skip", validator=validators.in_(("skip", "keep")))
    wait: bool = False
    attempts: int = field(default=5, validator=validators.ge(1))
    spool_bytes: int = field(default=10_000_000_000, validator=validators.ge(1))
    patience: float = field(default=86_400.0, validator=validators.gt(0))
    jobs: int = field(default=3, validator=validators.ge(1))
    pdfs: Literal["attachments", "sheets"] = field(
        default="attachments", validator=validators.in_(("attachments", "sheets"))
    )
    version_name: str = field(default="Migration", validator=_check_version_name)
