"""Upload slots: a token, a signed S3 form, and the completion that uses the token up.

Documentation pages "File Uploads", "The File Upload Object" and the "Complete ... Upload to Project" pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Literal

from attrs import define

from ..post_policy import sign_post
from .links import Person
from .message import ApiError, Reply, Request, show

if TYPE_CHECKING:
    from .visit import Visit
    from .world import World

__all__ = ["Slot", "SlotKind", "complete_slot", "issue_slot", "wanted_type"]

_FORM_FIELDS = (("x-amz-storage-class", "STANDARD"), ("x-amz-server-side-encryption", "AES256"))
"""As documented (page "The File Upload Object")."""

SlotKind = Literal["attachment", "photo", "sheet file"]


@define
class Slot:
    """One permission to upload one file.

    Attributes:
        uid: what the record will be called.
        tokens: the upload token, and with the oddity ``two_upload_tokens`` a second name of it.
        bucket, key: where the file goes in the storage.
        details: fields of the record to be.
        owner: who asked for it.
        expires: seconds since 1970 by the service's clock.
        completed_by: the request that used the token up.
    """

    kind: SlotKind
    uid: str
    project_uid: str
    tokens: tuple[str, ...]
    bucket: str
    key: str
    content_type: str
    details: Mapping[str, Any]
    owner: Person
    expires: float
    completed_by: Request | None = None


def wanted_type(body: Mapping[str, Any], supported: Collection[str]) -> str:
    """The content type of the body. The page gives one text for a missing and an unsupported one."""
    value = body.get("content_type")
    if not isinstance(value, str) or value not in supported:
        raise ApiError(400, f"Content type ({show(value)}) is not supported.")
    return value


def issue_slot(
    visit: Visit,
    *,
    kind: SlotKind,
    bucket: str,
    content_type: str,
    file_name: str,
    completions: str,
    details: Mapping[str, Any],
) -> Reply:
    """A new slot, as a File Upload object.

    Args:
        completions: the path of the completion below the project, without the token.
    """
    world, settings = visit.world, visit.world.settings
    uid = world.new_uid()
    tokens = tuple(world.new_token() for _ in range(2 if "two_upload_tokens" in settings.oddities else 1))
    slot = Slot(
        kind=kind,
        uid=uid,
        project_uid=visit.project.uid,
        tokens=tokens,
        bucket=bucket,
        key=f"{world.key_prefix}{visit.project.uid}/{uid}_{_safe(file_name)}",
        content_type=content_type,
        details=details,
        owner=visit.caller.account.person,
        expires=visit.now + settings.slot_seconds,
    )
    for token in tokens:
        world.slots[token] = slot
    path = f"projects/{visit.project.uid}/{completions}"
    if settings.redirect:
        answer = ("success_action_redirect", f"{world.base_url}/v1/{path}/{tokens[-1]}")
    else:
        answer = ("success_action_status", settings.success_status)
    signing = world.storage.now()
    fields = sign_post(
        [("key", slot.key), answer, ("Content-Type", content_type), *_further_fields(world)],
        bucket=bucket,
        credentials=world.storage.credentials,
        now=signing,
        expires=signing + settings.slot_seconds,
        version=settings.signature_version,
        conditions=[] if settings.max_file is None else [["content-length-range", 0, settings.max_file]],
    )
    return Reply(
        201,
        {
            "uid": uid,
            "webhook_url": f"{world.base_url}/{path}/{tokens[0]}",
            "aws_post_form_arguments": {
                "action": f"{world.storage.endpoint}/{bucket}/",
                "fields": [{"name": name, "value": value} for name, value in fields],
            },
        },
    )


async def complete_slot(visit: Visit, kind: SlotKind, create: Callable[[Slot], Reply]) -> Reply:
    """Use a token up. ``create`` makes the record; it is called once for each slot.

    Raises:
        ApiError: 404, 409 (consumed), 410 (expired), 400 (no file), 500 (on demand, with the URL to try again).
    """
    world, token = visit.world, visit.params["upload_token"]
    slot = world.slots.get(token)
    if slot is None or slot.kind != kind or slot.project_uid != visit.project.uid:
        # Both documented pages say "Attachment", and neither ends with a full stop.
        raise ApiError(404, f"Attachment for upload token ({token}) does not exist")
    _check(visit, slot, token)
    size = await world.storage.size_of(slot.bucket, slot.key)
    _check(visit, slot, token)  # another completion may have come while the storage was asked
    if size is None:
        raise ApiError(400, f"File associated with upload token ({token}) is missing.")
    if world.trouble.completion_fails():
        raise ApiError(
            500,
            "Sorry, PlanGrid was unable to complete the upload. Use the url included with this message to try again.",
            url=f"{world.base_url}/v1/{visit.request.path.lstrip('/')}",
        )
    slot.completed_by = visit.request
    world.files[slot.uid] = (slot.bucket, slot.key)
    return create(slot)


def _further_fields(world: World) -> tuple[tuple[str, str], ...]:
    if world.settings.form_fields is not None:
        return world.settings.form_fields
    return _FORM_FIELDS[:1] if world.real_server else _FORM_FIELDS


def _check(visit: Visit, slot: Slot, token: str) -> None:
    if slot.completed_by is not None:
        if slot.completed_by.delivered:
            detail = "a completion was asked for again although its first answer arrived"
            visit.world.violation("token_used_again", detail, visit.request)
        raise ApiError(409, f"Upload token ({token}) consumed.")
    if visit.now >= slot.expires:
        raise ApiError(410, f"Upload token ({token}) expired.")


def _safe(name: str) -> str:
    """A file name as part of an object key."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)[-80:]
