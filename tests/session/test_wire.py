"""The default transport over real sockets: TLS, silence, half-closed and broken connections; and mocked by respx."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import respx
import trustme

from plangrep_async.config import RetryPolicy, Timeouts
from plangrep_async.errors import APIConnectionError, APITimeoutError, NotFoundError
from plangrep_async.session import Answer, BearerCredentials, Call, CallOptions, Session, SlotTransport

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ONCE = RetryPolicy(max_attempts=1)


def body(answer: Answer) -> bytes:
    return answer.content


GET = Call("GET", "/x", body)


@asynccontextmanager
async def serving(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError, ssl.SSLError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://localhost:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def head(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answer_of(content: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(content), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + content


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


async def test_tls_with_a_context_of_the_users(authority: trustme.CA) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            await head(reader)
            writer.write(answer_of(b"secret drawing"))

    async with serving(handler, server) as url:
        async with Session(base_url=url, ssl_context=client, retry=ONCE) as session:
            for _ in range(3):
                assert await session.send(GET) == b"secret drawing"
        assert len(connections) == 1
        stranger = ssl.create_default_context()
        async with Session(base_url=url, ssl_context=stranger) as session:
            with pytest.raises(APIConnectionError, match="certificate verify failed"):
                await session.send(GET)


async def test_a_large_body_both_ways() -> None:
    content = bytes(range(256)) * (4 << 12)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        received = await reader.readexactly(len(content))
        await asyncio.sleep(0)
        writer.write(answer_of(received))
        await head(reader)  # until the client leaves: what is not flushed yet would be lost

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        call = Call("POST", "/x", body, body=lambda: content, content_type="application/octet-stream")
        assert await session.send(call) == content


@pytest.mark.parametrize("moment", ["before the head", "in the head", "in the body"])
async def test_silence_is_a_timeout(moment: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        whole = answer_of(b"0123456789")
        sent = {"before the head": 0, "in the head": 10, "in the body": len(whole) - 3}[moment]
        writer.write(whole[:sent])
        await asyncio.get_running_loop().create_future()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        with pytest.raises(APITimeoutError, match="no answer came in time"):
            await session.send(GET, CallOptions(timeout=Timeouts(read=0.05)))


async def test_a_peer_that_stops_reading_is_a_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        call = Call("PUT", "/x", body, body=lambda: bytes(64 << 20), content_type="application/pdf")
        with pytest.raises(APITimeoutError, match="stopped reading"):
            await session.send(call, CallOptions(timeout=Timeouts(write=0.05)))


@pytest.mark.parametrize("cut", [0, 5, 40, -3])
async def test_a_connection_that_is_cut_is_an_error_that_says_so(cut: int) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer_of(b"0123456789")[:cut])
        await writer.drain()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        with pytest.raises(APIConnectionError, match="the connection failed"):
            await session.send(GET)


async def test_an_early_error_is_read_while_the_peer_takes_no_more() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(answer_of(b'{"message": "no such job"}', b"Connection: close", status=b"404 Not Found"))
        await writer.drain()
        while await reader.read(1 << 16):
            pass

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        call = Call("PUT", "/x", body, body=lambda: bytes(8 << 20), content_type="application/pdf")
        with pytest.raises(NotFoundError, match="no such job"):
            await session.send(call)


async def test_a_connection_that_was_closed_while_idle_is_not_used() -> None:
    connections: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await head(reader)
        writer.write(answer_of(b"ok"))
        await writer.drain()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE) as session:
        for _ in range(3):
            assert await session.send(Call("POST", "/x", body)) == b"ok"
            await asyncio.sleep(0.02)  # the end of the connection arrives
    assert len(connections) == 3


async def test_a_port_where_nobody_listens() -> None:
    async with Session(base_url="http://127.0.0.1:9", retry=ONCE) as session:
        with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9"):
            await session.send(GET)


async def test_a_host_that_does_not_exist() -> None:
    async with Session(base_url="https://nowhere.invalid", retry=ONCE) as session:
        with pytest.raises(APIConnectionError):
            await session.send(GET)


async def test_respx_mocks_it_as_it_mocks_httpx() -> None:
    async with respx.mock(base_url="https://plangrep.com") as router:
        route = router.get("/x").mock(side_effect=[httpx.Response(503), httpx.Response(200, content=b"mocked")])
        quick = RetryPolicy(base=0.0)
        async with Session(base_url="https://plangrep.com", retry=quick) as session:
            assert await session.send(GET) == b"mocked"
        assert route.call_count == 2
        sent = route.calls.last.request
        assert sent.headers["host"] == "plangrep.com"


async def test_any_httpx_transport_will_do() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=request.url.path.encode()))
    async with Session(base_url="https://plangrep.com", transport=transport) as session:
        assert await session.send(GET) == b"/x"


async def test_a_proxy_of_the_users() -> None:
    seen: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await head(reader))
        writer.write(answer_of(b"from the proxy"))
        await writer.drain()

    async with (
        serving(handler) as url,
        Session(base_url="http://plangrep.example", allow_insecure=True, proxy=url, retry=ONCE) as session,
    ):
        assert await session.send(GET) == b"from the proxy"
    assert seen[0].startswith(b"GET http://plangrep.example/x HTTP/1.1")


async def test_a_slot_survives_a_thousand_silent_peers_being_given_up() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    transport = SlotTransport(max_connections=5)
    async with serving(handler) as url, Session(base_url=url, transport=transport, retry=ONCE) as session:

        async def give_up() -> None:
            with pytest.raises(APITimeoutError):
                await session.send(GET, CallOptions(timeout=0.005))

        await asyncio.gather(*(give_up() for _ in range(200)))
        statistics = transport.statistics()
        assert (statistics.busy, statistics.waiting, statistics.idle) == (0, 0, 0)


async def test_no_logger_shows_what_answers_carry(caplog: pytest.LogCaptureFixture) -> None:
    """httpcore logs all headers at DEBUG: those of our answers are cut, those of others' are not."""
    caplog.set_level(logging.DEBUG)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await head(reader):
            leads_on = (
                [b"Location: /file?X-Amz-Signature=qwzx-1", b"Set-Cookie: qwzx-2"] if b"GET /x" in request else []
            )
            writer.write(answer_of(b"{}", *leads_on, b"X-Token: qwzx-3", status=b"302 F" if leads_on else b"200 OK"))

    async with serving(handler) as url:
        async with Session(base_url=url, credentials=BearerCredentials("qwzx-4-a-key")) as session:
            assert await session.send(GET.replace(query=(("sig", "qwzx-5"),))) == b"{}"
        assert "receive_response_headers.complete return_value=(b'HTTP/1.1', 302, b'F', [redacted]" in caplog.text
        assert "qwzx" not in caplog.text
        async with httpx.AsyncClient() as other:
            await other.get(f"{url}/y")
        assert "X-Token" in caplog.text


async def test_a_large_body_on_a_slow_line_is_no_silence() -> None:
    """The write timeout is for the pauses, not for the whole body."""
    size, taken = 6 << 20, 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await head(reader)
        while taken < size:
            taken += len(await reader.read(128 << 10))
            await asyncio.sleep(0.01)
        writer.write(answer_of(b"stored"))
        await writer.drain()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE, timeouts=Timeouts(write=0.3)) as session:
        call = Call("PUT", "/x", body, body=lambda: bytes(size), content_type="application/octet-stream")
        assert await session.send(call) == b"stored"
    assert taken == size


async def test_a_far_end_that_stops_reading_is_a_timeout() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    async with serving(handler) as url, Session(base_url=url, retry=ONCE, timeouts=Timeouts(write=0.2)) as session:
        call = Call("PUT", "/x", body, body=lambda: bytes(30 << 20), content_type="application/octet-stream")
        with pytest.raises(APITimeoutError, match="stopped reading"):
            await session.send(call)


async def test_interim_answers_are_passed_over() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await head(reader):
            writer.write(
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + answer_of(b"ok")
            )

    async with serving(handler) as url, Session(base_url=url) as session:
        assert [await session.send(GET) for _ in range(3)] == [b"ok"] * 3
        assert session.transport.statistics().opened == 1  # type: ignore[attr-defined]


async def test_an_address_of_version_6_is_a_host() -> None:
    hosts: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.append((await head(reader)).split(b"\r\n")[1])
        writer.write(answer_of(b"six", b"Connection: close"))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handler, "::1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Session(base_url=f"http://[::1]:{port}") as session:
        assert await session.send(GET) == b"six"
    server.close()
    await server.wait_closed()
    assert hosts == [b"Host: [::1]:%d" % port]


async def test_a_name_that_no_resolver_takes_is_a_connection_error() -> None:
    async with Session(base_url=f"https://{'a' * 64}.example", retry=ONCE) as session:
        with pytest.raises(APIConnectionError, match="no connection"):
            await session.send(GET)
