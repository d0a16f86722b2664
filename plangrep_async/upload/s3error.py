"""Reading a storage service's refusal.

Source: Amazon S3 API Reference, "Error responses": ``<Error><Code>...</Code><Message>...</Message>...</Error>``. Read
leniently: other storages add namespaces, other elements, or answer with JSON, HTML or nothing.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from attrs import field, frozen

from .wire import WireAnswer

__all__ = ["S3Error", "parse_s3_error", "read_refusal"]

_LONGEST = 2_000  # characters of a field that are kept


def _opening(name: str) -> re.Pattern[str]:
    return re.compile(rf"<(?:[\w.-]{{1,64}}:)?{name}(?:\s[^<>]{{0,512}})?>")


_ERROR = _opening("Error")
_FIELDS = {name: _opening(name) for name in ("Code", "Message", "RequestId", "HostId", "Resource")}
_CDATA = "<![CDATA["


@frozen
class S3Error:
    """What an ``<Error>`` document says; elements that it lacks are ``None``.

    ``host_id`` and ``request_id`` are what the provider's support asks for.
    """

    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    host_id: str | None = None
    resource: str | None = field(default=None, repr=False)


def parse_s3_error(content: bytes) -> S3Error | None:
    """The error that ``content`` holds, or ``None`` when it is no such document. Never raises.

    Also finds the ``<Error>`` that S3 sends with status 200 when CompleteMultipartUpload fails late. No XML parser is
    asked: no entity is resolved, and a document cut short still gives what it says.
    """
    text = content.decode("utf-8", "replace")
    start = _ERROR.search(text)
    if start is None:
        return None
    found = {name: _content(pattern, text, start.end()) for name, pattern in _FIELDS.items()}
    if not any(found.values()):
        return None
    return S3Error(found["Code"], found["Message"], found["RequestId"], found["HostId"], found["Resource"])


def read_refusal(answer: WireAnswer) -> tuple[str | None, str | None]:
    """The code and the message of an answer that is no success; each ``None`` when it does not say.

    Knows S3's XML, and JSON with ``error`` (an object or a text), ``code`` and ``message``.
    """
    error = parse_s3_error(answer.content)
    if error is not None:
        return error.code, error.message
    try:
        document = json.loads(answer.content)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(document, dict):
        return None, None
    inner: Any = document.get("error", document)
    if not isinstance(inner, dict):
        return _text(document.get("code")), _text(document.get("message")) or _text(inner)
    return _text(inner.get("code")), _text(inner.get("message"))


def _content(opening: re.Pattern[str], text: str, start: int) -> str | None:
    """The text of the first such element, as far as it came."""
    match = opening.search(text, start)
    if match is None:
        return None
    if text.startswith(_CDATA, match.end()):
        return _text(text[match.end() + len(_CDATA) :].partition("]]>")[0])
    return _text(html.unescape(text[match.end() :].partition("<")[0]))


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return value.strip()[:_LONGEST] or None
