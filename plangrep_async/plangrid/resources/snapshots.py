"""Snapshots of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE
from ..models import Snapshot
from ..pages import Listing, Page

__all__ = ["Snapshots"]


class Snapshots(Resource):
    """Pictures of parts of sheets. They cannot be made or changed through the API."""

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Snapshot]:
        """All of them ("Retrieve Snapshots in a Project")."""
        keep = None if include_deleted else lambda snapshot: not snapshot.deleted
        return self._list(Snapshot, options, list_query(page_size, updated_after), "snapshots", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Snapshot]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(Snapshot, options, page_query(limit, skip, updated_after), "snapshots")

    async def get(self, snapshot_uid: str, **options: Unpack[CallArguments]) -> Snapshot:
        """One snapshot, a removed one too ("Retrieve Snapshot in a Project")."""
        return await self._get(Snapshot, options, "snapshots", snapshot_uid)

    async def remove(self, snapshot_uid: str, **options: Unpack[CallArguments]) -> None:
        """Remove it ("Remove Snapshot from Project"); no error when it was removed before."""
        await self._delete(options, "snapshots", snapshot_uid)
