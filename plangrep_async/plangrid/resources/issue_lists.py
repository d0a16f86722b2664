"""Lists of issues (later versions; the paths of list and removal follow the pattern of the others)."""

from __future__ import annotations

from typing import Unpack

from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_text
from ..models import IssueList
from ..pages import Listing, Page

__all__ = ["IssueLists"]


class IssueLists(Resource):
    """Named lists that issues can be put in."""

    def list(
        self, *, include_deleted: bool = True, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]
    ) -> Listing[IssueList]:
        """All of them."""
        keep = None if include_deleted else lambda issue_list: not issue_list.deleted
        return self._list(IssueList, options, list_query(page_size, None), "issue_lists", keep=keep)

    async def page(self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]) -> Page[IssueList]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(IssueList, options, page_query(limit, skip, None), "issue_lists")

    async def get(self, issue_list_uid: str, **options: Unpack[CallArguments]) -> IssueList:
        """One list."""
        return await self._get(IssueList, options, "issue_lists", issue_list_uid)

    async def create(self, name: str, **options: Unpack[CallArguments]) -> IssueList:
        """Make a list. It is not repeated when the answer is lost."""
        return await self._post(IssueList, options, {"name": check_text(name, "name")}, "issue_lists")

    async def update(self, issue_list_uid: str, *, name: str, **options: Unpack[CallArguments]) -> IssueList:
        """Give a list another name."""
        body = {"name": check_text(name, "name")}
        return await self._patch(IssueList, options, body, "issue_lists", issue_list_uid)

    async def remove(self, issue_list_uid: str, **options: Unpack[CallArguments]) -> None:
        """Remove a list."""
        await self._delete(options, "issue_lists", issue_list_uid)
