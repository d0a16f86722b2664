"""From the URL of a reference to the type of record that is there (page "Foreign Keys")."""

from __future__ import annotations

import re
from urllib.parse import unquote

from attrs import frozen

from .models import (
    Annotation,
    Attachment,
    Comment,
    FieldReport,
    FieldReportTemplate,
    Issue,
    IssueList,
    Packet,
    Photo,
    Project,
    Record,
    Rfi,
    RfiChange,
    RfiStatus,
    Role,
    Sheet,
    Snapshot,
    User,
    VersionSet,
)

__all__ = ["Route", "route_of"]

_VERSION = re.compile(r"v\d+")


@frozen
class Route:
    """What a URL leads to.

    Attributes:
        type: of the record, or of each record of the collection.
        collection: whether it is a list.
    """

    type: type[Record]
    collection: bool


_PROJECTS: dict[str, type[Record]] = {
    "annotations": Annotation,
    "attachments": Attachment,
    "comments": Comment,
    "field_report_templates": FieldReportTemplate,
    "field_reports": FieldReport,
    "issue_lists": IssueList,
    "issues": Issue,
    "photos": Photo,
    "rfis": Rfi,
    "roles": Role,
    "sheets": Sheet,
    "snapshots": Snapshot,
    "users": User,
    "version_sets": VersionSet,
}
_NESTED: dict[tuple[str, str], type[Record]] = {
    ("issues", "comments"): Comment,
    ("issues", "photos"): Photo,
    ("rfis", "attachments"): Attachment,
    ("rfis", "comments"): Comment,
    ("rfis", "history"): RfiChange,
    ("rfis", "photos"): Photo,
    ("rfis", "snapshots"): Snapshot,
    ("field_reports", "attachments"): Attachment,
    ("field_reports", "photos"): Photo,
    ("field_reports", "snapshots"): Snapshot,
}
_DEEP: dict[tuple[str, str], type[Record]] = {
    ("sheets", "packets"): Packet,
    ("field_reports", "export"): Packet,
    ("rfis", "statuses"): RfiStatus,
}
_UNREADABLE = frozenset(
    {("sheets", "uploads"), ("attachments", "uploads"), ("photos", "uploads"), ("users", "invites")}
)


def route_of(path: str) -> Route | None:
    """The route of a path relative to the base URL; ``None`` for one that is not known.

    A major version in front (``/v1/…``), as some of the service's URLs have it, changes nothing.
    """
    segments = [unquote(segment) for segment in path.partition("?")[0].strip("/").split("/")]
    if segments and _VERSION.fullmatch(segments[0]):
        segments = segments[1:]
    match segments:
        case ["projects"]:
            return Route(Project, collection=True)
        case ["projects", uid] if uid:
            return Route(Project, collection=False)
        case ["projects", _, name] if name in _PROJECTS:
            return Route(_PROJECTS[name], collection=True)
        case ["projects", _, "rfis", "statuses"]:
            return Route(RfiStatus, collection=True)
        case ["projects", _, name, uid] if name in _PROJECTS and uid and (name, uid) not in _UNREADABLE:
            return None if (name, uid) in _DEEP else Route(_PROJECTS[name], collection=False)
        case ["projects", _, name, middle, _] if (name, middle) in _DEEP:
            return Route(_DEEP[name, middle], collection=False)
        case ["projects", _, name, _, nested] if (name, nested) in _NESTED:
            return Route(_NESTED[name, nested], collection=True)
        case _:
            return None
