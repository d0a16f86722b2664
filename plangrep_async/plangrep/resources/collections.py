"""What a project holds: files, sheets, regions, specifications, sections, docs ("Project reads").

The routes differ in the record and in what it can be narrowed by; the table at the end says how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, Unpack

from ...session.call import Call, CallKeywords
from .._context import Context, api_path
from ..limits import check_range
from ..models.page import Page
from ..models.record import Record
from ..paging import Pages, page_reader
from .filters import filters_query, split_keywords

__all__ = ["FILTERS", "Collection", "Listing", "ReadFilters"]

R = TypeVar("R", bound=Record)


class ReadFilters(CallKeywords, total=False):
    """What reads can be narrowed by. Not every list knows every filter: :data:`FILTERS` has the documented ones.

    Attributes:
        compact: ``True`` leaves the artifacts out.
        sheets: only of these sheets, by id.
        file_id: of this file.
        file_name: of files whose name holds this text, in any case.
        classification: of files of this kind.
        status: for example ``complete``, ``processing``, ``failed``.
        page_number: on this page, from 1.
        sheet_number: exactly this, for example ``A1.01``.
        sheet_id: on this sheet.
        region_type: for example ``detail``, ``plan``, ``section``, ``elevation``, ``schedule``, ``title_block``.
        drawing_type: for example ``architectural``, ``structural``, ``mechanical``.
        layout_type: no values are documented.
        section_number: exactly this, for example ``03 30 00``.
        page_start: begins on this page or after it.
        page_end: ends on this page or before it.
        doc_type: for example ``submittal``, ``rfi``, ``report``, ``schedule``.
    """

    compact: bool | None
    sheets: Sequence[str] | str | None
    file_id: str | None
    file_name: str | None
    classification: str | None
    status: str | None
    page_number: int | None
    sheet_number: str | None
    sheet_id: str | None
    region_type: str | None
    drawing_type: str | None
    layout_type: str | None
    section_number: str | None
    page_start: int | None
    page_end: int | None
    doc_type: str | None


_FILE = frozenset({"compact", "file_id", "file_name", "classification"})
_SECTION = frozenset({"compact", "section_number", "page_start", "page_end"})
_REGION = _FILE | {"page_number", "sheet_id", "region_type", "drawing_type", "layout_type"}

FILTERS: Mapping[str, frozenset[str]] = {
    "files": _FILE | {"sheets", "status"},
    "sheets": _FILE | {"sheets", "status", "page_number", "sheet_number"},
    "regions": _REGION | {"sheets"},
    "sheet_regions": _REGION - {"sheet_id"},
    "specifications": _FILE | _SECTION | {"sheets"},
    "sections": _SECTION,
    "docs": _FILE | {"sheets", "status", "doc_type"},
}
"""The filters of each list, by its name. ``get`` takes those of its list; there they are conditions."""


class Listing(Generic[R]):
    """Records in pages.

    Args:
        path: of the collection, as segments.
        kind: its records.
        name: in :data:`FILTERS`.
        list_name: the unverified name of the array in a page; ``lists.`` and ``name`` by default.
    """

    def __init__(
        self, context: Context, path: tuple[str, ...], kind: type[R], name: str, *, list_name: str | None = None
    ) -> None:
        self._context = context
        self._path = path
        self._kind = kind
        self._filters = FILTERS[name]
        self._list_name = list_name or f"lists.{name}"
        api_path(*path)

    def list(self, *, page_size: int | None = None, **filters: Unpack[ReadFilters]) -> Pages[R]:
        """All records, page after page, as they are needed.

        Args:
            page_size: 1 to 500; the service's own default is 100.

        Raises:
            InvalidInputError: a page size or a filter that cannot be; before anything is sent.
        """
        check_range(page_size, "page_size", 1, 500)
        split_keywords(filters, self._filters)
        return Pages(lambda cursor: self.page(limit=page_size, cursor=cursor, **filters))

    async def page(
        self, *, limit: int | None = None, cursor: str | None = None, **filters: Unpack[ReadFilters]
    ) -> Page[R]:
        """One page of :meth:`list`; ``limit`` is 1 to 500."""
        values, keywords = split_keywords(filters, self._filters)
        call = Call(
            "GET",
            api_path(*self._path),
            page_reader(self._context.codec, self._kind, self._list_name),
            query=filters_query({"limit": check_range(limit, "limit", 1, 500), "cursor": cursor, **values}),
        )
        return await self._context.send(call, keywords)


class Collection(Listing[R]):
    """Records in pages, each with a route of its own.

    Args:
        key: of the record in the answer to :meth:`get`.
    """

    def __init__(
        self, context: Context, path: tuple[str, ...], kind: type[R], name: str, *, key: str, **more: Any
    ) -> None:
        super().__init__(context, path, kind, name, **more)
        self._key = key

    async def get(self, record_id: str, **filters: Unpack[ReadFilters]) -> R:
        """One record. Filters are conditions: the record comes only when it fits them."""
        values, keywords = split_keywords(filters, self._filters)
        call = Call(
            "GET",
            api_path(*self._path, record_id),
            self._context.codec.reader(self._kind, self._key),
            query=filters_query(values),
        )
        return await self._context.send(call, keywords)
