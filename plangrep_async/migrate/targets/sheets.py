"""Versions of sheets: PDFs in groups, each group a version that is complete or not there at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import aclosing

from ...errors import (
    InvalidInputError,
    PlangrepAsyncError,
    SourceChangedError,
    TransferCancelledError,
    UploadError,
    VersionUploadError,
)
from ...plangrid import UnfinishedVersion, VersionUpload
from ...plangrid.scope import ProjectScope
from ...plangrid.uploads.content import pdf_type, read_head
from ...upload import Fingerprint, UploadFile
from ..document import OPEN, Document
from ..failure import Verdict, judge
from ..feed import Ready, feed
from ..fingerprint import fingerprint
from ..journal import Group
from ..options import MigrationOptions
from ..packing import Pile, hashed, pack
from ..run import Run, Stopping

__all__ = ["VersionPacker"]


class VersionPacker:
    """One pass over the sheets: goes on with the versions that were begun, then makes new ones.

    The journal keeps each version's state as PlanGrid's client gives it: a version cannot be asked for. One is gone on
    with while it is whole: all of its files are to be in it still, and those that PlanGrid does not have yet are as
    they were when it was begun. Otherwise it is given up, never shown to anybody, and its files go into another.
    """

    def __init__(self, run: Run, project: ProjectScope, options: MigrationOptions, most_files: int) -> None:
        self._run = run
        self._project = project
        self._options = options
        self._most_files = most_files

    async def deliver(self) -> None:
        """The pass. Raises what stops the run."""
        run = self._run
        await run.journal.release_strays()
        for group in await run.journal.groups("open"):
            if run.stopping:
                return
            await self._go_on(group)
        waiting = run.journal.documents(*OPEN, kinds=("sheet",), grouped=False)
        files = hashed(run, self._checked(feed(run, waiting)))
        async for pile in pack(files, self._version_of, most_files=self._most_files, distinct=True):
            await run.outage.gate()
            if run.stopping:
                return
            documents = [ready.document for ready in pile.items]
            group = await run.journal.open_group(
                [document.id for document in documents], memo={"name": self._version_of(pile.items[0])}
            )
            await self._carry(group, documents, pile, None)

    async def _checked(self, files: AsyncGenerator[Ready | None, None]) -> AsyncGenerator[Ready | None, None]:
        # One file that is no PDF would keep the whole version back.
        async with aclosing(files) as readies:
            async for ready in readies:
                if ready is None:
                    yield None
                    continue
                try:
                    pdf_type(await read_head(UploadFile(ready.path)), ready.document.name)
                except PlangrepAsyncError as error:
                    await self._run.failed(ready.document, error)
                    continue
                yield ready

    def _version_of(self, ready: Ready) -> str:
        return str(ready.document.attributes.get("version_name") or self._options.version_name)

    async def _go_on(self, group: Group) -> None:
        saved = (group.memo or {}).get("unfinished")
        if saved is None:  # PlanGrid was not told of it yet
            await self._run.journal.close_group(group.id, {}, state="empty")
            return
        unfinished = UnfinishedVersion.from_json(saved)
        if await self._documents_of(group, unfinished) is None:
            return
        missing = {place.name: place.fingerprint for place in unfinished.missing}
        pile = Pile()
        async for ready in feed(self._run, self._among(group, missing), at_once=True):
            if ready is not None:
                pile.add(ready)
        documents = None if self._run.stopping else await self._documents_of(group, unfinished)
        if documents is None or pile.names != set(missing):
            self._rest(pile)  # what could not be had this time is begun again
        elif any(_differs(ready.document, missing[ready.document.name]) for ready in pile.items):
            self._rest(pile)
            await self._give_up(group, unfinished, "a file has changed since it was begun")
        else:
            await self._carry(group, documents, pile, unfinished)

    async def _among(self, group: Group, names: Container[str]) -> AsyncGenerator[Document, None]:
        async with aclosing(self._run.journal.documents(*OPEN, group_id=group.id)) as documents:
            async for document in documents:
                if document.name in names:
                    yield document

    async def _documents_of(self, group: Group, unfinished: UnfinishedVersion) -> list[Document] | None:
        """All documents of a version; ``None`` when some have ended by themselves, and the version was given up."""
        documents = [document async for document in self._run.journal.documents(*OPEN, group_id=group.id)]
        if {document.name for document in documents} == {file.name for file in unfinished.files}:
            return documents
        await self._give_up(group, unfinished, "some of its files have failed or were left out")
        return None

    async def _give_up(self, group: Group, unfinished: UnfinishedVersion, why: str) -> None:
        """A version takes all of its files or none."""
        told = f"the version {unfinished.version_name!r} was given up, and the others went into another: {why}"
        await self._run.journal.close_group(group.id, {}, state="abandoned", error=told)

    def _rest(self, pile: Pile) -> None:
        for ready in pile.items:
            self._run.spool.rest(ready.document.id)

    async def _carry(
        self, group: Group, documents: Sequence[Document], pile: Pile, unfinished: UnfinishedVersion | None
    ) -> None:
        run = self._run
        try:
            done = await self._send(group, documents, pile, unfinished)
        except Stopping:
            return
        except PlangrepAsyncError as error:
            await self._failed(group, documents, error)
            return
        finally:
            self._rest(pile)
        arrived = {document.id: f"{done.uid}/{document.name}" for document in documents}
        await run.journal.close_group(group.id, arrived, state="done", target_id=done.uid)
        for document in documents:
            await run.arrived(document, arrived[document.id], document.size)
        run.group_ended(done.uid, "complete", len(documents))

    async def _send(
        self, group: Group, documents: Sequence[Document], pile: Pile, unfinished: UnfinishedVersion | None
    ) -> VersionUpload:
        run, sheets = self._run, self._project.sheets
        memo = dict(group.memo or {})
        begun = False

        sent = {ready.document.name: ready.document for ready in pile.items}

        async def reached(now: UnfinishedVersion) -> None:
            nonlocal begun
            for place in () if begun else now.missing:
                if place.name in sent and _differs(sent[place.name], place.fingerprint):
                    raise SourceChangedError(f"{place.name} has changed since it was digested", file_name=place.name)
            await run.journal.change_group(group.id, memo={**memo, "unfinished": now.to_json()})
            missing = {place.name for place in now.missing}
            note = run.meter.confirmed if begun else run.meter.began
            for document in documents:
                whole = document.name not in missing
                note(document.id, document.size if whole else 0, whole=whole)
            if not begun:
                run.check()  # nothing is on the wire yet
            begun = True

        files = [UploadFile(ready.path, name=ready.document.name) for ready in pile.items]
        if unfinished is None:
            return await sheets.upload_version(str(memo["name"]), files, on_state=reached)
        return await sheets.resume_version(unfinished, files, on_state=reached)

    async def _failed(self, group: Group, documents: Sequence[Document], error: PlangrepAsyncError) -> None:
        """Each file answers for its own failure; for one of the version's calls, all that are not stored do."""
        run = self._run
        if isinstance(error, InvalidInputError):
            raise error  # no file is to blame, and the sentence says what is
        unfinished: UnfinishedVersion | None = error.unfinished if isinstance(error, VersionUploadError) else None
        causes = (error.failures if isinstance(error, VersionUploadError) else ()) or (error,)
        genuine = [cause for cause in causes if not isinstance(cause, TransferCancelledError)]
        if not genuine:
            return  # the run is to end, and the journal has how far the version is
        doubtful = [cause for cause in genuine if judge(cause).verdict in (Verdict.LATER, Verdict.SUSPECT)]
        excused = bool(doubtful) and await run.excuse(max(doubtful, key=lambda cause: judge(cause).network))
        named = {cause.file_name: cause for cause in causes if isinstance(cause, UploadError) and cause.file_name}
        # Refusals of the API name no file. Where they differ, the next pass shows whose is the final one.
        unnamed = [cause for cause in causes if cause not in named.values()]
        common = min(unnamed, key=lambda cause: judge(cause).verdict is not Verdict.LATER, default=None)
        open_places = {place.name for place in unfinished.missing} if unfinished is not None else set()
        await run.journal.change_group(group.id, error=str(error))
        for document in documents:
            cause: Exception | None = named.get(document.name)
            if cause is None and (not open_places or document.name in open_places):
                cause = common
            if cause is not None:
                await run.failed(document, cause, excused=excused)
        if unfinished is not None:
            await self._documents_of(group, unfinished)


def _differs(document: Document, was: Fingerprint) -> bool:
    return fingerprint(was.size, was.mtime_ns, was.inode)[:2] != (document.size, document.mtime_ns)
