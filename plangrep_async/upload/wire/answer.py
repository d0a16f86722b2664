"""What comes back."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["WireAnswer"]


@frozen
class WireAnswer:
    """The final answer to one request; redirects and errors are answers like any other.

    Attributes:
        status: the HTTP status.
        headers: names in lower case; values of a repeated name are joined by ``", "``.
        content: the body, cut at 1 MiB.
        sent: body bytes that were given to the socket.
        early: the answer came before the body was out; the rest was not sent.
        truncated: the body was longer than what is kept in ``content``.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(default=b"", repr=False)
    sent: int = 0
    early: bool = False
    truncated: bool = False
