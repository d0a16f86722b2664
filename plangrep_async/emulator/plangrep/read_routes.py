"""Project reads: lists with cursor paging and filters, and single records."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .catalog import Catalog, Entity, matches, page_of
from .document import Document
from .errors import invalid, not_found
from .fields import CLASSIFICATIONS, Fields
from .project import Project
from .state import DownloadToken, State

__all__ = ["ReadRoutes"]

BASE = "/api/open/v1/projects/{projectId}"
TEXTS = (
    "fileId",
    "fileName",
    "status",
    "sheetNumber",
    "sheetId",
    "regionType",
    "drawingType",
    "layoutType",
    "sectionNumber",
    "docType",
)
NUMBERS = ("pageNumber", "pageStart", "pageEnd")
COMMON = ("sheets", "fileId", "fileName", "classification")


@frozen
class _Kind:
    """One kind of record: its place in paths and answers, and its filters."""

    table: str
    singular: str
    parameter: str
    filters: Collection[str]


KINDS = (
    _Kind("files", "file", "fileId", {"sheets", "fileName", "classification", "status", "fileId"}),
    _Kind("sheets", "sheet", "sheetId", {*COMMON, "status", "pageNumber", "sheetNumber"}),
    _Kind(
        "regions",
        "region",
        "regionId",
        {*COMMON, "pageNumber", "sheetId", "regionType", "drawingType", "layoutType"},
    ),
    _Kind("specifications", "specification", "specificationId", {*COMMON, "sectionNumber", "pageStart", "pageEnd"}),
    _Kind("docs", "doc", "docId", {*COMMON, "status", "docType"}),
)
SECTION_FILTERS = ("sectionNumber", "pageStart", "pageEnd")


class ReadRoutes:
    """``/api/open/v1/projects/{projectId}/files``, ``sheets``, ``regions``, ``specifications`` and ``docs``."""

    def __init__(self, state: State, access: Access) -> None:
        self._state = state
        self._access = access

    def routes(self) -> list[Route]:
        """The routes."""
        routes = [
            Route(f"{BASE}/sheets/{{sheetId}}/regions", self._regions_of_sheet),
            Route(f"{BASE}/specifications/{{specId}}/sections", self._sections),
            Route(f"{BASE}/specifications/{{specId}}/sections/{{sectionId}}", self._section),
        ]
        for kind in KINDS:
            routes.append(Route(f"{BASE}/{kind.table}", self._lister(kind)))
            routes.append(Route(f"{BASE}/{kind.table}/{{{kind.parameter}}}", self._getter(kind)))
        return routes

    def _lister(self, kind: _Kind) -> Callable[[Request], Awaitable[Response]]:
        async def list_records(request: Request) -> Response:
            project = self._project(request)
            table = self._table(project, kind)
            return self._page(request, project, kind.table, table, _filters(request, kind.filters))

        return list_records

    def _getter(self, kind: _Kind) -> Callable[[Request], Awaitable[Response]]:
        async def get_record(request: Request) -> Response:
            project = self._project(request)
            entity = self._table(project, kind).get(request.path_params[kind.parameter])
            if entity is None or not matches(entity, _filters(request, kind.filters)):
                raise not_found(kind.singular)
            return JSONResponse({kind.singular: self._show(request, project, entity)})

        return get_record

    async def _regions_of_sheet(self, request: Request) -> Response:
        project, sheet = self._project(request), request.path_params["sheetId"]
        if sheet not in project.catalog.sheets:
            raise not_found("sheet")
        kind = next(item for item in KINDS if item.table == "regions")
        filters = {**_filters(request, set(kind.filters) - {"sheets"}), "sheetId": sheet}
        return self._page(request, project, "regions", project.catalog.regions, filters)

    async def _sections(self, request: Request) -> Response:
        project = self._project(request)
        filters = {**_filters(request, SECTION_FILTERS), "fileId": self._book(project.catalog, request)}
        return self._page(request, project, "sections", project.catalog.sections, filters)

    async def _section(self, request: Request) -> Response:
        project = self._project(request)
        entity = project.catalog.sections.get(request.path_params["sectionId"])
        wanted = {**_filters(request, SECTION_FILTERS), "fileId": self._book(project.catalog, request)}
        if entity is None or not matches(entity, wanted):
            raise not_found("section")
        return JSONResponse({"section": self._show(request, project, entity)})

    def _book(self, catalog: Catalog, request: Request) -> str:
        """The file of a spec id. The pages disagree on what the id names; any section of the book does here."""
        specification = catalog.specifications.get(request.path_params["specId"])
        if specification is None:
            raise not_found("specification")
        return str(specification.fields["fileId"])

    def _page(
        self,
        request: Request,
        project: Project,
        key: str,
        table: Mapping[str, Entity],
        filters: Mapping[str, Any],
    ) -> Response:
        query = Fields(request.query_params, from_query=True)
        limit = query.optional_integer("limit", least=1, most=500)
        cursor = query.optional_text("cursor", shortest=1)
        items, paging = page_of(table.values(), filters, limit=100 if limit is None else limit, cursor=cursor)
        return JSONResponse({key: [self._show(request, project, item) for item in items], **paging})

    def _show(self, request: Request, project: Project, entity: Entity) -> dict[str, Any]:
        compact = Fields(request.query_params, from_query=True).choice("compact", ("true", "false")) == "true"
        return entity.to_json(lambda path: self._link(project, path), compact=compact)

    def _link(self, project: Project, path: str) -> str:
        state = self._state
        root = f"{state.context.urls['plangrep']}/api/open/v1"
        if state.settings.artifact_links == "path":
            return f"{root}/projects/{project.id}/artifact?path={quote(path, safe='')}"
        token = state.context.hex(40)
        job = state.documents[path.split("/")[1]].job
        state.tokens[token] = DownloadToken(job, path, state.now() + state.settings.download_token_lifetime)
        return f"{root}/artifact-downloads/{token}"

    def _table(self, project: Project, kind: _Kind) -> Mapping[str, Entity]:
        """Finished records; for files also those that are still at work."""
        table: dict[str, Entity] = getattr(project.catalog, kind.table)
        if kind.table != "files":
            return table
        pending = (
            _unfinished(document)
            for job_id in project.jobs
            for document in self._state.jobs[job_id].documents
            if document.file_id not in table and document.content is not None
        )
        return {**table, **{entity.id: entity for entity in pending}}

    def _project(self, request: Request) -> Project:
        caller = self._access.admit(request)
        return self._state.project(request.path_params["projectId"], caller.organization.id)


def _unfinished(document: Document) -> Entity:
    status = "failed" if document.status == "failed" else "processing"
    fields = {
        "fileId": document.file_id,
        "fileName": document.file_name,
        "classification": document.effective_classification,
        "status": status,
        "pageCount": document.page_count,
    }
    return Entity(document.file_id, "file", fields, {**fields, "sheets": ()})


def _filters(request: Request, names: Collection[str]) -> dict[str, Any]:
    """The filters of a query that this list has; others are ignored, as unknown parameters are."""
    query = Fields(request.query_params, from_query=True)
    filters: dict[str, Any] = {}
    for name in names:
        if name in TEXTS:
            filters[name] = query.optional_text(name)
        elif name in NUMBERS:
            filters[name] = query.optional_integer(name, least=1)
    if "classification" in names:
        filters["classification"] = query.choice("classification", CLASSIFICATIONS)
    if "sheets" in names and "sheets" in query:
        filters["sheets"] = [item.strip() for item in query.text("sheets").split(",") if item.strip()]
        if not filters["sheets"]:
            raise invalid("sheets must be a comma-separated list of sheet ids")
    return filters
