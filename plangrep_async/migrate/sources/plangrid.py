"""A PlanGrid project: its attachments, photos and sheets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, NotFoundError
from ...plangrid import Attachment, Photo, PlanGridClient, Sheet
from ...plangrid.models import Record
from ...plangrid.pages import Listing
from ..document import Document, Found
from ..errors import writing_into
from ..names import ending, safe_name
from .plangrid_records import plain, project_records, record_calls
from .source import FETCHES, no_records

__all__ = ["KINDS", "PlanGridSource", "probe_project"]

KINDS = ("attachment", "photo", "sheet")
_PAGE = 50
_LOOKS = 2  # at the project and at the limits, when a run begins


class PlanGridSource:
    """Every file of a project that is not deleted. A sheet is fetched as a packet of its own.

    Args:
        client: of an account that may read the project; stays open. With a ``linger`` (0.1 s, as the command has it)
            the reads of files that are fetched at once share batches, which takes some times fewer calls.
        project_uid: the project.
        kinds: which files to take; all of them by default. Where they are chosen, an export has no other records.
        since: only what was created or changed since.
    """

    is_remote = True

    def __init__(
        self,
        client: PlanGridClient,
        project_uid: str,
        *,
        kinds: Collection[str] | None = None,
        since: datetime | None = None,
    ) -> None:
        if unknown := set(kinds or ()) - set(KINDS):
            raise ConfigurationError(f"kinds: {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
        self._client = client
        self._project = client.project(project_uid)
        self._kinds = KINDS if kinds is None else tuple(kind for kind in KINDS if kind in kinds)
        self._everything = kinds is None
        self._since = since
        self._pages = 0

    @property
    def location(self) -> str:
        """``plangrid:`` and the project's uid."""
        return f"plangrid:{self._project.uid}"

    async def probe(self) -> None:
        """Read the project, once."""
        await probe_project(self._client, self._project.uid)

    async def scan(self) -> AsyncGenerator[list[Found], None]:
        """See :class:`Source`. Files' sizes are not known before they are fetched."""
        self._pages = 0
        for kind in self._kinds:
            listing, found = self._listing(kind)
            seen = 0
            async with listing as records:
                batch: list[Found] = []
                async for record in records:
                    seen += 1
                    if not record.deleted:
                        batch.append(found(record))
                    if len(batch) == _PAGE:
                        yield batch
                        batch = []
                if batch:
                    yield batch
            self._pages += max(1, -(-seen // _PAGE))

    def _listing(self, kind: str) -> tuple[Listing[Any], Callable[[Any], Found]]:
        project, since = self._project, self._since
        if kind == "attachment":
            return project.attachments.list(updated_after=since), _attachment
        if kind == "photo":
            return project.photos.list(updated_after=since), _photo
        return project.sheets.list(updated_after=since), _sheet

    async def calls(self, kinds: Mapping[str, int], *, records: bool) -> tuple[int, int]:
        """See :meth:`Source.calls`. A record is read before its file is fetched; a sheet is printed and asked for,
        once or twice. Those of files that are fetched at once may share a batch. The records are counted, by a page of
        one."""
        sheets = kinds.get("sheet", 0)
        reads = kinds.get("attachment", 0) + kinds.get("photo", 0) + 2 * sheets
        counted = await record_calls(self._project, self._since) if records and self._everything else (0, 0)
        least, most = (_LOOKS + self._pages + more for more in counted)
        return least + -(-reads // FETCHES), most + reads + sheets

    async def fetch(self, document: Document, folder: Path) -> Path:
        """Fetch the record's file; the record is read anew, because its URL may run out."""
        to = folder / f"{document.id}{ending(safe_name(document.name))}"
        with writing_into(folder):
            return to if await asyncio.to_thread(to.exists) else await self._download(document, to)

    async def _download(self, document: Document, to: Path) -> Path:
        uid = str(document.source["uid"])
        if document.kind == "attachment":
            return await self._project.attachments.download(uid, to)
        if document.kind == "photo":
            return await self._project.photos.download(uid, to)
        packet = await self._project.sheets.create_packet([uid])
        return await self._project.sheets.download_packet(await self._project.sheets.wait_for_packet(packet), to)

    def records(self) -> AsyncGenerator[list[dict[str, Any]], None]:
        """Issues and their lists, RFIs and their statuses, comments, annotations, snapshots, field reports, version
        sets, users and roles. See :meth:`Source.records`."""
        return project_records(self._client, self._project, self._since) if self._everything else no_records()


async def probe_project(client: PlanGridClient, uid: str) -> None:
    """Read a project, with one attempt.

    Raises:
        ConfigurationError: there is none.
    """
    try:
        await client.projects.get(uid, deadline=15.0, max_attempts=1, coalesce=False)
    except NotFoundError as error:
        raise ConfigurationError(f"PlanGrid has no project {uid} for this key; is plangrid:{uid} right?") from error


def _attachment(record: Attachment) -> Found:
    return Found(
        key=f"attachment/{record.uid}",
        kind="attachment",
        name=_with_ending(record.name or record.uid, (".pdf",)),
        folder=record.folder or None,
        title=record.name,
        source=_source(record),
        attributes=_attributes(created_at=record.created_at, created_by=record.created_by and record.created_by.email),
    )


def _photo(record: Photo) -> Found:
    name = _file_name(record.title or record.uid)
    # Which of the two it is shows when it is fetched; the URL usually tells.
    suffix = ".png" if (record.url or "").partition("?")[0].lower().endswith(".png") else ".jpg"
    return Found(
        key=f"photo/{record.uid}",
        kind="photo",
        name=name if name.lower().endswith((".png", ".jpg", ".jpeg")) else f"{name}{suffix}",
        title=record.title,
        source=_source(record),
        attributes=_attributes(created_at=record.created_at, created_by=record.created_by and record.created_by.email),
    )


def _sheet(record: Sheet) -> Found:
    return Found(
        key=f"sheet/{record.uid}",
        kind="sheet",
        name=_with_ending(record.name or record.uid, (".pdf",)),
        folder=record.version_name,
        title=record.description,
        source=_source(record),
        attributes=_attributes(
            version_name=record.version_name,
            tags=list(record.tags) or None,
            published_at=record.published_at,
            published_by=record.published_by and record.published_by.email,
            history_set_uid=record.history_set_uid,
        ),
    )


def _source(record: Record) -> dict[str, Any]:
    """The record as it came, for the records of an export."""
    told = plain(record)
    return {"uid": told["uid"], "record": told}


def _attributes(**values: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
        if value not in (None, "")
    }


def _file_name(name: str) -> str:
    return name.replace("/", "-").replace("\0", "") or "unnamed"


def _with_ending(name: str, endings: tuple[str, ...]) -> str:
    name = _file_name(name)
    return name if name.lower().endswith(endings) else name + endings[0]
