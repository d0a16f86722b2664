"""Which route a method and a path mean: one walk along the segments, literal segments before parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .message import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .visit import Visit

    Handler = Callable[[Visit], "Reply | Awaitable[Reply]"]

__all__ = ["Right", "Route", "Router"]


@frozen
class Right:
    """A permission that a route needs.

    Attributes:
        name: how the settings call it, for example ``"update project"``.
        refusal: the documented message; ``{project_uid}`` and other path parameters are filled in.
    """

    name: str
    refusal: str


@frozen
class Route:
    """An endpoint.

    Attributes:
        page: the title of its documentation page.
        denied: status and message for an account that is not on the project's team; pages differ here.
        right: what the account's role must allow.
        body: ``"object"`` needs a JSON object with a field at least, ``"array"`` a JSON array, ``None`` no body.
        by_token: under `/v1/` it needs neither credentials nor `Accept` and counts against no limit: the upload token
            in its path is the authorisation.
        public: no part of the API proper: neither credentials, limits nor headers are looked at.
        scope: what a bearer token must allow.
        untimed: not counted by windows of a day or longer (page "Retrieve Sheet Packet").
    """

    method: str
    path: str
    handler: Handler
    page: str
    denied: tuple[int, str] = (403, "Access to project ({project_uid}) prohibited.")
    right: Right | None = None
    body: str | None = None
    by_token: bool = False
    public: bool = False
    untimed: bool = False
    scope: str = "write:projects"

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Router:
    """All routes as a tree of segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root: dict[str, Any] = {}
        for route in self.routes:
            node = self._root
            for segment in route.path.strip("/").split("/"):
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            names = [segment[1:-1] for segment in route.path.strip("/").split("/") if segment.startswith("{")]
            methods: dict[str, tuple[Route, list[str]]] = node.setdefault("", {})
            if route.method in methods:
                raise ValueError(f"two routes for {route.name}")
            methods[route.method] = (route, names)

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]] | Reply:
        """The route and its parameters, or the 404 or 405 to answer with. ``path`` is decoded already."""
        values: list[str] = []
        node = self._root
        for segment in path[1:].split("/"):
            child = node.get(segment) if segment else None
            if child is None:
                child = node.get("{}") if segment else None
                if child is None:
                    return Reply(404, {"message": "Not Found"})
                values.append(segment)
            node = child
        methods: dict[str, tuple[Route, list[str]]] | None = node.get("")
        if not methods:
            return Reply(404, {"message": "Not Found"})
        if method not in methods:
            return Reply(405, {"message": "Method Not Allowed"}, (("allow", ", ".join(methods)),))
        route, names = methods[method]
        return route, dict(zip(names, values, strict=True))
