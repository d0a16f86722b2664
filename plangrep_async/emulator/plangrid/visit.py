"""One request on its way through a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .message import ApiError

if TYPE_CHECKING:
    from .access import Caller
    from .links import Links
    from .message import Request
    from .project import Project
    from .router import Route
    from .world import World

__all__ = ["Visit"]


class Visit:
    """What a handler knows of a request that has passed the gate.

    Attributes:
        world: the service's state.
        params: the parameters of the path.
        body: the JSON body: ``{}`` where the route takes none.
        now: seconds since 1970 by the service's clock.
    """

    __slots__ = ("_caller", "_links", "_project", "_query", "body", "now", "params", "request", "route", "world")

    def __init__(
        self, world: World, request: Request, route: Route, params: dict[str, str], caller: Caller | None, now: float
    ) -> None:
        self.world = world
        self.request = request
        self.route = route
        self.params = params
        self.now = now
        self.body: Any = {}
        self._caller = caller
        self._project: Project | None = None
        self._links: Links | None = None
        self._query: dict[str, str] | None = None

    @property
    def caller(self) -> Caller:
        """Who calls. Public routes have nobody; their handlers do not ask."""
        if self._caller is None:
            raise ApiError(401, "API key required.")
        return self._caller

    @property
    def query(self) -> dict[str, str]:
        """The query's pairs; the last one of a name counts, an empty value is kept."""
        if self._query is None:
            self._query = dict(parse_qsl(self.request.query, keep_blank_values=True)) if self.request.query else {}
        return self._query

    @property
    def project(self) -> Project:
        """The project in the path. Raises 404 when there is none; the gate has checked the team."""
        if self._project is None:
            uid = self.params["project_uid"]
            found = self.world.projects.get(uid)
            if found is None:
                raise ApiError(404, f"Project ({uid}) does not exist.")
            self._project = found
        return self._project

    @property
    def links(self) -> Links:
        """Makes references into the project."""
        if self._links is None:
            self._links = self.world.links(self.project.uid)
        return self._links

    def missing(self, thing: str, uid: str, where: str = "does not exist on") -> ApiError:
        """The documented 404 of a record."""
        return ApiError(404, f"{thing} ({uid}) {where} project ({self.params['project_uid']}).")
