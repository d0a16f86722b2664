"""Silence and trickles. The timeouts are real, and small."""

from __future__ import annotations

import time

import pytest

from plangrep_async.errors import TransferConnectionError, TransferStalledError
from plangrep_async.upload.wire import WireBody


def test_the_far_end_stops_reading(far_end, make_pool, send, put):
    def script(line):
        line.read(10_000)
        far.release.wait(10)

    far = far_end(script, receive_buffer=4096)
    before = time.monotonic()
    with pytest.raises(TransferStalledError) as caught:
        send(make_pool(stall_timeout=0.2), put(far, zeros=1 << 30))
    assert 0.2 <= time.monotonic() - before < 3
    assert 0 < caught.value.bytes_sent < 1 << 30


def test_the_far_end_never_answers(far_end, make_pool, send, put):
    def script(line):
        line.read_request()
        far.release.wait(10)

    far = far_end(script)
    with pytest.raises(TransferStalledError, match="an answer to the complete body did not come"):
        send(make_pool(answer_timeout=0.1, stall_timeout=0.05), put(far, b"x"))


def test_the_answer_stops_half_way(start, make_pool, send, put):
    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        far.release.wait(10)

    far = start(script)
    with pytest.raises(TransferStalledError, match="the rest of the answer"):
        send(make_pool(answer_timeout=0.1), put(far, b"x"))


def test_an_answer_that_trickles_for_ever_is_given_up(start, make_pool, send, put):
    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not far.release.wait(0.01):
            line.send(b" ")

    far = start(script)
    with pytest.raises(TransferStalledError, match=r"did not end within 0\.5 s"):
        send(make_pool(answer_timeout=0.05), put(far, b"x"))


def test_an_answer_may_be_kept_alive_with_blanks(start, make_pool, send, put):
    """As CompleteMultipartUpload does, for longer than the answer timeout in all."""

    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(15):
            line.send(b"1\r\n \r\n")
            far.release.wait(0.06)
        line.send(b"4\r\n<ok>\r\n0\r\n\r\n")

    far = start(script)
    assert send(make_pool(answer_timeout=0.6), put(far, b"x")).content.strip() == b"<ok>"


def test_a_trickling_reader_is_slower_than_min_rate(start, make_pool, send, put):
    def script(line):
        while not far.release.wait(0.005):
            line.read(2000)

    far = start(script, receive_buffer=4096)
    with pytest.raises(TransferStalledError):
        send(make_pool(stall_timeout=0.3, min_rate=50_000_000), put(far, zeros=1 << 30))


def test_min_rate_holds_for_what_the_sockets_buffer_took_at_once(start, make_pool, send, put):
    """All of a body, or the end of a large one: no answer can come before it has left."""

    def script(line):
        while not far.release.wait(0.005):
            line.read(2000)

    far = start(script, receive_buffer=4096)
    with pytest.raises(TransferStalledError, match="took too little") as caught:
        send(make_pool(stall_timeout=0.3, min_rate=50_000_000), put(far, zeros=1_000_000))
    assert caught.value.bytes_sent == 1_000_000


@pytest.mark.parametrize("interim", [b"", b"HTTP/1.1 102 Processing\r\n\r\n"])
def test_min_rate_does_not_hurry_an_answer(start, make_pool, send, put, interim):
    def script(line):
        line.read_request()
        line.send(interim)
        far.release.wait(0.3)
        line.answer()

    far = start(script)
    pool = make_pool(stall_timeout=0.1, min_rate=50_000_000)
    assert send(pool, put(far, zeros=1_000)).status == 200


def test_slow_but_moving_is_no_stall(start, make_pool, send, put):
    """What the far end's TCP acknowledges counts, although our socket takes nothing new for a long time."""

    def script(line):
        line.read_head()
        left = 6_000_000
        while left:
            left -= len(line.read(min(left, 200_000)))
            far.release.wait(0.05)
        line.answer()

    far = start(script, receive_buffer=8192)
    assert send(make_pool(stall_timeout=1.0, answer_timeout=1.0), put(far, zeros=6_000_000)).status == 200


def test_a_slow_disk_is_not_the_far_ends_fault(start, make_pool, put, memory):
    class Slow(memory):
        def readinto_at(self, offset, buffer):
            time.sleep(0.4)
            return super().readinto_at(offset, buffer)

    def script(line):
        line.read_head()
        for _ in range(120):
            line.read(100_000)
            far.release.wait(0.001)
        line.answer()

    far = start(script, receive_buffer=8192)
    request = put(far, body=WireBody(source=Slow(bytes(12_000_000)), length=12_000_000))
    pool = make_pool(stall_timeout=0.2, min_rate=9_000_000, block_size=4_000_000)
    assert pool.send(request).status == 200


def test_connecting_takes_too_long(make_pool, send, put, deaf_port):
    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(connect_timeout=0.1), put(f"http://127.0.0.1:{deaf_port}/", b"x"))
    assert caught.value.nothing_sent
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_handshake_takes_too_long(start, make_pool, send, put):
    far = start(lambda line: far.release.wait(10))
    with pytest.raises(TransferConnectionError, match="TLS handshake") as caught:
        send(make_pool(connect_timeout=0.1), put(f"https://127.0.0.1:{far.port}/", b"x"))
    assert caught.value.nothing_sent
