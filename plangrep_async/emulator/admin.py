"""The admin routes under ``/_emulator`` of each origin: they drive an emulator that runs in another process.

=======================================  =======================================================================
``GET /_emulator/``                      addresses, API key, clock, counts
``GET, POST, DELETE /_emulator/faults``  the rules; add one (see :func:`parse_rule`); remove all
``DELETE /_emulator/faults/{number}``    remove one
``GET, POST /_emulator/clock``           ``{"advance": seconds}`` and ``{"speed": factor}``
``GET, DELETE /_emulator/requests``      counts and the last records, ``?route=&service=&last=``; forget them
``GET, DELETE /_emulator/violations``    what clients did against the contracts; forget it
``GET /_emulator/state/{service}``       a service's state
``GET /_emulator/objects/{service}``     what clients stored there: sizes and digests
``GET /_emulator/objects/{service}/…``   the bytes of one of them, by its identifier
``POST /_emulator/reset``                forget all state, requests, violations and faults
``/_emulator/{service}/…``               what a service adds
=======================================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .faults import Fault, FaultRule
from .refusal import Refusal
from .routes import RouteTable, Target
from .service import Context, Service

__all__ = ["ADMIN_PREFIX", "AdminApp", "parse_rule"]

ADMIN_PREFIX = "/_emulator"

_RULE_KEYS = ("service", "times", "probability", "nth", "skip", "match")
_FAULT_KEYS = ("kind", "when", "after_bytes", "seconds", "status", "truncate", "close")


class Controlled(Protocol):
    """What the admin routes need of an emulator."""

    @property
    def context(self) -> Context: ...

    @property
    def services(self) -> Mapping[str, Service]: ...

    @property
    def api_key(self) -> str: ...

    def reset(self) -> None: ...


class AdminError(Refusal):
    """400 or 404 of an admin route."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def response(self) -> Response:
        return JSONResponse({"error": self.message}, self.status)


def parse_rule(data: Mapping[str, Any]) -> tuple[str, Fault, dict[str, Any]]:
    """A fault rule in JSON: the arguments of :meth:`FaultTable.add`.

    ``{"route": "POST /api/open/v1/projects", "times": 1, "fault": {"kind": "answer", "status": 503, "body": "…",
    "headers": {"Retry-After": "2"}}}``; the fault's members are those of :class:`Fault`.

    Raises:
        AdminError: it is not one.
    """
    fault, unknown = data.get("fault"), set(data) - {"route", "fault", *_RULE_KEYS}
    if not isinstance(fault, Mapping) or not isinstance(data.get("route"), str) or unknown:
        raise AdminError(400, f"a rule has route, fault and of {', '.join(_RULE_KEYS)} what it needs")
    if unknown := set(fault) - {*_FAULT_KEYS, "body", "headers"}:
        raise AdminError(400, f"a fault has no {', '.join(sorted(unknown))}")
    values = {name: fault[name] for name in _FAULT_KEYS if name in fault}
    if isinstance(fault.get("body"), str):
        values["body"] = fault["body"].encode()
    elif values.get("kind") == "answer" and values.get("when") != "after":
        values["body"] = b""
    values["headers"] = tuple((str(name), str(value)) for name, value in dict(fault.get("headers") or {}).items())
    try:
        return data["route"], Fault(**values), {name: data[name] for name in _RULE_KEYS if name in data}
    except (TypeError, ValueError) as error:
        raise AdminError(400, f"fault: {error}") from error


class AdminApp:
    """An ASGI application."""

    def __init__(self, emulator: Controlled) -> None:
        self._emulator = emulator
        self._table = RouteTable(
            [
                Route(f"{ADMIN_PREFIX}/", self._overview),
                Route(f"{ADMIN_PREFIX}/faults", self._faults, methods=["GET", "POST", "DELETE"]),
                Route(f"{ADMIN_PREFIX}/faults/{{number}}", self._remove_fault, methods=["DELETE"]),
                Route(f"{ADMIN_PREFIX}/clock", self._clock, methods=["GET", "POST"]),
                Route(f"{ADMIN_PREFIX}/requests", self._requests, methods=["GET", "DELETE"]),
                Route(f"{ADMIN_PREFIX}/violations", self._violations, methods=["GET", "DELETE"]),
                Route(f"{ADMIN_PREFIX}/state/{{service}}", self._state),
                Route(f"{ADMIN_PREFIX}/objects/{{service}}", self._objects),
                Route(f"{ADMIN_PREFIX}/objects/{{service}}/{{name:path}}", self._object),
                Route(f"{ADMIN_PREFIX}/reset", self._reset, methods=["POST"]),
            ]
        )
        self._of_services: dict[str, RouteTable] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            target = self._find(scope["method"], scope["path"])
            if target is None or target.endpoint is None:
                raise AdminError(405 if target else 404, "no such admin route")
            scope["path_params"] = dict(target.parameters)
            response = await target.endpoint(request)
        except Refusal as refusal:
            response = refusal.response()
        await response(scope, receive, send)

    def _find(self, method: str, path: str) -> Target | None:
        target = self._table.find(method, path)
        if target is not None:
            return target
        name, _, rest = path.removeprefix(f"{ADMIN_PREFIX}/").partition("/")
        service = self._emulator.services.get(name)
        if service is None:
            return None
        if name not in self._of_services:
            self._of_services[name] = RouteTable(service.admin_routes())
        return self._of_services[name].find(method, f"/{rest}")

    async def _overview(self, request: Request) -> Response:
        context = self._emulator.context
        return JSONResponse(
            {
                "urls": dict(context.urls),
                "apiKey": self._emulator.api_key,
                "time": context.clock.time(),
                "speed": context.clock.speed,
                "requests": context.requests.count(),
                "violations": len(context.violations),
                "faults": len(context.faults),
            }
        )

    async def _faults(self, request: Request) -> Response:
        faults = self._emulator.context.faults
        if request.method == "DELETE":
            faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            route, fault, options = parse_rule(await _object_body(request))
            try:
                rule = faults.add(route, fault, **options)
            except (TypeError, ValueError) as error:
                raise AdminError(400, str(error)) from error
            return JSONResponse(_rule(rule), 201)
        return JSONResponse({"faults": [_rule(rule) for rule in faults]})

    async def _remove_fault(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not number.isdecimal() or not self._emulator.context.faults.remove(int(number)):
            raise AdminError(404, "no such rule")
        return Response(status_code=204)

    async def _clock(self, request: Request) -> Response:
        clock = self._emulator.context.clock
        if request.method == "POST":
            data = await _object_body(request)
            if "speed" in data:
                clock.set_speed(_number(data, "speed"))
            if "advance" in data:
                await clock.advance_async(_number(data, "advance"))
        return JSONResponse({"time": clock.time(), "speed": clock.speed})

    async def _requests(self, request: Request) -> Response:
        log = self._emulator.context.requests
        if request.method == "DELETE":
            log.clear()
            return Response(status_code=204)
        query = request.query_params
        records = log.records(query.get("route"), service=query.get("service"))
        last = int(query.get("last", "100")) if query.get("last", "100").isdecimal() else 100
        counts = [
            {"service": service, "method": method, "route": route, "status": status, "count": count}
            for (service, method, route, status), count in sorted(log.counts().items(), key=str)
        ]
        shown = [
            {
                "number": item.number,
                "at": item.at,
                "service": item.service,
                "method": item.method,
                "route": item.route,
                "path": item.path,
                "status": item.status,
                "outcome": item.outcome,
                "received": item.received,
                "sent": item.sent,
                "faults": [f"{fault.kind} {fault.when}" for fault in item.faults],
            }
            for item in records[len(records) - min(last, len(records)) :]
        ]
        return JSONResponse({"counts": counts, "requests": shown})

    async def _violations(self, request: Request) -> Response:
        violations = self._emulator.context.violations
        if request.method == "DELETE":
            violations.clear()
            return Response(status_code=204)
        shown = [
            {"kind": item.kind, "detail": item.detail, "service": item.service, "at": item.at, "request": item.request}
            for item in violations
        ]
        return JSONResponse({"violations": shown})

    async def _state(self, request: Request) -> Response:
        return JSONResponse(self._service(request).state())

    async def _objects(self, request: Request) -> Response:
        listed: list[dict[str, Any]] = []
        for name, find in self._service(request).stored().items():
            content = find()
            if content is not None:
                listed.append({"name": name, "size": content.size, "sha256": content.sha256, "kept": content.kept})
        return JSONResponse({"objects": listed})

    async def _object(self, request: Request) -> Response:
        find = self._service(request).stored().get(request.path_params["name"])
        content = None if find is None else find()
        if content is None or not content.kept:
            raise AdminError(404, "no such object, or its bytes were not kept")
        headers = {"Content-Length": str(content.size), "Content-Type": "application/octet-stream"}
        return StreamingResponse(self._emulator.context.blobs.stream(content), headers=headers)

    async def _reset(self, request: Request) -> Response:
        self._emulator.reset()
        return Response(status_code=204)

    def _service(self, request: Request) -> Service:
        service = self._emulator.services.get(request.path_params["service"])
        if service is None:
            raise AdminError(404, "no such service")
        return service


def _rule(rule: FaultRule) -> dict[str, Any]:
    return {
        "number": rule.number,
        "route": rule.pattern,
        "service": rule.service,
        "kind": rule.fault.kind,
        "when": rule.fault.when,
        "status": rule.fault.status,
        "times": rule.times,
        "probability": rule.probability,
        "seen": rule.seen,
        "fired": rule.fired,
    }


async def _object_body(request: Request) -> dict[str, Any]:
    try:
        data = await request.json()
    except ValueError as error:
        raise AdminError(400, "the body is not JSON") from error
    if not isinstance(data, dict):
        raise AdminError(400, "the body must be a JSON object")
    return data


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise AdminError(400, f"{name} must be a number, 0 or more")
    return float(value)
