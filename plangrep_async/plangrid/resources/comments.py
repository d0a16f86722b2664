"""Comments of a project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Unpack

from ...errors import InvalidInputError
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_text
from ..models import Comment
from ..pages import Listing, Page

__all__ = ["Comments"]


class Comments(Resource):
    """What was said on a project's records."""

    def list(
        self,
        *,
        record_types: Sequence[str] = (),
        updated_after: datetime | None = None,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Comment]:
        """All of them, the newest first ("Retrieve Comments in a Project").

        Args:
            record_types: only those on records of these kinds (:class:`~plangrep_async.plangrid.CommentRecordType`).
            updated_after: only those made or changed since.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        query = list_query(page_size, updated_after, record_types=_joined(record_types))
        return self._list(Comment, options, query, "comments")

    async def page(
        self,
        *,
        record_types: Sequence[str] = (),
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Comment]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        query = page_query(limit, skip, updated_after, record_types=_joined(record_types))
        return await self._page(Comment, options, query, "comments")


def _joined(record_types: Sequence[str]) -> str | None:
    if isinstance(record_types, str):
        raise InvalidInputError(f"record_types: {record_types!r} is a string; give a list, such as ['issue', 'rfi']")
    for name in record_types:
        if "," in check_text(name, "record_types"):
            raise InvalidInputError(f"record_types: {name!r} holds a comma; give each kind as an entry of its own")
    return ",".join(record_types) or None
