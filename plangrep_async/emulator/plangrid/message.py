"""A request, its reply, and the error that stands for a reply: what handlers see of HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from attrs import Factory, define, field, frozen

from ..log import Exchange

__all__ = ["ApiError", "Reply", "Request", "dump", "show"]

_DECIMAL = re.compile(r'"\\u0000decimal (-?\d+(?:\.\d+)?)"')


@define
class Request:
    """A request as it came over a socket, or as an entry of a batch.

    Attributes:
        path: decoded, without the query and without a version in front.
        query: the raw query string.
        headers: names in lower case.
        entry: whether it is an entry of a batch.
        versioned: whether the path began with ``/v1``.
        exchange: the emulator's log entry of the HTTP request.
        spoiled: whether a fault keeps its answer from the client.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = Factory(dict)
    body: bytes = field(default=b"", repr=False)
    entry: bool = False
    versioned: bool = False
    exchange: Exchange | None = None
    spoiled: bool = False

    @property
    def delivered(self) -> bool:
        """Whether its answer reached the client, as far as is known."""
        log = self.exchange
        return not self.spoiled and (log is None or (log.outcome == "answered" and not log.faults))


@frozen
class Reply:
    """An answer. ``payload`` becomes JSON; ``None`` means an empty body, ``raw`` overrides both."""

    status: int
    payload: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None

    def content(self) -> bytes:
        """The body."""
        if self.raw is not None:
            return self.raw
        return b"" if self.payload is None else dump(self.payload).encode()


class ApiError(Exception):
    """Ends a handler with an error answer ``{"message": ...}`` and what else is given."""

    def __init__(self, status: int, message: str, headers: tuple[tuple[str, str], ...] = (), **more: Any) -> None:
        super().__init__(f"{status} {message}")
        self.reply = Reply(status, {"message": message, **more}, headers)


def _exact(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"\0decimal {value:f}"
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encode = json.JSONEncoder(separators=(", ", ": "), default=_exact).encode


def dump(payload: Any) -> str:
    """JSON text. A ``Decimal`` becomes a number with all its digits (costs are exact, page "The Issue Object")."""
    text = _encode(payload)
    return _DECIMAL.sub(r"\1", text) if "\\u0000" in text else text


def show(value: Any) -> str:
    """A value as the documented messages show it: ``null``, ``2``, ``[0, abc]``."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(show(item) for item in value)}]"
    return json.dumps(value, default=str)
