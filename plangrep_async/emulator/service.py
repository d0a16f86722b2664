"""What an emulated service is to the framework, and what the framework is to a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from attrs import define, field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .blobs import BlobStore
from .clock import EmulatorClock
from .content import Content
from .faults import FaultTable
from .log import Exchange, RequestLog, Violations
from .routes import Target
from .storage.backend import StorageBackend
from .storage.internal import InternalStorage

__all__ = ["EXCHANGE_KEY", "Context", "Service", "exchange_of"]

EXCHANGE_KEY = "plangrep_async.exchange"


def exchange_of(request: Request) -> Exchange:
    """The log entry of a request under way."""
    exchange: Exchange = request.scope[EXCHANGE_KEY]
    return exchange


@define(eq=False)
class Context:
    """What all services of one emulator share.

    Attributes:
        urls: base URL by service name: ``plangrep``, ``plangrid``, ``storage``; known before anything starts.
        random: seeded; for identifiers and the like.
        storage: where clients put bytes: the emulator's own store or a real S3 server.
        local: the emulator's own store, always there; for files that services render.
    """

    clock: EmulatorClock
    random: Random
    faults: FaultTable
    requests: RequestLog
    violations: Violations
    blobs: BlobStore
    storage: StorageBackend
    local: InternalStorage
    urls: Mapping[str, str]
    _tasks: set[asyncio.Task[Any]] = field(factory=set, repr=False)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside the requests; it is cancelled when the emulator stops."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def cancel_tasks(self) -> None:
        """End what :meth:`spawn` started."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hex(self, digits: int) -> str:
        """Random hexadecimal digits, the same for the same seed."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"


class Service(Protocol):
    """One emulated origin."""

    @property
    def name(self) -> str:
        """``plangrep``, ``plangrid`` or ``storage``."""
        ...

    def find(self, method: str, path: str) -> Target | None:
        """The handler of a request; :class:`~.routes.RouteTable` does this for Starlette routes."""
        ...

    def buckets(self) -> Sequence[str]:
        """Buckets this service uses; they are made before it starts."""
        ...

    def admin_routes(self) -> Sequence[Route]:
        """Routes for driving the emulator from another process, served under ``/_emulator/<name>`` of each origin."""
        ...

    def unknown(self, request: Request, allowed: Sequence[str]) -> Response:
        """The answer for a path without a route (``allowed`` is empty) or a method that the path does not have."""
        ...

    def crashed(self, error: Exception) -> Response:
        """The answer when a handler raised what it should not: status 500."""
        ...

    def date(self) -> float:
        """The time of the ``Date`` header, seconds since 1970."""
        ...

    async def start(self) -> None:
        """On the emulator's loop, before the first request. State from an earlier start is kept."""
        ...

    async def stop(self) -> None:
        """On the emulator's loop, after the last request."""
        ...

    def reset(self) -> None:
        """Forget all state."""
        ...

    def state(self) -> Mapping[str, Any]:
        """A summary as JSON, for the admin routes."""
        ...

    def stored(self) -> Mapping[str, Callable[[], Content | None]]:
        """What clients stored, by identifier, for the admin routes."""
        ...
