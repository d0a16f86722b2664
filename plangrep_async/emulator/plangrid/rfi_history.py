"""The RFI History object and its list: what was changed, newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen

from .dice import Dice
from .links import Person
from .message import Reply
from .paging import list_reply
from .photo import render as render_photo
from .router import Route
from .timestamp import format_timestamp
from .uid import UidSpace, mix
from .visit import Visit

if TYPE_CHECKING:
    from .rfi import Rfi

__all__ = ["ROUTES", "Change", "note_changes"]

_FIELDS = {
    "status_uid": "status",
    "locked": "locked",
    "title": "title",
    "question": "question",
    "answer": "answer",
    "sent_at": "sent_at",
    "due_at": "due_at",
    "assigned_to": "assigned_to",
    "photos": "photos",
    "attachments": "attachments",
    "snapshots": "snapshots",
}
"""Attributes of an RFI and what the history calls them."""


@frozen
class Change:
    """One field's change, with the values as the RFI record holds them."""

    uid: str
    attribute: str
    old: Any
    new: Any
    updated_at: float
    updated_by: Person


def note_changes(visit: Visit, old: Rfi, new: Rfi) -> None:
    """Write down how ``new`` differs from ``old``."""
    changes = visit.project.rfi_changes.setdefault(old.uid, [])
    for attribute in _FIELDS:
        before, after = getattr(old, attribute), getattr(new, attribute)
        if before != after:
            changes.append(
                Change(visit.world.new_uid(), attribute, before, after, visit.now, visit.caller.account.person)
            )


def _seeded(visit: Visit, rfi: Rfi) -> list[Change]:
    if rfi.index is None:
        return []
    space = UidSpace(visit.project.seed, f"{rfi.uid}/history")
    dice = Dice(mix(rfi.index) ^ space.key)
    moment = rfi.created_at
    changes = [
        Change(space.uid(0), "title", "Untitled", "Draft title", moment + 60, visit.project.someone(dice)),
        Change(space.uid(1), "answer", None, "See attached.", moment + 120, visit.project.someone(dice)),
    ]
    statuses = list(visit.project.rfi_statuses)
    changes.append(Change(space.uid(2), "status_uid", statuses[0], statuses[1], moment + 180, changes[0].updated_by))
    changes.append(
        Change(space.uid(3), "assigned_to", (), (changes[1].updated_by,), moment + 240, changes[0].updated_by)
    )
    if visit.project.photos.count:
        uid = visit.project.photos.uids.uid(dice.below(visit.project.photos.count))
        changes.append(Change(space.uid(4), "photos", (), (uid,), moment + 300, changes[0].updated_by))
    return changes[: dice.below(len(changes) + 1)]


def _value(visit: Visit, attribute: str, value: Any) -> Any:
    if value is None:
        return None
    if attribute == "status_uid":
        return asdict(visit.project.rfi_statuses[value])
    if attribute == "assigned_to":
        return [visit.links.user(person) for person in value]
    if attribute in ("sent_at", "due_at"):
        return format_timestamp(value)
    if attribute == "photos" and "pointers_in_history" not in visit.world.settings.oddities:
        found = [visit.project.photos.get(uid) for uid in value]
        return [render_photo(visit, photo) for photo in found if photo is not None]
    if attribute in ("photos", "attachments", "snapshots"):
        return [visit.links.record(attribute, uid) for uid in value]
    return value


def _list(visit: Visit) -> Reply:
    uid = visit.params["rfi_uid"]
    rfi = visit.project.rfis.get(uid)
    if rfi is None:
        raise visit.missing("RFI", uid)
    changes = [*reversed(visit.project.rfi_changes.get(rfi.uid, [])), *reversed(_seeded(visit, rfi))]

    def render(change: Change) -> dict[str, Any]:
        return {
            "uid": change.uid,
            "field": _FIELDS[change.attribute],
            "old_value": _value(visit, change.attribute, change.old),
            "new_value": _value(visit, change.attribute, change.new),
            "updated_at": format_timestamp(change.updated_at),
            "updated_by": visit.links.user(change.updated_by),
        }

    return list_reply(visit, changes, render, time_of=lambda change: change.updated_at)


ROUTES = (
    Route(
        "GET",
        "/projects/{project_uid}/rfis/{rfi_uid}/history",
        _list,
        "Retrieve RFI History",
        (403, "Access to project ({project_uid}) is prohibited."),
    ),
)
