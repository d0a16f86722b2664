"""The journal: what is known of each document, durable before anything depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from attrs import asdict
from sqlalchemy import Connection, bindparam, case, func, insert, inspect, select, update

from ..errors import ConfigurationError
from .database import Database, location_text, open_engine
from .document import Document, Found, Problem, State
from .findings import forget_verified, reopen_missing
from .groups import close_group, release_strays
from .names import journal_text
from .reopening import reopen_failed, reopen_twins
from .rows import SEEN, TWIN, Group, Sample, Tally, document_of, group_of, rediscovered, row_of
from .schema import VERSION, documents, facts, groups, metadata, samples

__all__ = ["Group", "Journal", "Sample", "Tally"]

_PAGE = 500

# What is done several times for each document is built once: that costs more than the database itself.
_CHANGE = update(documents).where(documents.c.id == bindparam("document"))
_DIGEST = _CHANGE.values(
    sha256=bindparam("digest"),
    size=bindparam("bytes"),
    state=case((documents.c.state == State.DISCOVERED.value, State.DIGESTED.value), else_=documents.c.state),
)
_GONE = (State.FAILED.value, State.SKIPPED.value)


class Journal:
    """The journal of one migration. Use it with ``async with``.

    A write returns when it is durable; several at once share one commit. Reads see every write that has returned.

    Args:
        location: of an SQLite file (created when it does not exist), or a database URL (``postgresql://…``).
        create: ``False`` refuses to make a new one, and writes nothing to find that out. A file that may not be
            written can then be read all the same.

    Raises (on entering):
        ConfigurationError: the location cannot be used, or its journal was written by a newer version.
        JournalError: from every method, when the database fails; nothing of that write is in the journal.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        self.location = str(location)
        self._create = create
        self.database: Database

    async def __aenter__(self) -> Self:
        self.database = Database(await asyncio.to_thread(open_engine, self.location, create=self._create))
        try:
            await (self.database.write(_create) if self._create else self.database.read(self._check))
        except BaseException:
            await self.database.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.database.aclose()

    def _check(self, connection: Connection) -> None:
        if not inspect(connection).has_table(facts.name):
            raise ConfigurationError(
                f"{location_text(self.location)} is no journal of a migration; begin with `migrate run`"
            )
        _check_version(connection)

    # Facts

    async def fact(self, name: str) -> Any:
        """What was noted under ``name``, or ``None``."""
        return await self.database.read(
            lambda connection: connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
        )

    async def note(self, **values: Any) -> None:
        """Note facts of the whole migration; JSON values."""

        def work(connection: Connection) -> None:
            for name, value in values.items():
                changed = connection.execute(update(facts).where(facts.c.name == name).values(value=value)).rowcount
                if not changed:
                    connection.execute(insert(facts).values(name=name, value=value))

        await self.database.write(work)

    # Documents

    async def discover(self, found: Collection[Found], *, send_changed_again: bool = False) -> int:
        """Add the documents that are not known yet; returns how many were new.

        A known document that has not been begun takes the new fingerprint. One that was begun keeps its own: whether
        the file has changed since is found when it is opened. One that has arrived and changed since is noted as
        changed, or begun anew.
        """
        rows = {row["key"]: row for row in map(row_of, found)}

        def work(connection: Connection) -> int:
            known = connection.execute(
                select(
                    *(documents.c[name] for name in ("id", "key", "state", "problem", *SEEN)),
                ).where(documents.c.key.in_(list(rows)))
            ).all()
            for old in known:
                changes = rediscovered(old, rows.pop(old.key), send_changed_again)
                if changes:
                    _change(connection, old.id, changes)
            if rows:
                connection.execute(insert(documents), list(rows.values()))
            return len(rows)

        return await self.database.write(work) if rows else 0

    async def change(self, document_id: int, **changes: Any) -> int:
        """Change columns of one document. Returns when it is durable.

        Duplicates that were left out for the sake of its bytes are opened again when these do not arrive: when it fails
        or is skipped, or its digest is forgotten.

        Returns:
            How many duplicates were opened again.
        """
        return await self.database.write(lambda connection: _change(connection, document_id, changes))

    async def change_all(self, ids: Iterable[int], **changes: Any) -> None:
        """Change columns of several documents alike, in one transaction."""
        wanted = list(ids)
        await self.database.write(lambda connection: _change_all(connection, wanted, changes))

    async def digest(
        self, document_id: int, sha256: str, size: int, *, claim: bool, before: str | None = None
    ) -> int | None:
        """Note the digest of a document, and with ``claim`` look for another with the same bytes.

        Both happen in one transaction, so that of two equal files on their way at once exactly one goes on.

        Args:
            before: the digest that the document had. Duplicates of other bytes are opened again.

        Returns:
            The id of the document that these bytes go with, when it is another one.
        """

        file = {"document": document_id, "digest": sha256, "bytes": size}

        def work(connection: Connection) -> int | None:
            if before not in (None, sha256):
                reopen_twins(connection, document_id)
            connection.execute(_DIGEST, file)
            if not claim:
                return None
            twin = connection.execute(TWIN, file).scalar()
            if twin is not None:
                skipped = {
                    "state": State.SKIPPED.value,
                    "problem": Problem.DUPLICATE.value,
                    "duplicate_of": twin,
                    "group_id": None,
                    "target_id": None,
                    "resume": None,
                    "memo": None,
                }
                _change(connection, document_id, skipped)
            return twin

        return await self.database.write(work)

    async def claim_target(self, document_id: int, candidates: Iterable[str], **changes: Any) -> str:
        """Give a document the first of the names that no other one has, and change it; the name."""

        def work(connection: Connection) -> str:
            for name in candidates:
                taken = connection.execute(
                    select(documents.c.id).where(documents.c.target_id == name, documents.c.id != document_id)
                ).first()
                if taken is None:
                    connection.execute(
                        update(documents).where(documents.c.id == document_id).values(target_id=name, **changes)
                    )
                    return name
            raise ValueError(f"no name is free for document {document_id}")

        return await self.database.write(work)

    async def by_target(self, target_ids: Collection[str]) -> list[Document]:
        """The documents that became these records; some hundred at a time."""
        query = select(documents).where(documents.c.target_id.in_(list(target_ids)))
        return [
            document_of(row) for row in await self.database.read(lambda connection: connection.execute(query).all())
        ]

    async def forget_verification(self, group_id: int | None = None) -> None:
        """Everything that has arrived (in a group) has not been verified; what was found wrong with it stays."""
        await self.database.write(lambda connection: forget_verified(connection, group_id))

    async def reopen_missing(self) -> int:
        """Begin anew what verifications have found missing; how many."""
        return await self.database.write(reopen_missing)

    async def revive(self) -> int:
        """Begin failed documents anew, but ask first for those that may have arrived, and those of failed groups."""
        return await self.database.write(reopen_failed)

    async def get(self, document_id: int) -> Document:
        """One document. Raises ``KeyError`` for an id that is not there."""
        row = await self.database.read(
            lambda connection: connection.execute(select(documents).where(documents.c.id == document_id)).one_or_none()
        )
        if row is None:
            raise KeyError(document_id)
        return document_of(row)

    async def keys(self, ids: Collection[int]) -> Mapping[int, str]:
        """The keys of these documents by their ids; some hundred at a time."""
        query = select(documents.c.id, documents.c.key).where(documents.c.id.in_(list(ids)))
        rows = await self.database.read(lambda connection: connection.execute(query).all()) if ids else ()
        return {row.id: row.key for row in rows}

    async def documents(
        self,
        *states: State,
        group_id: int | None = None,
        grouped: bool | None = None,
        problem: Problem | None = None,
        kinds: Collection[str] = (),
        after: int = 0,
    ) -> AsyncGenerator[Document, None]:
        """Documents in the order of their ids, some hundred at a time; memory does not grow with their number.

        A document that changes while this runs is given as it is when its page is read.
        """
        query = select(documents).order_by(documents.c.id).limit(_PAGE)
        if states:
            query = query.where(documents.c.state.in_([state.value for state in states]))
        if group_id is not None:
            query = query.where(documents.c.group_id == group_id)
        if grouped is not None:
            query = query.where((documents.c.group_id.is_not(None)) if grouped else (documents.c.group_id.is_(None)))
        if problem is not None:
            query = query.where(documents.c.problem == problem.value)
        if kinds:
            query = query.where(documents.c.kind.in_(list(kinds)))
        while True:
            page = await self.database.read(
                lambda connection, last=after: connection.execute(  # type: ignore[misc]  # mypy infers no lambda with a default
                    query.where(documents.c.id > last)
                ).all()
            )
            for row in page:
                yield document_of(row)
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def tally(self) -> Tally:
        """Counts and bytes."""

        def work(connection: Connection) -> Tally:
            rows = connection.execute(
                select(documents.c.state, func.count(), func.sum(documents.c.size)).group_by(documents.c.state)
            ).all()
            problems = connection.execute(
                select(documents.c.problem, func.count())
                .where(documents.c.problem.is_not(None))
                .group_by(documents.c.problem)
            ).all()
            return Tally(
                {State(state): count for state, count, _ in rows},
                {State(state): int(size or 0) for state, _, size in rows},
                {Problem(problem): count for problem, count in problems},
            )

        return await self.database.read(work)

    # Groups

    async def open_group(self, ids: Iterable[int] = (), **values: Any) -> Group:
        """Make a group and put documents into it, in one transaction."""
        wanted = list(ids)

        def work(connection: Connection) -> Group:
            row = connection.execute(insert(groups).values(state="open", **values).returning(groups)).one()
            _change_all(connection, wanted, {"group_id": row.id})
            return group_of(row)

        return await self.database.write(work)

    async def change_group(self, group_id: int, **changes: Any) -> None:
        """Change columns of one group."""

        def work(connection: Connection) -> None:
            connection.execute(update(groups).where(groups.c.id == group_id).values(**changes))

        await self.database.write(work)

    async def close_group(self, group_id: int, arrived: Mapping[int, str], **changes: Any) -> None:
        """The group has ended. In one transaction it changes, what has arrived is completed, and whatever else is open
        in it begins anew in another group.

        Args:
            arrived: target ids by document id.
            **changes: columns of the group. Its error is forgotten unless it has a new one.
        """
        values = {"error": None, **changes}
        await self.database.write(lambda connection: close_group(connection, group_id, arrived, values))

    async def release_strays(self) -> int:
        """Begin open documents anew whose group takes none any more, as older versions left them; how many."""
        return await self.database.write(release_strays)

    async def groups(self, *states: str) -> list[Group]:
        """Groups in these states, or all; there is one for a hundred documents."""
        query = select(groups).order_by(groups.c.id)
        if states:
            query = query.where(groups.c.state.in_(states))
        return [group_of(row) for row in await self.database.read(lambda connection: connection.execute(query).all())]

    async def group_count(self, group: int) -> int:
        """How many documents are in a group, those that failed or were skipped left out."""
        query = select(func.count()).where(
            documents.c.group_id == group, documents.c.state.not_in([State.FAILED.value, State.SKIPPED.value])
        )
        return await self.database.read(lambda connection: connection.execute(query).scalar_one())

    # Samples

    async def sample(self, sample: Sample) -> None:
        """Keep a sample for the report."""
        await self.database.write(lambda connection: connection.execute(insert(samples).values(**asdict(sample))))

    async def samples(self) -> list[Sample]:
        """All samples, the oldest first."""
        query = select(samples).order_by(samples.c.id)
        rows = await self.database.read(lambda connection: connection.execute(query).all())
        return [Sample(row.time, row.documents, row.bytes, row.failures, row.throttled) for row in rows]


def _change(connection: Connection, document_id: int, changes: Mapping[str, Any]) -> int:
    connection.execute(_CHANGE, {"document": document_id, **_kept(changes)})
    if changes.get("state") in _GONE or ("sha256" in changes and changes["sha256"] is None):
        return reopen_twins(connection, document_id)
    return 0


def _kept(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Words of a service may hold what a database refuses."""
    error = changes.get("error")
    return changes if error is None else {**changes, "error": journal_text(error)}


def _change_all(connection: Connection, ids: Sequence[int], changes: Mapping[str, Any]) -> None:
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        connection.execute(update(documents).where(documents.c.id.in_(page)).values(**changes))


def _create(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    ours = there if connection.dialect.name == "sqlite" else there & set(metadata.tables)  # a server's may be shared
    if ours and facts.name not in there:
        raise ConfigurationError("the journal's database holds tables of something else; name another with --journal")
    metadata.create_all(connection)
    if _check_version(connection) is None:
        connection.execute(insert(facts).values(name="version", value=VERSION))
    if connection.execute(select(facts.c.value).where(facts.c.name == "id")).scalar() is None:
        connection.execute(insert(facts).values(name="id", value=uuid4().hex))


def _check_version(connection: Connection) -> int | None:
    version = connection.execute(select(facts.c.value).where(facts.c.name == "version")).scalar()
    if version not in (None, VERSION):
        raise ConfigurationError(
            f"this journal has format {version} and this program writes format {VERSION}; use the version of "
            "plangrep-async that made it"
        )
    return version
