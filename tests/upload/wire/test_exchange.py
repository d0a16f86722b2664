"""One request and its answer, when nothing goes wrong."""

from __future__ import annotations

import pytest

from plangrep_async.upload.wire import WireBody, WireRequest


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 3 * 4096, 100_000])
def test_every_byte_arrives_in_order(far_end, make_pool, send, put, size):
    got = []

    def script(line):
        got.append(line.read_request())
        line.answer(headers='ETag: "abc"\r\n')

    content = bytes(i * 7 % 251 for i in range(size))
    reports = []
    answer = send(make_pool(block_size=4096), put(far_end(script), content), on_sent=reports.append)

    head, body = got[0]
    assert body == content
    assert head.startswith(b"PUT /bucket/key?X-Amz-Signature=secret HTTP/1.1\r\nHost: 127.0.0.1:")
    assert (answer.status, answer.headers["etag"], answer.sent, answer.early) == (200, '"abc"', size, False)
    assert reports == sorted(set(reports))
    assert reports[-1:] == ([size] if size else [])


def test_prefix_part_of_a_file_and_suffix(far_end, make_pool, send, memory):
    got = []

    def script(line):
        got.append(line.read_request()[1])
        line.answer()

    far = far_end(script)
    source = memory(bytes(range(256)) * 40)
    body = WireBody(prefix=b"<" * 5000, source=source, offset=300, length=9000, suffix=b">" * 5000)
    answer = send(make_pool(block_size=4096), WireRequest("POST", far.url, body=body))
    assert got == [b"<" * 5000 + source.content[300:9300] + b">" * 5000]
    assert answer.sent == body.total == 19_000
    assert source.verified == 1


def test_a_body_without_a_source(far_end, make_pool, send):
    got = []

    def script(line):
        got.append(line.read_request()[1])
        line.answer()

    assert send(make_pool(), WireRequest("POST", far_end(script).url, body=WireBody(prefix=b"{}"))).sent == 2
    assert got == [b"{}"]


def test_a_large_body_in_many_blocks(far_end, make_pool, send, put):
    total = 0

    def script(line):
        nonlocal total
        line.read_head()
        while total < 20_000_000:
            total += len(line.read(min(1 << 20, 20_000_000 - total)))
        line.answer()

    assert send(make_pool(), put(far_end(script), zeros=20_000_000)).sent == total == 20_000_000


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello"),
        (CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n", b"hello"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
            + OK
            + b"Content-Length: 0\r\n\r\n",
            b"",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"ok"),
    ],
    ids=["counted", "chunked", "to the end", "after interim ones", "no content", "bare LF"],
)
def test_forms_of_an_answer(far_end, make_pool, send, put, raw, content):
    def script(line):
        line.read_request()
        for byte in raw:  # in pieces, as it may come
            line.send(bytes([byte]))

    answer = send(make_pool(), put(far_end(script), b"x"))
    assert answer.content == content
    assert answer.status in (200, 204)


def test_an_interim_answer_while_sending(far_end, make_pool, send, put):
    def script(line):
        line.read_head()
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        line.read(12_000_000)
        line.answer()

    answer = send(make_pool(), put(far_end(script), zeros=12_000_000))
    assert (answer.status, answer.early, answer.sent) == (200, False, 12_000_000)


@pytest.mark.parametrize("status", [301, 303, 307, 404, 500])
def test_redirects_and_errors_are_answers(far_end, make_pool, send, put, status):
    def script(line):
        line.read_request()
        line.answer(f"{status} Whatever", b"why", "Location: http://127.0.0.1:1/elsewhere\r\n")

    far = far_end(script)
    answer = send(make_pool(), put(far, b"x"))
    assert (answer.status, answer.content) == (status, b"why")
    assert answer.headers["location"] == "http://127.0.0.1:1/elsewhere"
    assert far.connections == 1


def test_head_has_no_body(far_end, make_pool, send):
    def script(line):
        for _ in range(2):
            assert line.read_head().startswith(b"HEAD ")
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")

    far, pool = far_end(script), make_pool()
    for _ in range(2):
        assert send(pool, WireRequest("HEAD", far.url)).headers["content-length"] == "1234"
    assert far.connections == 1


def test_an_answer_longer_than_what_is_kept(far_end, make_pool, send, put):
    def script(line):
        line.read_request()
        line.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n")
        for _ in range(30):
            line.send(bytes(100_000))

    answer = send(make_pool(), put(far_end(script), b"x"))
    assert len(answer.content) == 1 << 20
    assert answer.truncated


def test_nothing_secret_is_shown(make_pool, put):
    request = put("https://host/bucket/key?X-Amz-Signature=secret", b"x", headers=(("Authorization", "secret"),))
    assert "secret" not in repr(request)
