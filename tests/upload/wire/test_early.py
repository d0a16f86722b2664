"""Answers that come while we still send."""

from __future__ import annotations

import pytest

from plangrep_async.errors import TransferConnectionError

REFUSAL = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 8\r\n\r\ntoo much"


@pytest.mark.parametrize("ending", ["silent", "close", "reset", "reads on"])
def test_a_refusal_is_read_and_sending_stops(far_end, make_pool, send, put, ending):
    def script(line):
        line.read(1000)
        line.send(REFUSAL)
        if ending == "silent":
            far.release.wait(5)
        elif ending == "reads on":
            line.wait_for_close()
        elif ending == "reset":
            line.reset()

    far = far_end(script, receive_buffer=4096)
    answer = send(make_pool(block_size=64 << 10), put(far, zeros=1 << 30))
    assert (answer.status, answer.content, answer.early, answer.truncated) == (413, b"too much", True, False)
    assert 0 < answer.sent < 1 << 30


@pytest.mark.parametrize("status", [200, 303, 403, 503])
def test_any_early_answer_is_told_as_such(far_end, make_pool, send, put, status):
    def script(line):
        line.read_head()
        line.answer(f"{status} Early")
        line.wait_for_close()

    far, pool = far_end(script), make_pool()
    answer = send(pool, put(far, zeros=1 << 30))
    assert (answer.status, answer.early) == (status, True)
    send(pool, put(far, zeros=1 << 30))
    assert far.connections == 2  # never reused


def test_of_a_refusal_cut_by_a_reset_the_status_is_kept(far_end, make_pool, send, put):
    def script(line):
        line.read(1000)
        line.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 100\r\n\r\ntoo mu")
        line.reset()

    answer = send(make_pool(), put(far_end(script, receive_buffer=4096), zeros=1 << 28))
    assert (answer.status, answer.content, answer.early, answer.truncated) == (413, b"too mu", True, True)


def test_an_early_success_cut_by_a_reset_is_an_error(far_end, make_pool, send, put):
    def script(line):
        line.read(1000)
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfine so f")
        line.reset()

    with pytest.raises(TransferConnectionError):
        send(make_pool(), put(far_end(script, receive_buffer=4096), zeros=1 << 28))


def test_a_refusal_in_two_pieces_while_the_far_end_reads_slowly(far_end, make_pool, send, put):
    def script(line):
        line.read(1000)
        line.send(REFUSAL[:20])
        line.read(500_000)
        line.send(REFUSAL[20:])
        line.wait_for_close()

    answer = send(make_pool(block_size=64 << 10), put(far_end(script), zeros=1 << 30))
    assert (answer.status, answer.content, answer.early) == (413, b"too much", True)


def test_an_answer_after_the_last_byte_is_not_early(far_end, make_pool, send, put):
    def script(line):
        line.read_request()
        line.answer("413 Content Too Large")

    answer = send(make_pool(), put(far_end(script), bytes(100_000)))
    assert (answer.status, answer.early, answer.sent) == (413, False, 100_000)
