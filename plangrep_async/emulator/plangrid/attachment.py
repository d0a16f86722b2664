"""The Attachment object and its endpoints ("Documents" in later versions of the pages)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .asset import file_url
from .dice import Dice
from .fields import boolean, filled_text, known_fields, nullable_text
from .links import Person
from .message import ApiError, Reply
from .paging import table_reply
from .router import Right, Route
from .seeding import EPOCH
from .slot import Slot, complete_slot, issue_slot, wanted_type
from .table import Table
from .timestamp import format_timestamp
from .uid import UidSpace, mix
from .visit import Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .project import Project

__all__ = ["ROUTES", "Attachment", "attachments_table", "render"]

_FOLDERS = (None, "", "Submittals", "Specifications", "RFI responses", "Closeout/As-builts", "submittals")
_NAMES = ("Bender", "Cement", "Submittal", "Door schedule", "Soil report", "Ductwork", "Fire stopping")
_STEP = 3600
_IS_PROHIBITED = (403, "Access to project ({project_uid}) is prohibited.")


@frozen
class Attachment:
    """A file of a project, other than a sheet."""

    uid: str
    name: str
    folder: str | None
    created_at: float
    created_by: Person
    updated_at: float
    deleted: bool = False
    content_type: str = "application/pdf"

    @property
    def facet(self) -> str:
        """The folder; null and the empty string are one (page "Retrieve Attachments in a Project")."""
        return self.folder or ""


def attachments_table(project: Project, space: UidSpace, count: int) -> Table[Attachment]:
    def times(index: int) -> tuple[int, float, float]:
        throw = mix(index ^ space.key)
        created = EPOCH + index * _STEP
        return throw, created, created + (throw >> 8) % 86_400

    def folder(throw: int) -> str | None:
        return _FOLDERS[throw % len(_FOLDERS)]

    def make(index: int) -> Attachment:
        throw, created, updated = times(index)
        dice = Dice(throw)
        return Attachment(
            uid=space.uid(index),
            name=f"{dice.pick(_NAMES)} {index + 1}.pdf",
            folder=folder(throw),
            created_at=created,
            created_by=project.someone(dice, nameless=True),
            updated_at=updated,
            deleted=dice.share(project.plan.deleted),
        )

    def outline(index: int) -> tuple[float, str]:
        throw, _, updated = times(index)
        return updated, folder(throw) or ""

    return Table(space, count, make, outline)


def render(visit: Visit, attachment: Attachment) -> dict[str, Any]:
    return {
        "uid": attachment.uid,
        "name": attachment.name,
        "folder": attachment.folder,
        "url": file_url(visit.world, attachment.uid, attachment.content_type, attachment.name),
        "created_at": format_timestamp(attachment.created_at),
        "created_by": visit.links.user(attachment.created_by),
        "deleted": attachment.deleted,
    }


def _upload(visit: Visit) -> Reply:
    body = visit.body
    known_fields(visit, ("content_type", "name", "folder", "auto_version"))
    content_type = wanted_type(body, visit.world.settings.attachment_types)
    name = filled_text(body, "name", "Name")
    folder = nullable_text(body, "folder", "Folder", filled=True)
    if "auto_version" in body:
        boolean(body, "auto_version", "Auto version")
    return issue_slot(
        visit,
        kind="attachment",
        bucket="plangrid-attachments",
        content_type=content_type,
        file_name=name,
        completions="attachments/uploads/completions",
        details={"name": name, "folder": folder},
    )


def _complete(visit: Visit) -> Awaitable[Reply]:
    def create(slot: Slot) -> Reply:
        attachment = visit.project.attachments.add(
            Attachment(
                uid=slot.uid,
                created_at=visit.now,
                created_by=slot.owner,
                updated_at=visit.now,
                content_type=slot.content_type,
                **slot.details,
            )
        )
        visit.world.note_created("attachment", visit.project.uid, attachment.uid)
        return Reply(201, render(visit, attachment))

    return complete_slot(visit, "attachment", create)


def _list(visit: Visit) -> Reply:
    folder = visit.query.get("folder")
    facets = None if folder is None else (folder,)
    return table_reply(visit, visit.project.attachments, lambda item: render(visit, item), facets=facets)


def _documents(visit: Visit) -> Reply:
    # Unverified: a later listing that a connector reads; only `uid` and `type` of its items are known.
    return table_reply(visit, visit.project.attachments, lambda item: {**render(visit, item), "type": "file"})


def _get(visit: Visit) -> Reply:
    return Reply(200, render(visit, _find(visit, "does not exist on")))


def _update(visit: Visit) -> Reply:
    attachment = _find(visit, "was not found in")
    if attachment.deleted:
        raise ApiError(400, f"Attachment ({attachment.uid}) is deleted and cannot be updated.")
    known_fields(visit, ("name", "folder"))
    changes: dict[str, Any] = {}
    if "name" in visit.body:
        changes["name"] = filled_text(visit.body, "name", "Name")
    if "folder" in visit.body:
        changes["folder"] = nullable_text(visit.body, "folder", "Folder", filled=True)
    attachment = visit.project.attachments.put(evolve(attachment, updated_at=visit.now, **changes))
    return Reply(200, render(visit, attachment))


def _remove(visit: Visit) -> Reply:
    attachment = _find(visit, "was not found in")
    if not attachment.deleted:
        visit.project.attachments.put(evolve(attachment, deleted=True, updated_at=visit.now))
    return Reply(204)


def _find(visit: Visit, where: str) -> Attachment:
    uid = visit.params["attachment_uid"]
    attachment = visit.project.attachments.get(uid)
    if attachment is None:
        raise visit.missing("Attachment", uid, where)
    return attachment


_UPLOAD = Right("upload attachments", "Insufficient permissions to upload attachments to project ({project_uid}).")
_UPDATE = Right(
    "update attachment",
    "Insufficient permissions to update attachment ({attachment_uid}) in project ({project_uid}).",
)
_PATH = "/projects/{project_uid}/attachments"
_ONE = f"{_PATH}/{{attachment_uid}}"

ROUTES = (
    Route("POST", f"{_PATH}/uploads", _upload, "Upload Attachment to Project", right=_UPLOAD, body="object"),
    Route(
        "GET",
        f"{_PATH}/uploads/completions/{{upload_token}}",
        _complete,
        "Complete Attachment Upload to Project",
        by_token=True,
    ),
    Route("GET", _PATH, _list, "Retrieve Attachments in a Project"),
    Route("GET", _ONE, _get, "Retrieve Attachment in a Project"),
    Route("PATCH", _ONE, _update, "Update Attachment in a Project", right=_UPDATE, body="object"),
    Route("DELETE", _ONE, _remove, "Remove Attachment from Project", _IS_PROHIBITED),
    Route("GET", "/projects/{project_uid}/documents", _documents, "(later versions, undocumented)"),
)
