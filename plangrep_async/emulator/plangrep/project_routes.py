"""Projects: create, list, get, summary."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .access import Access
from .errors import PlangrepError, conflict, invalid
from .fields import json_body
from .project import Project
from .state import State

__all__ = ["ProjectRoutes"]

LONGEST_NAME = 180


class ProjectRoutes:
    """``/api/open/v1/projects``."""

    def __init__(self, state: State, access: Access) -> None:
        self._state = state
        self._access = access

    def routes(self) -> list[Route]:
        """The routes."""
        base = "/api/open/v1/projects"
        return [
            Route(base, self._create, methods=["POST"]),
            Route(base, self._list),
            Route(f"{base}/{{projectId}}", self._get),
            Route(f"{base}/{{projectId}}/summary", self._summary),
        ]

    async def _create(self, request: Request) -> Response:
        caller = self._access.admit(request)
        fields, _ = await json_body(request)
        name = fields.text("name", longest=LONGEST_NAME).strip()
        if not name:
            raise invalid("name must not be blank")
        state, organization = self._state, caller.organization
        if any(item.organization == organization.id and item.name == name for item in state.projects.values()):
            raise conflict("project_name_taken", "a project of this name exists in the organization")
        cost, before = state.settings.project_credits, organization.available
        if not organization.take(cost):
            raise PlangrepError(402, "insufficient_credits", f"a project costs {cost} credits, {before} are available")
        organization.debited += cost
        now = state.now()
        project = Project(state.new_id("proj"), organization.id, name, now, now)
        state.projects[project.id] = project
        body = {
            "project": project.to_json(),
            "billing": {"availableCredits": before, "creditsCharged": cost, "requiredCredits": cost},
        }
        state.context.clock.call_later(state.settings.project_provisioning, lambda: self._provision(project))
        return JSONResponse(body, 202)

    def _provision(self, project: Project) -> None:
        if project.status == "provisioning":
            project.status, project.runtime = "ready", "running"
            project.updated_at = self._state.now()

    async def _list(self, request: Request) -> Response:
        caller = self._access.admit(request)
        projects = [item for item in self._state.projects.values() if item.organization == caller.organization.id]
        return JSONResponse({"projects": [project.to_json() for project in projects]})

    async def _get(self, request: Request) -> Response:
        caller = self._access.admit(request)
        project = self._state.project(request.path_params["projectId"], caller.organization.id)
        return JSONResponse({"project": project.to_json()})

    async def _summary(self, request: Request) -> Response:
        caller = self._access.admit(request)
        project = self._state.project(request.path_params["projectId"], caller.organization.id)
        return JSONResponse({"project": project.to_json(), "projectSummary": _summary(project)})


def _summary(project: Project) -> dict[str, Any]:
    catalog = project.catalog
    disciplines = {entity.traits["discipline"] for entity in catalog.sheets.values()} - {None}
    titles = [entity.fields["sheetName"] for entity in catalog.sheets.values()][:3]
    return {
        "projectId": project.id,
        "projectName": project.name,
        "aliases": [],
        "titleCandidates": [project.name, *titles],
        "keyFiles": [
            {
                "id": entity.id,
                "fileName": entity.fields["fileName"],
                "classification": entity.fields["classification"],
            }
            for entity in list(catalog.files.values())[:10]
        ],
        "detectedDisciplines": sorted(disciplines),
        "entityCounts": {
            "files": len(catalog.files),
            "sheets": len(catalog.sheets),
            "regions": len(catalog.regions),
            "specifications": len(catalog.specifications),
            "docs": len(catalog.docs),
        },
    }
