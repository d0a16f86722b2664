"""The Plangrep origin: its state, its routes, and its life on the emulator's loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..content import Content
from ..routes import RouteTable, Target
from ..service import Context
from .access import Access
from .admin_routes import AdminRoutes
from .artifact_routes import ArtifactRoutes
from .completion_routes import CompletionRoutes
from .errors import PlangrepError, not_found
from .form_routes import FormRoutes
from .intake import Intake
from .job_routes import JobRoutes
from .key_routes import KeyRoutes
from .lifecycle import Lifecycle
from .project_routes import ProjectRoutes
from .read_routes import ReadRoutes
from .registration_routes import RegistrationRoutes
from .search_routes import SearchRoutes
from .settings import PlangrepSettings
from .state import BUCKET, State
from .webhooks import WebhookSender

__all__ = ["PlangrepService"]


class PlangrepService:
    """One emulated origin; see :class:`~plangrep_async.emulator.service.Service`."""

    name = "plangrep"

    def __init__(self, context: Context, settings: PlangrepSettings) -> None:
        self.context = context
        self.settings = settings
        state = self.world = State.fresh(context, settings)
        access = Access(state)
        self.webhooks = WebhookSender(state)
        self.lifecycle = Lifecycle(state, self.webhooks)
        intake = Intake(state, self.lifecycle)
        jobs = JobRoutes(state, access, self.lifecycle)
        self._artifacts = ArtifactRoutes(state, access, jobs)
        self._admin = AdminRoutes(state)
        self._table = RouteTable(
            [
                *SearchRoutes(state, access).routes(),
                *ProjectRoutes(state, access).routes(),
                *jobs.routes(),
                *FormRoutes(state, access, intake).routes(),
                *CompletionRoutes(state, access, intake, self.lifecycle).routes(),
                *RegistrationRoutes(state, access, intake).routes(),
                *ReadRoutes(state, access).routes(),
                *self._artifacts.routes(),
                *KeyRoutes(state).routes(),
            ]
        )

    def find(self, method: str, path: str) -> Target | None:
        return self._table.find(method, path)

    def buckets(self) -> Sequence[str]:
        return (BUCKET,)

    def storage_routes(self) -> Sequence[Route]:
        """Routes of this service at the storage origin."""
        return self._artifacts.storage_routes()

    def admin_routes(self) -> Sequence[Route]:
        return self._admin.routes()

    def unknown(self, request: Request, allowed: Sequence[str]) -> Response:
        if allowed:
            headers = {"Allow": ", ".join(allowed)}
            return PlangrepError(405, "method_not_allowed", "this route has no such method", headers).response()
        return not_found("route").response()

    def crashed(self, error: Exception) -> Response:
        return JSONResponse({"error": {"code": "internal_error", "message": "an internal error occurred"}}, 500)

    def date(self) -> float:
        return self.context.clock.time()

    async def start(self) -> None:
        self.lifecycle.recover()
        self.webhooks.resume()

    async def stop(self) -> None:
        await self.webhooks.close()

    def reset(self) -> None:
        self.world.clear()
        self.webhooks.clear()

    def state(self) -> Mapping[str, Any]:
        world = self.world
        return {
            "projects": [project.to_json() for project in world.projects.values()],
            "jobs": [job.to_json() for job in world.jobs.values()],
            "documents": [
                {
                    "documentId": document.id,
                    "jobId": document.job,
                    "fileName": document.file_name,
                    "mode": document.mode,
                    "status": document.status,
                    "fileSize": document.size,
                    "sha256": document.sha256,
                    "stores": document.stores,
                }
                for document in world.documents.values()
            ],
            "credits": {item.id: item.available for item in world.organizations.values()},
        }

    def stored(self) -> Mapping[str, Callable[[], Content | None]]:
        def reader(document_id: str) -> Callable[[], Content | None]:
            return lambda: self.world.documents[document_id].content

        return {document_id: reader(document_id) for document_id in self.world.documents}
