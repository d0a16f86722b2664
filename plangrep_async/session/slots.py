"""The default transport: one single-connection httpx transport a slot.

httpx's own pool scans all connections on each request and loses slots when requests are cancelled (httpcore issues
1093 and 1099). Here a request holds one slot, and a slot is one :class:`httpx.AsyncHTTPTransport` that may hold one
connection. Waiting happens in our own queue, in order; a slot whose request did not end cleanly is closed and replaced.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext

import httpx
from attrs import define, frozen

from .._checks import check_kinds, check_number
from .._clock import Clock, SystemClock
from ..errors import ConfigurationError
from .connection import ConnectionTransport
from .origin import Origin
from .proxy import checked_proxy, proxy_for

__all__ = ["SlotStatistics", "SlotTransport"]

_logger = logging.getLogger("plangrep_async")
_CLOSE_TIMEOUT = 5.0


@frozen
class SlotStatistics:
    """A moment's view of a :class:`SlotTransport`.

    Attributes:
        busy: slots with a request under way.
        idle: slots with a connection kept alive (the far end may have closed it meanwhile).
        waiting: requests that wait for a slot.
        opened: slots made since the start.
        discarded: slots closed because their request did not end cleanly, or to make room for another origin.
    """

    busy: int
    idle: int
    waiting: int
    opened: int
    discarded: int


@define(eq=False)
class _Slot:
    origin: Origin
    transport: httpx.AsyncBaseTransport


class SlotTransport(httpx.AsyncBaseTransport):
    """A transport that keeps its slots whole however requests end.

    Args:
        max_connections: slots, over all origins. More requests wait, first come first served.
        keepalive_expiry: seconds that an idle connection is kept; long enough for a limiter that spaces calls.
        ssl_context: used for every TLS connection. Built once, in a thread, when first needed, if not given.
        trust_env: take proxies and certificate files from the environment, as httpx does.
        proxy: one proxy URL for everything, instead of the environment's.
        make: builds the transport of a slot; for tests.

    Raises:
        ConfigurationError: an argument that cannot be.

    Cancelling a request closes its connection; the slot is free at once. :meth:`aclose` leaves no connection and no
    task. Where httpx would raise :class:`httpx.PoolTimeout`, this does too (the ``pool`` timeout of the request).
    """

    def __init__(
        self,
        *,
        max_connections: int = 50,
        keepalive_expiry: float = 60.0,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        proxy: str | None = None,
        make: Callable[[Origin], httpx.AsyncBaseTransport] | None = None,
        clock: Clock | None = None,
    ) -> None:
        check_number("max_connections", max_connections, least=1, whole=True)
        check_number("keepalive_expiry", keepalive_expiry, least=0)
        check_kinds(
            ssl_context=(ssl_context, ssl.SSLContext | None), trust_env=(trust_env, bool), proxy=(proxy, str | None)
        )
        self._max = max_connections
        self._expiry = keepalive_expiry
        self._ssl_context = ssl_context
        self._ssl_building: asyncio.Task[ssl.SSLContext] | None = None
        self._trust_env = trust_env
        self._proxy = None if proxy is None else checked_proxy(proxy)
        self._make = make or self._make_transport
        self._clock = clock or SystemClock()
        self._idle: dict[Origin, deque[_Slot]] = {}
        self._waiters: OrderedDict[asyncio.Future[None], None] = OrderedDict()
        self._proxies: dict[Origin, str | None] = {}
        self._busy = 0
        self._idle_count = 0
        self._opened = 0
        self._discarded = 0
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    def statistics(self) -> SlotStatistics:
        """Busy and idle slots, waiters, and totals."""
        return SlotStatistics(self._busy, self._idle_count, len(self._waiters), self._opened, self._discarded)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a slot. The slot returns when the response's stream is closed."""
        if self._closed:
            raise RuntimeError("the transport is closed")
        url = request.url
        origin = Origin(url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        if origin.scheme == "https" or (self._proxy_of(origin) or "").startswith("https:"):
            await self._build_context()
        await self._enter(request)
        slot = None
        try:
            slot = self._take(origin)
            response = await slot.transport.handle_async_request(request)
        except BaseException:
            self._leave(slot, clean=False)
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_SlotStream(response.stream, lambda clean: self._leave(slot, clean=clean)),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every idle connection and fail the waiters; connections in use close when their requests end."""
        self._closed = True
        for waiter in list(self._waiters):
            if not waiter.done():
                waiter.set_exception(_closed())
        self._waiters.clear()
        for slots in self._idle.values():
            for slot in slots:
                self._close_later(slot)
        self._idle.clear()
        self._idle_count = 0
        if self._ssl_building is not None:
            await asyncio.wait([self._ssl_building])
        while self._closing:
            await asyncio.wait(set(self._closing))

    # Capacity. A unit of it is held from _enter to _leave; what connection it uses is chosen only when it runs.

    async def _enter(self, request: httpx.Request) -> None:
        if self._closed:
            raise _closed()
        if self._busy < self._max and not self._waiters:
            self._busy += 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        timer = None
        pool_timeout = request.extensions.get("timeout", {}).get("pool")
        if pool_timeout is not None:
            timer = self._clock.call_later(pool_timeout, lambda: self._give_up(waiter, pool_timeout))
        phase = request.extensions.get("plangrep_async.phase", _no_phase)
        try:
            with phase("connection"):
                await waiter
        except BaseException:
            self._waiters.pop(waiter, None)
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._busy -= 1
                self._wake()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _give_up(self, waiter: asyncio.Future[None], seconds: float) -> None:
        if not waiter.done():
            waiter.set_exception(httpx.PoolTimeout(f"no connection became free within {seconds:g} s"))

    def _wake(self) -> None:
        while self._waiters and self._busy < self._max:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                self._busy += 1
                waiter.set_result(None)

    def _take(self, origin: Origin) -> _Slot:
        idle = self._idle.get(origin)
        while idle:
            self._idle_count -= 1
            slot = idle.pop()
            if not idle:
                del self._idle[origin]
            if not isinstance(slot.transport, ConnectionTransport) or slot.transport.reusable:
                return slot
            self._discarded += 1
            self._close_later(slot)
        if self._busy + self._idle_count > self._max:
            self._evict()
        self._opened += 1
        return _Slot(origin, self._make(origin))

    def _evict(self) -> None:
        """Close the oldest idle connection of another origin."""
        origin, slots = next(iter(self._idle.items()))
        self._idle_count -= 1
        self._discarded += 1
        self._close_later(slots.popleft())
        if not slots:
            del self._idle[origin]

    def _leave(self, slot: _Slot | None, *, clean: bool) -> None:
        self._busy -= 1
        if slot is not None:
            if clean and not self._closed:
                self._idle.setdefault(slot.origin, deque()).append(slot)
                self._idle_count += 1
            else:
                self._discarded += not clean
                self._close_later(slot)
        self._wake()

    def _close_later(self, slot: _Slot) -> None:
        # In a task of its own: whoever let go may be cancelled, and must not wait for a peer.
        task = asyncio.get_running_loop().create_task(self._close(slot))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, slot: _Slot) -> None:
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await slot.transport.aclose()
        except Exception as error:  # noqa: BLE001 - the connection is given up, whatever it says
            _logger.debug("closing a connection to %s failed: %s", slot.origin, type(error).__name__)

    # Transports of slots

    async def _build_context(self) -> None:
        if self._ssl_context is None:
            if self._ssl_building is None:
                # Reading the trust store takes some 50 ms: not on the event loop, and once for all that wait.
                build = asyncio.to_thread(httpx.create_ssl_context, trust_env=self._trust_env)
                self._ssl_building = asyncio.ensure_future(build)
            building = self._ssl_building
            try:
                self._ssl_context = await asyncio.shield(building)
            except OSError as error:  # SSLError is one
                self._ssl_building = None if self._ssl_building is building else self._ssl_building
                raise ConfigurationError(
                    f"the trusted certificates cannot be read ({error}): check SSL_CERT_FILE and SSL_CERT_DIR in the "
                    "environment, or pass ssl_context="
                ) from error

    def _proxy_of(self, origin: Origin) -> str | None:
        if origin not in self._proxies:
            self._proxies[origin] = self._proxy or (proxy_for(origin) if self._trust_env else None)
        return self._proxies[origin]

    def _make_transport(self, origin: Origin) -> httpx.AsyncBaseTransport:
        proxy = self._proxy_of(origin)
        if proxy is None:
            return ConnectionTransport(origin, ssl_context=self._ssl_context, keepalive_expiry=self._expiry)
        try:
            return httpx.AsyncHTTPTransport(
                # Without TLS no trust store is needed; given no context, httpx would read it for each slot.
                verify=self._ssl_context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=self._expiry),
                proxy=proxy,
            )
        except ImportError as error:  # SOCKS
            raise ConfigurationError(f"the proxy cannot be used: {error}") from error


def _closed() -> httpx.PoolTimeout:
    return httpx.PoolTimeout("the transport was closed while the request waited for a slot")


def _no_phase(_: str) -> AbstractContextManager[None]:
    return nullcontext()


class _SlotStream(httpx.AsyncByteStream):
    """Reports once how the request ended."""

    def __init__(self, stream: httpx.AsyncByteStream, leave: Callable[[bool], None]) -> None:
        self._stream = stream
        self._leave: Callable[[bool], None] | None = leave
        self._complete = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._complete = True

    async def aclose(self) -> None:
        leave, self._leave = self._leave, None
        if leave is None:
            return
        clean = False
        try:
            await self._stream.aclose()
            clean = self._complete
        finally:
            leave(clean)
