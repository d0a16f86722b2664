"""A service's upload of a document, with each step in the journal before anything depends on it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from attrs import evolve

from ...upload import SlotRequest, Stored, Upload, UploadState
from ...upload import Target as UploadTarget
from ..feed import Ready
from ..run import Run, resume_of

__all__ = ["journalled"]

R = TypeVar("R")


def journalled(run: Run, ready: Ready, upload: Upload[R], arrived: Callable[[R, Stored], Awaitable[None]]) -> Upload[R]:
    """The same upload; its key is ``ready``. What an earlier run reached with this very file is gone on with.

    Args:
        arrived: called with the upload's result once it is complete; part of its completion.
    """
    document = ready.document
    ask, complete = upload.target, upload.complete
    assert callable(ask) and complete is not None  # noqa: PT018 - the clients' own
    resume = resume_of(document, ready.path)
    if resume is None:
        run.meter.began(document.id)
    else:
        run.meter.began(document.id, resume.confirmed, whole=resume.stored)

    async def slot(request: SlotRequest) -> UploadTarget:
        await run.digested(document, request.file)
        return await ask(request)

    async def reached(state: UploadState) -> None:
        await run.reached(document, state)

    async def completed(stored: Stored) -> Any:
        result = await complete(stored)
        await arrived(result, stored)
        return result

    return evolve(
        upload,
        target=slot,
        complete=completed,
        on_state=reached,
        digests=("sha256",),
        resume=resume,
        key=ready,
    )
