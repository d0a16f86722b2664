"""Finding the handler of a request."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path

__all__ = ["Endpoint", "RouteTable", "Target"]

Endpoint = Callable[[Request], Awaitable[Response]]


@frozen
class Target:
    """A handler, the template that led to it, and what the template's parameters stand for.

    ``endpoint`` is None when the path is known but not with this method; ``allowed`` then names the methods.
    """

    template: str
    endpoint: Endpoint | None
    parameters: Mapping[str, str]
    allowed: Sequence[str] = ()


class RouteTable:
    """Starlette routes, looked up by method first."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], Route]]] = {}
        for route in routes:
            pattern, _, _ = compile_path(route.path)
            for method in route.methods or ():
                self._by_method.setdefault(method, []).append((pattern, route))

    def find(self, method: str, path: str) -> Target | None:
        """The target of a request, or None for an unknown path."""
        for pattern, route in self._by_method.get(method, ()):
            if match := pattern.match(path):
                return Target(route.path, route.endpoint, match.groupdict())
        allowed: dict[str, Any] = {}
        template = ""
        for other, entries in self._by_method.items():
            for pattern, route in entries:
                if pattern.match(path):
                    allowed[other] = True
                    template = template or route.path
        return Target(template, None, {}, sorted(allowed)) if allowed else None
