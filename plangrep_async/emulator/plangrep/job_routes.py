"""Jobs: create, list, get, resume, cancel, result."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..service import exchange_of
from .access import Access, Caller
from .errors import PlangrepError, conflict, invalid
from .fields import Fields, json_body
from .job import Job
from .lifecycle import Lifecycle
from .project import Project
from .state import State

__all__ = ["JobRoutes"]

LONGEST_EXTERNAL_ID = 180
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLL_TOLERANCE = 0.05


class JobRoutes:
    """``/api/open/v1/projects/{projectId}/jobs`` and ``/api/open/v1/jobs/{jobId}``."""

    def __init__(self, state: State, access: Access, lifecycle: Lifecycle) -> None:
        self._state = state
        self._access = access
        self._lifecycle = lifecycle

    def routes(self) -> list[Route]:
        """The routes."""
        of_project, job = "/api/open/v1/projects/{projectId}/jobs", "/api/open/v1/jobs/{jobId}"
        return [
            Route(of_project, self._create, methods=["POST"]),
            Route(of_project, self._list),
            Route(job, self._get),
            Route(f"{job}/resume", self._resume, methods=["POST"]),
            Route(f"{job}/cancel", self._cancel, methods=["POST"]),
            Route(f"{job}/result", self._result),
        ]

    def result_of(self, job: Job) -> Response:
        """A job's result, if it has one and still keeps it."""
        if self._state.now() >= job.expires_at:
            raise PlangrepError(410, "result_expired", "the job's results were deleted when it expired")
        if job.result is None:
            raise conflict("result_not_available", f"a job with status {job.status} has no result")
        return JSONResponse(job.result)

    async def _create(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:write")
        project = self._state.project(request.path_params["projectId"], caller.organization.id)
        fields, body = await json_body(request)

        async def create() -> Job:
            return self._new_job(caller, project, fields)

        key = exchange_of(request).headers.get("idempotency-key")
        scope = (caller.organization.id, "create-job", project.id)
        job, replayed = await self._state.idempotency.once(scope, key, body, create)
        answer: dict[str, object] = {"job": job.to_json()}
        if replayed:
            answer["idempotent"] = True
        if not replayed or self._state.settings.replay_secret:
            answer["webhookSigningSecret"] = job.secret
        return JSONResponse(answer, 202)

    def _new_job(self, caller: Caller, project: Project, fields: Fields) -> Job:
        external_id = fields.optional_text("externalId", longest=LONGEST_EXTERNAL_ID)
        url = fields.optional_text("webhookUrl")
        if url is not None:
            self._check_webhook_url(url)
        if project.status != "ready":
            raise conflict("project_not_ready", f"the project is {project.status}, not ready")
        if project.upgrade != "none":
            raise conflict("project_upgrading", "an upgrade of the project's runtime is under way")
        state, settings = self._state, self._state.settings
        now = state.now()
        job = Job(
            id=state.new_id("job"),
            project=project.id,
            organization=caller.organization.id,
            created_at=now,
            updated_at=now,
            expires_at=now + settings.job_lifetime,
            max_files=settings.max_files,
            max_bytes=settings.max_bytes,
            external_id=external_id,
            webhook_url=url,
            secret=f"wss_{state.context.hex(48)}",
        )
        state.jobs[job.id] = job
        project.jobs.append(job.id)
        self._lifecycle.begin(job)
        return job

    def _check_webhook_url(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError as error:
            raise invalid("webhookUrl must be a valid URI") from error
        if not host or (
            parts.scheme != "https"
            and not (parts.scheme == "http" and host in LOOPBACK and self._state.settings.webhook_loopback)
        ):
            raise invalid("webhookUrl must be a public HTTPS URI")

    async def _list(self, request: Request) -> Response:
        caller = self._access.admit(request, "jobs:read")
        project = self._state.project(request.path_params["projectId"], caller.organization.id)
        return JSONResponse({"jobs": [self._state.jobs[job_id].to_json() for job_id in reversed(project.jobs)]})

    async def _get(self, request: Request) -> Response:
        job = self._admit(request, "jobs:read")
        self._judge_polling(request, job)
        return JSONResponse({"job": job.to_json()})

    def _judge_polling(self, request: Request, job: Job) -> None:
        now, least = self._state.now(), self._state.settings.minimum_poll_interval
        if job.read_at is not None and not job.terminal and now - job.read_at < least - POLL_TOLERANCE:
            detail = f"job read {now - job.read_at:.2f} s after the last time; {least:g} s is the fastest allowed"
            self._state.context.violations.add("polling_too_fast", detail, exchange_of(request))
        job.read_at = now

    async def _resume(self, request: Request) -> Response:
        job = self._admit(request, "jobs:write")
        if job.status != "blocked_insufficient_credits":
            raise conflict("job_not_blocked", f"a job with status {job.status} cannot be resumed")
        self._lifecycle.resume(job)
        return JSONResponse({"job": job.to_json()})

    async def _cancel(self, request: Request) -> Response:
        job = self._admit(request, "jobs:write")
        if job.terminal:
            raise conflict("job_terminal", f"a job with status {job.status} cannot be cancelled")
        self._lifecycle.cancel(job)
        return JSONResponse({"job": job.to_json()})

    async def _result(self, request: Request) -> Response:
        return self.result_of(self._admit(request, "jobs:read"))

    def _admit(self, request: Request, scope: str) -> Job:
        caller = self._access.admit(request, scope)
        return self._state.job(request.path_params["jobId"], caller.organization.id)
