"""The statuses that RFIs of a project can have."""

from __future__ import annotations

from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_text
from ..models import RfiStatus
from ..pages import Listing, Page

__all__ = ["RfiStatuses"]


class RfiStatuses(Resource):
    """Six, as of the documentation; the first is the one on top in PlanGrid."""

    def list(self, *, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]) -> Listing[RfiStatus]:
        """All of them ("Retrieve RFI Statuses in a Project")."""
        return self._list(RfiStatus, options, list_query(page_size, None), "rfis", "statuses")

    async def page(self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]) -> Page[RfiStatus]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(RfiStatus, options, page_query(limit, skip, None), "rfis", "statuses")

    async def update(self, status_uid: str, *, label: str | None, **options: Unpack[CallArguments]) -> RfiStatus:
        """Name a status ("Update RFI Status in a Project"): one character or more, or ``None`` for null."""
        body = {"label": None if label is None else check_text(label, "label")}
        return await self._patch(RfiStatus, options, body, "rfis", "statuses", status_uid)
