"""Connections kept for the next request, and those that must not be."""

from __future__ import annotations

import threading
import time

import pytest

from plangrep_async.errors import ClientClosedError, ConfigurationError, TransferConnectionError


def serve_all(line):
    while True:
        line.read_request()
        line.answer()


def test_requests_in_a_row_share_one_connection(far_end, make_pool, send, put):
    far, pool = far_end(serve_all), make_pool()
    for size in (10, 100_000, 0, 2_000_000):
        assert send(pool, put(far, bytes(size))).status == 200
    assert far.connections == 1


def test_as_many_connections_as_threads_and_no_more(far_end, make_pool, put):
    far, pool = far_end(serve_all), make_pool()

    def work():
        for _ in range(20):
            assert pool.send(put(far, bytes(1000))).status == 200

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert far.connections <= 5
    pool.send(put(far, b"x"))
    assert far.connections <= 5


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore than was asked for",
    ],
    ids=["close", "1.0", "hint", "two lengths", "surplus"],
)
def test_answers_that_end_a_connection(far_end, make_pool, send, put, answer):
    def script(line):
        line.read_request()
        line.send(answer)
        line.wait_for_close()

    far, pool = far_end(script), make_pool()
    for _ in range(2):
        assert send(pool, put(far, b"x")).status == 200
    assert far.connections == 2


def test_an_old_connection_is_not_used(far_end, make_pool, send, put):
    far, pool = far_end(serve_all), make_pool(idle_timeout=0.02)
    send(pool, put(far, b"x"))
    time.sleep(0.03)
    send(pool, put(far, b"x"))
    assert far.connections == 2


@pytest.mark.parametrize("word", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"])
def test_a_connection_that_died_while_idle_is_not_used(far_end, make_pool, send, put, word):
    def script(line):
        line.read_request()
        line.answer()
        if line.number == 0:
            line.send(word)
            line.end()

    far, pool = far_end(script), make_pool()
    send(pool, put(far, b"x"))
    far.wait_until_served()
    assert send(pool, put(far, b"x")).status == 200
    assert far.connections == 2


def test_a_kept_connection_that_breaks_before_a_word_is_told_as_such(far_end, make_pool, send, put):
    def script(line):
        line.read_request()
        line.answer()
        line.read_request()
        line.reset()

    far, pool = far_end(script), make_pool()
    send(pool, put(far, b"x"))
    with pytest.raises(TransferConnectionError) as caught:
        send(pool, put(far, b"x"))
    assert caught.value.reused
    assert not caught.value.nothing_sent  # it had left, and may have been obeyed


def test_too_many_idle_connections_are_closed(far_end, make_pool, put):
    barrier = threading.Barrier(4)

    def script(line):
        line.read_request()
        barrier.wait(5)
        line.answer()
        line.wait_for_close()

    far, pool = far_end(script), make_pool(max_idle=1)
    threads = [threading.Thread(target=pool.send, args=(put(far, b"x"),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    far.wait_until_served(3)


def test_hosts_do_not_share(far_end, make_pool, send, put):
    one, other, pool = far_end(serve_all), far_end(serve_all), make_pool()
    for _ in range(2):
        send(pool, put(one, b"x"))
        send(pool, put(other, b"x"))
    assert (one.connections, other.connections) == (1, 1)


def test_close_closes_what_is_idle_and_ends_the_pool(far_end, make_pool, send, put):
    far, pool = far_end(serve_all), make_pool()
    send(pool, put(far, b"x"))
    pool.close()
    far.wait_until_served()
    with pytest.raises(ClientClosedError):
        send(pool, put(far, b"x"))
    pool.close()


def test_a_transfer_that_runs_while_the_pool_closes_ends_well_and_is_not_kept(far_end, make_pool, put):
    def script(line):
        line.read_request()
        far.release.wait(5)
        line.answer()
        line.wait_for_close()

    far, pool = far_end(script), make_pool()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(pool.send(put(far, b"x"))))
    thread.start()
    while not far.connections:
        time.sleep(0.001)
    pool.close()
    far.release.set()
    thread.join()
    assert answers[0].status == 200
    far.wait_until_served()


@pytest.mark.parametrize(
    "setting", [{"connect_timeout": 0}, {"stall_timeout": -1}, {"block_size": 0}, {"max_idle": -1}]
)
def test_settings_that_cannot_work(make_pool, setting):
    with pytest.raises(ConfigurationError):
        make_pool(**setting)
