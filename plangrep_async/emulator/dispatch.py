"""From the ASGI server to a handler: route, log, faults, and errors in the service's own shape."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import cast

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .admin import ADMIN_PREFIX
from .connection import SCOPE_KEY, Connection
from .faults import Fault, FaultTable, Incoming
from .log import Exchange, RequestLog
from .mischief import Mischief
from .refusal import Refusal
from .routes import Target
from .service import EXCHANGE_KEY, Service

__all__ = ["Dispatcher"]

_log = logging.getLogger("plangrep_async.emulator")


class Dispatcher:
    """The ASGI application of one origin."""

    def __init__(
        self,
        service: Service,
        *,
        faults: FaultTable,
        log: RequestLog,
        mischief: Mischief,
        admin: ASGIApp,
        now: Callable[[], float],
    ) -> None:
        self._service = service
        self._faults = faults
        self._requests = log
        self._mischief = mischief
        self._admin = admin
        self._now = now
        self._date = (0, b"")
        self.failures: list[Exception] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Requests are cancelled when the emulator stops under them. Nobody waits for their end, and the server would
        # tell of each as of a defect.
        with contextlib.suppress(ClientDisconnect, asyncio.CancelledError):
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(ADMIN_PREFIX):
            await self._admin(scope, receive, send)
            return
        method: str = scope["method"]
        target = self._service.find(method, path)
        template = "" if target is None else target.template
        headers = _headers(scope)
        query = scope["query_string"].decode("latin-1")
        log, name = self._requests, self._service.name
        exchange = log.open(self._now(), name, method, template, path, query, headers)
        scope[EXCHANGE_KEY] = exchange
        try:
            await self._serve(target, scope, receive, send, exchange)
        finally:
            exchange.end("disconnected")

    async def _serve(
        self,
        target: Target | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        exchange: Exchange,
    ) -> None:
        async def counting_receive() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                exchange.received += len(message.get("body", b""))
            return message

        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message = {**message, "headers": [self._date_header(), *message["headers"]]}
            else:
                exchange.sent += len(message.get("body", b""))
                if not message.get("more_body", False):
                    exchange.end("answered")
            await send(message)

        handler: Callable[[Receive, Send], Awaitable[None]] = functools.partial(self._handle, target, scope)
        if len(self._faults):
            incoming = Incoming(
                exchange.service, exchange.method, exchange.route, exchange.path, exchange.query, exchange.headers
            )
            exchange.faults = self._faults.choose(incoming)
            connection = cast(Connection, scope[SCOPE_KEY])
            for fault in reversed(exchange.faults):
                inner = handler
                handler = functools.partial(self._faulty, fault, inner, connection, exchange)
        await handler(counting_receive, counting_send)

    async def _faulty(
        self,
        fault: Fault,
        inner: Callable[[Receive, Send], Awaitable[None]],
        connection: Connection,
        exchange: Exchange,
        receive: Receive,
        send: Send,
    ) -> None:
        await self._mischief.run(fault, inner, receive, send, connection, exchange)

    async def _handle(self, target: Target | None, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        if target is None or target.endpoint is None:
            response = self._service.unknown(request, target.allowed if target else ())
        else:
            scope["path_params"] = target.parameters
            try:
                response = await target.endpoint(request)
            except Refusal as refusal:
                response = refusal.response()
            except ClientDisconnect:
                raise
            except Exception as error:  # noqa: BLE001 - a defect here must not look like a hung service
                _log.exception("%s %s failed", scope["method"], target.template)
                self.failures.append(error)
                response = self._service.crashed(error)
        await response(scope, receive, send)

    def _date_header(self) -> tuple[bytes, bytes]:
        second = int(self._service.date())
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True).encode())
        return b"date", self._date[1]


def _headers(scope: Scope) -> dict[str, str]:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if "authorization" in headers:
        headers["authorization"] = "<present>"
    return headers
