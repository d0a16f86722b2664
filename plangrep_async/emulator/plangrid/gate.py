"""What every request passes before its handler, alone or as an entry of a batch.

The order: route, credentials, rate limits, version, content type, body, project, team, right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

from .access import Caller
from .message import ApiError, Reply, Request
from .role import role_label
from .router import Route, Router
from .visit import Visit
from .world import World

__all__ = ["Gate", "limited"]

_ACCEPT = re.compile(r"application/vnd\.plangrid\+json\s*;\s*version=(\d+)", re.IGNORECASE)
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Gate:
    """Turns requests into replies."""

    def __init__(self, world: World, router: Router) -> None:
        self.world = world
        self.router = router

    def answer(self, request: Request) -> Reply | Awaitable[Reply]:
        """The reply to a request; awaitable when its handler has to wait for something."""
        found = self.router.match(request.method, request.path)
        if isinstance(found, Reply):
            return found
        return self.serve(request, *found)

    def serve(self, request: Request, route: Route, params: dict[str, str]) -> Reply | Awaitable[Reply]:
        """Like :meth:`answer`, when the route is known."""
        try:
            reply = route.handler(self._admit(request, route, params))
        except ApiError as error:
            return self._finished(error.reply)
        if isinstance(reply, Reply):
            return self._finished(reply)
        return self._awaited(reply)

    async def _awaited(self, reply: Awaitable[Reply]) -> Reply:
        try:
            return self._finished(await reply)
        except ApiError as error:
            return self._finished(error.reply)

    def _finished(self, reply: Reply) -> Reply:
        oddities = self.world.settings.oddities
        if not oddities:
            return reply
        if reply.status < 300:
            reply = Reply(reply.status, oddities.apply(reply.payload), reply.headers)
        if "escaped_slashes" in oddities and reply.payload is not None:
            reply = Reply(reply.status, None, reply.headers, reply.content().replace(b"/", b"\\/"))
        if "broken_error_json" in oddities and reply.status == 500 and b'", "url"' in reply.content():
            reply = Reply(500, None, reply.headers, reply.content().replace(b'", "url"', b'" "url"'))
        return reply

    def _admit(self, request: Request, route: Route, params: dict[str, str]) -> Visit:
        world, now = self.world, self.world.now()
        if route.public:
            return Visit(world, request, route, params, None, now)
        if route.by_token and request.versioned:
            return Visit(world, request, route, params, None, now)
        caller = world.access.identify(request.headers, now)
        self._count(request, route, caller, now)
        self._check_headers(request)
        visit = Visit(world, request, route, params, caller, now)
        if route.body is not None:
            visit.body = _parse(request, route.body)
        if caller.scopes is not None and route.scope not in caller.scopes:
            raise ApiError(403, f"The access token's scope does not include {route.scope}.")
        if "project_uid" in params:
            self._check_team(visit, route, caller)
        return visit

    def _count(self, request: Request, route: Route, caller: Caller, now: float) -> None:
        settings = self.world.settings
        if request.entry and settings.batch_counting != "each":
            return
        if route.path == "/rate_limits" and not settings.rate_limits_counts:
            return
        if route.path == "/batch" and settings.batch_counting == "entries":
            return  # counted when the entries are known
        refused = self.world.windows.take(caller.limit_key, now, write=request.method in _WRITES, untimed=route.untimed)
        if refused is not None:
            raise limited(caller, refused)

    def _check_headers(self, request: Request) -> None:
        # Unverified: status and words. The page demands the header and does not say what happens without it.
        if not request.versioned:
            match = _ACCEPT.search(request.headers.get("accept", ""))
            if match is None:
                self.world.violation("missing_accept", "the versioned Accept header is missing", request)
                raise ApiError(406, "The Accept header must be 'application/vnd.plangrid+json; version=1'.")
            if match[1] != "1":
                raise ApiError(406, f"API version {match[1]} is not supported.")
        if request.method in _WITH_BODY:
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                self.world.violation("missing_content_type", f"{request.method} with content type {kind!r}", request)
                raise ApiError(400, "Only payloads with 'content-type' 'application/json' are supported.")

    def _check_team(self, visit: Visit, route: Route, caller: Caller) -> None:
        member = visit.project.member(caller.account.uid)
        if member is None:
            status, message = route.denied
            raise ApiError(status, message.format_map(visit.params))
        if route.right is not None:
            rights = self.world.settings.rights.get(role_label(member.role_uid), ())
            if "*" not in rights and route.right.name not in rights:
                raise ApiError(403, route.right.refusal.format_map(visit.params))


def limited(caller: Caller, rate_limit: dict[str, Any]) -> ApiError:
    """The documented 429."""
    message = f"API rate limit exceeded for developer {caller.account.uid}."
    return ApiError(429, message, rate_limit=rate_limit)


def _parse(request: Request, shape: str) -> Any:
    try:
        body = json.loads(request.body, parse_float=Decimal) if request.body else None
    except ValueError:
        raise ApiError(400, "Failed to decode JSON body.") from None
    if shape == "array":
        if not isinstance(body, list):
            raise ApiError(400, "JSON body must be an array.")
    elif not isinstance(body, dict) or not body:
        raise ApiError(400, "Fields must be in JSON body.")
    return body
