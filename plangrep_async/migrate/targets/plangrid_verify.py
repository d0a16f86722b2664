"""A PlanGrid project against the journal."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...plangrid import Attachment, Photo
from ...plangrid.scope import ProjectScope
from ..checking import ARRIVED, Checking, differences
from ..document import Document
from ..journal import Journal
from .target import Verified

__all__ = ["verify_project"]

_PAGE = 50
_DOWNLOADS = 8


async def verify_project(project: ProjectScope, journal: Journal, *, deep: bool) -> Verified:
    """Go through the project's attachments and photos once, and compare each that the journal knows.

    The service tells neither sizes nor digests of its files; ``deep`` fetches each one.
    """
    checking = Checking(journal)
    await checking.begin()
    for listing in (project.attachments.list(), project.photos.list()):
        page: list[Attachment | Photo] = []
        async with listing as records:
            async for record in records:
                page.append(record)
                if len(page) == _PAGE:
                    await _compare(project, journal, checking, page, deep=deep)
                    page = []
        await _compare(project, journal, checking, page, deep=deep)
    versions = 0
    async for document in journal.documents(*ARRIVED, kinds=("sheet",)):
        # Each version was completed, which PlanGrid accepts only when it has all files.
        versions += 1
        await checking.good(document)
    if versions:
        checking.note(f"{versions} files are in versions of sheets, which appear when an administrator publishes them")
    if not deep:
        checking.note("PlanGrid tells neither sizes nor digests; --deep fetches every file and compares its SHA-256")
    return await checking.end()


async def _compare(
    project: ProjectScope,
    journal: Journal,
    checking: Checking,
    page: Sequence[Attachment | Photo],
    *,
    deep: bool,
) -> None:
    records = {record.uid: record for record in page if not record.deleted}
    documents = await journal.by_target(records) if records else []
    room = asyncio.Semaphore(_DOWNLOADS)

    async def check(document: Document) -> None:
        record = records[document.target_id or ""]
        wrong = differences(_pairs(document, record))
        if wrong is None and deep:
            async with room:
                wrong = differences([("sha256", document.sha256, await _digest(project, record))])
        if wrong is None:
            await checking.good(document, digest=deep)
        else:
            checking.different(document, wrong)

    async with asyncio.TaskGroup() as group:
        for document in documents:
            if document.state in ARRIVED:
                group.create_task(check(document))


def _pairs(document: Document, record: Attachment | Photo) -> list[tuple[str, object, object]]:
    if isinstance(record, Photo):
        return [("title", document.title or document.name, record.title)]
    return [
        ("name", document.title or document.name, record.name),
        ("folder", document.folder or None, record.folder or None),
    ]


async def _digest(project: ProjectScope, record: Attachment | Photo) -> str:
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="plangrep-verify-"))
    path = folder / "file"
    try:
        if isinstance(record, Photo):
            await project.photos.download(record, path)
        else:
            await project.attachments.download(record, path)
        return await asyncio.to_thread(_sha256, path)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
