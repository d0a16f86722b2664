"""What a source of documents does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..document import Document, Found

__all__ = ["FETCHES", "Source", "no_records"]

FETCHES = 8
"""Files of a remote source that are fetched at once, at most."""


class Source(Protocol):
    """A set of documents that can be gone through more than once.

    Attributes:
        location: as the command line writes it; kept in the journal.
        is_remote: whether documents must be fetched before they can be sent.
    """

    @property
    def location(self) -> str: ...

    @property
    def is_remote(self) -> bool: ...

    async def probe(self) -> None:
        """Ask, with one attempt, whether what is to be read is there, where that is a service's; raises what that
        raises."""
        ...

    def scan(self) -> AsyncGenerator[list[Found], None]:
        """The documents, some hundred at a time, in an order of the source's own.

        What is wrong with a document at first sight stands in ``Found.problem``. Cancelled or left early: nothing is
        left running.
        """
        ...

    async def calls(self, kinds: Mapping[str, int], *, records: bool) -> tuple[int, int]:
        """What going through it and fetching its documents takes of its service; asked after a scan.

        Args:
            kinds: documents by kind.
            records: whether :meth:`records` are read, too.

        Returns:
            Calls at least, when they travel together, and at most, when each travels alone; beside retries, and the
            waiting for what the service makes first. Raises what the service raises.
        """
        ...

    async def fetch(self, document: Document, folder: Path) -> Path:
        """Where the document's file is. A remote one is put into ``folder`` under the name of ``document.id``; it is
        there only when it is whole.

        Raises what the service raises, and ``OSError`` where the file cannot be written.
        """
        ...

    def records(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """What the source has besides documents, some dozens at a time, for an export: ``kind``, ``record`` as the
        service tells it, and ``references`` (uids by collection) where it refers to others, or ``unread`` (why, by
        collection) where these are not told.

        A kind that is refused, because the account may not read it for example, is one line with ``kind`` and
        ``error``.
        """
        ...


async def no_records() -> AsyncGenerator[list[dict[str, Any]], None]:
    """Of a source that has documents only."""
    nothing: tuple[list[dict[str, Any]], ...] = ()
    for page in nothing:
        yield page
