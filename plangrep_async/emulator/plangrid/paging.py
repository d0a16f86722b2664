"""Lists by ``skip`` and ``limit`` (documentation page "Pagination")."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from .message import ApiError, Reply
from .table import Record, Table
from .timestamp import parse_timestamp
from .visit import Visit

__all__ = ["MAX_PAGE", "list_reply", "table_reply"]

MAX_PAGE = 50

R = TypeVar("R", bound=Record)
T = TypeVar("T")


def table_reply(
    visit: Visit,
    table: Table[R],
    render: Callable[[R], Any],
    *,
    facets: Collection[Hashable] | None = None,
    among: Sequence[int] | None = None,
    by_time: bool = True,
) -> Reply:
    """A page of a table. ``by_time``: whether the page documents ``updated_after``."""
    skip, limit = _window(visit)
    after = _updated_after(visit) if by_time else None
    records, total = table.page(skip, limit, updated_after=after, facets=facets, among=among)
    return _reply(visit, [render(record) for record in records], total, skip, limit)


def list_reply(
    visit: Visit, items: Sequence[T], render: Callable[[T], Any], *, time_of: Callable[[T], float] | None = None
) -> Reply:
    """A page of a list at hand; ``time_of`` where the page documents ``updated_after``."""
    skip, limit = _window(visit)
    after = _updated_after(visit) if time_of is not None else None
    if after is not None and time_of is not None:
        items = [item for item in items if time_of(item) > after]
    return _reply(visit, [render(item) for item in items[skip : skip + limit]], len(items), skip, limit)


def _reply(visit: Visit, data: list[Any], total: int, skip: int, limit: int) -> Reply:
    oddities = visit.world.settings.oddities
    more = skip + limit < total or (bool(data) and "extra_empty_page" in oddities)
    following = _next_url(visit, skip + limit, limit, swapped="swapped_page_query" in oddities) if more else None
    return Reply(200, {"data": data, "total_count": total, "next_page_url": following})


def _window(visit: Visit) -> tuple[int, int]:
    # The page allows 0 for both; PlanGrid's later server toolkit refuses a limit of 0, which could never end.
    query = visit.query
    skip, limit = _integer(query.get("skip", "0")), _integer(query.get("limit", str(MAX_PAGE)))
    if skip is None:
        raise ApiError(400, "Skip must be 0 or positive integer.")
    if not limit:
        raise ApiError(400, "Limit must be a positive integer.")
    if limit > MAX_PAGE:
        raise ApiError(400, f"Maximum limit is {MAX_PAGE}.")
    return skip, limit


def _integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _updated_after(visit: Visit) -> float | None:
    text = visit.query.get("updated_after")
    if text is None:
        return None
    seconds = parse_timestamp(text)
    if seconds is None:
        raise ApiError(400, f"Updated after ({text}) must be a datetime in ISO-8601 format.")
    return seconds


def _next_url(visit: Visit, skip: int, limit: int, *, swapped: bool) -> str:
    pairs = [("skip", str(skip)), ("limit", str(limit))]
    if swapped:
        pairs.reverse()
    others = parse_qsl(visit.request.query, keep_blank_values=True)
    pairs += [(name, value) for name, value in others if name not in ("skip", "limit")]
    return f"{visit.world.base_url}{quote(visit.request.path)}?{urlencode(pairs)}"
