"""Attachments of a project, called documents in later versions of the documentation."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Unpack

from ...session.call import NOT_GIVEN, Call, NotGiven
from ...upload import Outcome, PreparedFile, Upload
from .._codec import record_of
from .._context import CallArguments, Context
from .._resource import list_query, page_query, post
from .._rules import PAGE_SIZE, check_flag, check_text, given, needs_a_field
from ..models import Attachment, FileUpload
from ..pages import Listing, Page
from ..uploads.content import pdf_type, read_head
from ..uploads.pipeline import FileInput, OnProgress, UploadResults, named, run_each, run_many, run_one
from .file_records import FileRecords

__all__ = ["Attachments"]


class Attachments(FileRecords[Attachment]):
    """Files in the folders of a project."""

    _record = Attachment
    _name = "attachments"

    def list(
        self,
        *,
        folder: str | None = None,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Attachment]:
        """All of them ("Retrieve Attachments in a Project").

        Args:
            folder: only those in this folder (case-sensitive); ``""`` for those in none.
            updated_after: only those created or changed since.
            include_deleted: ``False`` leaves the deleted ones out here; the service gives them all the same.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        keep = None if include_deleted else lambda attachment: not attachment.deleted
        query = list_query(page_size, updated_after, folder=_filter(folder))
        return self._list(Attachment, options, query, "attachments", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        folder: str | None = None,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Attachment]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        query = page_query(limit, skip, updated_after, folder=_filter(folder))
        return await self._page(Attachment, options, query, "attachments")

    async def get(self, attachment_uid: str, **options: Unpack[CallArguments]) -> Attachment:
        """One attachment ("Retrieve Attachment in a Project")."""
        return await self._get(Attachment, options, "attachments", attachment_uid)

    async def update(
        self,
        attachment_uid: str,
        *,
        name: str | NotGiven = NOT_GIVEN,
        folder: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Attachment:
        """Rename or move it ("Update Attachment in a Project"); ``folder=None`` takes it out of its folder.

        Raises:
            BadRequestError: it is deleted.
        """
        body = given(name=name if isinstance(name, NotGiven) else check_text(name, "name"), folder=_folder(folder))
        needs_a_field(body, "attachments.update")
        return await self._patch(Attachment, options, body, "attachments", attachment_uid)

    async def remove(self, attachment_uid: str, **options: Unpack[CallArguments]) -> None:
        """Remove it ("Remove Attachment from Project"); no error when it was removed before."""
        await self._delete(options, "attachments", attachment_uid)

    async def download(
        self, attachment: Attachment | str, to: str | os.PathLike[str], **options: Unpack[CallArguments]
    ) -> Path:
        """Fetch its file, which appears under its name when it is whole; an older file there is replaced.

        Args:
            attachment: the record, or its uid. Its URL may have run out; then the record is read again.
            to: the file to write; its folder must exist.
            **options: of the fetch; its deadline (600 s by default) covers the whole file.

        What is stored with ``Content-Encoding: gzip`` is unpacked. Other encodings, and parts of a file, are refused
        with a ``DecodeError``.

        Cancelled: nothing is left behind, and an older file stays unless the new one was being renamed already.
        """
        return await self._fetch(attachment, to, options)

    async def request_upload(
        self,
        name: str,
        *,
        folder: str | NotGiven | None = NOT_GIVEN,
        content_type: str = "application/pdf",
        auto_version: bool | NotGiven = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> FileUpload:
        """Ask for a place to send a file to ("Upload Attachment to Project"); :meth:`upload` does all three steps."""
        return await self._send(self._slot(name, folder, content_type, auto_version), options)

    async def upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        folder: str | NotGiven | None = NOT_GIVEN,
        content_type: str | None = None,
        auto_version: bool | NotGiven = NOT_GIVEN,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> Attachment:
        """Upload a file: slot, storage, completion. There is never a second record, and none is lost.

        Args:
            file: a path, bytes, a file object, or an :class:`~plangrep_async.UploadFile` (whose ``folder`` counts where
                none is given here).
            name: of the attachment; the file's own by default.
            folder: case-sensitive; made when there is none of that name.
            content_type: later versions take more than PDFs and do not say what. Given, it is sent as it is and the
                file is not looked at.
            auto_version: since 1.16, files of the same name become versions of one another.
            on_progress: called from the event loop, at most ten times a second.
            **options: of the calls; ``deadline`` is the whole upload's.

        Raises:
            InvalidInputError: it is no PDF, or the name is empty.
            UploadError: the file could not be stored, see :mod:`plangrep_async.errors`.
            UploadUnconfirmedError: it is stored, and whether the record was made could not be found out.
            APIStatusError: the service refused.

        Cancelled: the transfer stops and no record appears, unless the completion was under way already.
        """
        upload = self._upload_of(self._context, file, name, folder, content_type, auto_version, options)
        return await run_one(self._context, upload, on_progress)

    def make_upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        folder: str | NotGiven | None = NOT_GIVEN,
        content_type: str | None = None,
        auto_version: bool | NotGiven = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Upload[Attachment]:
        """The same as a value for ``client.scheduler``; nothing is looked at or asked for before it runs there.

        ::

            uploads = (project.attachments.make_upload(path) for path in paths)  # any iterable, an async one too
            async for outcome in client.scheduler.run(uploads):
                print(outcome.file_name, outcome.result or outcome.error)

        Uploads of several resources may go into one run. ``attrs.evolve`` adds what this client has no word for:
        ``key``, ``digests``, ``on_state``, ``resume``. Its small calls wait a little for those of other uploads
        (``upload_linger``).

        Args:
            file, name, folder, content_type, auto_version, **options: as in :meth:`upload`.
        """
        context = self._context.for_many()
        return self._upload_of(context, file, name, folder, content_type, auto_version, options)

    def upload_each(
        self,
        files: Iterable[FileInput] | AsyncIterable[FileInput],
        *,
        folder: str | NotGiven | None = NOT_GIVEN,
        content_type: str | None = None,
        auto_version: bool | NotGiven = NOT_GIVEN,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> AsyncGenerator[Outcome[Attachment], None]:
        """Upload any number of files and give each outcome when it is there; memory does not grow with their number.

        Leaving the loop early cancels what still runs; use :func:`contextlib.aclosing` to wait for that.
        """
        return run_each(
            self._context,
            files,
            lambda file: self.make_upload(
                file, folder=folder, content_type=content_type, auto_version=auto_version, **options
            ),
            on_progress,
        )

    async def upload_many(
        self,
        files: Iterable[FileInput] | AsyncIterable[FileInput],
        *,
        folder: str | NotGiven | None = NOT_GIVEN,
        content_type: str | None = None,
        auto_version: bool | NotGiven = NOT_GIVEN,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> UploadResults[Attachment]:
        """Upload files in parallel: the records in their order, and apart those that failed. See :meth:`upload`."""
        outcomes = self.upload_each(
            files,
            folder=folder,
            content_type=content_type,
            auto_version=auto_version,
            on_progress=on_progress,
            **options,
        )
        return await run_many(outcomes)

    def _upload_of(
        self,
        context: Context,
        given: FileInput,
        name: str | None,
        folder: str | NotGiven | None,
        content_type: str | None,
        auto_version: bool | NotGiven,
        options: CallArguments,
    ) -> Upload[Attachment]:
        file = named(given, name)
        if isinstance(folder, NotGiven) and file.folder is not None:
            folder = file.folder

        async def slot(prepared: PreparedFile) -> Call[FileUpload]:
            kind = content_type or pdf_type(await read_head(file), file.name)
            return self._slot(prepared.name, folder, kind, auto_version)

        return self._upload(context, file, slot, options)

    def _slot(
        self, name: str, folder: str | NotGiven | None, content_type: str, auto_version: bool | NotGiven
    ) -> Call[FileUpload]:
        body: dict[str, Any] = given(
            content_type=check_text(content_type, "content_type"),
            name=check_text(name, "name"),
            folder=_folder(folder),
            auto_version=auto_version
            if isinstance(auto_version, NotGiven)
            else check_flag(auto_version, "auto_version"),
        )
        # A slot that nobody fills is no record: asking twice does no harm.
        return post(self._path("attachments", "uploads"), record_of(FileUpload), body, repeatable=True)


def _folder(folder: str | NotGiven | None) -> str | NotGiven | None:
    return folder if folder is None or isinstance(folder, NotGiven) else check_text(folder, "folder")


def _filter(folder: str | None) -> str | None:
    return folder if folder is None else check_text(folder, "folder", at_least=0)
