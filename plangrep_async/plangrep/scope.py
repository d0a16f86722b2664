"""``client.project(id)``: everything below one project."""

from __future__ import annotations

from typing import Unpack

from ..session.call import CallKeywords
from ._context import Context
from .models.entities import ProjectDoc, ProjectFile, ProjectRegion, ProjectSheet
from .models.search import SourceSearchResult
from .models.specification import ProjectSpecification, SpecificationSection
from .resources.collections import Collection, Listing
from .resources.sources import SearchFilters, SourcePages, Sources

__all__ = ["ProjectScope"]


class ProjectScope:
    """One project; makes no request of its own.

    Attributes:
        id: the project's.
        files, sheets, regions, docs, specifications: collections with ``list``, ``page`` and ``get``.

    Raises:
        InvalidInputError: the id is empty.
    """

    def __init__(self, context: Context, project_id: str) -> None:
        self.id = project_id
        self._context = context
        self._sources = Sources(context, project_id)
        base = ("projects", project_id)
        self.files = Collection(context, (*base, "files"), ProjectFile, "files", key="file")
        self.sheets = Collection(context, (*base, "sheets"), ProjectSheet, "sheets", key="sheet")
        self.regions = Collection(context, (*base, "regions"), ProjectRegion, "regions", key="region")
        self.docs = Collection(context, (*base, "docs"), ProjectDoc, "docs", key="doc")
        self.specifications = Collection(
            context, (*base, "specifications"), ProjectSpecification, "specifications", key="specification"
        )

    def __repr__(self) -> str:
        return f"<ProjectScope {self.id}>"

    def sheet_regions(self, sheet_id: str) -> Listing[ProjectRegion]:
        """The regions of one sheet ("List regions")."""
        path = ("projects", self.id, "sheets", sheet_id, "regions")
        return Listing(self._context, path, ProjectRegion, "sheet_regions", list_name="lists.regions")

    def sections(self, specification_id: str) -> Collection[SpecificationSection]:
        """The sections of one specification, such as ``03 30 00`` ("List specification sections").

        Headings such as ``1.0`` are left out by the service, and asking for one can give a
        :class:`~plangrep_async.NotFoundError`.
        """
        path = ("projects", self.id, "specifications", specification_id, "sections")
        return Collection(self._context, path, SpecificationSection, "sections", key="section")

    async def source_search(
        self,
        query: str,
        *,
        max_hits: int | None = None,
        review_id: str | None = None,
        index_attempts: int = 12,
        **filters: Unpack[SearchFilters],
    ) -> SourceSearchResult:
        """Search what the project's documents say, by meaning and by word ("Search sources").

        For some seconds after a job has completed the index is not ready, and the service answers 409. The search is
        then repeated after 5 to 10 s, as the page asks.

        Args:
            query: what to look for.
            max_hits: 1 to 50.
            review_id: as the service gave it.
            index_attempts: how often to ask in all; the default is given up after about a minute and a half.

        Raises:
            InvalidInputError: an empty query, or a number or filter that cannot be.
            ConflictError: the index was not ready at the last attempt, or at the last one that ``deadline`` allows.

        Cancelled: nothing is left behind.
        """
        return await self._sources.search(
            query, max_hits=max_hits, review_id=review_id, index_attempts=index_attempts, filters=filters
        )

    def source_text(
        self,
        source_catalog_uri: str,
        *,
        text_kind: str | None = None,
        facet_id: str | None = None,
        review_id: str | None = None,
        max_chars: int | None = None,
        **keywords: Unpack[CallKeywords],
    ) -> SourcePages:
        """The text of a source, piece after piece ("Read source text")::

            async for piece in client.project(id).source_text(hit.source_catalog_uri):
                print(piece.text)
            whole = await client.project(id).source_text(hit.source_catalog_uri).text()

        Args:
            source_catalog_uri: from a search hit; opaque.
            text_kind: ``text`` (the service's default), ``markdown``, ``page_regions``, ``facet_source_text`` or
                ``facet_match_text``.
            facet_id: a facet of this source.
            review_id: as the service gave it.
            max_chars: of each piece, 1 to 50,000.

        Raises:
            InvalidInputError: an argument breaks these rules; before anything is sent.
        """
        return self._sources.text(
            source_catalog_uri,
            text_kind=text_kind,
            facet_id=facet_id,
            review_id=review_id,
            max_chars=max_chars,
            keywords=keywords,
        )
