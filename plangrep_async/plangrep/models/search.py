"""Answers of searches, and text of sources ("Search sources", "Search projects", "Read source text")."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from .project import Project
from .record import Record

__all__ = ["ProjectMatch", "Source", "SourceHit", "SourceSearchResult", "SourceText"]


@frozen(kw_only=True)
class Source(Record):
    """What a hit was found in. Further fields differ by ``type`` and stand in ``extra``."""

    type: str | None = None
    section_number: str | None = None
    section_title: str | None = None
    sheet_number: str | None = None
    file_name: str | None = None
    page_number: int | None = None


@frozen(kw_only=True)
class SourceHit(Record):
    """A hit; ``source_catalog_uri`` is opaque and names the source for ``source_text``."""

    score: float | None = None
    snippet: str | None = None
    source_catalog_uri: str | None = None
    source: Source | None = None


@frozen(kw_only=True)
class SourceSearchResult(Record):
    """Hits by falling score. Do not branch on ``status``: pages show ``ok`` and ``success``."""

    status: str | None = None
    query: str | None = None
    hit_count: int | None = None
    chunks_searched: int | None = None
    hits: tuple[SourceHit, ...]


@frozen(kw_only=True)
class SourceText(Record):
    """A piece of the text of a source; empty where it has no text of the wanted kind."""

    status: str | None = None
    source: Source | None = None
    source_catalog_uri: str | None = None
    text: str = field(default="", repr=False)
    cursor: str | None = None
    next_cursor: str | None = None


@frozen(kw_only=True)
class ProjectMatch(Record):
    """A project that a search found (unverified: the page describes the fields without their names).

    Attributes:
        project: the whole record, when the service sends it.
        project_id, project_name: from the record or beside it.
        reasons: why it matched.
        hits: what was found in it.
    """

    project_id: str | None = None
    project_name: str | None = None
    project: Project | None = None
    reasons: tuple[Any, ...] | None = field(default=None, hash=False)
    hits: tuple[SourceHit, ...] | None = None
    score: float | None = None
