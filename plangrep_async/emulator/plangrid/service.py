"""PlanGrid as a service of the emulator: its edge to HTTP, and the files of its records at the storage origin."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route as HttpRoute

from ..content import Content
from ..routes import Target
from ..service import Context, exchange_of
from ..storage.errors import S3Error
from . import (
    annotation,
    attachment,
    caller,
    comment,
    field_report,
    issue,
    issue_list,
    oauth,
    packet,
    photo,
    project,
    rfi,
    rfi_history,
    rfi_reference,
    rfi_status,
    role,
    sheet,
    snapshot,
    user,
    version_upload,
)
from .asset import ASSETS, blank_pdf, check_signature, sample
from .batch import SERVER_ERROR, Batch
from .gate import Gate
from .message import Reply, Request
from .router import Route, Router
from .seeding import SeedPlan
from .settings import PlangridSettings
from .world import World

__all__ = ["BUCKETS", "ROUTES", "PlangridService"]

BUCKETS = ("plangrid-attachments", "plangrid-photos", "plangrid-sheets")

_MODULES = (
    annotation, attachment, caller, comment, field_report, issue, issue_list, oauth, packet, photo, project, rfi,
    rfi_history, rfi_reference, rfi_status, role, sheet, snapshot, user, version_upload,
)  # fmt: skip

ROUTES: tuple[Route, ...] = tuple(route for module in _MODULES for route in module.ROUTES)
"""Every endpoint but ``POST /batch``."""


class PlangridService:
    """The PlanGrid API origin."""

    name = "plangrid"

    def __init__(self, context: Context, settings: PlangridSettings) -> None:
        self._context = context
        self.settings = settings
        self._batch = Batch(context.faults, lambda: self.gate)
        self._router = Router((*ROUTES, self._batch.route))
        self.world = self._new_world()
        self.gate = Gate(self.world, self._router)

    @property
    def routes(self) -> Sequence[Route]:
        """Every endpoint."""
        return self._router.routes

    def _new_world(self) -> World:
        return World(
            self.settings,
            urls=self._context.urls,
            storage=self._context.storage,
            clock=self._context.clock.time,
            violation=self._note,
            real_server=self._context.storage is not self._context.local,
        )

    def _note(self, kind: str, detail: str, request: Request) -> None:
        if request.exchange is not None:
            self._context.violations.add(kind, detail, request.exchange)

    # -- what the framework asks

    def find(self, method: str, path: str) -> Target | None:
        versioned = path.startswith("/v1/")
        found = self._router.match(method, path[3:] if versioned else path)
        if not isinstance(found, Reply):
            route, params = found
            return Target(route.path, functools.partial(self._serve, route, params, versioned), params)
        if found.status == 404:
            return None
        return Target("", None, {}, dict(found.headers)["allow"].split(", "))

    def buckets(self) -> Sequence[str]:
        return BUCKETS

    def admin_routes(self) -> Sequence[HttpRoute]:
        return [HttpRoute("/seed", self._seed, methods=["POST"])]

    def storage_routes(self) -> Sequence[HttpRoute]:
        """The files of records, at the storage origin."""
        return [HttpRoute(f"/{ASSETS}/{{name}}", self._asset, methods=["GET", "HEAD"])]

    def unknown(self, request: HttpRequest, allowed: Sequence[str]) -> Response:
        if allowed:
            return JSONResponse({"message": "Method Not Allowed"}, 405, {"allow": ", ".join(allowed)})
        return JSONResponse({"message": "Not Found"}, 404)

    def crashed(self, error: Exception) -> Response:
        return JSONResponse({"message": SERVER_ERROR}, 500)

    def date(self) -> float:
        return self.world.now()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reset(self) -> None:
        self.world = self._new_world()
        self.gate = Gate(self.world, self._router)

    def state(self) -> Mapping[str, Any]:
        world = self.world
        kinds = sorted({item.kind for item in world.creations})
        return {
            "projects": len(world.projects),
            "created": {kind: sum(item.kind == kind for item in world.creations) for kind in kinds},
            "openSlots": sum(
                token == slot.tokens[0] and slot.completed_by is None for token, slot in world.slots.items()
            ),
            "batchEntries": world.entries.total(),
        }

    def stored(self) -> Mapping[str, Callable[[], Content | None]]:
        return {uid: functools.partial(self.content, uid) for uid in self.world.files}

    def content(self, uid: str) -> Content | None:
        """The bytes of a record that came through an upload; ``None`` when a real S3 server has them."""
        location = self.world.files.get(uid)
        if location is None or self.world.real_server:
            return None
        found = self._context.local.objects.get(location)
        return None if found is None else found.content

    # -- requests

    async def _serve(self, route: Route, params: dict[str, str], versioned: bool, http: HttpRequest) -> Response:
        exchange = exchange_of(http)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in http.scope["headers"]}
        body = b""
        if "content-length" in headers or "transfer-encoding" in headers:
            body = await http.body()
            if len(body) > self.settings.max_body:
                return JSONResponse({"message": "Request body is too large."}, 413)
        path: str = http.scope["path"]
        request = Request(
            method=http.method,
            path=path[3:] if versioned else path,
            query=http.scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            versioned=versioned,
            exchange=exchange,
        )
        reply = self.gate.serve(request, route, params)
        if not isinstance(reply, Reply):
            reply = await reply
        media = "application/json" if reply.status != 204 else None
        return Response(reply.content(), reply.status, dict(reply.headers), media)

    async def _asset(self, http: HttpRequest) -> Response:
        """A file of a record. Credentials of the API have no business here."""
        exchange = exchange_of(http)
        if "authorization" in http.headers or "cookie" in http.headers:
            self._context.violations.add("credentials_at_assets", "credentials came with a file's URL", exchange)
        name: str = http.path_params["name"]
        check_signature(self.world, name, http.query_params)
        uid, _, extension = name.rpartition(".")
        media = {"pdf": "application/pdf", "png": "image/png"}.get(extension, "image/jpeg")
        body = await self._bytes_of(uid, media)
        if body is None:
            raise S3Error("NoSuchKey", "The specified key does not exist.", {"Key": name})
        return Response(body, media_type=media)

    async def _bytes_of(self, uid: str, media: str) -> bytes | None:
        world = self.world
        packet = world.packets.get(uid)
        if packet is not None:
            ready = packet.status(world.now()) == "complete"
            return blank_pdf(list(packet.titles)) if ready else None
        location = world.files.get(uid)
        if location is not None:
            stored = await self._context.storage.find(*location)
            return None if stored is None else await self._context.blobs.in_thread(stored.content.read)
        for item in world.projects.values():
            for table in (item.attachments, item.photos, item.snapshots):
                if table.get(uid) is not None:
                    return sample(media, uid)
        return None

    async def _seed(self, http: HttpRequest) -> Response:
        """``{"projects": 2, "seed": 7, "issues": 3000, ...}``; answers with the projects' uids."""
        try:
            wanted = await http.json()
            projects, seed = int(wanted.pop("projects", 1)), int(wanted.pop("seed", 0))
            plan = SeedPlan(**wanted)
        except (ValueError, TypeError, AttributeError) as error:
            return JSONResponse({"message": str(error)}, 400)
        return JSONResponse([item.uid for item in self.world.seed(plan, projects, seed)])
