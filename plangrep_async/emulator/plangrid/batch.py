"""POST /batch: many requests in one (documentation pages "Why Batch Requests?" and "Send Batch Request")."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from ..faults import Fault, FaultTable, Incoming
from .gate import Gate, limited
from .message import ApiError, Reply, Request, dump
from .router import Route
from .visit import Visit

__all__ = ["ENTRY_SERVICE", "MAX_ENTRIES", "SERVER_ERROR", "Batch"]

MAX_ENTRIES = 50

ENTRY_SERVICE = "plangrid.batch"
"""The ``service`` of entries in the fault table: a rule with it befalls entries only, one without befalls both."""

SERVER_ERROR = (
    "Sorry, PlanGrid's system had an error and the team has been notified. "
    "If this happens again, please contact support@plangrid.com."
)

_FIELDS = frozenset({"method", "path", "headers", "body"})
_INHERITED = ("authorization", "accept", "content-type")
_HEADERS = [{"name": "connection", "value": "close"}, {"name": "content-type", "value": "application/json"}]


class Batch:
    """The endpoint. ``gate`` gives each entry the same treatment that it would get alone."""

    def __init__(self, faults: FaultTable, gate: Callable[[], Gate]) -> None:
        self._faults = faults
        self._gate = gate
        self.route = Route("POST", "/batch", self._send, "Send Batch Request", body="array")

    async def _send(self, visit: Visit) -> Reply:
        requests: list[Any] = visit.body
        if not requests:
            raise ApiError(400, "There must be at least one batch request.")
        if len(requests) > MAX_ENTRIES:
            raise ApiError(
                400, f"The number of batch requests ({len(requests)}) must be less than or equal to {MAX_ENTRIES}."
            )
        self._count(visit, requests)
        answers = [self._entry(visit, item) for item in requests]
        # Those that wait for something wait together; order is that of the requests all the same.
        waiting = [answer for answer in answers if inspect.isawaitable(answer)]
        waited = iter(await asyncio.gather(*waiting)) if waiting else iter(())
        entries = [_render(visit, answer if isinstance(answer, Reply) else next(waited)) for answer in answers]
        return Reply(200, {"data": visit.world.trouble.tamper(entries)})

    def _count(self, visit: Visit, requests: list[Any]) -> None:
        if visit.world.settings.batch_counting != "entries":
            return
        writes = sum(1 for item in requests if isinstance(item, dict) and item.get("method") != "GET")
        caller = visit.caller
        refused = visit.world.windows.take(
            caller.limit_key, visit.now, write=True, cost=len(requests), write_cost=writes
        )
        if refused is not None:
            raise limited(caller, refused)

    def _entry(self, visit: Visit, item: Any) -> Reply | Awaitable[Reply]:
        try:
            request = _request(visit.request, item)
        except ApiError as error:
            visit.world.entries["", error.reply.status] += 1
            return error.reply
        gate = self._gate()
        found = gate.router.match(request.method, request.path)
        if isinstance(found, Reply):
            visit.world.entries["", found.status] += 1
            return found
        route, params = found
        if route is self.route or route.public:  # unverified
            return Reply(400, {"message": f"Path ({request.path}) is not allowed in a batch request."})
        if not len(self._faults):
            reply = gate.serve(request, route, params)
            if isinstance(reply, Reply):
                visit.world.entries[route.name, reply.status] += 1
                return reply
            return self._counted(visit, route, reply)
        incoming = Incoming(ENTRY_SERVICE, request.method, route.path, request.path, request.query, request.headers)
        faults = self._faults.choose(incoming)
        request.spoiled = any(fault.kind != "delay" for fault in faults)
        return self._counted(visit, route, _struck(gate, request, route, params, faults))

    async def _counted(self, visit: Visit, route: Route, reply: Awaitable[Reply]) -> Reply:
        done = await reply
        visit.world.entries[route.name, done.status] += 1
        return done


async def _struck(
    gate: Gate, request: Request, route: Route, params: dict[str, str], faults: tuple[Fault, ...]
) -> Reply:
    """Serve an entry that faults befall. A connection that breaks becomes a server error: the entry has none."""
    for fault in faults:
        if fault.kind == "delay" and fault.seconds is not None:
            await asyncio.sleep(fault.seconds)
    final = next((fault for fault in faults if fault.kind != "delay"), None)
    own = Reply(500, {"message": SERVER_ERROR})
    if final is None or final.when in ("after", "in_answer"):
        reply = gate.serve(request, route, params)
        own = reply if isinstance(reply, Reply) else await reply
    if final is None:
        return own
    if final.kind != "answer":
        return Reply(500, {"message": SERVER_ERROR})
    content = own.content() if final.body is None else final.body
    if final.truncate:
        content = content[: len(content) // 2]
    return Reply(final.status or own.status, None, final.headers, content)


def _request(outer: Request, item: Any) -> Request:
    """An entry as a request. Raises the documented 400s, and 400 for what is no object at all."""
    if not isinstance(item, dict) or not item:
        raise ApiError(400, "Request must contain at least one field.")
    if not item.keys() <= _FIELDS:
        raise ApiError(400, "Unsupported fields are not allowed in request.")
    method, path = item.get("method"), item.get("path")
    if not isinstance(method, str) or not method:
        raise ApiError(400, "Method required to send batch request.")
    if not isinstance(path, str) or not path:
        raise ApiError(400, "Path required to send batch request.")
    if not path.startswith("/"):
        raise ApiError(400, "Path must begin with a '/'.")
    headers = {name: outer.headers[name] for name in _INHERITED if name in outer.headers}
    headers.update(_headers(item.get("headers")))
    path, _, query = path.partition("?")
    versioned = path.startswith("/v1/")
    return Request(
        method=method.upper(),
        path=unquote(path[3:] if versioned else path),
        query=query,
        headers=headers,
        body=_body(item.get("body")),
        entry=True,
        versioned=versioned,
        exchange=outer.exchange,
    )


def _headers(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    wrong = ApiError(400, "Headers must be an array of objects with 'name' and 'value'.")
    if not isinstance(given, list):
        raise wrong
    headers: dict[str, str] = {}
    for header in given:
        if not isinstance(header, dict) or not {"name", "value"} <= header.keys():
            raise wrong
        if len(header) > 2:
            raise ApiError(400, "Unsupported fields are not allowed in headers.")
        if not isinstance(header["name"], str) or not isinstance(header["value"], str):
            raise wrong
        headers[header["name"].lower()] = header["value"]
    return headers


def _body(given: Any) -> bytes:
    if given is None:
        return b""
    if isinstance(given, str):
        try:
            json.loads(given)
        except ValueError:
            pass
        else:
            return given.encode()
    raise ApiError(400, "Request body must be a JSON encoded string.")


def _render(visit: Visit, reply: Reply) -> dict[str, Any]:
    status = reply.status
    if status == 201 and "batch_created_200" in visit.world.settings.oddities:
        status = 200
    body = dump(reply.payload) if reply.raw is None and reply.payload is not None else reply.content().decode()
    return {"status_code": status, "headers": [*_HEADERS, *_extra(reply)], "body": body}


def _extra(reply: Reply) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in reply.headers]
