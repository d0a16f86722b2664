"""Plangrep as tests look at it and interfere with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..content import Content
from .admin_routes import issue_token
from .document import Document
from .errors import PlangrepError
from .job import Job
from .key import SCOPES
from .project import Project
from .service import PlangrepService
from .settings import PlangrepSettings
from .state import BUCKET, ORGANIZATION, State
from .webhooks import Delivery

__all__ = ["PlangrepView"]

T = TypeVar("T")


class PlangrepView:
    """The admin view. Safe from any thread; the records it gives are the service's own, to be looked at only."""

    def __init__(self, service: PlangrepService, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._service = service
        self._run = run

    @property
    def settings(self) -> PlangrepSettings:
        """How the service behaves."""
        return self._service.settings

    @property
    def projects(self) -> list[Project]:
        """All projects, oldest first."""
        return list(self._state.projects.values())

    @property
    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        return list(self._state.jobs.values())

    @property
    def documents(self) -> list[Document]:
        """All documents of all jobs, oldest first."""
        return list(self._state.documents.values())

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhooks so far, oldest first."""
        return list(self._service.webhooks.deliveries)

    def project(self, project_id: str) -> Project:
        """A project. Raises KeyError."""
        return self._state.projects[project_id]

    def job(self, job_id: str) -> Job:
        """A job. Raises KeyError."""
        return self._state.jobs[job_id]

    def document(self, document_id: str) -> Document:
        """A document. Raises KeyError."""
        return self._state.documents[document_id]

    def stored(self, document_id: str) -> Content:
        """What was stored for a document: ``.size``, ``.sha256``, ``.read()``.

        Raises:
            LookupError: nothing was.
        """
        content = self.document(document_id).content
        if content is None:
            raise LookupError(f"no bytes were confirmed for {document_id}")
        return content

    def times_stored(self, document_id: str) -> int:
        """How many uploads of a document's bytes ended well, through the API and at the storage origin.

        1 unless a client sent them again, as it must after a PUT whose answer was lost.
        """
        document = self.document(document_id)
        stored = self._service.context.local.objects.get((BUCKET, document.key))
        return document.stores + (0 if stored is None else stored.writes)

    @property
    def credits(self) -> int:
        """The balance of the default organization."""
        return self._state.organizations[ORGANIZATION].available

    def add_credits(self, amount: int) -> None:
        """Buy credits, as one would in the dashboard."""
        self.set_credits(self.credits + amount)

    def set_credits(self, amount: int) -> None:
        """Set the balance."""
        self._state.organizations[ORGANIZATION].available = amount

    def create_key(
        self,
        scopes: tuple[str, ...] = SCOPES,
        *,
        label: str = "test",
        organization: str = ORGANIZATION,
        expires_at: float | None = None,
    ) -> str:
        """A new API key; an organization of a new name is made on the way."""
        return self._state.add_key(label, scopes, organization=organization, expires_at=expires_at).secret

    def revoke_key(self, secret: str) -> None:
        """Revoke a key, from the next request on."""
        self._state.keys[secret].revoked_at = self._state.now()

    def issue_download_token(self, job_id: str, path: str) -> str:
        """A single-use token for ``GET /api/open/v1/artifact-downloads/{token}``."""
        return issue_token(self._state, job_id, path)

    def fail_project(self, project_id: str) -> None:
        """Let provisioning fail: the status becomes ``failed``."""
        self._state.projects[project_id].status = "failed"

    def set_upgrade(self, project_id: str, status: str) -> None:
        """Set ``runtime.upgradeStatus``; jobs are refused unless it is ``none``."""
        self._state.projects[project_id].upgrade = status

    def fail_job(self, job_id: str, code: str = "internal_failure") -> None:
        """Let a job fail as a whole."""

        def fail() -> None:
            job = self._state.jobs[job_id]
            if job.terminal:
                raise PlangrepError(409, "job_terminal", f"the job is {job.status}")
            job.error = {"code": code, "message": "the job failed"}
            self._service.lifecycle.move(job, "failed")

        self._run(fail)

    def expire_upload(self, document_id: str) -> None:
        """Let every URL signed so far for a document's direct PUT or parts answer as expired."""
        self._service.context.local.expire(BUCKET, self.document(document_id).key)

    def redeliver(self, delivery: Delivery) -> None:
        """Send a webhook once more."""
        self._run(lambda: self._service.webhooks.redeliver(delivery))

    def wait_for_webhooks(self, timeout: float = 5.0) -> None:
        """Block until no webhook waits to be delivered, for ``timeout`` real seconds at most. Raises TimeoutError."""
        end = time.monotonic() + timeout
        while not self._service.webhooks.idle:
            if time.monotonic() > end:
                raise TimeoutError("webhooks are still waiting")
            time.sleep(0.005)

    @property
    def _state(self) -> State:
        return self._service.world
