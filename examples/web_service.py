"""A web service that passes documents on to Plangrep as they come in, and learns by webhook when a job has moved.

python examples/web_service.py                   with PLANGREP_API_KEY and PUBLIC_URL (https://...) set
python examples/web_service.py --emulator        on this machine, without an account

    curl --data-binary @plan.pdf 'http://127.0.0.1:8000/documents?name=plan.pdf'     -> {"id": "...", "status": ...}
    curl http://127.0.0.1:8000/documents/ID

The client lives as long as the application (its lifespan). A document is streamed from the request to Plangrep; it is
neither kept in memory nor on disk, so it can be sent once: when that fails, the answer is 502, and the sender tries
again. Webhooks are hints: they wake the task that waits for the job, which then reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plangrep_async import InvalidInputError, PlangrepAsyncError, PlangrepClient, UploadFile, WebhookSignatureError
from plangrep_async.plangrep import JobStatus, WebhookVerifier

SPEED = 120.0  # the emulator's clock, and the client's with it

# How Plangrep signs is not documented. This is how the emulator does; set what you find in a webhook of yours.
EMULATOR_SCHEME = WebhookVerifier(
    header="X-Plangrep-Signature",
    prefix="sha256=",
    timestamp_header="X-Plangrep-Timestamp",
    payload="{timestamp}.{body}",
    tolerance=1e9,  # its clock runs fast
)


class Documents:
    """The service's own state; a real one would keep it in a database."""

    def __init__(self, client: PlangrepClient, project_id: str, public_url: str) -> None:
        self.client = client
        self.project_id = project_id
        self.public_url = public_url
        self.tasks: set[asyncio.Task[None]] = set()
        self.jobs: dict[str, str] = {}  # our id -> the job's
        self.states: dict[str, dict[str, Any]] = {}

    async def add(self, name: str, size: int, body: AsyncIterator[bytes]) -> str:
        """Stream a document into a job of its own."""
        document_id = secrets.token_urlsafe(16)
        created = await self.client.jobs.create(
            self.project_id,
            external_id=document_id,
            # Nobody can guess our id, and the secret is checked as well where the scheme is known.
            webhook_url=f"{self.public_url}/webhooks/plangrep/{document_id}",
        )
        job_id = created.job.id
        self.client.webhooks.remember(created)
        self.jobs[document_id] = job_id
        self.states[document_id] = {"id": document_id, "name": name, "status": "uploading"}
        try:
            file = UploadFile(body, name=name, size=size)
            report = await self.client.uploads.send(job_id, [file], route="form", job=created.job)
            for failed in report.failed:
                raise failed.error
            await self.client.uploads.complete(job_id, report)
        except Exception:
            self.states[document_id]["status"] = "failed"
            await self.client.jobs.cancel(job_id)
            raise
        task = asyncio.create_task(self.follow(document_id))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return document_id

    async def follow(self, document_id: str) -> None:
        """Wait for the job; an hour between two readings, because a webhook wakes the wait."""
        state = self.states[document_id]
        try:
            job = await self.client.jobs.wait(
                self.jobs[document_id],
                interval=3600,
                deadline=None,
                raise_on_failure=False,
                wait_when_blocked=True,
                on_update=lambda seen: state.update(status=seen.status.value),
            )
            if job.status in (JobStatus.COMPLETED, JobStatus.COMPLETED_WITH_ERRORS):
                result = await self.client.jobs.result(job.id)
                state["pages"] = sum(document.page_count or 0 for document in result.documents)
                state["errors"] = [problem.message for problem in result.errors]
        except PlangrepAsyncError as error:
            state.update(status="unknown", problem=str(error))


async def post_document(request: Request) -> Response:
    documents: Documents = request.app.state.documents
    name, length = request.query_params.get("name", ""), request.headers.get("content-length", "")
    if not name or not length.isdecimal():
        return JSONResponse({"problem": "?name= and a Content-Length are needed"}, 400)
    try:
        document_id = await documents.add(name, int(length), request.stream())
    except InvalidInputError as error:
        return JSONResponse({"problem": str(error)}, 400)
    except PlangrepAsyncError as error:
        return JSONResponse({"problem": f"{type(error).__name__}: {error}"}, 502)
    return JSONResponse(documents.states[document_id], 202, {"Location": f"/documents/{document_id}"})


async def get_document(request: Request) -> Response:
    state = request.app.state.documents.states.get(request.path_params["id"])
    return JSONResponse(state) if state else JSONResponse({"problem": "there is no such document"}, 404)


async def webhook(request: Request) -> Response:
    documents: Documents = request.app.state.documents
    job_id = documents.jobs.get(request.path_params["id"])
    if job_id is None:
        return Response(status_code=404)
    try:
        documents.client.webhooks.receive(request.headers, await request.body(), job_id=job_id)
    except WebhookSignatureError:
        return Response(status_code=401)
    return Response(status_code=204)


def make_app(*, emulator: bool, public_url: str, project_name: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if emulator:
                from plangrep_async.emulator import Emulator
                from plangrep_async.testing import ScaledClock

                running = await stack.enter_async_context(Emulator(speed=SPEED))
                client = PlangrepClient(
                    running.api_key,
                    base_url=running.plangrep_url,
                    clock=ScaledClock(SPEED),
                    webhook_verifier=EMULATOR_SCHEME,
                )
            else:
                client = PlangrepClient()
            await stack.enter_async_context(client)
            project = await client.projects.find(project_name)
            if project is None:
                project = (await client.projects.create(project_name)).project
            project = await client.projects.wait_until_ready(project.id)
            app.state.documents = documents = Documents(client, project.id, public_url)
            try:
                yield
            finally:
                for task in documents.tasks:
                    task.cancel()
                await asyncio.gather(*documents.tasks, return_exceptions=True)

    routes = [
        Route("/documents", post_document, methods=["POST"]),
        Route("/documents/{id}", get_document),
        Route("/webhooks/plangrep/{id}", webhook, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pass documents on to Plangrep.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--project", default="plangrep-async examples", help="its name; made when it is not there")
    parser.add_argument("--emulator", action="store_true", help="against an emulator that is started for it")
    arguments = parser.parse_args()
    # Plangrep calls back over https from outside; an emulator is content with this machine.
    public_url = f"http://127.0.0.1:{arguments.port}" if arguments.emulator else os.environ["PUBLIC_URL"].rstrip("/")
    app = make_app(emulator=arguments.emulator, public_url=public_url, project_name=arguments.project)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port)


if __name__ == "__main__":
    main()
