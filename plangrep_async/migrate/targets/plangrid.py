"""Into a PlanGrid project: attachments with their folders, photos with their titles, versions of sheets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from attrs import evolve

from ...errors import NotFoundError
from ...plangrid import Attachment, Photo, PlanGridClient
from ...ratelimit import LimiterStatistics
from ...upload import Stored, Upload, UploadFile
from ..document import OPEN, Document, Found, Problem
from ..feed import Ready, feed
from ..journal import Journal
from ..options import MigrationOptions
from ..packing import Crew
from ..run import Run, Stopping
from ..sources.plangrid import probe_project
from .journalled import journalled
from .plangrid_verify import verify_project
from .sheets import VersionPacker
from .target import Estimate, Verified

__all__ = ["PlanGridTarget"]

_PHOTOS = (".png", ".jpg", ".jpeg")
_BATCH = 50
_FAILURES = 1_000
_CALLS_A_DAY = 10_000
_WRITES_A_DAY = 2_000 / 360 * 86_400
_FILES_OF_A_VERSION = 100


class PlanGridTarget:
    """A project that documents go into.

    Args:
        client: of an account that may write there; stays open. Its ``uploads`` settings bound the transfers.
        project_uid: the project.
        options: ``pdfs`` and ``version_name`` say what PDFs become.
    """

    def __init__(self, client: PlanGridClient, project_uid: str, *, options: MigrationOptions | None = None) -> None:
        self._client = client
        self._project = client.project(project_uid)
        self._options = options or MigrationOptions()

    @property
    def location(self) -> str:
        """``plangrid:`` and the project's uid."""
        return f"plangrid:{self._project.uid}"

    def adopt(self, found: Found) -> Found:
        """PDFs become attachments (or sheets), PNG and JPEG photos (pages "Upload Attachment to Project", "Upload Photo
        to Project"); anything else is unsupported."""
        if found.kind != "file":
            return found
        for name in (found.name.lower(), (found.path or "").lower()):  # a manifest's name may have no ending
            if name.endswith(".pdf"):
                return evolve(found, kind="sheet" if self._options.pdfs == "sheets" else "attachment")
            if name.endswith(_PHOTOS):
                return evolve(found, kind="photo")
        return evolve(found, problem=found.problem or Problem.UNSUPPORTED)

    def estimate(self, documents: int, size: int, kinds: Mapping[str, int]) -> Estimate:
        """Two calls a file, fifty to a batch; a batch counts as one write."""
        versions = -(-kinds.get("sheet", 0) // _FILES_OF_A_VERSION)
        most = 2 * documents + 2 * versions
        calls = -(-most // _BATCH)
        days, days_most = (max(number / _CALLS_A_DAY, number / _WRITES_A_DAY) for number in (calls, most))
        return Estimate(calls=calls, calls_most=most, batches=versions, days=days, days_most=days_most)

    async def probe(self) -> None:
        """Read the project, once."""
        await probe_project(self._client, self._project.uid)

    async def begin(self, journal: Journal) -> None:
        """Nothing is to be made ready."""

    async def settle(self, document: Document) -> str | None:
        """The record is named by its slot's uid."""
        uid = (document.memo or {}).get("uid")
        if uid is None or document.kind == "sheet":
            return None
        resource = self._project.photos if document.kind == "photo" else self._project.attachments
        try:
            return (await resource.get(uid)).uid
        except NotFoundError:
            return None

    async def deliver(self, run: Run) -> None:
        """One pass: attachments and photos each by itself, then versions of sheets."""
        await self._deliver_singles(run)
        if not run.stopping:
            await VersionPacker(run, self._project, self._options, _FILES_OF_A_VERSION).deliver()

    def stop_waiting(self) -> None:
        """Uploads of which no byte has left end; so do those that others have waiting in the same client."""
        self._client.scheduler.cancel_waiting()

    async def look(self, run: Run) -> None:
        """There are none: PlanGrid tells nothing of a version after its completion."""

    async def finish(self, run: Run) -> None:
        """Nothing is left to do."""

    async def verify(self, journal: Journal, *, deep: bool) -> Verified:
        """By the project's lists: uid, name or title, folder; ``deep`` fetches each file and compares its SHA-256."""
        return await verify_project(self._project, journal, deep=deep)

    def statistics(self) -> LimiterStatistics | None:
        """Of the client's limiter."""
        return self._client.statistics()[0]

    async def aclose(self) -> None:
        """The client belongs to whoever made it."""

    async def _deliver_singles(self, run: Run) -> None:
        documents = run.journal.documents(*OPEN, kinds=("attachment", "photo"))
        # Failures are judged side by side: those of one outage wait for its end together.
        async with (
            Crew(_FAILURES) as judges,
            aclosing(self._uploads(run, feed(run, documents))) as uploads,
            aclosing(self._client.scheduler.run(uploads)) as outcomes,
        ):
            async for outcome in outcomes:
                if not outcome.ok:
                    document = outcome.upload.key.document
                    error = outcome.error or Stopping()
                    await judges.take(run.failed, document, error)

    async def _uploads(self, run: Run, files: AsyncGenerator[Ready | None, None]) -> AsyncGenerator[Upload[Any], None]:
        async with aclosing(files) as readies:
            async for ready in readies:
                if ready is None or run.stopping:
                    continue
                document = ready.document

                async def arrived(record: Attachment | Photo, stored: Stored, document: Document = document) -> None:
                    await run.completed(document, record.uid, stored.file.size)

                yield journalled(run, ready, self._upload(ready), arrived)

    def _upload(self, ready: Ready) -> Upload[Any]:
        document = ready.document
        title = document.title or document.name
        if document.kind == "photo":
            return self._project.photos.make_upload(UploadFile(ready.path, name=document.name, title=title))
        return self._project.attachments.make_upload(UploadFile(ready.path, name=title, folder=document.folder))
