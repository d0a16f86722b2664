"""The head of a request, in bytes."""

from __future__ import annotations

import re

from ...errors import InvalidInputError
from .request import WireRequest
from .url import Target

__all__ = ["connect_head", "request_head"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 9110, 5.5: visible characters and what is above ASCII, with blanks and tabs between them.
_VALUE = re.compile(r"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
_OURS = frozenset({"transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "proxy-authorization"})


def request_head(request: WireRequest, target: Target, *, through_proxy: bool = False, proxy_auth: str = "") -> bytes:
    """The request line and the headers, ``Host`` and ``Content-Length`` included, with the empty line.

    Args:
        request: what to send.
        target: its URL, parsed.
        through_proxy: name the whole URL in the request line (RFC 9112, 3.2.2).
        proxy_auth: the value of ``Proxy-Authorization``, for requests that a proxy reads.

    Raises:
        InvalidInputError: a method, name or value that cannot stand in a head, or a header that is not the caller's.
    """
    if not _TOKEN.fullmatch(request.method):
        raise InvalidInputError(f"{request.method!r} is no HTTP method")
    total = request.body.total
    lines: list[str] = []
    has_host = has_length = False
    for name, value in request.headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidInputError(f"header {name!r} must be text, not {type(value).__name__}")
        lower = name.lower()
        if not _TOKEN.fullmatch(name):
            raise InvalidInputError(f"{name!r} cannot be a header's name")
        if not _VALUE.fullmatch(value):
            raise InvalidInputError(
                f"the value of header {name!r} cannot be sent: no line breaks, NUL or other control characters, no "
                "blanks at its ends, nothing outside Latin-1"
            )
        if lower in _OURS:
            raise InvalidInputError(f"header {name!r} belongs to the connection: leave it out")
        if lower == "content-length":
            if has_length or value != str(total):
                raise InvalidInputError(f"Content-Length {value!r} is not the body's {total} bytes: leave it out")
            has_length = True
        elif lower == "host":
            if has_host:
                raise InvalidInputError("two Host headers: give one or none")
            has_host = True
        lines.append(f"{name}: {value}\r\n")
    origin = target.origin
    start = f"{request.method} {origin.scheme}://{origin.authority}" if through_proxy else f"{request.method} "
    host = "" if has_host else f"Host: {origin.authority}\r\n"
    length = "" if has_length else f"Content-Length: {total}\r\n"
    proxy = f"Proxy-Authorization: {proxy_auth}\r\n" if proxy_auth else ""
    return f"{start}{target.path} HTTP/1.1\r\n{host}{''.join(lines)}{length}{proxy}\r\n".encode("latin-1")


def connect_head(host: str, port: int, proxy_auth: str = "") -> bytes:
    """The request for a tunnel (RFC 9110, 9.3.6)."""
    authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    proxy = f"Proxy-Authorization: {proxy_auth}\r\n" if proxy_auth else ""
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{proxy}\r\n".encode("ascii")
