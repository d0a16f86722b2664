"""The Photo object and its endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from .asset import file_url
from .dice import Dice
from .fields import filled_text, known_fields
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

__all__ = ["ROUTES", "Photo", "photos_table", "render"]

_TITLES = ("Bongo drums", "Bass guitar", "Cracked slab", "North wall", "Punch list", "Delivery", "Site overview")
_STEP = 1800


@frozen
class Photo:
    """A picture of a project."""

    uid: str
    title: str
    created_at: float
    created_by: Person
    updated_at: float
    deleted: bool = False
    content_type: str = "image/png"
    facet: None = None


def photos_table(project: Project, space: UidSpace, count: int) -> Table[Photo]:
    def updated(index: int) -> float:
        return EPOCH + index * _STEP + (mix(index ^ space.key) >> 8) % 43_200

    def make(index: int) -> Photo:
        dice = Dice(index ^ space.key)
        return Photo(
            uid=space.uid(index),
            title=f"{dice.pick(_TITLES)} {index + 1}",
            created_at=EPOCH + index * _STEP,
            created_by=project.someone(dice, nameless=True),
            updated_at=updated(index),
            deleted=dice.share(project.plan.deleted),
        )

    return Table(space, count, make, lambda index: (updated(index), None))


def render(visit: Visit, photo: Photo) -> dict[str, Any]:
    return {
        "uid": photo.uid,
        "title": photo.title,
        "url": file_url(visit.world, photo.uid, photo.content_type, photo.title),
        "created_at": format_timestamp(photo.created_at),
        "created_by": visit.links.user(photo.created_by),
        "deleted": photo.deleted,
    }


def _upload(visit: Visit) -> Reply:
    known_fields(visit, ("content_type", "title"))
    content_type = wanted_type(visit.body, visit.world.settings.photo_types)
    title = filled_text(visit.body, "title", "Title")
    return issue_slot(
        visit,
        kind="photo",
        bucket="plangrid-photos",
        content_type=content_type,
        file_name=title,
        completions="photos/uploads/completions",
        details={"title": title},
    )


def _complete(visit: Visit) -> Awaitable[Reply]:
    def create(slot: Slot) -> Reply:
        photo = visit.project.photos.add(
            Photo(
                uid=slot.uid,
                created_at=visit.now,
                created_by=slot.owner,
                updated_at=visit.now,
                content_type=slot.content_type,
                **slot.details,
            )
        )
        visit.world.note_created("photo", visit.project.uid, photo.uid)
        return Reply(201, render(visit, photo))

    return complete_slot(visit, "photo", create)


def _list(visit: Visit) -> Reply:
    return table_reply(visit, visit.project.photos, lambda photo: render(visit, photo))


def _get(visit: Visit) -> Reply:
    return Reply(200, render(visit, _find(visit, "does not exist on")))


def _update(visit: Visit) -> Reply:
    photo = _find(visit, "does not exist on")
    if photo.deleted:
        raise ApiError(400, f"Photo ({photo.uid}) is deleted and cannot be updated.")
    known_fields(visit, ("title",))
    title = filled_text(visit.body, "title", "Title")
    return Reply(200, render(visit, visit.project.photos.put(evolve(photo, title=title, updated_at=visit.now))))


def _remove(visit: Visit) -> Reply:
    photo = _find(visit, "was not found in")
    if not photo.deleted:
        visit.project.photos.put(evolve(photo, deleted=True, updated_at=visit.now))
    return Reply(204)


def _find(visit: Visit, where: str) -> Photo:
    uid = visit.params["photo_uid"]
    photo = visit.project.photos.get(uid)
    if photo is None:
        raise visit.missing("Photo", uid, where)
    return photo


_UPLOAD = Right("upload photos", "Insufficient permissions to upload photos to project ({project_uid}).")
_UPDATE = Right("update photo", "Insufficient permissions to update photo ({photo_uid}) in project ({project_uid}).")
_PATH = "/projects/{project_uid}/photos"
_ONE = f"{_PATH}/{{photo_uid}}"

ROUTES = (
    Route("POST", f"{_PATH}/uploads", _upload, "Upload Photo to Project", right=_UPLOAD, body="object"),
    Route(
        "GET",
        f"{_PATH}/uploads/completions/{{upload_token}}",
        _complete,
        "Complete Photo Upload to Project",
        by_token=True,
    ),
    Route("GET", _PATH, _list, "Retrieve Photos in a Project"),
    Route("GET", _ONE, _get, "Retrieve Photo in a Project"),
    Route("PATCH", _ONE, _update, "Update Photo in a Project", right=_UPDATE, body="object"),
    Route(
        "DELETE",
        _ONE,
        _remove,
        "Remove Photo from Project",
        (403, "Access to project ({project_uid}) is prohibited."),
    ),
)
