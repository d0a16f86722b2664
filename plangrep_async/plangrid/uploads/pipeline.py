"""Slot, form, completion: one file or any number of them, through the upload engine.

The slot is asked for shortly before the form can leave (it runs out), by a small call like any other, and so is the
completion: while the rate limiter makes calls wait, both leave in batches.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import Generic, TypeAlias, TypeVar, overload

from attrs import evolve, frozen

from ...errors import InvalidInputError, PlangrepAsyncError
from ...session import Call, CallOptions
from ...upload import (
    FileSource,
    Outcome,
    PostFormTarget,
    PreparedFile,
    SlotRequest,
    Upload,
    UploadFile,
    UploadProgress,
)
from .._context import CallArguments, Context, options_of
from .._rules import check_text
from ..models import FileUpload
from .completion import Completion
from .form import form_target

__all__ = [
    "FileInput",
    "OnProgress",
    "UploadResults",
    "calls_of",
    "named",
    "run_each",
    "run_many",
    "run_one",
    "several",
    "upload_of",
]

R = TypeVar("R")

# Each of these can be gone through, or is easily taken for a list.
_LONE = (str, bytes, bytearray, memoryview, os.PathLike, UploadFile)

FileInput: TypeAlias = UploadFile | FileSource
OnProgress: TypeAlias = Callable[[UploadProgress], None]


@frozen
class UploadResults(Sequence[R], Generic[R]):
    """The records of many uploads, in the order of the files; those that failed are apart.

    Attributes:
        records: of the files that are stored.
        failed: how the others ended: ``.file_name``, ``.error``. One bad file never stops the others.
    """

    records: tuple[R, ...]
    failed: tuple[Outcome[R], ...] = ()

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[R, ...]: ...
    def __getitem__(self, index: int | slice) -> R | tuple[R, ...]:
        return self.records[index]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[R]:
        return iter(self.records)

    def raise_failures(self) -> None:
        """Raise an ``ExceptionGroup`` with the error of every file that failed, if any did."""
        if self.failed:
            errors = [outcome.error or PlangrepAsyncError(f"{outcome.file_name}: cancelled") for outcome in self.failed]
            raise ExceptionGroup(f"{len(errors)} of {len(errors) + len(self.records)} files were not uploaded", errors)


def named(file: FileInput, name: str | None = None) -> UploadFile:
    """``file`` as an :class:`~plangrep_async.UploadFile`, called ``name`` where that is given."""
    if name is not None:
        check_text(name, "name")
    if isinstance(file, UploadFile):
        return file if name is None else evolve(file, name=name)
    return UploadFile(file, name=name or "")


def several(files: Sequence[FileInput]) -> list[UploadFile]:
    """Files that are all there: each as an :class:`~plangrep_async.UploadFile`.

    Raises :class:`~plangrep_async.errors.InvalidInputError` for a lone path, and for what is no file.
    """
    if isinstance(files, _LONE):
        raise InvalidInputError(f"files: {_shown(files)} is one file; give a list")
    return [named(file) for file in files]


def _shown(file: object) -> str:
    return repr(os.fspath(file)) if isinstance(file, str | os.PathLike) else f"a {type(file).__name__}"


def upload_of(
    context: Context,
    file: UploadFile,
    slot: Callable[[PreparedFile], Awaitable[Call[FileUpload]]],
    completion: Completion[R],
    arguments: CallArguments,
    key: object = None,
) -> Upload[R]:
    """One file's way as a value for the engine. ``deadline=`` among the arguments is the whole upload's."""
    options = calls_of(arguments)

    async def target(request: SlotRequest) -> PostFormTarget:
        return form_target(await context.sender.send(await slot(request.file), options))

    return Upload(file, target, complete=completion, deadline=arguments.get("deadline"), key=key)


def calls_of(arguments: CallArguments) -> CallOptions | None:
    """The options of each small call of an upload."""
    options = options_of(arguments)
    return options if options is None else evolve(options, deadline=None)


async def run_one(context: Context, upload: Upload[R], on_progress: OnProgress | None = None) -> R:
    """Run one upload and give its record, or raise its error."""
    context.session.check_usable()
    return await context.scheduler.upload(upload, on_progress=on_progress)


async def run_each(
    context: Context,
    files: Iterable[FileInput] | AsyncIterable[FileInput],
    make: Callable[[FileInput], Upload[R]],
    on_progress: OnProgress | None = None,
) -> AsyncGenerator[Outcome[R], None]:
    """Run many, and give each outcome when it is there. The key of each is the number of its file."""
    context.session.check_usable()
    uploads = _uploads(files, lambda file, index: evolve(make(file), key=index))
    async with aclosing(context.scheduler.run(uploads, on_progress=on_progress)) as outcomes:
        async for outcome in outcomes:
            yield outcome


async def run_many(outcomes: AsyncGenerator[Outcome[R], None]) -> UploadResults[R]:
    """All outcomes of :func:`run_each`, in the order of the files (their keys)."""
    async with aclosing(outcomes):
        ended = sorted([outcome async for outcome in outcomes], key=lambda outcome: outcome.upload.key)
    return UploadResults(
        tuple(outcome.result for outcome in ended if outcome.ok), tuple(outcome for outcome in ended if not outcome.ok)
    )


def _uploads(
    files: Iterable[FileInput] | AsyncIterable[FileInput], make: Callable[[FileInput, int], Upload[R]]
) -> Iterable[Upload[R]] | AsyncIterable[Upload[R]]:
    if isinstance(files, AsyncIterable):
        return _uploads_async(files, make)
    if isinstance(files, _LONE):
        raise InvalidInputError(f"files: {_shown(files)} is one file; give a list, or use upload()")
    if not isinstance(files, Iterable):
        raise InvalidInputError(f"files: a {type(files).__name__} is no list of files")
    # What is a list already is looked at before a byte is sent: something in it may be no file at all.
    known = several(files) if isinstance(files, Sequence) else files
    return (make(file, index) for index, file in enumerate(known))


async def _uploads_async(
    files: AsyncIterable[FileInput], make: Callable[[FileInput, int], Upload[R]]
) -> AsyncGenerator[Upload[R], None]:
    index = 0
    async for file in files:
        yield make(file, index)
        index += 1
