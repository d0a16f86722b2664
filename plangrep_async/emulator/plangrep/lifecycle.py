"""The job's status machine: what happens when, on the emulator's clock."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator

from attrs import evolve

from .document import Document
from .extraction import extract, is_drawing
from .inspection import Inspection, inspect
from .job import Job
from .result import build_result
from .state import State
from .webhooks import WebhookSender

__all__ = ["Lifecycle"]

TICK = 1.0


class Lifecycle:
    """Moves jobs from one status to the next."""

    def __init__(self, state: State, webhooks: WebhookSender) -> None:
        self._state = state
        self._webhooks = webhooks

    def begin(self, job: Job) -> None:
        """A job was created."""
        state = self._state
        job.expiry = state.context.clock.call_later(job.expires_at - state.now(), lambda: self._expire(job))
        if state.settings.job_provisioning == 0:
            self.move(job, "awaiting_uploads")
        else:
            self._webhooks.notify(job)
            self._later(job, state.settings.job_provisioning, lambda: self.move(job, "awaiting_uploads"))

    def move(self, job: Job, status: str) -> None:
        """Change a job's status and tell its webhook."""
        if job.status == status:
            return
        job.status = status
        job.updated_at = self._state.now()
        job.read_at = None
        if job.terminal:
            job.completed_at = job.updated_at
            self._cancel_timer(job)
        self._webhooks.notify(job)

    async def preflight(self, job: Job) -> None:
        """The uploads are complete. Returns when every document was looked into; time has not passed then."""
        self.move(job, "preflighting")
        await self._inspect(job)
        if job.status == "preflighting" and job.timer is None:
            self._later(job, self._state.settings.preflight, lambda: self._after_preflight(job))

    def resume(self, job: Job) -> None:
        """Credits were added to a blocked job."""
        self.move(job, "preflighting")
        self._later(job, self._state.settings.preflight, lambda: self._reserve(job))

    def cancel(self, job: Job) -> None:
        """The client wants no more."""
        delay = self._state.settings.cancel_delay
        if delay and job.status in ("preflighting", "processing"):
            self._later(job, delay, lambda: self._end(job, "cancelled"))
        else:
            self._end(job, "cancelled")

    def recover(self) -> None:
        """Go on with what a kill interrupted."""
        for job in self._state.jobs.values():
            if job.status == "preflighting" and job.timer is None:
                self._state.context.spawn(self.preflight(job))

    async def _inspect(self, job: Job) -> None:
        async def look(document: Document) -> None:
            if document.inspection is None and document.content is not None:
                blobs = self._state.context.blobs
                found = await blobs.in_thread(inspect, document.content, document.content_type)
                document.inspection = self._spoil(document, found)

        await asyncio.gather(*(look(document) for document in job.chosen))

    def _spoil(self, document: Document, inspection: Inspection) -> Inspection:
        fails = self._state.settings.page_fails
        if fails is None:
            return inspection
        pages = (
            evolve(page, failed=page.failed or fails(document.file_name, page.number)) for page in inspection.pages
        )
        return evolve(inspection, pages=tuple(pages))

    def _after_preflight(self, job: Job) -> None:
        missing = [document for document in job.chosen if document.status == "pending"]
        if missing:
            # The documentation: without failure records the service waits for a timeout.
            self._later(job, self._state.settings.upload_timeout, lambda: self._give_up_on(job, missing))
        else:
            self._reserve(job)

    def _give_up_on(self, job: Job, missing: list[Document]) -> None:
        for document in missing:
            document.fail("upload_timeout", "the upload was never completed")
        self._reserve(job)

    def _reserve(self, job: Job) -> None:
        if job.page_count > self._state.settings.page_limit:
            job.error = {"code": "page_limit_exceeded", "message": f"the job has {job.page_count} pages"}
            self._end(job, "failed")
            return
        organization = self._state.organizations[job.organization]
        if not organization.take(wanted := self._estimate(job)):
            self.move(job, "blocked_insufficient_credits")
            return
        job.reserved += wanted
        for document in job.chosen:
            if document.status == "uploaded":
                document.status = "processing"
        self.move(job, "processing")
        self._tick_later(job)

    def _estimate(self, job: Job) -> int:
        settings = self._state.settings
        total = 0
        for document in job.chosen:
            if document.content is None or document.done:
                continue
            drawing = document.classification == "plans"
            rate = settings.drawing_credits if drawing else settings.document_credits
            total += rate * max(1, document.size // settings.estimate_bytes_per_page)
        return total

    def _tick_later(self, job: Job) -> None:
        self._later(job, 0.0 if math.isinf(self._state.settings.pages_per_second) else TICK, lambda: self._tick(job))

    def _tick(self, job: Job) -> None:
        budget = self._state.settings.pages_per_second * TICK
        for document, inspection in self._open(job):
            while document.done < len(inspection.pages):
                if budget <= 0:
                    self._tick_later(job)
                    return
                budget -= 1
                if not self._process_page(job, document, inspection):
                    self._release(job)
                    self.move(job, "blocked_insufficient_credits")
                    return
            self._finish_document(document, inspection)
        self._finish(job)

    def _open(self, job: Job) -> Iterator[tuple[Document, Inspection]]:
        for document in job.chosen:
            if document.status == "processing" and document.inspection is not None:
                yield document, document.inspection

    def _process_page(self, job: Job, document: Document, inspection: Inspection) -> bool:
        """Process one page; False when it cannot be paid for."""
        page = inspection.pages[document.done]
        if page.failed:
            document.failed_pages += 1
        else:
            settings = self._state.settings
            cost = settings.drawing_credits if is_drawing(document, page) else settings.document_credits
            if not self._debit(job, cost):
                return False
        document.done += 1
        return True

    def _debit(self, job: Job, cost: int) -> bool:
        organization = self._state.organizations[job.organization]
        from_reserve = min(cost, job.reserved)
        if not organization.take(cost - from_reserve):
            return False
        job.reserved -= from_reserve
        job.debited += cost
        organization.debited += cost
        return True

    def _finish_document(self, document: Document, inspection: Inspection) -> None:
        if inspection.problem is not None:
            document.fail(inspection.problem, "the file cannot be read")
        elif document.failed_pages == len(inspection.pages):
            document.fail("all_pages_failed", "no page could be processed")
        else:
            document.status = "completed"
            if document.failed_pages:
                document.error = {"code": "pages_failed", "message": f"{document.failed_pages} pages failed"}

    def _finish(self, job: Job) -> None:
        state = self._state
        if not any(document.status == "completed" for document in job.chosen):
            job.error = {"code": "no_document_processed", "message": "no document could be processed"}
            self._end(job, "failed")
            return
        clean = all(document.status == "completed" and not document.failed_pages for document in job.chosen)
        self._release(job)
        catalog = state.projects[job.project].catalog
        for document in job.chosen:
            for entity in extract(document):
                catalog.add(entity)
        catalog.searchable_at = state.now() + state.settings.index_delay
        self.move(job, "completed" if clean else "completed_with_errors")
        build_result(state, job)

    def _end(self, job: Job, status: str) -> None:
        if job.terminal:
            return
        self._release(job)
        if status == "cancelled":
            for document in job.documents:
                if document.status in ("pending", "uploaded", "processing"):
                    document.status = "cancelled"
        self.move(job, status)

    def _expire(self, job: Job) -> None:
        if not job.terminal:
            job.error = {"code": "job_expired", "message": "the job was not finished before it expired"}
            self._end(job, "expired")

    def _release(self, job: Job) -> None:
        self._state.organizations[job.organization].available += job.reserved
        job.reserved = 0

    def _later(self, job: Job, delay: float, step: Callable[[], None]) -> None:
        self._cancel_timer(job)

        def run() -> None:
            job.timer = None
            if not job.terminal:
                step()

        job.timer = self._state.context.clock.call_later(delay, run)

    def _cancel_timer(self, job: Job) -> None:
        if job.timer is not None:
            job.timer.cancel()
            job.timer = None
