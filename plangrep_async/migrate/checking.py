"""Gathers what a verification finds, page by page."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import aclosing

from .document import ARRIVED, Document, State
from .journal import Journal
from .targets.target import Verified

__all__ = ["ARRIVED", "Checking", "differences"]

_SHOWN = 100


class Checking:
    """Notes good documents as verified, the others as completed only. Holds what it shows, and what differs.

    Args:
        journal: of the migration. Nothing is noted in one that may not be written.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._read_only = journal.database.read_only
        self._good: set[int] = set()
        self._unnoted: set[int] = set()
        self._number = 0
        self._digests = 0
        self._different: dict[str, str] = {}
        self._differing: dict[int, str] = {}
        self._notes: list[str] = []

    async def begin(self) -> None:
        """Forget what an earlier verification has found."""
        if not self._read_only:
            await self._journal.forget_verification()

    async def good(self, document: Document, *, digest: bool = False) -> None:
        """It is there, and the same as far as the service tells. One that is met twice counts once."""
        if document.state is State.VERIFIED and not self._read_only:
            return
        if document.id in (self._unnoted if self._read_only else self._good):
            return
        (self._unnoted if self._read_only else self._good).add(document.id)
        self._number += 1
        self._digests += digest
        if len(self._good) >= 500:
            await self._flush()

    def different(self, document: Document, what: str) -> None:
        """It is there, and not the same."""
        self._differing[document.id] = what
        if len(self._different) < _SHOWN:
            self._different[document.key] = what

    def note(self, text: str) -> None:
        """Something could not be compared."""
        self._notes.append(text)

    async def unseen(self, kinds: Collection[str], most: int) -> list[Document]:
        """Documents of these kinds that are neither good nor different so far; ``most`` of them at most."""
        await self._flush()
        found: list[Document] = []
        states = ARRIVED if self._read_only else (State.COMPLETED,)
        async with aclosing(self._journal.documents(*states, kinds=kinds)) as documents:
            async for document in documents:
                if document.id not in self._differing and document.id not in self._unnoted:
                    found.append(document)
                if len(found) == most:
                    break
        return found

    async def end(self) -> Verified:
        """The whole."""
        if self._read_only:
            self.note("the journal is read-only: that these were verified is not noted in it")
        else:
            for document_id, what in self._differing.items():
                await self._journal.change(document_id, error=what)
        missing = await self.unseen((), _SHOWN)
        tally = await self._journal.tally()
        return Verified(
            checked=tally.count(*ARRIVED),
            good=self._number,
            digests=self._digests,
            differing=len(self._differing),
            missing=tuple(document.key for document in missing),
            different=self._different,
            notes=tuple(self._notes),
        )

    async def _flush(self) -> None:
        good, self._good = self._good, set()  # others come while this is written
        await self._journal.change_all(good, state=State.VERIFIED.value)


def differences(pairs: Iterable[tuple[str, object, object]]) -> str | None:
    """A sentence on what differs: name, what was sent, what is there."""
    found = [f"{name}: {sent!r} was sent, {there!r} is there" for name, sent, there in pairs if sent != there]
    return "; ".join(found) or None
