"""The Role object and its endpoints. The documented uids repeat on all projects."""

from __future__ import annotations

from attrs import asdict, frozen

from .message import Reply
from .paging import list_reply
from .router import Route
from .settings import ADMIN, COLLABORATOR, POWER_COLLABORATOR
from .visit import Visit

__all__ = ["ROLES", "ROUTES", "Role", "role_label"]


@frozen
class Role:
    uid: str
    label: str


ROLES = (
    Role("9d139e64-cac9-4f23-b4d5-9fd3688b498e", ADMIN),
    Role("e7295fe5-5312-4559-b784-a74498464fb7", POWER_COLLABORATOR),
    Role("17dce2c5-4931-47e7-8c98-84b35f00ba03", COLLABORATOR),
)
_LABELS = {role.uid: role.label for role in ROLES}
_DENIED = (403, "Access to project ({project_uid}) is prohibited.")


def role_label(uid: str) -> str:
    """The label of a role, by which rights are looked up."""
    return _LABELS.get(uid, "")


def _list(visit: Visit) -> Reply:
    return list_reply(visit, ROLES, asdict)


def _get(visit: Visit) -> Reply:
    uid = visit.params["role_uid"]
    for role in ROLES:
        if role.uid == uid.lower():
            return Reply(200, asdict(role))
    raise visit.missing("Role", uid, "was not found on")


ROUTES = (
    Route("GET", "/projects/{project_uid}/roles", _list, "Retrieve Roles on a Project", _DENIED),
    Route("GET", "/projects/{project_uid}/roles/{role_uid}", _get, "Retrieve Role on a Project", _DENIED),
)
