"""Sheet packets: PDFs of sheets, made in the background (page "The Shareable Object")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import define

from .asset import asset_name
from .fields import boolean, known_fields
from .message import ApiError, Reply, show
from .router import Route

if TYPE_CHECKING:
    from .visit import Visit
    from .world import World

__all__ = ["ROUTES", "Packet"]


@define
class Packet:
    """A packet.

    Attributes:
        titles: the names of its sheets, one page each.
        ready_at: when it turns from ``incomplete`` to ``complete``, or to ``errored`` when it ``fails``.
    """

    uid: str
    project_uid: str
    sheet_uids: tuple[str, ...]
    titles: tuple[str, ...]
    include_annotations: bool
    ready_at: float
    fails: bool = False

    def status(self, now: float) -> str:
        if now < self.ready_at:
            return "incomplete"
        return "errored" if self.fails else "complete"


def _render(world: World, packet: Packet, now: float) -> dict[str, Any]:
    return {
        "uid": packet.uid,
        "file_url": f"{world.assets_url}/{asset_name(packet.uid, 'application/pdf')}",
        "resource": world.links(packet.project_uid).record("sheets/packets", packet.uid),
        "status": packet.status(now),
    }


def _create(visit: Visit) -> Reply:
    # Unverified: all messages and the status; pages and clients give the fields alone.
    known_fields(visit, ("sheet_uids", "include_annotations"))
    wanted = visit.body.get("sheet_uids")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(uid, str) for uid in wanted):
        raise ApiError(400, f"Sheet uids ({show(wanted)}) must be an array of UIDs of sheets on project.")
    annotated = True
    if "include_annotations" in visit.body:
        annotated = boolean(visit.body, "include_annotations", "Include annotations")
    titles: list[str] = []
    for uid in wanted:
        sheet = visit.project.sheets.get(uid)
        if sheet is None:
            raise ApiError(400, f"Sheet ({uid}) is not on project ({visit.project.uid}).")
        titles.append(sheet.name)
    world = visit.world
    packet = Packet(
        uid=world.new_uid(),
        project_uid=visit.project.uid,
        sheet_uids=tuple(wanted),
        titles=tuple(titles),
        include_annotations=annotated,
        ready_at=visit.now + world.settings.packet_seconds,
        fails=world.settings.packets_fail,
    )
    world.packets[packet.uid] = packet
    world.note_created("packet", packet.project_uid, packet.uid)
    return Reply(201, _render(world, packet, visit.now))


def _get(visit: Visit) -> Reply:
    uid = visit.params["packet_uid"]
    packet = visit.world.packets.get(uid.lower())
    if packet is None or packet.project_uid != visit.project.uid:
        raise visit.missing("Sheet packet", uid)
    return Reply(200, _render(visit.world, packet, visit.now))


_PATH = "/projects/{project_uid}/sheets/packets"

ROUTES = (
    Route("POST", _PATH, _create, "Create Sheet Packet", body="object"),
    Route("GET", f"{_PATH}/{{packet_uid}}", _get, "Retrieve Sheet Packet", untimed=True),
)
