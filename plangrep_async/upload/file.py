"""One file to upload, as its user names it."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import AsyncIterable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

from attrs import field, fields, frozen

from ..errors import InvalidInputError

__all__ = ["BinaryFile", "FileSource", "UploadFile", "guess_content_type"]


class BinaryFile(Protocol):
    """What is needed of a file object: all that Python's own libraries open in binary mode have it."""

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, whence: int = ..., /) -> int: ...

    def close(self) -> object: ...


FileSource: TypeAlias = (
    str
    | os.PathLike[str]
    | bytes
    | bytearray
    | memoryview
    | BinaryFile
    | Callable[[], BinaryFile]
    | AsyncIterable[bytes]
)

# What construction projects hold and Python's own table does not know (it differs between versions, too).
_CONTENT_TYPES = {
    ".dwf": "model/vnd.dwf",
    ".dwg": "image/vnd.dwg",
    ".dxf": "image/vnd.dxf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".heic": "image/heic",
    ".ifc": "application/x-step",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".zip": "application/zip",
}
_PYTHONS_OWN = dict(mimetypes.types_map)  # without reading this machine's files, so that it is the same everywhere


def guess_content_type(name: str) -> str:
    """The media type for a file name's ending; ``application/octet-stream`` when it is not known."""
    suffix = os.path.splitext(name)[1].lower()
    return _CONTENT_TYPES.get(suffix) or _PYTHONS_OWN.get(suffix) or "application/octet-stream"


_SIZES = (int, type(None))
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _frozen_copy(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(values)) if values else _NOTHING


@frozen(eq=False)
class UploadFile:
    """One file: where its bytes are, what it is called, and what a service wants to know of it.

    Nothing is opened or looked at before the upload starts.

    Args:
        source: one of

            - a path; opened anew for each attempt and each part;
            - ``bytes``, ``bytearray`` or ``memoryview``; must not change while it is uploaded;
            - a binary file object that can seek. It must stay open until the upload ends; the whole file is sent from
              its beginning, whatever its position. One that ``open()`` or :mod:`tempfile` gave is read with ``pread``
              and its position does not move; with any other all uploads of it take turns to seek and read;
            - a function without arguments that opens such a file object anew; what it gives is closed here;
            - an async iterable of ``bytes``, with ``size=``. It is read once. Where the upload needs its bytes before
              or more than once (a digest that the service wants beforehand, a multipart upload, ``on_state=``,
              ``resume=``, ``spool=True``) they go to an unnamed temporary file first; otherwise they are sent as they
              come, and a failure that would need them again ends in
              :class:`~plangrep_async.errors.BodyNotReplayableError`.
        name: the file's name for the service. Default: the last part of the path, or of the file object's ``name``.
        content_type: its media type; guessed from ``name`` by default.
        size: bytes; needed for an async iterable, checked for all other sources when given.
        spool: keep an async iterable in a temporary file first, so that it can be sent again.
        classification, title, folder: for services that know them; the engine itself does not look at them.
        attributes: anything else that a service or the user wants to keep with the file.

    Raises:
        InvalidInputError: ``name`` is missing and cannot be found, or ``size`` is missing or negative.
    """

    source: FileSource = field(repr=lambda source: repr(source) if isinstance(source, str) else type(source).__name__)
    name: str = field(default="", kw_only=True)
    content_type: str = field(default="", kw_only=True)
    size: int | None = field(default=None, kw_only=True)
    spool: bool = field(default=False, kw_only=True)
    classification: str | None = field(default=None, kw_only=True)
    title: str | None = field(default=None, kw_only=True)
    folder: str | None = field(default=None, kw_only=True)
    attributes: Mapping[str, Any] = field(factory=dict, converter=_frozen_copy, kw_only=True, repr=False)

    def __attrs_post_init__(self) -> None:
        if type(self.name) is not str or type(self.content_type) is not str or type(self.size) not in _SIZES:
            self._check_kinds()
        name = self.name or _name_of(self.source)
        if not name:
            raise InvalidInputError(
                f"UploadFile(name=): a {type(self.source).__name__} has no file name of its own; give it one"
            )
        if self.size is None and isinstance(self.source, AsyncIterable):
            raise InvalidInputError(
                f"UploadFile({name!r}, size=): an async iterable does not tell its length, and every service needs it "
                "beforehand; give the exact number of bytes"
            )
        if self.size is not None and self.size < 0:
            raise InvalidInputError(f"UploadFile({name!r}, size=): {self.size} is negative; give the number of bytes")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "content_type", self.content_type or guess_content_type(name))

    def _check_kinds(self) -> None:
        for field_name, kind in (("name", str), ("content_type", str), ("size", int)):
            value = getattr(self, field_name)
            if not (isinstance(value, kind) or (value is None and kind is int)) or isinstance(value, bool):
                wanted = "a string" if kind is str else "a whole number"
                raise InvalidInputError(f"UploadFile({field_name}=) must be {wanted}, not {value!r}")

    def __getstate__(self) -> dict[str, Any]:
        """For pickling and copying, where the source can be: a proxy of a mapping cannot."""
        state = {field.name: getattr(self, field.name) for field in fields(UploadFile)}
        return {**state, "attributes": dict(self.attributes)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in {**state, "attributes": _frozen_copy(state["attributes"])}.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, value: UploadFile | FileSource) -> UploadFile:
        """``value`` itself when it is an :class:`UploadFile`, else one made of it."""
        return value if isinstance(value, UploadFile) else cls(value)


def _name_of(source: FileSource) -> str:
    if isinstance(source, (str, os.PathLike)):
        return os.path.basename(os.fspath(source).rstrip("/"))
    name = getattr(source, "name", None)
    return os.path.basename(name) if isinstance(name, str) else ""
