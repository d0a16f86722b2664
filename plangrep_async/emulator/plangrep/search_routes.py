"""Search: over the sources of a project, over the projects of an organization, and reading a source's text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .catalog import Entity, matches, page_of
from .errors import conflict, invalid, not_found
from .fields import CLASSIFICATIONS, Fields, json_body
from .project import Project
from .state import State

__all__ = ["SearchRoutes", "score"]

DEFAULT_HITS = 10
SNIPPET = 240
WORD = re.compile(r"[a-z0-9]+")
FILTERS = ("regionType", "layoutType", "drawingType", "sheetNumber", "fileName")
TEXT_KINDS = ("text", "markdown", "page_regions", "facet_source_text", "facet_match_text")


class SearchRoutes:
    """``source-search``, ``source-text`` and ``projects/search``."""

    def __init__(self, state: State, access: Access) -> None:
        self._state = state
        self._access = access

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/open/v1/projects"
        return [
            Route(f"{base}/search", self._search_projects, methods=["POST"]),
            Route(f"{base}/{{projectId}}/source-search", self._search_sources, methods=["POST"]),
            Route(f"{base}/{{projectId}}/source-text", self._read_text, methods=["POST"]),
        ]

    async def _search_sources(self, request: Request) -> Response:
        project = self._project(request)
        fields, _ = await json_body(request)
        query = fields.text("query")
        most = fields.optional_integer("maxHits", least=1, most=50) or DEFAULT_HITS
        filters, kinds = _conditions(fields)
        fields.optional_text("reviewId")
        if list(project.catalog.sources()) and self._state.now() < project.catalog.searchable_at:
            raise conflict("index_not_ready", "the sources are still being indexed; try again in 5 to 10 seconds")
        hits, searched = _hits(project, query, filters, kinds)
        return JSONResponse(
            {
                "status": "success",
                "query": query,
                "hitCount": min(len(hits), most),
                "chunksSearched": searched,
                "hits": hits[:most],
            }
        )

    async def _search_projects(self, request: Request) -> Response:
        caller = self._access.admit(request)
        fields, _ = await json_body(request)
        query = fields.text("query")
        limit = fields.optional_integer("limit", least=1, most=100) or 25
        cursor = fields.optional_text("cursor", shortest=1)
        only = fields.strings("projectIds")
        filters, kinds = _conditions(fields)
        found: list[tuple[float, dict[str, Any]]] = []
        for project in self._state.projects.values():
            if project.organization != caller.organization.id or (only is not None and project.id not in only):
                continue
            reasons = ["name"] if query.lower() in project.name.lower() else []
            hits, _ = _hits(project, query, filters, kinds)
            if hits:
                reasons.append("sources")
            if reasons:
                best = max([1.0] * ("name" in reasons) + [hit["score"] for hit in hits[:1]])
                found.append((best, {"project": project.to_json(), "matchReasons": reasons, "sourceHits": hits[:5]}))
        found.sort(key=lambda item: -item[0])
        entities = [Entity(str(index), "match", item, {}) for index, (_, item) in enumerate(found)]
        mark = {"query": query, "projectIds": ",".join(only or ()), **filters}
        items, paging = page_of(entities, {}, limit=limit, cursor=cursor, mark=mark)
        paging.pop("pageInfo")
        return JSONResponse({"query": query, "projects": [item.fields for item in items], **paging, "warnings": []})

    async def _read_text(self, request: Request) -> Response:
        project = self._project(request)
        fields, _ = await json_body(request)
        uri = fields.text("sourceCatalogUri")
        most = fields.optional_integer("maxChars", least=1, most=50_000) or 50_000
        cursor = fields.optional_text("cursor", shortest=1)
        kind = fields.choice("textKind", TEXT_KINDS) or "text"
        facet = fields.optional_text("facetId")
        fields.optional_text("reviewId")
        entity = next((item for item in project.catalog.sources() if _uri(project, item) == uri), None)
        if entity is None:
            raise not_found("source")
        if facet is not None and facet not in entity.facets:
            raise invalid("facetId does not belong to this source")
        text = _text(entity, kind, facet)
        start = _offset(cursor, len(text))
        end = start + most
        return JSONResponse(
            {
                "status": "success",
                "source": {"id": entity.id, **entity.source},
                "sourceCatalogUri": uri,
                "textKind": kind,
                "text": text[start:end],
                "cursor": cursor,
                "nextCursor": f"c{end}" if end < len(text) else None,
            }
        )

    def _project(self, request: Request) -> Project:
        caller = self._access.admit(request)
        return self._state.project(request.path_params["projectId"], caller.organization.id)


def score(query: str, text: str) -> float:
    """How well a text fits, from 0 to 1: the share of the query's words in it, and how often they come."""
    words = set(WORD.findall(query.lower()))
    counts = Counter(WORD.findall(text.lower()))
    present = [counts[word] for word in words if counts[word]]
    if not words or not present:
        return 0.0
    share = len(present) / len(words)
    return round(share * (0.9 + 0.1 * (1 - 1 / sum(present))), 4)


def _conditions(fields: Fields) -> tuple[dict[str, Any], list[str] | None]:
    filters: dict[str, Any] = {name: fields.optional_text(name) for name in FILTERS}
    filters["classification"] = fields.choice("classification", CLASSIFICATIONS)
    filters["pageNumber"] = fields.optional_integer("pageNumber", least=1)
    return filters, fields.strings("entityTypes")


def _hits(
    project: Project, query: str, filters: Mapping[str, Any], kinds: list[str] | None
) -> tuple[list[dict[str, Any]], int]:
    """Hits by falling score, and how many sources were looked at."""
    candidates = [
        entity
        for entity in project.catalog.sources()
        if matches(entity, filters) and (not kinds or entity.kind in kinds)
    ]
    hits: list[dict[str, Any]] = []
    for entity in candidates:
        value = score(query, f"{entity.text} {' '.join(str(item) for item in entity.source.values())}")
        if value:
            hits.append(
                {
                    "score": value,
                    "snippet": _snippet(query, entity.text),
                    "sourceCatalogUri": _uri(project, entity),
                    "source": dict(entity.source),
                }
            )
    hits.sort(key=lambda hit: -hit["score"])
    return hits, len(candidates)


def _snippet(query: str, text: str) -> str:
    positions = [text.lower().find(word) for word in WORD.findall(query.lower())]
    first = min((position for position in positions if position >= 0), default=0)
    start = max(0, first - SNIPPET // 4)
    return text[start : start + SNIPPET]


def _uri(project: Project, entity: Entity) -> str:
    return f"pgcat://{project.id}/{entity.kind}/{entity.id}"


def _text(entity: Entity, kind: str, facet: str | None) -> str:
    if facet is not None:
        return entity.facets[facet]
    if kind.startswith("facet"):
        return "\n".join(entity.facets.values())
    if kind == "page_regions":
        return entity.text if entity.kind == "region" else ""
    return entity.text


def _offset(cursor: str | None, length: int) -> int:
    if cursor is None:
        return 0
    digits = cursor.removeprefix("c")
    if not digits.isdecimal() or int(digits) > length:
        raise invalid("cursor: not one that this source gave out", "invalid_cursor")
    return int(digits)
