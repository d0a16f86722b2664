"""A version of sheets in four steps (page "Uploading a New Version").

1. announce how many files there are, and get a place for each;
2. for each place, get a form; it can be asked for again until the version is complete;
3. send the file and say so, the files in parallel;
4. complete the version, once PlanGrid has all of them. An admin then publishes it by hand.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeAlias

from attrs import evolve, frozen

from ...errors import (
    ConflictError,
    DecodeError,
    InvalidInputError,
    PlangrepAsyncError,
    SourceChangedError,
    VersionUploadError,
)
from ...session import Call
from ...session.undocumented import Undocumented
from ...upload import Fingerprint, PreparedFile, Upload, UploadFile
from ...upload.source import survey
from .._codec import nothing, record_of
from .._context import CallArguments, Context
from .._links import own_target
from .._resource import post, uid_path
from ..models import FileUpload, VersionUpload, VersionUploadStatus
from .completion import Completion
from .content import pdf_type, read_head
from .pipeline import OnProgress, calls_of, upload_of
from .unfinished import UnfinishedVersion, VersionFile

__all__ = ["OnState", "VersionRun", "announced", "completion_of", "look_at"]

OnState: TypeAlias = Callable[[UnfinishedVersion], Awaitable[None] | None]


async def look_at(files: Sequence[UploadFile]) -> list[tuple[str, Fingerprint]]:
    """Names and fingerprints, once it is clear that all of them are PDFs that can be sent again.

    Raises:
        InvalidInputError: no file, two of one name, no PDF, or an async iterable.
        SourceError: a file cannot be read.
    """
    if not files:
        raise InvalidInputError("files: a version needs at least one PDF")
    seen: dict[str, UploadFile] = {}
    looked: list[tuple[str, Fingerprint]] = []
    for file in files:
        if file.name in seen:
            raise InvalidInputError(f"files: two are called {file.name}; give one another name (UploadFile(name=…))")
        seen[file.name] = file
        head = await read_head(file)
        if head is None:
            raise InvalidInputError(f"{file.name}: a file of a version must be readable more than once; give a path")
        pdf_type(head, file.name)
        looked.append((file.name, (await asyncio.to_thread(survey, file)).fingerprint))
    return looked


def announced(
    project_uid: str, version_name: str, files: Sequence[tuple[str, Fingerprint]], upload: VersionUpload
) -> UnfinishedVersion:
    """The first step's answer as a value.

    Raises :class:`~plangrep_async.errors.DecodeError` when places are missing.
    """
    try:
        return UnfinishedVersion.begun(project_uid, version_name, upload, files)
    except Undocumented as error:
        raise DecodeError(f"the answer to the announcement of a version is not as documented: {error}") from error


def completion_of(context: Context, project_uid: str, upload: VersionUpload) -> Call[VersionUpload]:
    """The fourth step: ``complete_url`` as it was given; only where it is missing, the path is put together."""
    if upload.complete_url is None:
        last = context.unverified.version_completion
        path = uid_path("projects", project_uid, "sheets", "uploads", upload.uid, last)
    else:
        path = _own(context, upload.complete_url, "complete_url")
    return post(path, record_of(VersionUpload), repeatable=True)


@frozen
class VersionRun:
    """Goes on with an unfinished version until it is complete.

    Attributes:
        context: of the client.
        options: of the calls; ``deadline`` is each file's.
        on_state: told of every step before anything depends on it.
        on_progress: see :class:`~plangrep_async.UploadProgress`.
    """

    context: Context
    options: CallArguments
    on_state: OnState | None = None
    on_progress: OnProgress | None = None

    async def __call__(self, unfinished: UnfinishedVersion, sources: Mapping[str, UploadFile]) -> VersionUpload:
        """Send what is missing, then complete.

        Raises:
            VersionUploadError: files are missing; its ``unfinished`` says how far it came.
        """
        await self._tell(unfinished)
        unfinished = await self._send_missing(unfinished, sources)
        again = unfinished.completing
        unfinished = evolve(unfinished, completing=True)
        await self._tell(unfinished)
        call = completion_of(self.context, unfinished.project_uid, unfinished.upload)
        try:
            done = await self.context.sender.send(call, calls_of(self.options))
        except ConflictError as error:
            if not again and (error.attempts or 1) == 1:
                raise _failed(unfinished, "PlanGrid refuses to complete it", [error]) from error
            # Its answer was lost; that it was accepted shows in the refusal of the second.
            return evolve(unfinished.upload, status=VersionUploadStatus.COMPLETE)
        except PlangrepAsyncError as error:
            raise _failed(unfinished, "its completion failed", [error]) from error
        if done.status == VersionUploadStatus.ERRORED:
            raise _failed(unfinished, "PlanGrid could not make it", [])
        return done

    async def _send_missing(
        self, unfinished: UnfinishedVersion, sources: Mapping[str, UploadFile]
    ) -> UnfinishedVersion:
        uploads = [self._upload(unfinished, place, sources[place.name]) for place in unfinished.missing]
        if not uploads:
            return unfinished
        errors: list[Exception] = []
        async with aclosing(self.context.scheduler.run(uploads, on_progress=self.on_progress)) as outcomes:
            async for outcome in outcomes:
                if outcome.ok:
                    unfinished = unfinished.with_stored(outcome.upload.key)
                    await self._tell(unfinished)
                else:
                    errors.append(outcome.error or PlangrepAsyncError(f"{outcome.file_name}: cancelled"))
        if errors:
            raise _failed(unfinished, f"{len(errors)} of {len(unfinished.files)} files were not stored", errors)
        return unfinished

    def _upload(self, unfinished: UnfinishedVersion, place: VersionFile, file: UploadFile) -> Upload[None]:
        path = _own(self.context, place.url, "file_upload_requests.url")

        async def slot(prepared: PreparedFile) -> Call[FileUpload]:
            _check_same(place, prepared.fingerprint)
            return post(path, record_of(FileUpload), {"file_name": place.name}, repeatable=True)

        method = "POST" if self.context.unverified.version_file_by_post else "GET"
        completion: Completion[None] = Completion(
            self.context, lambda _: nothing, None, options=calls_of(self.options), method=method
        )
        return upload_of(self.context, file, slot, completion, self.options, place.request_uid)

    async def _tell(self, unfinished: UnfinishedVersion) -> None:
        if self.on_state is not None:
            told = self.on_state(unfinished)
            if inspect.isawaitable(told):
                await told


def _check_same(place: VersionFile, now: Fingerprint) -> None:
    was = place.fingerprint
    # The path may differ on another machine or in another folder.
    if (was.size, was.mtime_ns) != (now.size, now.mtime_ns):
        raise SourceChangedError(
            f"{place.name} changed since the version was begun ({was.size} bytes then, {now.size} now); "
            "begin a new version",
            file_name=place.name,
        )


def _own(context: Context, url: str, name: str) -> str:
    target = own_target(context.base_url, url)
    if target is None:
        raise DecodeError(f"{name} leads to another origin than the API's; nothing was sent there")
    return target


def _failed(unfinished: UnfinishedVersion, what: str, errors: Sequence[Exception]) -> VersionUploadError:
    told = "".join(f"\n- {error}" for error in errors)
    return VersionUploadError(
        f"the version {unfinished.version_name!r} is not complete: {what}. Go on with "
        f"sheets.resume_version(error.unfinished){told}",
        unfinished=unfinished,
        failures=tuple(errors),
    )
