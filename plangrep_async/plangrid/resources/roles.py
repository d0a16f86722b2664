"""Roles of a project."""

from __future__ import annotations

from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE
from ..models import Role
from ..pages import Listing, Page

__all__ = ["Roles"]


class Roles(Resource):
    """What members of the team may do."""

    def list(self, *, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]) -> Listing[Role]:
        """All of them ("Retrieve Roles on a Project")."""
        return self._list(Role, options, list_query(page_size, None), "roles")

    async def page(self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]) -> Page[Role]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(Role, options, page_query(limit, skip, None), "roles")

    async def get(self, role_uid: str, **options: Unpack[CallArguments]) -> Role:
        """One role ("Retrieve Role on a Project")."""
        return await self._get(Role, options, "roles", role_uid)
