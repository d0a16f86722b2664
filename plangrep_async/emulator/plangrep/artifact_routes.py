"""Artifacts: by path with the key, by single-use token without it, and the pre-signed result."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .access import Access
from .artifacts import Artifact, find_artifact
from .errors import PlangrepError, invalid, not_found
from .job_routes import JobRoutes
from .result import RESULT_ROUTE
from .state import DownloadToken, State

__all__ = ["ArtifactRoutes"]


class ArtifactRoutes:
    """The artifact routes of the API, and the result's route at the storage origin."""

    def __init__(self, state: State, access: Access, jobs: JobRoutes) -> None:
        self._state = state
        self._access = access
        self._jobs = jobs

    def routes(self) -> list[Route]:
        """The routes of the API; each answers HEAD too."""
        base = "/api/open/v1"
        return [
            Route(f"{base}/jobs/{{jobId}}/artifact", self._of_job),
            Route(f"{base}/projects/{{projectId}}/artifact", self._of_project),
            Route(f"{base}/artifact-downloads/{{token}}", self._by_token),
        ]

    def storage_routes(self) -> list[Route]:
        """The routes at the storage origin."""
        return [Route(RESULT_ROUTE, self._result)]

    async def _of_job(self, request: Request) -> Response:
        caller = self._access.admit(request, "artifacts:read")
        job = self._state.job(request.path_params["jobId"], caller.organization.id)
        artifact = find_artifact(job.chosen, _path(request)) if job.result is not None else None
        if artifact is None:
            raise not_found("artifact")
        return self._answer(request, artifact)

    async def _of_project(self, request: Request) -> Response:
        caller = self._access.admit(request, "artifacts:read")
        project = self._state.project(request.path_params["projectId"], caller.organization.id)
        documents = [
            document
            for job_id in project.jobs
            if self._state.jobs[job_id].result is not None
            for document in self._state.jobs[job_id].chosen
        ]
        artifact = find_artifact(documents, _path(request))
        if artifact is None:
            raise not_found("artifact")
        return self._answer(request, artifact)

    async def _by_token(self, request: Request) -> Response:
        self._access.refuse_authorization(request)
        token = self._state.tokens.get(request.path_params["token"])
        if token is None:
            raise not_found("download token")
        artifact = self._redeemable(token)
        if request.method != "HEAD":
            token.used = True
        return self._answer(request, artifact)

    def _redeemable(self, token: DownloadToken) -> Artifact:
        if token.used:
            raise PlangrepError(410, "token_used", "this download token was used already")
        if self._state.now() >= token.expires_at:
            raise PlangrepError(410, "token_expired", "this download token has expired")
        artifact = find_artifact(self._state.jobs[token.job].chosen, token.path)
        if artifact is None:
            raise not_found("artifact")
        return artifact

    async def _result(self, request: Request) -> Response:
        self._access.refuse_authorization(request)
        job = self._state.jobs.get(request.path_params["jobId"])
        if job is None or job.result_token is None or request.query_params.get("token") != job.result_token:
            raise PlangrepError(403, "invalid_token", "the link is not valid")
        return self._jobs.result_of(job)

    def _answer(self, request: Request, artifact: Artifact) -> Response:
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Length": str(artifact.content.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(artifact.name, safe='')}",
        }
        if request.method == "HEAD":
            return Response(headers=headers)
        return StreamingResponse(self._state.context.blobs.stream(artifact.content), headers=headers)


def _path(request: Request) -> str:
    path = request.query_params.get("path")
    if not path:
        raise invalid("path is required")
    return path
