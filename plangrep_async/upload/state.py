"""What must be kept of an upload so that another process can go on with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from ..errors import InvalidInputError
from .fingerprint import Fingerprint
from .parts import ConfirmedPart

__all__ = ["UploadState"]

_VERSION = 1


@frozen(kw_only=True)
class UploadState:
    """How far one upload has come: a small value that :meth:`to_json` turns into JSON and back.

    It holds neither URLs nor credentials, unless a service puts such into its target's ``memo``.

    Attributes:
        file_name: as the service sees it.
        fingerprint: the source as it was; a source that differs is refused on resume.
        kind: the value of a :class:`~plangrep_async.upload.plan.Path`.
        upload_id: the multipart session.
        part_size: bytes.
        parts: what the far end has confirmed, by number.
        stored: every byte is confirmed; only the completion may be missing.
        sha256: hexadecimal, when it was computed: for every source that is no file on disk, which nothing else tells
            from another of its size.
        mixed: the session got parts of another size, too, before this part size was chosen. What it lists then proves
            nothing: which bytes a part holds, its number and size do not tell.
        memo: the target's own ``memo``.
    """

    file_name: str
    fingerprint: Fingerprint
    kind: str
    upload_id: str | None = None
    part_size: int | None = None
    parts: tuple[ConfirmedPart, ...] = ()
    stored: bool = False
    sha256: str | None = None
    mixed: bool = False
    memo: Any = field(default=None, repr=False)

    @property
    def confirmed(self) -> int:
        """Bytes that the far end has confirmed."""
        return self.fingerprint.size if self.stored else sum(part.size for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """JSON values only, about 60 bytes for each confirmed part."""
        return {
            "version": _VERSION,
            "file_name": self.file_name,
            "fingerprint": self.fingerprint.to_json(),
            "kind": self.kind,
            "upload_id": self.upload_id,
            "part_size": self.part_size,
            "parts": [[part.number, part.size, part.etag] for part in self.parts],
            "stored": self.stored,
            "sha256": self.sha256,
            "mixed": self.mixed,
            "memo": self.memo,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> UploadState:
        """What :meth:`to_json` gave.

        Raises:
            InvalidInputError: it is no such value, or a later version wrote it.
        """
        try:
            if value["version"] != _VERSION:
                raise InvalidInputError(
                    f"the saved upload state has version {value['version']!r}, and this release reads {_VERSION}; "
                    "start the upload anew, or use the release that wrote it"
                )
            return cls(
                file_name=str(value["file_name"]),
                fingerprint=Fingerprint.from_json(value["fingerprint"]),
                kind=str(value["kind"]),
                upload_id=value["upload_id"],
                part_size=value["part_size"],
                parts=tuple(ConfirmedPart(int(n), int(size), str(etag)) for n, size, etag in value["parts"]),
                stored=bool(value["stored"]),
                sha256=value["sha256"],
                mixed=bool(value.get("mixed", False)),
                memo=value["memo"],
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(
                f"the saved upload state cannot be read ({error!r}); start the upload anew"
            ) from error
