"""The far end breaks off, or speaks nonsense: the right error, at once, and nothing left open."""

from __future__ import annotations

import pytest

from plangrep_async.errors import (
    SourceChangedError,
    SourceUnreadableError,
    TransferConnectionError,
    TransferError,
)
from plangrep_async.upload.wire import WireBody, WireRequest

SIZE = 300_000
HEAD = 40


@pytest.mark.parametrize("how", ["close", "end", "reset"])
@pytest.mark.parametrize(
    "after", [0, HEAD // 2, HEAD, 60_000, 200_000, SIZE - 1], ids=["0", "head", "1st", "block", "middle", "last"]
)
def test_cut_while_sending(far_end, make_pool, send, put, after, how):
    def script(line):
        line.read(after)
        getattr(line, how)()

    far = far_end(script, receive_buffer=4096)
    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(block_size=64 << 10), put(far, zeros=100 * SIZE))
    error = caught.value
    assert not error.reused
    assert error.bytes_sent is not None
    assert error.bytes_sent < 100 * SIZE
    assert not error.nothing_sent or after == 0
    assert (error.method, error.url) == ("PUT", f"{far.url}/bucket/key")
    assert "secret" not in str(error)


@pytest.mark.parametrize("how", ["close", "end", "reset"])
def test_cut_before_the_answer(far_end, make_pool, send, put, how):
    def script(line):
        line.read_request()
        getattr(line, how)()

    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(), put(far_end(script), bytes(SIZE)))
    assert caught.value.bytes_sent == SIZE
    assert not caught.value.nothing_sent


@pytest.mark.parametrize("how", ["close", "end", "reset"])
@pytest.mark.parametrize(
    "part",
    [
        b"HT",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_cut_in_the_answer(far_end, make_pool, send, put, part, how):
    def script(line):
        line.read_request()
        line.send(part)
        getattr(line, how)()

    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(), put(far_end(script), b"x"))
    assert caught.value.bytes_sent == 1


def test_the_far_end_half_closes_while_we_send(start, make_pool, send, put):
    def script(line):
        line.read(1000)
        line.sock.shutdown(1)
        line.wait_for_close()

    far = start(script, receive_buffer=4096)
    with pytest.raises(TransferConnectionError, match="closed the connection while"):
        send(make_pool(), put(far, zeros=100_000_000))
    assert not far.errors


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 40,
    ],
)
def test_garbage_instead_of_an_answer(far_end, make_pool, send, put, garbage):
    def script(line):
        line.read_request()
        line.send(garbage)
        line.wait_for_close()

    far = far_end(script)
    with pytest.raises(TransferConnectionError):
        send(make_pool(), put(far, b"x"))


def test_a_source_that_shrinks_is_never_a_complete_body(far_end, make_pool, send, memory):
    got = []
    far = far_end(lambda line: got.append(line.wait_for_close()))
    source = memory(bytes(50_000))
    request = WireRequest("PUT", far.url, body=WireBody(source=source, length=60_000))
    with pytest.raises(SourceChangedError, match="10000 bytes too early") as caught:
        send(make_pool(block_size=4096), request)
    assert caught.value.bytes_sent < 60_000
    far.wait_until_served()
    assert len(got[0]) < 60_000


def test_a_source_that_changed_is_never_a_complete_body(far_end, make_pool, send, memory):
    class Changed(memory):
        def verify(self):
            raise SourceChangedError("its modification time changed")

    got = []
    far = far_end(lambda line: got.append(line.wait_for_close()))
    with pytest.raises(SourceChangedError, match="modification time"):
        send(
            make_pool(block_size=4096),
            WireRequest("PUT", far.url, body=WireBody(source=Changed(bytes(9000)), length=9000)),
        )
    far.wait_until_served()
    assert len(got[0]) < 9000


def test_a_source_that_cannot_be_read(far_end, make_pool, send, memory):
    class Broken(memory):
        def readinto_at(self, offset, buffer):
            if offset:
                raise OSError(5, "Input/output error")
            return super().readinto_at(offset, buffer)

    far = far_end(lambda line: line.wait_for_close())
    with pytest.raises(SourceUnreadableError, match="cannot be read at byte"):
        send(
            make_pool(block_size=4096),
            WireRequest("PUT", far.url, body=WireBody(source=Broken(bytes(9000)), length=9000)),
        )


def test_nobody_listens(make_pool, send, put, free_port):
    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(), put(f"http://127.0.0.1:{free_port}/", b"x"))
    assert caught.value.nothing_sent
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_the_next_address_is_tried(far_end, make_pool, send, put, free_port, monkeypatch):
    import socket

    def script(line):
        line.read_request()
        line.answer()

    far = far_end(script)
    real = socket.getaddrinfo
    addresses = [
        *real("127.0.0.1", free_port, type=socket.SOCK_STREAM),
        *real("127.0.0.1", far.port, type=socket.SOCK_STREAM),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: addresses)
    assert send(make_pool(), put(far, b"x")).status == 200


def test_a_name_that_does_not_exist(make_pool, send, put, monkeypatch):
    import socket

    def unknown(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransferConnectionError, match="Name or service not known") as caught:
        send(make_pool(), put("http://storage.example/k", b"x"))
    assert caught.value.nothing_sent


def test_every_failure_closes_its_connection(far_end, make_pool, send, put):
    """The next request gets a new one."""

    def script(line):
        line.read_request()
        if line.number == 0:
            line.send(b"nonsense")
            line.wait_for_close()
        else:
            line.answer()

    far, pool = far_end(script), make_pool()
    with pytest.raises(TransferError):
        send(pool, put(far, b"x"))
    assert send(pool, put(far, b"x")).status == 200
    assert far.connections == 2
