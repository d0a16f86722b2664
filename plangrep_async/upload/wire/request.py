"""What is sent: a request as a value, its body as a recipe with a known length."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attrs import field, frozen, validators

from .url import redacted

__all__ = ["BlockSource", "WireBody", "WireRequest"]


@runtime_checkable
class BlockSource(Protocol):
    """Bytes that can be read at any offset, from several threads at once (``os.preadv``, a slice of a buffer)."""

    def readinto_at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` with the bytes that start at ``offset``.

        Gives the number of bytes written to it: less than asked is allowed, and 0 means that the source ends here. An
        error of any other kind becomes :class:`~plangrep_async.errors.SourceUnreadableError`; those of this package
        pass as they are.
        """
        ...

    def verify(self) -> None:
        """Raise :class:`~plangrep_async.errors.SourceChangedError` when the source is not what it was when opened.

        Called once a request, when its last byte was read and before that byte leaves: what changed under the upload
        never arrives as a complete body.
        """
        ...


@frozen
class WireBody:
    """``prefix``, ``length`` bytes of ``source`` from ``offset`` on, ``suffix``; their sum is the Content-Length.

    Attributes:
        prefix: bytes before the file, for example the head of a form.
        source: where the file's bytes are read; ``None`` (with ``length`` 0) when there are none.
        offset: where reading starts, in bytes.
        length: how many bytes are read; a source that ends earlier fails the transfer.
        suffix: bytes after the file, for example the tail of a form.
    """

    prefix: bytes = field(default=b"", repr=False)
    source: BlockSource | None = field(default=None, repr=False)
    offset: int = field(default=0, validator=validators.ge(0))
    length: int = field(default=0, validator=validators.ge(0))
    suffix: bytes = field(default=b"", repr=False)

    def __attrs_post_init__(self) -> None:
        if self.length and self.source is None:
            raise ValueError("a body with a length needs a source")

    @property
    def total(self) -> int:
        """The whole length in bytes."""
        return len(self.prefix) + self.length + len(self.suffix)


@frozen
class WireRequest:
    """One HTTP request. Its ``repr`` shows neither the query nor the headers: both may carry signatures.

    Attributes:
        method: for example ``"PUT"``.
        url: absolute, ``http`` or ``https``, already percent-encoded; it is sent as it stands.
        headers: names and values in the order of sending. ``Host`` and ``Content-Length`` are added unless given;
            ``Transfer-Encoding``, ``Connection`` and a ``Content-Length`` that is not the body's are refused.
        body: what is sent.
    """

    method: str
    url: str = field(repr=lambda url: repr(redacted(url)))
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: WireBody = field(default=WireBody())
