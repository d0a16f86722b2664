"""A PlanGrid project against the journal."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ...errors import APIStatusError, NotFoundError, StorageError
from ...plangrid import Attachment, Photo
from ...plangrid.scope import ProjectScope
from ..checking import ARRIVED, Checking, differences
from ..document import Document
from ..failure import Verdict, judge
from ..journal import Journal
from .target import Verified

__all__ = ["verify_project"]

_PAGE = 50
_DOWNLOADS = 8
_ASKED = 500  # singly, at most


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
    await _ask_for_unseen(project, journal, checking, deep=deep)
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
                wrong = await _compare_bytes(project, document, record)
        if wrong is None:
            await checking.good(document, digest=deep)
        else:
            checking.different(document, wrong)

    checks = [check(document) for document in documents if document.state in ARRIVED]
    for error in await asyncio.gather(*checks, return_exceptions=True):
        if error is not None:
            raise error


async def _ask_for_unseen(project: ProjectScope, journal: Journal, checking: Checking, *, deep: bool) -> None:
    """Lists are read in pages that shift when a record is removed meanwhile: what was not in them is asked for."""
    for document in await checking.unseen(("attachment", "photo"), _ASKED):
        resource = project.photos if document.kind == "photo" else project.attachments
        try:
            record = await resource.get(document.target_id or "")
        except NotFoundError:
            continue
        await _compare(project, journal, checking, [record], deep=deep)


def _pairs(document: Document, record: Attachment | Photo) -> list[tuple[str, object, object]]:
    if isinstance(record, Photo):
        return [("title", document.title or document.name, record.title)]
    return [
        ("name", document.title or document.name, record.name),
        ("folder", document.folder or None, record.folder or None),
    ]


async def _compare_bytes(project: ProjectScope, document: Document, record: Attachment | Photo) -> str | None:
    try:
        return differences([("sha256", document.sha256, await _digest(project, record))])
    except (APIStatusError, StorageError) as error:
        if judge(error).verdict is not Verdict.FAILED:
            raise
        return f"its file cannot be fetched: {error}"


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
