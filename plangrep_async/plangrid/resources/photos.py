"""Photos of a project."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Unpack

from ...errors import InvalidInputError
from ...session.call import Call
from ...upload import Outcome, PreparedFile, Upload
from .._codec import record_of
from .._context import CallArguments, Context
from .._resource import list_query, page_query, post
from .._rules import PAGE_SIZE, check_text
from ..models import FileUpload, Photo
from ..pages import Listing, Page
from ..uploads.content import photo_type, read_head
from ..uploads.pipeline import FileInput, OnProgress, UploadResults, named, run_each, run_many, run_one
from .file_records import FileRecords

__all__ = ["Photos"]


class Photos(FileRecords[Photo]):
    """Pictures of a project."""

    _record = Photo
    _name = "photos"

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Photo]:
        """All of them ("Retrieve Photos in a Project").

        Args:
            updated_after: only those created or changed since.
            include_deleted: ``False`` leaves the deleted ones out here; the service gives them all the same.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        keep = None if include_deleted else lambda photo: not photo.deleted
        return self._list(Photo, options, list_query(page_size, updated_after), "photos", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Photo]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(Photo, options, page_query(limit, skip, updated_after), "photos")

    async def get(self, photo_uid: str, **options: Unpack[CallArguments]) -> Photo:
        """One photo ("Retrieve Photo in a Project")."""
        return await self._get(Photo, options, "photos", photo_uid)

    async def update(self, photo_uid: str, *, title: str, **options: Unpack[CallArguments]) -> Photo:
        """Give it another title ("Update Photo in a Project").

        Raises:
            BadRequestError: it is deleted.
        """
        return await self._patch(Photo, options, {"title": check_text(title, "title")}, "photos", photo_uid)

    async def remove(self, photo_uid: str, **options: Unpack[CallArguments]) -> None:
        """Remove it ("Remove Photo from Project"); no error when it was removed before."""
        await self._delete(options, "photos", photo_uid)

    async def download(self, photo: Photo | str, to: str | os.PathLike[str], **options: Unpack[CallArguments]) -> Path:
        """Fetch the picture, which appears under its name when it is whole; an older file there is replaced.

        Args:
            photo: the record, or its uid. Its URL may have run out; then the record is read again.
            to: the file to write; its folder must exist.
            **options: of the fetch; its deadline (600 s by default) covers the whole file.

        What is stored with ``Content-Encoding: gzip`` is unpacked. Other encodings, and parts of a file, are refused
        with a ``DecodeError``.

        Cancelled: nothing is left behind, and an older file stays unless the new one was being renamed already.
        """
        return await self._fetch(photo, to, options)

    async def request_upload(self, title: str, *, content_type: str, **options: Unpack[CallArguments]) -> FileUpload:
        """Ask for a place to send a picture to ("Upload Photo to Project"); :meth:`upload` does all three steps.

        Raises:
            InvalidInputError: ``content_type`` is neither ``image/png`` nor ``image/jpeg``.
        """
        return await self._send(self._slot(title, content_type), options)

    async def upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        title: str | None = None,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> Photo:
        """Upload a picture: slot, storage, completion. There is never a second record, and none is lost.

        Args:
            file: a path, bytes, a file object, or an :class:`~plangrep_async.UploadFile` (whose ``title`` counts where
                none is given here).
            name: of the file; its own by default.
            title: of the photo; the file's name by default.
            on_progress: called from the event loop, at most ten times a second.
            **options: of the calls; ``deadline`` is the whole upload's.

        Raises:
            InvalidInputError: it is neither PNG nor JPEG, or the title is empty.
            UploadError: the file could not be stored, see :mod:`plangrep_async.errors`.
            UploadUnconfirmedError: it is stored, and whether the record was made could not be found out.
            APIStatusError: the service refused.

        Cancelled: the transfer stops and no record appears, unless the completion was under way already.
        """
        return await run_one(self._context, self._upload_of(self._context, file, name, title, options), on_progress)

    def make_upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        title: str | None = None,
        **options: Unpack[CallArguments],
    ) -> Upload[Photo]:
        """The same as a value for ``client.scheduler``; see :meth:`Attachments.make_upload`.

        Args:
            file, name, title, **options: as in :meth:`upload`.
        """
        return self._upload_of(self._context.for_many(), file, name, title, options)

    def upload_each(
        self,
        files: Iterable[FileInput] | AsyncIterable[FileInput],
        *,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> AsyncGenerator[Outcome[Photo], None]:
        """Upload any number of pictures and give each outcome when it is there; memory does not grow with their number.

        Leaving the loop early cancels what still runs; use :func:`contextlib.aclosing` to wait for that.
        """
        return run_each(self._context, files, lambda file: self.make_upload(file, **options), on_progress)

    async def upload_many(
        self,
        files: Iterable[FileInput] | AsyncIterable[FileInput],
        *,
        on_progress: OnProgress | None = None,
        **options: Unpack[CallArguments],
    ) -> UploadResults[Photo]:
        """Upload pictures in parallel: the records in their order, and apart those that failed. See :meth:`upload`."""
        return await run_many(self.upload_each(files, on_progress=on_progress, **options))

    def _upload_of(
        self, context: Context, given: FileInput, name: str | None, title: str | None, options: CallArguments
    ) -> Upload[Photo]:
        file = named(given, name)

        async def slot(prepared: PreparedFile) -> Call[FileUpload]:
            kind = photo_type(await read_head(file), file.name)
            return self._slot(title if title is not None else file.title or prepared.name, kind)

        return self._upload(context, file, slot, options)

    def _slot(self, title: str, content_type: str) -> Call[FileUpload]:
        if content_type not in ("image/png", "image/jpeg"):
            raise InvalidInputError(f"content_type: {content_type!r} is neither 'image/png' nor 'image/jpeg'")
        body = {"content_type": content_type, "title": check_text(title, "title")}
        # A slot that nobody fills is no record: asking twice does no harm.
        return post(self._path("photos", "uploads"), record_of(FileUpload), body, repeatable=True)
