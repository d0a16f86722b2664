"""The slot transport over scripted slots: order, bounds, eviction, and every way to be interrupted."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import ConfigurationError
from plangrep_async.session import Origin, SlotTransport
from plangrep_async.testing import ManualClock, settle


class FakeSlot(httpx.AsyncBaseTransport):
    """A connection that answers when told to."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.closed = False
        self.busy = False
        self.hang: str | None = None
        self.gate = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert not self.closed
        assert not self.busy, "two requests on one connection"
        self.busy = True
        await asyncio.sleep(0)
        self.hang = request.url.params.get("hang")
        if self.hang == "head":
            await asyncio.get_running_loop().create_future()
        if self.hang == "fail":
            raise httpx.ReadError("cut")
        if self.hang == "gate":
            await self.gate.wait()
        return httpx.Response(200, stream=_Body(self))

    async def aclose(self) -> None:
        self.closed = True
        if self.hang == "slow close":
            await asyncio.get_running_loop().create_future()


class _Body(httpx.AsyncByteStream):
    def __init__(self, slot: FakeSlot) -> None:
        self.slot = slot

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"one"
        if self.slot.hang == "body":
            await asyncio.get_running_loop().create_future()
        yield b"two"

    async def aclose(self) -> None:
        if self.slot.hang == "end":
            await asyncio.get_running_loop().create_future()
        self.slot.busy = False


class Farm:
    def __init__(self, size: int, **settings: Any) -> None:
        self.slots: list[FakeSlot] = []
        self.transport = SlotTransport(max_connections=size, make=self._make, **settings)

    def _make(self, origin: Origin) -> FakeSlot:
        self.slots.append(FakeSlot(origin))
        return self.slots[-1]

    async def get(self, url: str = "http://127.0.0.1/", **extensions: Any) -> bytes:
        request = httpx.Request("GET", url, extensions=extensions)
        response = await self.transport.handle_async_request(request)
        try:
            return await response.aread()
        finally:
            await response.aclose()


async def test_a_connection_is_used_again_last_in_first_out() -> None:
    farm = Farm(3)
    await asyncio.gather(*(farm.get() for _ in range(3)))
    assert len(farm.slots) == 3
    for _ in range(5):
        assert await farm.get() == b"onetwo"
    assert len(farm.slots) == 3
    assert farm.transport.statistics().idle == 3
    await farm.transport.aclose()
    assert all(slot.closed for slot in farm.slots)


@pytest.mark.parametrize("hang", ["head", "body", "end"])
async def test_an_interrupted_request_costs_its_connection_and_no_slot(hang: str) -> None:
    farm = Farm(1)
    task = asyncio.create_task(farm.get(f"http://127.0.0.1/?hang={hang}"))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert farm.slots[0].closed
    assert await farm.get() == b"onetwo"
    statistics = farm.transport.statistics()
    assert (statistics.busy, statistics.idle, statistics.opened, statistics.discarded) == (0, 1, 2, 1)
    await farm.transport.aclose()


async def test_a_failed_request_closes_its_connection() -> None:
    farm = Farm(1)
    with pytest.raises(httpx.ReadError):
        await farm.get("http://127.0.0.1/?hang=fail")
    await settle()
    assert farm.slots[0].closed
    assert await farm.get() == b"onetwo"
    await farm.transport.aclose()


async def test_waiters_are_served_in_order_and_the_cancelled_hold_up_nobody() -> None:
    farm = Farm(1)
    order: list[int] = []

    async def caller(number: int) -> None:
        await farm.get("http://127.0.0.1/?hang=gate" if number == 0 else "http://127.0.0.1/")
        order.append(number)

    tasks = [asyncio.create_task(caller(number)) for number in range(6)]
    await settle()
    assert farm.transport.statistics().waiting == 5
    tasks[1].cancel()
    tasks[3].cancel()
    await settle()
    farm.slots[0].gate.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 2, 4, 5]
    assert farm.transport.statistics().waiting == 0
    await farm.transport.aclose()


async def test_a_waiter_that_is_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    farm = Farm(1)
    first = asyncio.create_task(farm.get("http://127.0.0.1/?hang=gate"))
    await settle()
    second = asyncio.create_task(farm.get())
    third = asyncio.create_task(farm.get())
    await settle()
    farm.slots[0].gate.set()
    while not first.done():
        await asyncio.sleep(0)
    second.cancel()  # its turn was given, it has not run yet
    assert await third == b"onetwo"
    await settle()
    assert farm.transport.statistics().busy == 0
    await farm.transport.aclose()


async def test_origins_share_the_slots_and_the_oldest_idle_connection_makes_room() -> None:
    farm = Farm(2)
    await asyncio.gather(farm.get("http://127.0.0.1:1/"), farm.get("http://127.0.0.1:1/"))
    await farm.get("http://127.0.0.1:2/")
    await settle()
    assert [slot.closed for slot in farm.slots] == [True, False, False]
    assert {slot.origin.port for slot in farm.slots if not slot.closed} == {1, 2}
    await farm.transport.aclose()


async def test_the_pool_timeout_of_httpx() -> None:
    clock = ManualClock()
    farm = Farm(1, clock=clock)
    first = asyncio.create_task(farm.get("http://127.0.0.1/?hang=gate"))
    await settle()
    second = asyncio.create_task(farm.get(timeout={"pool": 2.0}))
    await clock.advance(2.1)
    with pytest.raises(httpx.PoolTimeout, match="2 s"):
        await second
    farm.slots[0].gate.set()
    await first
    assert farm.transport.statistics().waiting == 0
    await farm.transport.aclose()


async def test_closing_fails_the_waiters_and_lets_the_others_end() -> None:
    farm = Farm(1)
    first = asyncio.create_task(farm.get("http://127.0.0.1/?hang=gate"))
    await settle()
    second = asyncio.create_task(farm.get())
    await settle()
    await farm.transport.aclose()
    with pytest.raises(httpx.PoolTimeout, match="closed"):
        await second
    farm.slots[0].gate.set()
    assert await first == b"onetwo"
    await settle()
    assert farm.slots[0].closed
    with pytest.raises(RuntimeError, match="closed"):
        await farm.get()


async def test_it_serves_httpx_clients_too(rough_server: Any) -> None:
    rough_server.behave()
    async with httpx.AsyncClient(transport=SlotTransport(max_connections=2)) as client:
        answers = await asyncio.gather(*(client.get(rough_server.url) for _ in range(20)))
    assert [answer.json() for answer in answers] == [{"ok": True}] * 20


async def test_the_trust_store_is_read_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[bool] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def build(**_: Any) -> ssl.SSLContext:
        built.append(True)
        return context

    monkeypatch.setattr(httpx, "create_ssl_context", build)
    farm = Farm(5)
    assert built == []
    await farm.get("http://127.0.0.1/")
    assert built == []
    await asyncio.gather(*(farm.get("https://127.0.0.1/") for _ in range(5)))
    assert built == [True]
    await farm.transport.aclose()


async def test_a_trust_store_that_cannot_be_read_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/certificates.pem")
    farm = Farm(1)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            await farm.get("https://127.0.0.1/")
    monkeypatch.delenv("SSL_CERT_FILE")
    assert await farm.get("https://127.0.0.1/") == b"onetwo"
    await farm.transport.aclose()


async def test_closing_while_the_trust_store_is_read_cancels_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, go_on = threading.Event(), threading.Event()

    def build(**_: Any) -> ssl.SSLContext:
        reading.set()
        go_on.wait(10)
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(httpx, "create_ssl_context", build)
    farm = Farm(1)
    task = asyncio.ensure_future(farm.get("https://127.0.0.1/"))
    await asyncio.to_thread(reading.wait, 10)
    closing = asyncio.ensure_future(farm.transport.aclose())
    await settle()
    go_on.set()
    with pytest.raises(httpx.PoolTimeout, match="closed"):
        await task
    await closing
    assert farm.slots == []


async def test_names_that_are_not_ascii_are_one_origin_however_they_are_spelt() -> None:
    farm = Farm(2)
    await farm.get("http://bücher.example/")
    await farm.get("http://xn--bcher-kva.example/")
    assert [slot.origin.host for slot in farm.slots] == ["xn--bcher-kva.example"]
    await farm.transport.aclose()


@pytest.mark.parametrize("url", ["socks5://127.0.0.1:1", "ftp://proxy.example"])
async def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("HTTP_PROXY", url)
    transport = SlotTransport(max_connections=1)
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="proxy"):
            await transport.handle_async_request(httpx.Request("GET", "http://service.example/"))
    assert transport.statistics().busy == 0
    await transport.aclose()


@given(
    size=st.integers(1, 4),
    steps=st.lists(
        st.tuples(st.sampled_from(["", "head", "body", "end", "fail"]), st.integers(1, 3), st.integers(0, 12)),
        max_size=25,
    ),
)
def test_no_history_of_requests_loses_a_slot(size: int, steps: list[tuple[str, int, int]]) -> None:
    async def scenario() -> None:
        farm = Farm(size)
        tasks = []
        for hang, port, patience in steps:
            tasks.append(asyncio.create_task(farm.get(f"http://127.0.0.1:{port}/?hang={hang}")))
            for _ in range(patience):
                await asyncio.sleep(0)
            if hang in ("head", "body", "end") or patience % 3 == 0:
                tasks[-1].cancel()
            now = farm.transport.statistics()
            assert now.busy + now.idle <= size
        await asyncio.gather(*tasks, return_exceptions=True)
        await settle()
        statistics = farm.transport.statistics()
        assert (statistics.busy, statistics.waiting) == (0, 0)
        assert statistics.idle == sum(not slot.closed for slot in farm.slots) <= size
        gated = [asyncio.create_task(farm.get("http://127.0.0.1:9/?hang=gate")) for _ in range(size)]
        await settle()
        assert farm.transport.statistics().busy == size
        for slot in farm.slots:
            slot.gate.set()
        await asyncio.gather(*gated)
        await farm.transport.aclose()
        await settle()
        assert all(slot.closed for slot in farm.slots)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())
