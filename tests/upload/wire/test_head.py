"""Request heads: what we send is exact, and nothing can be smuggled into it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload.wire import WireBody, WireRequest
from plangrep_async.upload.wire.head import connect_head, request_head
from plangrep_async.upload.wire.url import Target


def head_of(request, **options):
    return request_head(request, Target.parse(request.url), **options)


def test_the_exact_bytes():
    headers = (("Content-Type", "application/pdf"), ("x-amz-acl", ""))
    url = "https://b.s3.example/k%20ey?X-Amz-Signature=a%2Fb"
    request = WireRequest("PUT", url, headers, WireBody(prefix=b"12345"))
    assert head_of(request) == (
        b"PUT /k%20ey?X-Amz-Signature=a%2Fb HTTP/1.1\r\nHost: b.s3.example\r\nContent-Type: application/pdf\r\n"
        b"x-amz-acl: \r\nContent-Length: 5\r\n\r\n"
    )


def test_host_and_length_of_the_caller_are_kept_where_they_stand():
    request = WireRequest("PUT", "http://h:8080/", (("content-length", "2"), ("HOST", "other")), WireBody(prefix=b"ab"))
    assert head_of(request) == b"PUT / HTTP/1.1\r\ncontent-length: 2\r\nHOST: other\r\n\r\n"


def test_for_a_proxy():
    request = WireRequest("GET", "http://[::1]:8080?x")
    assert head_of(request, through_proxy=True, proxy_auth="Basic eA==") == (
        b"GET http://[::1]:8080/?x HTTP/1.1\r\nHost: [::1]:8080\r\nContent-Length: 0\r\n"
        b"Proxy-Authorization: Basic eA==\r\n\r\n"
    )
    assert connect_head("::1", 443) == b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        (("X", "a\r\nEvil: 1"),),
        (("X", "a\nb"),),
        (("X", "a\x00"),),
        (("X", " a"),),
        (("X", None),),
        (("X", 7),),
        ((b"X", "a"),),
        (("X", "a\t"),),
        (("X", "\u2028"),),
        (("X\r\nEvil", "1"),),
        (("X ", "1"),),
        (("", "1"),),
        (("Ümlaut", "1"),),
        (("Transfer-Encoding", "chunked"),),
        (("connection", "close"),),
        (("Proxy-Authorization", "x"),),
        (("Content-Length", "6"),),
        (("Content-Length", "5"), ("Content-Length", "5")),
        (("Host", "a"), ("Host", "b")),
    ],
)
def test_headers_that_are_refused(headers):
    with pytest.raises(InvalidInputError) as caught:
        head_of(WireRequest("PUT", "http://h/", headers, WireBody(prefix=b"12345")))
    assert "Evil: 1" not in str(caught.value)  # values may be secret


@pytest.mark.parametrize("method", ["", "PUT ", "P\nUT", "GET /"])
def test_methods_that_are_refused(method):
    with pytest.raises(InvalidInputError):
        head_of(WireRequest(method, "http://h/"))


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=8), st.text(max_size=12)), max_size=4),
    st.text(st.characters(min_codepoint=0, max_codepoint=300), max_size=20),
)
def test_a_head_is_refused_or_read_back_as_it_was(headers, path):
    try:
        request = WireRequest("PUT", f"http://h/{path}", tuple(headers))
        head = head_of(request)
    except InvalidInputError:
        return
    server = h11.Connection(h11.SERVER)
    server.receive_data(head)
    event = server.next_event()
    assert isinstance(event, h11.Request)
    assert event.target == f"/{path}".encode()
    got = [(name, value) for name, value in event.headers if name not in (b"host", b"content-length")]
    assert got == [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in ("host", "content-length")
    ]
    assert isinstance(server.next_event(), h11.EndOfMessage)
