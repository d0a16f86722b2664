"""The admin routes under ``/_emulator`` of each origin, for driving an emulator in another process."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .mischief import Mischief
from .service import Context, Service

__all__ = ["AdminApp"]


class AdminApp:
    """An ASGI application."""

    def __init__(self, context: Context, services: Mapping[str, Service], mischief: Mischief) -> None:
        self._context = context
        self._services = services
        self._mischief = mischief
        self._app = Starlette(routes=[Route("/_emulator/", self._overview)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _overview(self, request: Request) -> JSONResponse:
        return JSONResponse({"urls": dict(self._context.urls), "time": self._context.clock.time()})
