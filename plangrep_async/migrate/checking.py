"""Gathers what a verification finds, page by page."""

from __future__ import annotations

from collections.abc import Iterable

from .document import Document, State
from .journal import Journal
from .targets.target import Verified

__all__ = ["ARRIVED", "Checking", "differences"]

ARRIVED = (State.COMPLETED, State.VERIFIED)
_SHOWN = 100


class Checking:
    """Notes good documents as verified, the others as completed only. Holds what it shows, and ids of what differs.

    Args:
        journal: of the migration. Nothing is noted in one that may not be written.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._read_only = journal.database.read_only
        self._good: list[int] = []
        self._unnoted: set[int] = set()
        self._number = 0
        self._digests = 0
        self._different: dict[str, str] = {}
        self._differing: set[int] = set()
        self._notes: list[str] = []

    async def begin(self) -> None:
        """Forget what an earlier verification has found."""
        if not self._read_only:
            await self._journal.move(State.VERIFIED, State.COMPLETED)

    async def good(self, document: Document, *, digest: bool = False) -> None:
        """It is there, and the same as far as the service tells."""
        (self._unnoted.add if self._read_only else self._good.append)(document.id)
        self._number += 1
        self._digests += digest
        if len(self._good) >= 500:
            await self._flush()

    def different(self, document: Document, what: str) -> None:
        """It is there, and not the same."""
        self._differing.add(document.id)
        if len(self._different) < _SHOWN:
            self._different[document.key] = what

    def note(self, text: str) -> None:
        """Something could not be compared."""
        self._notes.append(text)

    async def end(self) -> Verified:
        """The whole."""
        await self._flush()
        if self._read_only:
            self.note("the journal is read-only: that these were verified is not noted in it")
        tally = await self._journal.tally()
        missing: list[str] = []
        async for document in self._journal.documents(*(ARRIVED if self._read_only else (State.COMPLETED,))):
            if document.id not in self._differing and document.id not in self._unnoted:
                missing.append(document.key)
            if len(missing) == _SHOWN:
                break
        return Verified(
            checked=tally.count(*ARRIVED),
            good=self._number,
            digests=self._digests,
            differing=len(self._differing),
            missing=tuple(missing),
            different=self._different,
            notes=tuple(self._notes),
        )

    async def _flush(self) -> None:
        await self._journal.change_all(self._good, state=State.VERIFIED.value)
        self._good.clear()


def differences(pairs: Iterable[tuple[str, object, object]]) -> str | None:
    """A sentence on what differs: name, what was sent, what is there."""
    found = [f"{name}: {sent!r} was sent, {there!r} is there" for name, sent, there in pairs if sent != there]
    return "; ".join(found) or None
