"""Projects ("Projects", "Create a project", "Get project summary")."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from .enums import Classification, ProjectStatus
from .record import Record

__all__ = [
    "KeyFile",
    "Project",
    "ProjectBilling",
    "ProjectCreated",
    "ProjectOverview",
    "ProjectRuntime",
    "ProjectSummary",
]


@frozen(kw_only=True)
class ProjectRuntime(Record):
    """What a project runs on.

    Attributes:
        status: ``starting`` and ``running`` are documented.
        upgrade_status: ``None`` or ``"none"`` while no upgrade is under way (the pages use both).
    """

    status: str | None = None
    upgrade_status: str | None = None


@frozen(kw_only=True)
class Project(Record):
    """The container of jobs and of what they brought to light."""

    id: str
    name: str | None = None
    project_kind: str | None = None
    status: ProjectStatus
    runtime: ProjectRuntime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_upgrading(self) -> bool:
        """Whether its runtime is being upgraded; jobs should wait ("Projects")."""
        upgrade = None if self.runtime is None else self.runtime.upgrade_status
        return upgrade not in (None, "", "none")

    @property
    def is_ready(self) -> bool:
        """Whether jobs can be created in it."""
        return self.status == ProjectStatus.READY and not self.is_upgrading


@frozen(kw_only=True)
class ProjectBilling(Record):
    """Credits at the creation of a project. Pages disagree on whether the balance is before or after the charge."""

    available_credits: float | None = None
    credits_charged: float | None = None
    required_credits: float | None = None


@frozen(kw_only=True)
class ProjectCreated(Record):
    """The answer to the creation of a project.

    Attributes:
        billing: ``None`` when the answer was lost and the project was found again by its name.
    """

    project: Project
    billing: ProjectBilling | None = None


@frozen(kw_only=True)
class KeyFile(Record):
    """A file that tells much of its project."""

    id: str | None = None
    file_name: str | None = None
    classification: Classification | None = None


@frozen(kw_only=True)
class ProjectSummary(Record):
    """What the service found out about a project. Counts of entities stand in ``extra``: no page names them."""

    project_id: str | None = None
    project_name: str | None = None
    aliases: tuple[str, ...] | None = None
    title_candidates: tuple[str, ...] | None = None
    key_files: tuple[KeyFile, ...] | None = None
    detected_disciplines: tuple[str, ...] | None = None


@frozen(kw_only=True)
class ProjectOverview(Record):
    """A project and its summary."""

    project: Project
    project_summary: ProjectSummary
