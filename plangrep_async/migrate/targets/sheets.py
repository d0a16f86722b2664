"""Versions of sheets: PDFs in groups, each group a version that is complete or not there at all."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...errors import InvalidInputError, PlangrepAsyncError, TransferCancelledError, VersionUploadError
from ...plangrid import UnfinishedVersion
from ...plangrid.scope import ProjectScope
from ...plangrid.uploads.content import pdf_type, read_head
from ...upload import UploadFile
from ..document import OPEN, State
from ..failure import Verdict, judge
from ..feed import Ready, feed
from ..journal import Group
from ..options import MigrationOptions
from ..packing import Pile, hashed, pack
from ..run import Run

__all__ = ["VersionPacker"]


class VersionPacker:
    """One pass over the sheets: goes on with the versions that were begun, then makes new ones.

    The journal keeps each version's state as PlanGrid's client gives it: a version cannot be asked for.
    """

    def __init__(self, run: Run, project: ProjectScope, options: MigrationOptions, most_files: int) -> None:
        self._run = run
        self._project = project
        self._options = options
        self._most_files = most_files

    async def deliver(self) -> None:
        """The pass. Raises what stops the run."""
        run = self._run
        for group in await run.journal.groups("open"):
            if run.stopping:
                return
            documents = run.journal.documents(*OPEN, group_id=group.id)
            pile = Pile()
            async for ready in feed(run, documents, at_once=True):
                if ready is not None:
                    pile.add(ready)
            await self._carry(group, pile)
        documents = run.journal.documents(*OPEN, kinds=("sheet",), grouped=False)
        files = hashed(run, self._checked(feed(run, documents)))
        async for pile in pack(files, self._version_of, most_files=self._most_files, distinct=True):
            if run.stopping:
                return
            await run.outage.gate()
            group = await run.journal.open_group(
                [ready.document.id for ready in pile.items], memo={"name": self._version_of(pile.items[0])}
            )
            await self._carry(group, pile)

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

    async def _carry(self, group: Group, pile: Pile) -> None:
        try:
            await self._send(group, pile)
        finally:
            for ready in pile.items:
                self._run.spool.rest(ready.document.id)

    async def _send(self, group: Group, pile: Pile) -> None:
        run = self._run
        if not pile.items:
            await run.journal.change_group(group.id, state="empty")
            return
        memo = dict(group.memo or {})

        async def reached(unfinished: UnfinishedVersion) -> None:
            await run.journal.change_group(group.id, memo={**memo, "unfinished": unfinished.to_json()})

        files = [UploadFile(ready.path, name=ready.document.name) for ready in pile.items]
        try:
            saved = memo.get("unfinished")
            if saved is None:
                done = await self._project.sheets.upload_version(str(memo["name"]), files, on_state=reached)
            else:
                done = await self._project.sheets.resume_version(dict(saved), files, on_state=reached)
        except PlangrepAsyncError as error:
            await self._failed(group, pile, error)
            return
        arrived = {ready.document.id: f"{done.uid}/{ready.document.name}" for ready in pile.items}
        await run.journal.close_group(group.id, arrived, state="done", target_id=done.uid)
        for ready in pile.items:
            await run.arrived(ready.document, arrived[ready.document.id], ready.document.size)
        run.group_ended(done.uid, "complete", len(pile.items))

    async def _failed(self, group: Group, pile: Pile, error: PlangrepAsyncError) -> None:
        run = self._run
        causes = error.failures if isinstance(error, VersionUploadError) else ()
        by_name = {getattr(cause, "file_name", None): cause for cause in causes}
        if causes and all(isinstance(cause, TransferCancelledError) for cause in causes):
            return  # the run is to end, and the journal has how far the version is
        bad = {name for name, cause in by_name.items() if judge(cause).verdict is Verdict.FAILED}
        if bad or isinstance(error, InvalidInputError):
            # A version takes all of its files or none: the good ones go into another, and this one is never shown.
            await run.journal.change_group(group.id, state="abandoned", error=str(error))
            ids = [ready.document.id for ready in pile.items]
            await run.journal.change_all(ids, group_id=None, state=State.DISCOVERED.value)
            for ready in pile.items:
                if ready.document.name in bad:
                    await run.failed(ready.document, by_name[ready.document.name])
            return
        await run.journal.change_group(group.id, error=str(error))
        # Judged once for all: the first of them asks whether the service is there at all.
        for ready in pile.items:
            cause = by_name.get(ready.document.name) or (causes[0] if causes else error.__cause__ or error)
            await run.failed(ready.document, cause)
