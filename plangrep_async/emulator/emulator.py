"""The public handle: both services and their storage, on real sockets of this machine."""

from __future__ import annotations

import asyncio
import functools
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Self, TypeVar
from urllib.parse import urlsplit

from attrs import frozen
from uvicorn import Config
from uvicorn.server import ServerState

from .admin import AdminApp
from .blobs import BlobStore
from .clock import EmulatorClock
from .connection import Connection
from .dispatch import Dispatcher
from .faults import FaultTable
from .log import RequestLog, Violations
from .mischief import Mischief
from .plangrep import PlangrepService, PlangrepSettings, PlangrepView
from .plangrid import PlangridService, PlangridSettings, PlangridView
from .post_policy import verify_post
from .service import Context, Service
from .storage.backend import StorageBackend
from .storage.internal import InternalStorage
from .storage.service import StorageService
from .storage.view import StorageView

__all__ = ["Emulator", "Ports"]

T = TypeVar("T")

START_TIMEOUT = 10.0
STOP_TIMEOUT = 10.0


@frozen
class Ports:
    """Ports of the three origins; 0 takes a free one."""

    plangrep: int = 0
    plangrid: int = 0
    storage: int = 0


class Emulator:
    """Plangrep, PlanGrid and their storage on 127.0.0.1, with their own thread and event loop.

    Use it with ``with`` or ``async with``, or call :meth:`start` and :meth:`stop`. After :meth:`kill` (as if its
    process had died) :meth:`start` brings it back on the same ports with its state.

    Args:
        ports: free ones when not given.
        speed: emulator seconds per real second; 0 stops time, which then moves by ``emulator.clock.advance``.
        clock: instead of ``speed``.
        seed: of identifiers, data and fault draws.
        sink: keep digests of uploaded bytes, not the bytes.
        storage: builds another storage backend (a real S3 server) from the clock; the emulator's own when not given.
        plangrep: how the Plangrep service behaves.
        plangrid: how the PlanGrid service behaves.
        keep_alive: seconds after which idle connections are closed.
        log_size: how many requests are remembered one by one.
        directory: where uploaded bytes are kept while it runs; the system's temporary place when not given.
    """

    def __init__(
        self,
        *,
        ports: Ports | None = None,
        speed: float = 1.0,
        clock: EmulatorClock | None = None,
        seed: int = 0,
        sink: bool = False,
        storage: StorageBackend | None = None,
        plangrep: PlangrepSettings | None = None,
        plangrid: PlangridSettings | None = None,
        keep_alive: int = 75,
        log_size: int = 10_000,
        directory: Path | None = None,
    ) -> None:
        self.clock = EmulatorClock(speed=speed) if clock is None else clock
        self.faults = FaultTable(seed)
        self.requests = RequestLog(log_size)
        self.violations = Violations()
        self.host = "127.0.0.1"
        self._keep_alive = keep_alive
        self._ports = Ports() if ports is None else ports
        self._sockets: dict[str, socket.socket] = {}
        self._blobs = BlobStore(sink=sink, parent=directory)
        self._mischief = Mischief()
        self.faults.on_clear(lambda: self._soon(self._mischief.release))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._finish: asyncio.Event | None = None
        self._abrupt = False
        self._stopped = False
        self._problem: BaseException | None = None
        self._connections: list[ServerState] = []
        self._urls: dict[str, str] = {}
        internal = InternalStorage(self._urls, self.clock, self._blobs, seed)
        self.context = Context(
            clock=self.clock,
            random=Random(seed),
            faults=self.faults,
            requests=self.requests,
            violations=self.violations,
            blobs=self._blobs,
            storage=internal if storage is None else storage,
            local=internal,
            urls=self._urls,
        )
        self._plangrep = PlangrepService(self.context, plangrep or PlangrepSettings())
        self._plangrid = PlangridService(self.context, plangrid or PlangridSettings())
        self._storage = StorageService(
            self.context, internal, verify_post, [*self._plangrep.storage_routes(), *self._plangrid.storage_routes()]
        )
        services: list[Service] = [self._plangrep, self._plangrid, self._storage]
        self.services: dict[str, Service] = {service.name: service for service in services}
        admin = AdminApp(self)
        self._apps = {
            name: Dispatcher(
                service,
                faults=self.faults,
                log=self.requests,
                mischief=self._mischief,
                admin=admin,
                now=self.clock.time,
            )
            for name, service in self.services.items()
        }
        self.plangrep = PlangrepView(self._plangrep, self.run)
        self.plangrid = PlangridView(self._plangrid, self.run)
        self.storage = StorageView(internal)

    # -- where it is

    @property
    def plangrep_url(self) -> str:
        """Base URL of the Plangrep API."""
        return self._url("plangrep")

    @property
    def plangrid_url(self) -> str:
        """Base URL of the PlanGrid API."""
        return self._url("plangrid")

    @property
    def storage_url(self) -> str:
        """Base URL of the storage origin."""
        return self._url("storage")

    @property
    def api_key(self) -> str:
        """A key that both services accept, with all scopes."""
        return self._plangrep.settings.api_key

    # -- running

    @property
    def running(self) -> bool:
        """It answers."""
        return self._thread is not None

    def start(self) -> Self:
        """Begin to answer; returns when connections are accepted.

        Raises:
            OSError: a port is taken.
            RuntimeError: it runs already, or could not start; the cause says why.
        """
        if self._thread is not None:
            raise RuntimeError("the emulator runs already")
        self._bind()
        if self._stopped:
            self.reset()
        self._stopped, self._problem = False, None
        started = threading.Event()
        thread = threading.Thread(target=self._main, args=(started,), name="plangrep-emulator", daemon=True)
        thread.start()
        if not started.wait(START_TIMEOUT) or self._problem is not None:
            self._close_sockets()
            raise RuntimeError("the emulator did not start") from self._problem
        self._thread = thread
        return self

    def stop(self) -> None:
        """Close all connections, and remove the stored bytes; harmless when it does not run.

        State can still be looked at. The next :meth:`start` begins with none.

        Raises:
            RuntimeError: it did not end cleanly, which is a defect.
        """
        try:
            self._end(abrupt=False)
        finally:
            self._stopped = True
            self._close_sockets()
            self._blobs.close()

    def kill(self) -> None:
        """Vanish as a killed process does: connections are reset, the ports refuse. State and stored bytes stay, and
        :meth:`start` brings it back."""
        try:
            self._end(abrupt=True)
        finally:
            self._close_sockets()

    def run(self, function: Callable[[], T]) -> T:
        """Call ``function`` on the emulator's thread, where all its state lives, and wait for what it returns.

        Blocks for as long as that takes, which is next to nothing.
        """
        if self._loop is None or self._thread is None or threading.current_thread() is self._thread:
            return function()

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(STOP_TIMEOUT)

    def drop_connections(self, service: str | None = None, *, idle_only: bool = True) -> int:
        """Close kept-alive connections from the server's side, as servers do; how many there were."""

        def drop() -> int:
            number = 0
            for name, state in zip(self._apps, self._connections, strict=True):
                for connection in list(state.connections):
                    assert isinstance(connection, Connection)
                    if service in (None, name) and not (idle_only and connection.busy):
                        connection.transport.close()
                        number += 1
            return number

        return self.run(drop)

    def reset(self) -> None:
        """Forget all state, requests, violations and faults."""

        def forget() -> None:
            self.faults.clear()
            for service in self.services.values():
                service.reset()
            self.requests.clear()
            self.violations.clear()

        self.run(forget)

    @property
    def failures(self) -> list[Exception]:
        """Defects of the emulator itself: exceptions that handlers should not have raised."""
        return [error for app in self._apps.values() for error in app.failures]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.stop)

    # -- inside

    def _url(self, name: str) -> str:
        if name not in self._urls:
            raise RuntimeError("the emulator has no address before its first start")
        return self._urls[name]

    def _bind(self) -> None:
        for name in ("plangrep", "plangrid", "storage"):
            # Once known, an address stays: clients reconnect after kill() and start().
            port = urlsplit(self._urls[name]).port if name in self._urls else getattr(self._ports, name)
            item = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._sockets[name] = item
            try:
                item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                item.bind((self.host, port))
            except OSError as error:
                self._close_sockets()
                raise OSError(error.errno, f"port {port} for {name}: {error.strerror}") from error
            self._urls[name] = f"http://{self.host}:{item.getsockname()[1]}"

    def _close_sockets(self) -> None:
        for item in self._sockets.values():
            item.close()
        self._sockets.clear()

    def _soon(self, callback: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(callback)

    def _end(self, *, abrupt: bool) -> None:
        thread, loop, finish = self._thread, self._loop, self._finish
        if thread is None or loop is None or finish is None:
            return
        self._abrupt = abrupt
        loop.call_soon_threadsafe(finish.set)
        thread.join(STOP_TIMEOUT)
        self._thread = None
        if thread.is_alive() or self._problem is not None:
            raise RuntimeError("the emulator did not end cleanly") from self._problem

    def _main(self, started: threading.Event) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._serve(started))
        except BaseException as error:  # noqa: BLE001 - for the thread in start() or stop()
            self._problem = error
            started.set()

    async def _serve(self, started: threading.Event) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._finish = asyncio.Event()
        self.clock.attach(loop)
        servers: list[asyncio.Server] = []
        self._connections = []
        try:
            buckets = [bucket for service in self.services.values() for bucket in service.buckets()]
            for store in {id(item): item for item in (self.context.local, self.context.storage)}.values():
                await store.start(buckets, self._blobs)
            for service in self.services.values():
                await service.start()
            for name, app in self._apps.items():
                config = Config(
                    app,
                    log_config=None,
                    lifespan="off",
                    ws="none",
                    interface="asgi3",
                    http=Connection,
                    proxy_headers=False,
                    server_header=False,
                    date_header=False,
                    timeout_keep_alive=self._keep_alive,
                )
                config.load()
                state = ServerState()
                self._connections.append(state)
                sock = self._sockets[name]
                factory = functools.partial(Connection, config, state, {})
                servers.append(await loop.create_server(factory, sock=sock, backlog=1024))
            started.set()
            await self._finish.wait()
        finally:
            for server in servers:
                server.close()
            await self._hang_up()
            for service in reversed(self.services.values()):
                await service.stop()
            await self.context.storage.stop()
            await self.context.cancel_tasks()
            self.clock.detach()
            self._loop = None

    async def _hang_up(self) -> None:
        self._mischief.release()
        tasks = []
        for state in self._connections:
            for connection in list(state.connections):
                assert isinstance(connection, Connection)
                if self._abrupt:
                    connection.reset()
                else:
                    connection.abort()
            tasks += list(state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
