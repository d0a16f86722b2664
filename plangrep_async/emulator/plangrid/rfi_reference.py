"""References of an RFI: attachments, photos and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from .attachment import render as render_attachment
from .fields import known_fields
from .message import ApiError, Reply, show
from .paging import list_reply
from .photo import render as render_photo
from .rfi import Rfi, find_rfi
from .rfi_history import note_changes
from .router import Route
from .snapshot import Snapshot
from .snapshot import render as render_snapshot
from .table import Table
from .visit import Visit

__all__ = ["ROUTES"]

_LIST_DENIED = (403, "Access to project ({project_uid}) is prohibited.")
_REMOVE_DENIED = (404, "Access to project ({project_uid}) is prohibited.")  # 404: so documented, on all three pages


@frozen
class _Kind:
    """A kind of record that an RFI can refer to.

    Attributes:
        name: for messages; in lower case, also of the parameter and the body field.
        attribute: of the RFI and the project, and the segment of the path.
    """

    name: str
    attribute: str
    render: Callable[[Visit, Any], dict[str, Any]]

    @property
    def parameter(self) -> str:
        return f"{self.name.lower()}_uid"

    def table(self, visit: Visit) -> Table[Any]:
        table: Table[Any] = getattr(visit.project, self.attribute)
        return table

    def uids(self, rfi: Rfi) -> tuple[str, ...]:
        uids: tuple[str, ...] = getattr(rfi, self.attribute)
        return uids

    def show(self, visit: Visit) -> Reply:
        found = (self.table(visit).get(uid) for uid in self.uids(find_rfi(visit)))
        return list_reply(visit, [item for item in found if item is not None], lambda item: self.render(visit, item))

    def add(self, visit: Visit) -> Reply:
        rfi = find_rfi(visit)
        known_fields(visit, (self.parameter,))
        uid = visit.body.get(self.parameter)
        record = self.table(visit).get(uid) if isinstance(uid, str) else None
        if record is None:
            raise ApiError(400, f"{self.name} ({show(uid)}) was not found in project ({visit.project.uid}).")
        if rfi.locked:  # the page on photos speaks of attachments, too
            raise ApiError(400, f"RFI ({rfi.uid}) must be unlocked before attachments can be added.")
        if record.uid not in self.uids(rfi):
            self._put(visit, rfi, (*self.uids(rfi), record.uid))
        return Reply(200, self.render(visit, record))

    def remove(self, visit: Visit) -> Reply:
        rfi = find_rfi(visit)
        uid = visit.params[self.parameter]
        if rfi.locked:
            raise ApiError(400, f"RFI ({rfi.uid}) must be unlocked before it can be updated.")
        kept = tuple(item for item in self.uids(rfi) if item != uid.lower())
        if len(kept) == len(self.uids(rfi)):
            raise ApiError(404, f"{self.name} ({uid}) is not referenced on RFI ({rfi.uid}).")
        self._put(visit, rfi, kept)
        return Reply(204)

    def _put(self, visit: Visit, rfi: Rfi, uids: tuple[str, ...]) -> None:
        changes: dict[str, Any] = {self.attribute: uids}
        new = evolve(rfi, updated_at=visit.now, updated_by=visit.caller.account.person, **changes)
        note_changes(visit, rfi, new)
        visit.project.rfis.put(new)

    def routes(self, *, creatable: bool) -> list[Route]:
        path = f"/projects/{{project_uid}}/rfis/{{rfi_uid}}/{self.attribute}"
        plural = f"{self.name}s"
        routes = [
            Route("GET", path, self.show, f"Retrieve {plural} Referenced in RFI", _LIST_DENIED),
            Route(
                "DELETE",
                f"{path}/{{{self.parameter}}}",
                self.remove,
                f"Remove {self.name} Reference in RFI",
                _REMOVE_DENIED,
            ),
        ]
        if creatable:
            routes.append(Route("POST", path, self.add, f"Reference {self.name} in RFI", body="object"))
        return routes


def _snapshot(visit: Visit, snapshot: Snapshot) -> dict[str, Any]:
    return render_snapshot(visit, snapshot, sheet=False)


ROUTES = (
    *_Kind("Attachment", "attachments", render_attachment).routes(creatable=True),
    *_Kind("Photo", "photos", render_photo).routes(creatable=True),
    *_Kind("Snapshot", "snapshots", _snapshot).routes(creatable=False),
)
