"""Sheets of a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Unpack

from ...session.call import Call
from .._codec import nothing, record_of
from .._context import CallArguments
from .._resource import list_query, page_query, post
from .._rules import PAGE_SIZE, check_integer, check_text
from ..models import FileUpload, Sheet, VersionUpload
from ..pages import Listing, Page
from ..uploads.completion import completion_call
from ..uploads.pipeline import FileInput, OnProgress, calls_of, several
from ..uploads.unfinished import UnfinishedVersion
from ..uploads.version import OnState, VersionRun, announced, completion_of, look_at
from .packets import Packets

__all__ = ["Sheets"]


class Sheets(Packets):
    """Sheets: versions of drawings. Packets, which print them as PDF, and the upload of new versions."""

    def list(
        self,
        *,
        version_set: str | None = None,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Sheet]:
        """All of them, the newest first ("Retrieve Sheets in a Project").

        Args:
            version_set: only those of this version set (later versions); an unknown uid gives an empty list.
            updated_after: only those published or changed since.
            include_deleted: ``False`` leaves the deleted ones out here; the service gives them all the same.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        query = list_query(page_size, updated_after, version_set=version_set)
        keep = None if include_deleted else lambda sheet: not sheet.deleted
        return self._list(Sheet, options, query, "sheets", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        version_set: str | None = None,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Sheet]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(
            Sheet, options, page_query(limit, skip, updated_after, version_set=version_set), "sheets"
        )

    async def get(self, sheet_uid: str, **options: Unpack[CallArguments]) -> Sheet:
        """One sheet ("Retrieve a Sheet")."""
        return await self._get(Sheet, options, "sheets", sheet_uid)

    async def upload_version(
        self,
        version_name: str,
        files: Sequence[FileInput],
        *,
        on_state: OnState | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> VersionUpload:
        """Upload a version: announce it, send its PDFs in parallel, complete it. An admin then publishes it by hand.

        Args:
            version_name: one character or more.
            files: PDFs; each may hold several sheets. Their names must differ.
            on_state: called, and awaited if it is a coroutine function, with an :class:`UnfinishedVersion` after each
                step and before anything depends on it. Save it, and another process can go on with
                :meth:`resume_version`.
            on_progress: called from the event loop, at most ten times a second.
            **options: of the calls; ``deadline`` is each file's.

        Raises:
            InvalidInputError: a file is no PDF; nothing was sent.
            VersionUploadError: files are missing, or it could not be completed; ``unfinished`` can be resumed.

        Cancelled: transfers stop; the last state that ``on_state`` got can be resumed.
        """
        check_text(version_name, "version_name")
        sources = several(files)
        looked = await look_at(sources)
        calls = calls_of(options)
        upload = await self._context.sender.send(self._announcement(version_name, len(sources)), calls)
        unfinished = announced(self._scope[1], version_name, looked, upload)
        run = VersionRun(self._context.for_many(), options, on_state, on_progress)
        return await run(unfinished, {file.name: file for file in sources})

    async def resume_version(
        self,
        unfinished: UnfinishedVersion | dict[str, Any],
        files: Sequence[FileInput] = (),
        *,
        on_state: OnState | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> VersionUpload:
        """Go on with a version that was begun, perhaps by another process.

        Args:
            unfinished: what ``on_state`` or the error gave, or its JSON.
            files: those that are missing, where they are not (or no longer) at the path that was given at first.
            on_state, on_progress, **options: as in :meth:`upload_version`.

        Raises:
            InvalidInputError: it belongs to another project, or a file that is missing has no path.
            VersionUploadError: as :meth:`upload_version`; a file that has changed since counts as missing.
        """
        if not isinstance(unfinished, UnfinishedVersion):
            unfinished = UnfinishedVersion.from_json(unfinished)
        run = VersionRun(self._context.for_many(), options, on_state, on_progress)
        return await run(unfinished, unfinished.sources(self._scope[1], several(files)))

    async def request_version(
        self, version_name: str, num_files: int, **options: Unpack[CallArguments]
    ) -> VersionUpload:
        """Announce a version ("Upload Version to Project"); :meth:`upload_version` does all four steps."""
        return await self._send(self._announcement(version_name, num_files), options)

    async def request_file(
        self, version_uid: str, file_request_uid: str, file_name: str, **options: Unpack[CallArguments]
    ) -> FileUpload:
        """Ask for a place to send one of its files to ("Upload File to Version"); may be asked again."""
        path = self._path("sheets", "uploads", version_uid, "files", file_request_uid)
        body = {"file_name": check_text(file_name, "file_name")}
        return await self._send(post(path, record_of(FileUpload), body, repeatable=True), options)

    async def complete_file(self, upload: FileUpload | str, **options: Unpack[CallArguments]) -> None:
        """Say that one of its files is stored ("Complete File Upload to Version"): the upload, or its token.

        Raises:
            ConflictError: the token is used up: PlanGrid has the file.
            GoneError: it has run out: ask for another place.
            BadRequestError: the file is missing.
        """
        if isinstance(upload, FileUpload):
            await self._send(completion_call(self._context, upload.webhook_url, nothing), options)
            return
        path = self._path("sheets", "uploads", "files", "completions", upload)
        await self._send(Call("GET", path, nothing, repeatable=False), options)

    async def complete_version(self, upload: VersionUpload | str, **options: Unpack[CallArguments]) -> VersionUpload:
        """Say that all files are there ("Complete Version Upload to Project"): the version upload, or its uid."""
        record = upload if isinstance(upload, VersionUpload) else VersionUpload(upload)
        return await self._send(completion_of(self._context, self._scope[1], record), options)

    def _announcement(self, version_name: str, num_files: int) -> Call[VersionUpload]:
        body = {
            "num_files": check_integer(num_files, "num_files", at_least=1),
            "version_name": check_text(version_name, "version_name"),
        }
        # A version that is never completed is not shown to anybody: announcing it twice does no harm.
        return post(self._path("sheets", "uploads"), record_of(VersionUpload), body, repeatable=True)
