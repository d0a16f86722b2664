"""Records that are made by uploading a file: what attachments and photos have in common."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar, Unpack

from ...session.call import Call
from ...upload import PreparedFile, Upload, UploadFile
from .._codec import record_of
from .._context import CallArguments, Context
from .._download import download
from .._resource import Resource
from ..models import Attachment, FileUpload, Photo
from ..uploads.completion import Completion, completion_call
from ..uploads.pipeline import calls_of, upload_of

__all__ = ["FileRecords"]

R = TypeVar("R", Attachment, Photo)


class FileRecords(Resource, Generic[R]):
    """A collection of such records; ``_record`` is their type, ``_name`` the collection's in paths."""

    _record: type[R]
    _name: str

    async def complete_upload(self, upload: FileUpload | str, **options: Unpack[CallArguments]) -> R:
        """Say that the file is stored ("Complete Attachment Upload to Project", "Complete Photo Upload to Project"):
        the upload, or its token.

        Raises:
            ConflictError: the token is used up: the record exists under the upload's uid.
            GoneError: it has run out.
            BadRequestError: the file is missing.
            DecodeError: the answer is unreadable, or the record of another upload; the token is used up all the same.
        """
        if isinstance(upload, FileUpload):
            call = completion_call(self._context, upload.webhook_url, record_of(self._record, upload.uid or None))
        else:
            path = self._path(self._name, "uploads", "completions", upload)
            call = Call("GET", path, record_of(self._record), repeatable=False)
        return await self._send(call, options)

    async def _fetch(self, record: R | str, to: str | os.PathLike[str], options: CallArguments) -> Path:
        """The file of a record, or of the record with this uid, at ``to``."""
        rest = self._context.countdown(options)
        found = await self._read(record, rest()) if isinstance(record, str) else record

        async def renew() -> str | None:
            return (await self._read(found.uid, rest())).url

        return await download(self._context, found.url, to, rest, renew)

    async def _read(self, uid: str, options: CallArguments) -> R:
        return await self._get(self._record, options, self._name, uid)

    def _upload(
        self,
        context: Context,
        file: UploadFile,
        slot: Callable[[PreparedFile], Awaitable[Call[FileUpload]]],
        options: CallArguments,
    ) -> Upload[R]:
        calls = calls_of(options)

        async def existing(uid: str) -> R:
            call = Call("GET", self._path(self._name, uid), record_of(self._record, uid), coalescable=False)
            return await context.sender.send(call, calls)

        completion = Completion(context, partial(record_of, self._record), existing, options=calls)
        return upload_of(context, file, slot, completion, options)
