"""The journal: what is known of each document, durable before anything depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from attrs import asdict, frozen
from sqlalchemy import Connection, Row, case, func, insert, select, update

from ..errors import ConfigurationError
from .database import Database, open_engine
from .document import Document, Found, Problem, State
from .schema import VERSION, documents, facts, groups, metadata, samples

__all__ = ["Group", "Journal", "Sample", "Tally"]

_PAGE = 500


@frozen
class Tally:
    """Documents by state, with their bytes.

    Attributes:
        documents: by state.
        bytes: by state.
        problems: by problem.
    """

    documents: Mapping[State, int]
    bytes: Mapping[State, int]
    problems: Mapping[Problem, int]

    @property
    def total(self) -> int:
        """All documents that are known."""
        return sum(self.documents.values())

    def count(self, *states: State) -> int:
        """Documents in these states."""
        return sum(self.documents.get(state, 0) for state in states)

    def size(self, *states: State) -> int:
        """Bytes of the documents in these states."""
        return sum(self.bytes.get(state, 0) for state in states)


@frozen
class Group:
    """A job or a version that several documents go into.

    Attributes:
        state: the target's own word; ``open`` at first.
        target_id: the job's id, once it exists.
        idempotency_key: makes its creation and completion repeatable.
        memo: what the target must remember; JSON values.
    """

    id: int
    state: str
    target_id: str | None = None
    idempotency_key: str | None = None
    memo: Mapping[str, Any] | None = None
    error: str | None = None


@frozen
class Sample:
    """How far the migration was at a moment; totals since its start. ``time`` is in seconds since 1970."""

    time: float
    documents: int
    bytes: int
    failures: int
    throttled: int


class Journal:
    """The journal of one migration. Use it with ``async with``.

    A write returns when it is durable; several at once share one commit. Reads see every write that has returned.

    Args:
        location: of an SQLite file (created when it does not exist), or a database URL (``postgresql://…``).
        create: ``False`` refuses to make a new file.

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
            await self.database.write(_create)
        except BaseException:
            await self.database.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.database.aclose()

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

    async def discover(self, found: Collection[Found]) -> int:
        """Add the documents that are not known yet; returns how many were new.

        A known document that has not been begun takes the new fingerprint. One that was begun keeps its own: whether
        the file has changed since is found when it is opened.
        """
        rows = [_row_of(item) for item in found]
        if not rows:
            return 0

        def work(connection: Connection) -> int:
            keys = [row["key"] for row in rows]
            known = {
                row.key: State(row.state)
                for row in connection.execute(
                    select(documents.c.key, documents.c.state).where(documents.c.key.in_(keys))
                )
            }
            fresh = {row["key"]: row for row in rows if row["key"] not in known}
            if fresh:
                connection.execute(insert(documents), list(fresh.values()))
            for row in rows:
                if known.get(row["key"]) in (State.DISCOVERED, State.FAILED) or (
                    known.get(row["key"]) is State.SKIPPED and row["problem"] is None
                ):
                    changes = {name: value for name, value in row.items() if name not in ("key", "state")}
                    if known[row["key"]] is State.SKIPPED:
                        # What was skipped for a problem that has gone is a document like any other again.
                        changes |= {"state": row["state"], "error": None, "duplicate_of": None}
                    connection.execute(
                        update(documents).where(documents.c.key == row["key"]).values(**changes, sha256=None)
                    )
            return len(fresh)

        return await self.database.write(work)

    async def change(self, document_id: int, **changes: Any) -> None:
        """Change columns of one document. Returns when it is durable."""

        def work(connection: Connection) -> None:
            connection.execute(update(documents).where(documents.c.id == document_id).values(**changes))

        await self.database.write(work)

    async def change_all(self, ids: Iterable[int], **changes: Any) -> None:
        """Change columns of several documents alike, in one transaction."""
        wanted = list(ids)

        def work(connection: Connection) -> None:
            for start in range(0, len(wanted), _PAGE):
                page = wanted[start : start + _PAGE]
                connection.execute(update(documents).where(documents.c.id.in_(page)).values(**changes))

        await self.database.write(work)

    async def get(self, document_id: int) -> Document:
        """One document. Raises ``KeyError`` for an id that is not there."""
        row = await self.database.read(
            lambda connection: connection.execute(select(documents).where(documents.c.id == document_id)).one_or_none()
        )
        if row is None:
            raise KeyError(document_id)
        return _document(row)

    async def documents(
        self,
        *states: State,
        group_id: int | None = None,
        problem: Problem | None = None,
        kinds: Collection[str] = (),
        after: int = 0,
    ) -> AsyncIterator[Document]:
        """Documents in the order of their ids, some hundred at a time; memory does not grow with their number.

        A document that changes while this runs is given as it is when its page is read.
        """
        query = select(documents).order_by(documents.c.id).limit(_PAGE)
        if states:
            query = query.where(documents.c.state.in_([state.value for state in states]))
        if group_id is not None:
            query = query.where(documents.c.group_id == group_id)
        if problem is not None:
            query = query.where(documents.c.problem == problem.value)
        if kinds:
            query = query.where(documents.c.kind.in_(list(kinds)))
        while True:
            page = await self.database.read(
                lambda connection, last=after: connection.execute(  # type: ignore[misc]
                    query.where(documents.c.id > last)
                ).all()
            )
            for row in page:
                yield _document(row)
            if len(page) < _PAGE:
                return
            after = page[-1].id

    async def first_with(self, sha256: str, size: int, *, besides: int) -> Document | None:
        """The first other document with these bytes that was not skipped, if there is one."""
        query = (
            select(documents)
            .where(
                documents.c.sha256 == sha256,
                documents.c.size == size,
                documents.c.id != besides,
                documents.c.state != State.SKIPPED.value,
            )
            .order_by(documents.c.id)
            .limit(1)
        )
        row = await self.database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _document(row)

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

    async def open_group(self, **values: Any) -> Group:
        """Make a group; its documents are put into it with ``change_all(ids, group_id=…)``."""

        def work(connection: Connection) -> Group:
            row = connection.execute(insert(groups).values(state="open", **values).returning(groups)).one()
            return _group(row)

        return await self.database.write(work)

    async def change_group(self, group_id: int, **changes: Any) -> None:
        """Change columns of one group."""

        def work(connection: Connection) -> None:
            connection.execute(update(groups).where(groups.c.id == group_id).values(**changes))

        await self.database.write(work)

    async def groups(self, *states: str) -> list[Group]:
        """Groups in these states, or all; there is one for a hundred documents."""
        query = select(groups).order_by(groups.c.id)
        if states:
            query = query.where(groups.c.state.in_(states))
        return [_group(row) for row in await self.database.read(lambda connection: connection.execute(query).all())]

    async def group_sizes(self) -> Mapping[int, tuple[int, int]]:
        """For each group, the documents that are in it and their bytes, those that failed or were skipped left out."""
        query = (
            select(documents.c.group_id, func.count(), func.sum(documents.c.size))
            .where(
                documents.c.group_id.is_not(None),
                documents.c.state.not_in([State.FAILED.value, State.SKIPPED.value]),
            )
            .group_by(documents.c.group_id)
        )
        rows = await self.database.read(lambda connection: connection.execute(query).all())
        return {group_id: (count, int(size or 0)) for group_id, count, size in rows}

    # Samples

    async def sample(self, sample: Sample) -> None:
        """Keep a sample for the report."""
        await self.database.write(lambda connection: connection.execute(insert(samples).values(**asdict(sample))))

    async def samples(self) -> list[Sample]:
        """All samples, the oldest first."""
        query = select(samples).order_by(samples.c.id)
        rows = await self.database.read(lambda connection: connection.execute(query).all())
        return [Sample(row.time, row.documents, row.bytes, row.failures, row.throttled) for row in rows]

    async def progress(self) -> tuple[int, int, int]:
        """Documents that have arrived, their bytes, and failures: the totals of a sample."""
        arrived = documents.c.state.in_([State.COMPLETED.value, State.VERIFIED.value])
        query = select(
            func.count(case((arrived, 1))),
            func.sum(case((arrived, documents.c.size), else_=0)),
            func.count(case((documents.c.state == State.FAILED.value, 1))),
        )
        row = await self.database.read(lambda connection: connection.execute(query).one())
        return int(row[0]), int(row[1] or 0), int(row[2])


def _create(connection: Connection) -> None:
    metadata.create_all(connection)
    version = connection.execute(select(facts.c.value).where(facts.c.name == "version")).scalar()
    if version is None:
        connection.execute(insert(facts).values(name="version", value=VERSION))
    elif version != VERSION:
        raise ConfigurationError(
            f"this journal has format {version} and this program writes format {VERSION}; use the version of "
            "plangrep-async that made it"
        )


def _row_of(found: Found) -> dict[str, Any]:
    row = asdict(found, recurse=False)
    row["state"] = State.DISCOVERED.value if found.problem is None else State.SKIPPED.value
    row["problem"] = None if found.problem is None else found.problem.value
    row["source"], row["attributes"] = dict(found.source), dict(found.attributes)
    return row


def _document(row: Row[Any]) -> Document:
    values = dict(cast("Mapping[str, Any]", row._mapping))
    values["state"] = State(values["state"])
    values["problem"] = None if values["problem"] is None else Problem(values["problem"])
    return Document(**values)


def _group(row: Row[Any]) -> Group:
    return Group(**cast("Mapping[str, Any]", row._mapping))
