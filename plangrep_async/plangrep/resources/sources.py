"""Searching the sources of a project, and reading their text ("Search sources", "Read source text")."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from ...errors import ConflictError, InvalidInputError
from ...session.call import Call, CallKeywords
from .._context import Context, api_path
from ..limits import check_range, check_text
from ..models.enums import TextKind
from ..models.record import Record
from ..models.search import SourceSearchResult, SourceText
from ..paging import follow
from .filters import filters_json, split_keywords

__all__ = ["SEARCH_FILTERS", "SearchFilters", "SourcePages", "Sources"]

R = TypeVar("R", bound=Record)
_READS = frozenset({"all"})
_INDEX_WAIT = (5.0, 10.0)


class SearchFilters(CallKeywords, total=False):
    """What a search can be narrowed by.

    Attributes:
        entity_types: for example ``region``, ``specification``, ``doc``.
        region_type, layout_type, drawing_type: of regions.
        sheet_number: exactly this.
        file_name: of files whose name holds this text, in any case.
        classification: of files of this kind.
        page_number: on this page, from 1.
    """

    entity_types: Sequence[str] | None
    region_type: str | None
    layout_type: str | None
    drawing_type: str | None
    sheet_number: str | None
    file_name: str | None
    classification: str | None
    page_number: int | None


SEARCH_FILTERS = frozenset(SearchFilters.__annotations__) - frozenset(CallKeywords.__annotations__)


class SourcePages:
    """The text of one source: ``async for`` gives piece after piece; each loop begins anew."""

    def __init__(self, fetch: Callable[[str | None], Awaitable[SourceText]]) -> None:
        self._fetch = fetch

    def __aiter__(self) -> AsyncIterator[SourceText]:
        return follow(self._fetch, lambda piece: piece.next_cursor, lambda piece: not piece.text)

    async def text(self, *, limit: int = 10_000_000) -> str:
        """The whole text.

        Args:
            limit: characters to keep in memory at most.

        Raises:
            InvalidInputError: the text is longer; read it piece by piece.
        """
        pieces: list[str] = []
        length = 0
        async for piece in self:
            pieces.append(piece.text)
            length += len(piece.text)
            if length > limit:
                raise InvalidInputError(f"the text has more than {limit:,} characters; raise limit=, or read by piece")
        return "".join(pieces)


class Sources:
    """The sources of one project."""

    def __init__(self, context: Context, project_id: str) -> None:
        self._context = context
        self._project_id = project_id

    async def search(
        self,
        query: str,
        *,
        max_hits: int | None,
        review_id: str | None,
        index_attempts: int,
        filters: SearchFilters,
    ) -> SourceSearchResult:
        """See :meth:`ProjectScope.source_search`."""
        values, keywords = split_keywords(filters, SEARCH_FILTERS)
        check_range(index_attempts, "index_attempts", 1)
        body = {
            **filters_json(values),
            "query": check_text(query, "query"),
            "maxHits": check_range(max_hits, "max_hits", 1, 50),
            "reviewId": review_id,
        }
        call = self._call("source-search", body, SourceSearchResult)
        rest = self._context.countdown(keywords)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._context.send(call, rest())
            except ConflictError:
                least, most = _INDEX_WAIT
                pause = least + (most - least) * self._context.random()
                left = rest().get("deadline")
                if attempt >= index_attempts or (left is not None and left <= pause):
                    raise
            await self._context.clock.sleep(pause)

    def text(
        self,
        source_catalog_uri: str,
        *,
        text_kind: str | None,
        facet_id: str | None,
        review_id: str | None,
        max_chars: int | None,
        keywords: CallKeywords,
    ) -> SourcePages:
        """See :meth:`ProjectScope.source_text`."""
        if text_kind is not None and not isinstance(text_kind, TextKind) and not TextKind(text_kind).is_known:
            raise InvalidInputError(f"text_kind {text_kind!r} is not documented; use one of {', '.join(TextKind)}")
        body = {
            "sourceCatalogUri": check_text(source_catalog_uri, "source_catalog_uri"),
            "maxChars": check_range(max_chars, "max_chars", 1, 50_000),
            "textKind": None if text_kind is None else str(text_kind),
            "facetId": facet_id,
            "reviewId": review_id,
        }
        return SourcePages(
            lambda cursor: self._context.send(
                self._call("source-text", {**body, "cursor": cursor}, SourceText), keywords
            )
        )

    def _call(self, route: str, body: Mapping[str, object], kind: type[R]) -> Call[R]:
        return Call(
            "POST",
            api_path("projects", self._project_id, route),
            self._context.codec.reader(kind),
            json={name: value for name, value in body.items() if value is not None},
            # It changes nothing, though it is a POST.
            repeatable=True,
            kinds=_READS,
        )
