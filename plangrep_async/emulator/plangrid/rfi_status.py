"""The RFI Status object and its endpoints. The documented uids repeat on all projects."""

from __future__ import annotations

from attrs import asdict, evolve, frozen

from .fields import nullable_text
from .message import Reply
from .paging import list_reply
from .router import Right, Route
from .visit import Visit

__all__ = ["RFI_STATUSES", "ROUTES", "RfiStatus"]


@frozen
class RfiStatus:
    uid: str
    label: str | None
    color: str


RFI_STATUSES = (
    RfiStatus("4898bfd4", "draft", "#34b27d"),
    RfiStatus("0a83939c", "open", "#4d77cb"),
    RfiStatus("19d0eace", "closed", "#dbdb57"),
    RfiStatus("172c60ee", "void", "#cb4d4d"),
    RfiStatus("711d51ff", "", "#e09952"),
    RfiStatus("66a9e772", "", "#9933cc"),
)
"""As documented (page "Retrieve RFI Statuses in a Project")."""


def _list(visit: Visit) -> Reply:
    return list_reply(visit, list(visit.project.rfi_statuses.values()), asdict)


def _update(visit: Visit) -> Reply:
    uid = visit.params["status_uid"]
    status = visit.project.rfi_statuses.get(uid)
    if status is None:
        raise visit.missing("RFI status", uid)
    label = nullable_text(visit.body, "label", "Label", filled=True)
    status = visit.project.rfi_statuses[uid] = evolve(status, label=label)
    return Reply(200, asdict(status))


_RIGHT = Right("update RFI statuses", "Insufficient permissions to update RFI statuses on project ({project_uid}).")

ROUTES = (
    Route("GET", "/projects/{project_uid}/rfis/statuses", _list, "Retrieve RFI Statuses in a Project"),
    Route(
        "PATCH",
        "/projects/{project_uid}/rfis/statuses/{status_uid}",
        _update,
        "Update RFI Status in a Project",
        right=_RIGHT,
        body="object",
    ),
)
