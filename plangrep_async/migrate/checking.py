"""Gathers what a verification finds, page by page."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing
from functools import partial

from .document import ARRIVED, Document, Problem, State
from .findings import note_good, note_wrong
from .journal import Journal
from .targets.target import Verified

__all__ = ["ARRIVED", "Checking", "differences"]

_SHOWN = 100
_PAGE = 500
_MISSING = "it was not found at the target"


class Checking:
    """Notes good documents as verified, and the others as completed, with what is wrong. Holds what it shows, and what
    differs.

    Args:
        journal: of the migration. Nothing is noted in one that may not be written.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._read_only = journal.database.read_only
        self._good: set[int] = set()
        self._unnoted: set[int] = set()
        self._unknown: set[int] = set()
        self._digests = 0
        self._different: dict[str, str] = {}
        self._differing: dict[int, str] = {}
        self._notes: list[str] = []

    async def begin(self, group_id: int | None = None) -> None:
        """Everything (of a group) is compared anew."""
        if not self._read_only:
            await self._journal.forget_verification(group_id)

    async def good(self, document: Document, *, digest: bool = False) -> None:
        """It is there, and the same as far as the service tells. One that is met twice counts once."""
        if document.state is State.VERIFIED and not self._read_only:
            return
        if document.id in (self._unnoted if self._read_only else self._good):
            return
        (self._unnoted if self._read_only else self._good).add(document.id)
        self._digests += digest
        if len(self._good) >= _PAGE:
            await self._flush()

    def different(self, document: Document, what: str) -> None:
        """It is there, and not the same."""
        self._differing[document.id] = what
        if len(self._different) < _SHOWN:
            self._different[document.key] = what

    async def keep(self, document: Document) -> None:
        """It cannot be compared any more, which proves nothing: what an earlier verification has found stays."""
        if document.state is State.VERIFIED:
            await self.good(document)
        elif document.problem is Problem.DIFFERENT:
            self.different(document, document.error or "")
        elif document.problem is not Problem.MISSING:
            self._unknown.add(document.id)

    def note(self, text: str) -> None:
        """Something could not be compared, or is worth a line."""
        self._notes.append(text)

    async def unseen(self, kinds: Collection[str], most: int) -> list[Document]:
        """Documents of these kinds that are neither good nor different so far; ``most`` of them at most."""
        found: list[Document] = []
        async with aclosing(self._unmet(kinds)) as documents:
            async for document in documents:
                found.append(document)
                if len(found) == most:
                    break
        return found

    async def end(self) -> Verified:
        """The whole, and what is wrong noted."""
        if self._read_only:
            self.note("the journal is read-only: what was found is not noted in it")
        await self._note(Problem.DIFFERENT, self._differing)
        shown: list[str] = []
        number, page = 0, dict[int, str]()
        async with aclosing(self._unmet()) as documents:
            async for document in documents:
                number += 1
                page[document.id] = _MISSING
                if len(shown) < _SHOWN:
                    shown.append(document.key)
                if len(page) == _PAGE:
                    await self._note(Problem.MISSING, page)
                    page = {}
        await self._note(Problem.MISSING, page)
        checked = (await self._journal.tally()).count(*ARRIVED)
        return Verified(
            checked=checked,
            good=checked - number - len(self._differing) - len(self._unknown),
            digests=self._digests,
            differing=len(self._differing),
            unknown=len(self._unknown),
            missing=tuple(shown),
            different=self._different,
            notes=tuple(self._notes),
        )

    async def _unmet(self, kinds: Collection[str] = ()) -> AsyncGenerator[Document, None]:
        await self._flush()
        states = ARRIVED if self._read_only else (State.COMPLETED,)
        async with aclosing(self._journal.documents(*states, kinds=kinds)) as documents:
            async for document in documents:
                if not any(document.id in met for met in (self._differing, self._unnoted, self._unknown)):
                    yield document

    async def _note(self, finding: Problem, texts: Mapping[int, str]) -> None:
        if not self._read_only:
            await self._journal.database.write(partial(note_wrong, finding=finding, texts=texts))

    async def _flush(self) -> None:
        good, self._good = self._good, set()  # others come while this is written
        if good:
            await self._journal.database.write(partial(note_good, ids=good))


def differences(pairs: Iterable[tuple[str, object, object]]) -> str | None:
    """A sentence on what differs: name, what was sent, what is there."""
    found = [f"{name}: {sent!r} was sent, {there!r} is there" for name, sent, there in pairs if sent != there]
    return "; ".join(found) or None
