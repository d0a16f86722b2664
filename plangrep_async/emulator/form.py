"""``multipart/form-data`` as a stream of events, so that no part is ever held whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator
from urllib.parse import unquote

from attrs import frozen
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

__all__ = ["FormError", "PartData", "PartEnd", "PartStart", "read_form"]

_BOUNDARY = re.compile(r"""multipart/form-data\s*;.*\bboundary=("?)([^";]{1,70})\1""", re.IGNORECASE)
_QUOTED = re.compile(r'[;\s](name|filename|filename\*)=(?:"([^"]*)"|([^;\s]*))', re.IGNORECASE)


class FormError(Exception):
    """The body is not the form that its content type promises."""


@frozen
class PartStart:
    """A part's head. ``file_name`` is None for a plain field."""

    name: str
    file_name: str | None
    content_type: str | None


@frozen
class PartData:
    """A piece of the part that began last."""

    data: memoryview


@frozen
class PartEnd:
    """The part ended."""


Event = PartStart | PartData | PartEnd


async def read_form(content_type: str, stream: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """The parts of a form, as they arrive.

    Raises:
        FormError: not a form, malformed, or ended early.
    """
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise FormError("the content type is not multipart/form-data with a boundary")
    collector = _Collector()
    parser = MultipartParser(found.group(2), collector.callbacks())  # type: ignore[arg-type]  # its TypedDict
    try:
        async for chunk in stream:
            if chunk:
                parser.write(chunk)
                for event in collector.take():
                    yield event
        parser.finalize()
    except MultipartParseError as error:
        raise FormError(f"malformed form: {error}") from error
    if not collector.ended:
        raise FormError("the form ends before its closing boundary")


class _Collector:
    """Turns the parser's callbacks into events."""

    def __init__(self) -> None:
        self.ended = False
        self._events: list[Event] = []
        self._headers: dict[str, bytes] = {}
        self._name = b""
        self._value = b""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._more_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._head_done,
            "on_part_data": self._data,
            "on_part_end": lambda: self._events.append(PartEnd()),
            "on_end": self._end,
        }

    def take(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _begin(self) -> None:
        self._headers = {}
        self._name = self._value = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _more_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def _head_done(self) -> None:
        disposition = self._headers.get("content-disposition", b"").decode("utf-8", "replace")
        fields = {key.lower(): quoted or plain for key, quoted, plain in _QUOTED.findall(disposition)}
        if "name" not in fields:
            raise FormError("a part has no name in its Content-Disposition")
        file_name: str | None = fields.get("filename")
        if file_name is not None:
            file_name = _browser_unescape(file_name)
        if "filename*" in fields:
            charset, _, encoded = fields["filename*"].partition("''")
            file_name = unquote(encoded, encoding=charset or "utf-8")
        content_type = self._headers.get("content-type")
        kind = None if content_type is None else content_type.decode("latin-1").strip()
        self._events.append(PartStart(_browser_unescape(fields["name"]), file_name, kind))

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(PartData(memoryview(data)[start:end]))

    def _end(self) -> None:
        self.ended = True


def _browser_unescape(text: str) -> str:
    """Undo what browsers do to names in a form (WHATWG HTML, "multipart/form-data encoding algorithm")."""
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")
