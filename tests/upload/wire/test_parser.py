"""The answer parser: whole or in pieces, the same; nonsense is refused, never misread."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.upload.wire.parser import MAX_CONTENT, AnswerError, AnswerParser


def parse(raw, method="PUT", *, cuts=(), end=True):
    parser = AnswerParser(method)
    for start, stop in zip((0, *cuts), (*cuts, len(raw)), strict=True):
        if start < stop and not parser.done:
            parser.feed(raw[start:stop])
    if end and not parser.done:
        parser.end()
    return parser


def facts(parser):
    return parser.status, parser.headers, parser.content, parser.keep_alive, parser.truncated, parser.done


tokens = st.text("abcXYZ019-_!", min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30)
framing_names = {"content-length", "transfer-encoding", "connection", "keep-alive"}
headers = st.lists(st.tuples(tokens.filter(lambda name: name.lower() not in framing_names), values), max_size=6)


@st.composite
def answers(draw):
    """A valid answer: (bytes, status, headers, content)."""
    status = draw(st.integers(200, 599).filter(lambda code: code not in (204, 304)))
    fields, content = draw(headers), draw(st.binary(max_size=300))
    newline = draw(st.sampled_from([b"\r\n", b"\n"]))
    framing = draw(st.sampled_from(["counted", "chunked", "to the end"]))
    raw = b"".join(
        b"HTTP/1.1 %d Interim%s%s" % (code, newline, newline)
        for code in draw(st.lists(st.integers(102, 199), max_size=2))
    )
    raw += b"HTTP/1.1 %d Reason%s" % (status, newline)
    raw += b"".join(b"%s:%s%s" % (name.encode(), value.encode(), newline) for name, value in fields)
    if framing == "counted":
        raw += b"Content-Length: %d%s%s" % (len(content), newline, newline) + content
    elif framing == "to the end":
        raw += newline + content
    else:
        raw += b"Transfer-Encoding: chunked" + newline * 2
        rest = content
        while rest:
            size = draw(st.integers(1, len(rest)))
            raw += b"%x\r\n%s\r\n" % (size, rest[:size])
            rest = rest[size:]
        raw += b"0\r\n" + (b"Trailer: x\r\n" if draw(st.booleans()) else b"") + b"\r\n"
    return raw, status, fields, content


@settings(max_examples=150, deadline=None)
@given(answers(), st.data())
def test_valid_answers_in_any_pieces(answer, data):
    raw, status, fields, content = answer
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    parser = parse(raw, cuts=cuts)
    assert (parser.status, parser.content, parser.done) == (status, content, True)
    for name, _ in fields:
        given_values = [value for other, value in fields if other.lower() == name.lower()]
        assert parser.headers[name.lower()] == ", ".join(given_values)
    assert facts(parser) == facts(parse(raw, cuts=range(1, len(raw))))


@settings(max_examples=150, deadline=None)
@given(answers())
def test_h11_reads_the_same(answer):
    raw = answer[0]
    peer = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    peer.send(h11.Request(method="PUT", target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(raw)
    peer.receive_data(b"")
    content, status = b"", 0
    while not isinstance(event := peer.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            content += event.data
    parser = parse(raw)
    assert (parser.status, parser.content) == (status, content)


@settings(max_examples=200, deadline=None)
@given(answers(), st.data())
def test_a_cut_is_never_taken_for_the_end(answer, data):
    raw = answer[0]
    if b"ontent-Length" not in raw and b"chunked" not in raw:
        return
    cut = data.draw(st.integers(0, len(raw) - 1))
    parser = AnswerParser("PUT")
    parser.feed(raw[:cut]) if cut else None
    if parser.done:  # the body was empty, or what is missing is an empty line's LF
        assert parser.content == answer[3]
        return
    with pytest.raises(AnswerError):
        parser.end()


hostile = st.lists(
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"200", b" ", b"\r\n", b"\n", b"\r", b"Content-Length: ", b"5", b"-1",
         b"Transfer-Encoding: ", b"chunked", b"Connection: close", b"0", b"ffffffffffffffff", b";", b"x: y", b"\x00",
         b"\xff", b"HTTP/1.1 100 C\r\n\r\n"]
    )
    | st.binary(max_size=6),
    max_size=30,
).map(b"".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(hostile, st.sampled_from(["PUT", "HEAD", "CONNECT"]), st.data())
def test_anything_at_all_is_read_or_refused_and_pieces_do_not_matter(raw, method, data):
    def outcome(cuts):
        try:
            return facts(parse(raw, method, cuts=cuts))
        except AnswerError:
            return None

    whole = outcome(())
    if whole is not None and whole[5] and whole[3] is False:
        whole = whole[:3]  # surplus bytes count against reuse only when they are there in time
    pieces = outcome(sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6))))
    assert pieces == whole or (whole is not None and pieces is not None and pieces[:3] == whole[:3])


@pytest.mark.parametrize(
    ("raw", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\nto the end", False),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nsurplus", False),
    ],
)
def test_what_may_be_reused(raw, keep_alive):
    assert parse(raw).keep_alive is keep_alive


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n folded: first\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999999\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200OK\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello there\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 20_000,
    ],
)  # fmt: skip
def test_what_is_refused(raw):
    with pytest.raises(AnswerError):
        AnswerParser("PUT").feed(raw)


def test_folded_and_repeated_headers():
    parser = parse(b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nY: 1\r\ny: 2\r\nContent-Length: 0\r\n\r\n")
    assert (parser.headers["x"], parser.headers["y"]) == ("a b", "1, 2")


def test_no_more_than_a_mebibyte_is_kept():
    parser = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(2_000_000))
    assert (len(parser.content), parser.truncated, parser.keep_alive, parser.done) == (MAX_CONTENT, True, False, True)
    parser = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + bytes(MAX_CONTENT))
    assert (len(parser.content), parser.truncated, parser.keep_alive) == (MAX_CONTENT, False, True)
