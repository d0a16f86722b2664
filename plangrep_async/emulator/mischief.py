"""Applying faults to a request under way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import Message, Receive, Send

from .connection import Connection
from .faults import Fault
from .log import Exchange

__all__ = ["Mischief"]

KEPT_ANSWER = 8 << 20

Handler = Callable[[Receive, Send], Awaitable[None]]


class Mischief:
    """The faults of one emulator, at work. ``released`` is replaced whenever stalled requests may go on."""

    def __init__(self) -> None:
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let stalled requests go on."""
        self._released.set()
        self._released = asyncio.Event()

    async def run(
        self, fault: Fault, handler: Handler, receive: Receive, send: Send, connection: Connection, exchange: Exchange
    ) -> None:
        """Serve one request through one fault; ``handler`` serves it without."""
        if fault.kind == "delay":
            await self._delayed(fault, handler, receive, send, connection)
            return
        if fault.when == "in_answer":
            await handler(receive, self._breaking_send(fault, send, connection, exchange))
            return
        if fault.when == "after":
            kept: list[Message] = []
            await handler(receive, _collector(kept))
            await _strike(fault, kept, send, connection, exchange)
            return
        if fault.when != "before":
            limit = None
            if fault.when == "in_body":
                limit = _half(fault, _declared(exchange.headers.get("content-length")))
            if not await _swallow(receive, limit):
                return
        await _strike(fault, [], send, connection, exchange)

    async def _delayed(
        self, fault: Fault, handler: Handler, receive: Receive, send: Send, connection: Connection
    ) -> None:
        if fault.when == "before":
            await self._wait(fault.seconds, connection)
            await handler(receive, send)
        elif fault.when in ("in_body", "read"):
            await handler(self._delaying_receive(fault, receive, connection), send)
        else:
            await handler(receive, self._delaying_send(fault, send, connection))

    def _delaying_receive(self, fault: Fault, receive: Receive, connection: Connection) -> Receive:
        taken = 0
        waited = False

        async def delaying() -> Message:
            nonlocal taken, waited
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                at_end = not message.get("more_body", False)
                due = at_end if fault.when == "read" else at_end or taken >= (fault.after_bytes or 1)
                if due and not waited:
                    waited = True
                    await self._wait(fault.seconds, connection)
            return message

        return delaying

    def _delaying_send(self, fault: Fault, send: Send, connection: Connection) -> Send:
        waited = False

        async def delaying(message: Message) -> None:
            nonlocal waited
            if waited or (fault.when == "in_answer" and message["type"] == "http.response.start"):
                await send(message)
                return
            waited = True
            if fault.when == "in_answer":
                body = message.get("body", b"")
                first = len(body) // 2 if fault.after_bytes is None else fault.after_bytes
                await send({**message, "body": body[:first], "more_body": True})
                message = {**message, "body": body[first:]}
            await self._wait(fault.seconds, connection)
            await send(message)

        return delaying

    def _breaking_send(self, fault: Fault, send: Send, connection: Connection, exchange: Exchange) -> Send:
        left: int | None = None
        broken = False

        async def breaking(message: Message) -> None:
            nonlocal left, broken
            if broken:
                return
            if message["type"] == "http.response.start":
                length = dict(message["headers"]).get(b"content-length")
                left = _half(fault, None if length is None else int(length))
                await send(message)
                return
            body = message.get("body", b"")
            left = 0 if left is None else left
            if len(body) < left and message.get("more_body", False):
                left -= len(body)
                await send(message)
                return
            broken = True
            await send({**message, "body": body[:left], "more_body": True})
            await _break(fault, connection, exchange)

        return breaking

    async def _wait(self, seconds: float | None, connection: Connection) -> None:
        """Until the time is over, the client is gone or the faults are cleared."""
        if seconds is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(connection.closed), seconds)
            return
        released = asyncio.ensure_future(self._released.wait())
        ends: set[asyncio.Future[Any]] = {released, connection.closed}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()


async def _strike(fault: Fault, kept: list[Message], send: Send, connection: Connection, exchange: Exchange) -> None:
    if fault.kind != "answer":
        await _break(fault, connection, exchange)
        return
    status, own_headers, own_body = 500, [], b""
    for message in kept:
        if message["type"] == "http.response.start":
            status, own_headers = message["status"], list(message["headers"])
        else:
            own_body += message.get("body", b"")
    body = fault.body if fault.body is not None else own_body
    if fault.truncate:
        body = body[: len(body) // 2]
    given = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in fault.headers}
    headers = [(name, value) for name, value in own_headers if name not in {b"content-length", *given}]
    headers += [*given.items(), (b"content-length", str(len(body)).encode())]
    if fault.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": fault.status or status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _break(fault: Fault, connection: Connection, exchange: Exchange) -> None:
    if fault.kind == "reset":
        exchange.end("reset")
        # What was written a moment ago should reach the client's socket first.
        await asyncio.sleep(0)
        connection.reset()
    else:
        exchange.end("cut")
        connection.cut()


async def _swallow(receive: Receive, limit: int | None) -> bool:
    """Read and drop so many bytes of the body (None: all); False when the client left."""
    taken = 0
    while limit is None or taken < limit:
        message = await receive()
        if message["type"] != "http.request":
            return False
        taken += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    return True


def _collector(kept: list[Message]) -> Send:
    size = 0

    async def collect(message: Message) -> None:
        nonlocal size
        size += len(message.get("body", b""))
        if size <= KEPT_ANSWER:
            kept.append(message)

    return collect


def _declared(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _half(fault: Fault, length: int | None) -> int:
    if fault.after_bytes is not None:
        return fault.after_bytes
    return 1 if length is None else length // 2
