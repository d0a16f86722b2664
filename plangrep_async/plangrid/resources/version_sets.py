"""Published versions of a project's sheets."""

from __future__ import annotations

from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE
from ..models import VersionSet
from ..pages import Listing, Page

__all__ = ["VersionSets"]


class VersionSets(Resource):
    """Added in August 2017 and no longer documented in 2026 (.NET client)."""

    def list(self, *, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]) -> Listing[VersionSet]:
        """All of them; their uids are what ``sheets.list(version_set=…)`` takes."""
        return self._list(VersionSet, options, list_query(page_size, None), "version_sets")

    async def page(
        self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]
    ) -> Page[VersionSet]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(VersionSet, options, page_query(limit, skip, None), "version_sets")
