"""Files that PlanGrid generates (page "The Shareable Object")."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from .record import OpenEnum, Record, signed_url
from .references import RecordReference

__all__ = ["Packet", "PacketStatus"]


class PacketStatus(OpenEnum):
    """How far the file is."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    ERRORED = "errored"


@frozen
class Packet(Record):
    """A file in the making: a packet of sheets, an export.

    Attributes:
        uid: identifies it.
        file_url: where the file will be; filled from the start, so no sign that it is ready. Credentials never
            go there.
        resource: the packet itself.
        status: how far it is.
    """

    uid: str
    file_url: str | None = signed_url()
    resource: RecordReference[Any] | None = None
    status: PacketStatus | None = None
