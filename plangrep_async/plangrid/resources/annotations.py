"""Annotations of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE
from ..models import Annotation
from ..pages import Listing, Page

__all__ = ["Annotations"]


class Annotations(Resource):
    """Marks on sheets; personal and deleted ones too."""

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Annotation]:
        """All of them, the newest first ("Retrieve Annotations in a Project")."""
        keep = None if include_deleted else lambda annotation: not annotation.deleted
        return self._list(Annotation, options, list_query(page_size, updated_after), "annotations", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Annotation]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(Annotation, options, page_query(limit, skip, updated_after), "annotations")
