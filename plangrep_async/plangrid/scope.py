"""One project's part of the API."""

from __future__ import annotations

from typing import Unpack

from ._context import CallArguments, Context
from ._rules import check_uid
from .models import Project
from .resources.annotations import Annotations
from .resources.attachments import Attachments
from .resources.comments import Comments
from .resources.field_reports import FieldReports, FieldReportTemplates
from .resources.issue_lists import IssueLists
from .resources.issues import Issues
from .resources.photos import Photos
from .resources.projects import Projects
from .resources.rfi_statuses import RfiStatuses
from .resources.rfis import Rfis
from .resources.roles import Roles
from .resources.sheets import Sheets
from .resources.snapshots import Snapshots
from .resources.users import Users
from .resources.version_sets import VersionSets

__all__ = ["ProjectScope"]


class ProjectScope:
    """The resources of one project. Making it sends nothing, so it does not know whether the project exists.

    Attributes:
        uid: of the project.
        annotations, attachments, comments, issues, photos, rfis, rfi_statuses, roles, sheets, snapshots, users: as of
            the documentation of 2017.
        issue_lists, version_sets, field_reports, field_report_templates: later versions.
    """

    def __init__(self, context: Context, uid: str) -> None:
        self.uid = check_uid(uid, "project uid")
        self._projects = Projects(context)
        scope = ("projects", self.uid)
        self.annotations = Annotations(context, *scope)
        self.attachments = Attachments(context, *scope)
        self.comments = Comments(context, *scope)
        self.field_report_templates = FieldReportTemplates(context, *scope)
        self.field_reports = FieldReports(context, *scope)
        self.issue_lists = IssueLists(context, *scope)
        self.issues = Issues(context, *scope)
        self.photos = Photos(context, *scope)
        self.rfi_statuses = RfiStatuses(context, *scope)
        self.rfis = Rfis(context, *scope)
        self.roles = Roles(context, *scope)
        self.sheets = Sheets(context, *scope)
        self.snapshots = Snapshots(context, *scope)
        self.users = Users(context, *scope)
        self.version_sets = VersionSets(context, *scope)

    def __repr__(self) -> str:
        return f"<ProjectScope {self.uid}>"

    async def get(self, **options: Unpack[CallArguments]) -> Project:
        """The project itself ("Retrieve a Project")."""
        return await self._projects.get(self.uid, **options)
