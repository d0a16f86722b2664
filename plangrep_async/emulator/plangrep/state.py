"""All state of the emulated Plangrep, and how to find things in it."""

from __future__ import annotations

from attrs import define, field

from ..service import Context
from .document import Document
from .errors import not_found
from .idempotency import IdempotencyStore
from .job import Job
from .key import SCOPES, ApiKey
from .organization import Organization
from .project import Project
from .settings import PlangrepSettings

__all__ = ["BUCKET", "ORGANIZATION", "DownloadToken", "State"]

BUCKET = "plangrep-uploads"
ORGANIZATION = "org_emulator"


@define(eq=False)
class DownloadToken:
    """A single-use right to one artifact."""

    job: str
    path: str
    expires_at: float
    used: bool = False


@define(eq=False)
class State:
    """Everything that requests change. Lives on the emulator's loop.

    Attributes:
        windows: of each key and rate limit: when it began, and the requests in it.
    """

    context: Context
    settings: PlangrepSettings
    idempotency: IdempotencyStore
    organizations: dict[str, Organization] = field(factory=dict)
    keys: dict[str, ApiKey] = field(factory=dict)
    projects: dict[str, Project] = field(factory=dict)
    jobs: dict[str, Job] = field(factory=dict)
    documents: dict[str, Document] = field(factory=dict)
    tokens: dict[str, DownloadToken] = field(factory=dict)
    windows: dict[tuple[str, int], tuple[float, int]] = field(factory=dict)

    @classmethod
    def fresh(cls, context: Context, settings: PlangrepSettings) -> State:
        """One organization with one key."""
        state = cls(context, settings, IdempotencyStore(context.clock.time, settings.idempotency_window))
        state.clear()
        return state

    def clear(self) -> None:
        """Back to the beginning."""
        for job in self.jobs.values():
            for timer in (job.timer, job.expiry):
                if timer is not None:
                    timer.cancel()
        for table in (
            self.organizations,
            self.keys,
            self.projects,
            self.jobs,
            self.documents,
            self.tokens,
            self.windows,
        ):
            table.clear()
        self.idempotency.clear()
        self.organizations[ORGANIZATION] = Organization(ORGANIZATION, self.settings.credits)
        self.add_key("emulator", SCOPES, secret=self.settings.api_key)

    def now(self) -> float:
        """Emulator time."""
        return self.context.clock.time()

    def new_id(self, prefix: str) -> str:
        """``<prefix>_<20 digits>``."""
        return f"{prefix}_{self.context.hex(20)}"

    def add_key(
        self,
        label: str,
        scopes: tuple[str, ...],
        *,
        organization: str = ORGANIZATION,
        expires_at: float | None = None,
        secret: str | None = None,
    ) -> ApiKey:
        """Make a key; a new organization too when its name is new."""
        if organization not in self.organizations:
            self.organizations[organization] = Organization(organization, self.settings.credits)
        secret = secret or f"pgk_live_{self.context.hex(32)}"
        key = ApiKey(self.new_id("key"), secret, label, scopes, organization, self.now(), expires_at)
        self.keys[secret] = key
        return key

    def project(self, project_id: str, organization: str) -> Project:
        """A project of the organization. Raises 404."""
        project = self.projects.get(project_id)
        if project is None or project.organization != organization:
            raise not_found("project")
        return project

    def job(self, job_id: str, organization: str) -> Job:
        """A job of the organization. Raises 404."""
        job = self.jobs.get(job_id)
        if job is None or job.organization != organization:
            raise not_found("job")
        return job
