"""A raw HTTP server with manners that can be spoilt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest


class RoughServer:
    """Answers every request with ``{"ok": true}``, slowly, and sometimes closes the connection after or before it."""

    def __init__(self, seed: int = 7) -> None:
        self.random = random.Random(seed)
        self.close_before = 0.05
        self.close_after = 0.10
        self.delay = 0.003
        self.requests = 0
        self.open = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def behave(self) -> None:
        self.close_before = self.close_after = self.delay = 0.0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.open += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                await asyncio.sleep(self.random.random() * self.delay)
                if self.random.random() < self.close_before:
                    return
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n")
                await asyncio.sleep(self.random.random() * self.delay / 2)
                writer.write(b'{"ok": true}')
                await writer.drain()
                if self.random.random() < self.close_after:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            self.open -= 1
            self._handlers.discard(task)
            writer.close()


@pytest.fixture
async def rough_server() -> AsyncIterator[RoughServer]:
    server = RoughServer()
    await server.start()
    yield server
    await server.stop()
