"""One page of a list ("List files", "List specifications", "Search projects")."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import field, frozen

from .record import Record

__all__ = ["Page", "PageInfo"]

T = TypeVar("T")


@frozen(kw_only=True)
class PageInfo(Record):
    """Where a page stands among the others, in the way of Relay (names unverified)."""

    start_cursor: str | None = None
    end_cursor: str | None = None
    has_previous_page: bool | None = None
    has_next_page: bool | None = None


@frozen(kw_only=True)
class Page(Record, Generic[T]):
    """One page.

    Attributes:
        items: the records, in the service's order.
        total: of all pages together.
        limit: the page size that was applied.
        cursor: the one that was sent.
        next_cursor: for the next page; ``None`` at the end.
        warnings: of a search over projects.
    """

    items: tuple[T, ...] = ()
    total: int | None = None
    limit: int | None = None
    cursor: str | None = None
    next_cursor: str | None = None
    returned_count: int | None = None
    has_more: bool | None = None
    page_info: PageInfo | None = None
    warnings: tuple[Any, ...] | None = field(default=None, hash=False)

    @property
    def is_last(self) -> bool:
        """Whether no page comes after it."""
        return not self.next_cursor or self.has_more is False
