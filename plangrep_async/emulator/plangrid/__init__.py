"""The emulated Plangrid service. To be filled in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from attrs import frozen
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..content import Content
from ..routes import Target
from ..service import Context

__all__ = ["PlangridService", "PlangridSettings", "PlangridView"]

T = TypeVar("T")


@frozen
class PlangridSettings:
    """How the service behaves."""

    api_key: str = "pgk_test_emulator"


class PlangridService:
    """One emulated origin."""

    name = "plangrid"

    def __init__(self, context: Context, settings: PlangridSettings) -> None:
        self.context = context
        self.settings = settings

    def find(self, method: str, path: str) -> Target | None:
        return None

    def buckets(self) -> Sequence[str]:
        return ()

    def storage_routes(self) -> Sequence[Route]:
        """Routes of this service at the storage origin."""
        return []

    def admin_routes(self) -> Sequence[Route]:
        return []

    def unknown(self, request: Request, allowed: Sequence[str]) -> Response:
        return JSONResponse({"message": "not found"}, 405 if allowed else 404)

    def crashed(self, error: Exception) -> Response:
        return JSONResponse({"message": "internal error"}, 500)

    def date(self) -> float:
        return self.context.clock.time()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def reset(self) -> None: ...

    def state(self) -> Mapping[str, Any]:
        return {}

    def stored(self) -> Mapping[str, Callable[[], Content | None]]:
        return {}


class PlangridView:
    """The admin view."""

    def __init__(self, service: PlangridService, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._service = service
        self._run = run
