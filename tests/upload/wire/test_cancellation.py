"""Cancelling at each moment of a transfer: the thread wakes at once, the socket is closed, the error says so."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from plangrep_async.errors import TransferCancelledError
from plangrep_async.upload.wire import CancelToken, Pacer, drive
from plangrep_async.upload.wire.wait import WRITE, Wait


@pytest.fixture
def in_thread():
    """``in_thread(function, ...)`` gives a future."""
    with ThreadPoolExecutor(2) as executor:
        yield executor.submit


def expect_cancelled(future, token):
    before = time.monotonic()
    token.cancel()
    with pytest.raises(TransferCancelledError) as caught:
        future.result(5)
    assert time.monotonic() - before < 3.0, "long before any time limit"
    return caught.value


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_before_it_begins(make_pool, send, put, free_port):
    token = CancelToken()
    token.cancel()
    token.cancel()
    assert token.cancelled
    with pytest.raises(TransferCancelledError):
        send(make_pool(), put(f"http://127.0.0.1:{free_port}/", b"x"), cancel=token)


def test_while_sending_to_a_far_end_that_does_not_read(far_end, make_pool, send, put, in_thread):
    def script(line):
        line.read(1000)
        reading.set()
        far.release.wait(10)

    reading = threading.Event()
    far, token = far_end(script, receive_buffer=4096), CancelToken()
    future = in_thread(send, make_pool(), put(far, zeros=1 << 30), cancel=token)
    assert reading.wait(5)
    time.sleep(0.05)  # until the buffers are full and the thread waits
    error = expect_cancelled(future, token)
    assert 0 < error.bytes_sent < 1 << 30


def test_while_sending_to_a_far_end_that_reads_on(far_end, make_pool, send, put, in_thread):
    """The thread may never have to wait; it stops at the next block."""
    far, token, sent = far_end(lambda line: line.wait_for_close()), CancelToken(), []
    future = in_thread(send, make_pool(), put(far, zeros=1 << 40), cancel=token, on_sent=sent.append)
    wait_for(lambda: sent)
    expect_cancelled(future, token)
    far.wait_until_served()


def test_while_waiting_for_the_answer(far_end, make_pool, send, put, in_thread):
    def script(line):
        line.read_request()
        waiting.set()
        line.wait_for_close()

    waiting = threading.Event()
    far, token = far_end(script), CancelToken()
    future = in_thread(send, make_pool(), put(far, b"x"), cancel=token)
    assert waiting.wait(5)
    assert expect_cancelled(future, token).bytes_sent == 1
    far.wait_until_served()  # it saw the connection close


def test_in_the_middle_of_the_answer(far_end, make_pool, send, put, in_thread):
    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        waiting.set()
        line.wait_for_close()

    waiting = threading.Event()
    far, token = far_end(script), CancelToken()
    future = in_thread(send, make_pool(), put(far, b"x"), cancel=token)
    assert waiting.wait(5)
    expect_cancelled(future, token)


def test_while_connecting(make_pool, send, put, in_thread, deaf_port):
    token = CancelToken()
    future = in_thread(send, make_pool(), put(f"http://127.0.0.1:{deaf_port}/", b"x"), cancel=token)
    time.sleep(0.05)
    expect_cancelled(future, token)


def test_in_the_tls_handshake(start, make_pool, send, put, in_thread):
    def script(line):
        line.read(1)
        waiting.set()
        far.release.wait(10)

    waiting = threading.Event()
    far, token = start(script), CancelToken()
    future = in_thread(send, make_pool(), put(f"https://127.0.0.1:{far.port}/", b"x"), cancel=token)
    assert waiting.wait(5)
    expect_cancelled(future, token)


def test_in_the_name_lookup(make_pool, send, put, in_thread, monkeypatch):
    asked, ends = threading.Event(), threading.Event()

    def slow(*args, **options):
        asked.set()
        assert ends.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    token = CancelToken()
    future = in_thread(send, make_pool(), put("http://storage.example/", b"x"), cancel=token)
    assert asked.wait(5)
    try:
        assert expect_cancelled(future, token).bytes_sent == 0
    finally:
        ends.set()


def test_while_waiting_for_the_allowance(far_end, make_pool, send, put, in_thread):
    far, token, sent = far_end(lambda line: line.wait_for_close()), CancelToken(), []
    future = in_thread(send, make_pool(pacer=Pacer(1000)), put(far, zeros=1 << 20), cancel=token, on_sent=sent.append)
    wait_for(lambda: sent)
    time.sleep(0.02)
    expect_cancelled(future, token)


def test_one_token_stops_all_its_transfers_and_no_other(far_end, make_pool, put, in_thread):
    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        far.release.wait(5)
        line.send(b"ok")

    far, pool, mine, other = far_end(script), make_pool(), CancelToken(), CancelToken()
    with ThreadPoolExecutor(5) as executor:
        doomed = [executor.submit(pool.send, put(far, b"x"), cancel=mine) for _ in range(4)]
        spared = executor.submit(pool.send, put(far, b"x"), cancel=other)
        wait_for(lambda: far.connections == 5)
        mine.cancel()
        for future in doomed:
            with pytest.raises(TransferCancelledError):
                future.result(5)
        assert not spared.done()
        far.release.set()
        assert spared.result(5).content == b"ok"


def test_a_cancel_that_comes_late_does_not_touch_a_connection_that_may_serve_somebody_else():
    ours, theirs = socket.socketpair()
    token = CancelToken()

    def steps():
        yield Wait(ours, WRITE, time.monotonic() + 5)
        token.cancel()  # the answer is complete, the connection is kept
        return "done"

    with ours, theirs:
        assert drive(steps(), token) == "done"
        theirs.send(b"still open")
        assert ours.recv(20) == b"still open"


def test_hooks_run_once_and_not_after_they_were_discarded():
    token, calls = CancelToken(), []
    first, second = lambda: calls.append(1), lambda: calls.append(2)
    assert token.add(first)
    assert token.add(second)
    token.discard(second)
    token.cancel()
    token.cancel()
    assert calls == [1]
    assert not token.add(second)
    assert calls == [1]
