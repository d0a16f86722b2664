"""Which proxy is chosen, and what it is told."""

from __future__ import annotations

import base64
import socket
import threading

import pytest

from plangrep_async.errors import ConfigurationError, TransferConnectionError
from plangrep_async.upload.wire.proxy import Proxies, Proxy
from plangrep_async.upload.wire.url import Target


def chosen(environment, url):
    proxy = Proxies(environment=environment).choose(Target.parse(url).origin)
    return proxy and proxy.host


@pytest.mark.parametrize(
    ("environment", "url", "host"),
    [
        ({}, "http://a.example/", None),
        ({"http": "http://p:1"}, "http://a.example/", "p"),
        ({"http": "http://p:1"}, "https://a.example/", None),
        ({"https": "http://p:1", "all": "http://q:1"}, "https://a.example/", "p"),
        ({"https": "http://p:1", "all": "http://q:1"}, "http://a.example/", "q"),
        ({"all": "p:1"}, "http://a.example/", "p"),
        ({"http": ""}, "http://a.example/", None),
        ({"all": "http://p:1", "no": "*"}, "http://a.example/", None),
        ({"all": "http://p:1", "no": "b.example, a.example"}, "http://a.example/", None),
        ({"all": "http://p:1", "no": "a.example"}, "http://www.a.example/", None),
        ({"all": "http://p:1", "no": "a.example"}, "http://wwwa.example/", "p"),
        ({"all": "http://p:1", "no": ".a.example"}, "http://a.example/", "p"),
        ({"all": "http://p:1", "no": ".a.example"}, "http://www.a.example/", None),
        ({"all": "http://p:1", "no": "*.a.example"}, "http://www.a.example/", None),
        ({"all": "http://p:1", "no": "A.Example"}, "http://a.EXAMPLE/", None),
        ({"all": "http://p:1", "no": "localhost"}, "http://localhost:8080/", None),
        ({"all": "http://p:1", "no": "localhost"}, "http://my.localhost/", "p"),
        ({"all": "http://p:1", "no": "a.example:8080"}, "http://a.example/", "p"),
        ({"all": "http://p:1", "no": "a.example:8080"}, "http://a.example:8080/", None),
        ({"all": "http://p:1", "no": "127.0.0.1"}, "http://127.0.0.1:9/", None),
        ({"all": "http://p:1", "no": "10.0.0.0/8"}, "http://10.1.2.3/", None),
        ({"all": "http://p:1", "no": "10.0.0.0/8"}, "http://11.1.2.3/", "p"),
        ({"all": "http://p:1", "no": "::1"}, "http://[::1]:9/", None),
        ({"all": "http://p:1", "no": "[::1]:9"}, "http://[::1]:9/", None),
        ({"all": "http://p:1", "no": "10.0.0.0/8"}, "http://a.example/", "p"),
        ({"all": "http://p:1", "no": "http://a.example"}, "http://a.example/", None),
        ({"all": "http://p:1", "no": "http://a.example"}, "https://a.example/", "p"),
        ({"all": "http://p:1", "no": "http://a.example"}, "http://www.a.example/", "p"),
        ({"all": "http://p:1", "no": ","}, "http://a.example/", "p"),
    ],
)
def test_the_choice(environment, url, host):
    assert chosen(environment, url) == host


def test_an_explicit_proxy_goes_before_the_environment():
    proxies = Proxies("http://mine:3128", {"all": "http://p:1", "no": "*"})
    assert proxies.choose(Target.parse("http://a.example/").origin) == Proxy("mine", 3128)


def test_a_proxys_url():
    proxy = Proxy.parse("http://us%40er:pa%3Ass@Proxy.example")
    assert (proxy.host, proxy.port, proxy.secure) == ("proxy.example", 80, False)
    assert base64.b64decode(proxy.authorization.removeprefix("Basic ")) == b"us@er:pa:ss"
    assert proxy.authorization not in repr(proxy)
    assert Proxy.parse("https://[::1]") == Proxy("::1", 443, True)
    assert Proxy.parse("proxy:8080") == Proxy("proxy", 8080)


@pytest.mark.parametrize(
    "url",
    ["socks5://user:secret@p:1080", "socks5h://p:1", "ftp://p", "http://user:secret@", "http://p:1/path", "http://p:x"],
)
def test_a_proxy_that_cannot_be_used(url, make_pool):
    with pytest.raises(ConfigurationError) as caught:
        make_pool(proxy=url)
    assert "secret" not in str(caught.value)


def test_a_socks_proxy_of_the_environment_is_told_when_it_would_be_used(make_pool, monkeypatch, put, start):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def script(line):
        line.read_request()
        line.answer()

    pool = make_pool(trust_env=True)
    assert pool.send(put(start(script), b"x")).status == 200
    with pytest.raises(ConfigurationError, match="socks5://"):
        pool.send(put("http://a.example/", b"x"))


def test_a_plain_request_is_handed_to_the_proxy_whole(start, make_pool, send, put):
    got = []

    def script(line):
        while True:
            got.append(line.read_request())
            line.answer()

    proxy = start(script)
    pool = make_pool(proxy=f"http://user:pass@127.0.0.1:{proxy.port}")
    for _ in range(2):
        assert send(pool, put("http://storage.example/bucket/key?sig=1", b"hello")).status == 200
    head, body = got[0]
    assert head.startswith(b"PUT http://storage.example/bucket/key?sig=1 HTTP/1.1\r\nHost: storage.example\r\n")
    assert b"\r\nProxy-Authorization: Basic " + base64.b64encode(b"user:pass") + b"\r\n" in head
    assert body == b"hello"
    assert proxy.connections == 1


@pytest.fixture
def tunnel(start):
    """A proxy that opens tunnels; ``tunnel(context=None)`` gives the far end, ``heads`` what it was asked."""
    heads = []

    def script(line):
        heads.append(line.read_head())
        host, port = heads[-1].split(b" ")[1].rsplit(b":", 1)
        with socket.create_connection((host.decode(), int(port))) as onward:
            line.send(b"HTTP/1.1 200 Connection established\r\nContent-Length: 5\r\n\r\n")
            back = threading.Thread(target=pump, args=(onward, line.sock))
            back.start()
            pump(line.sock, onward)
            back.join()

    def pump(source, sink):
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def begin(context=None):
        far = start(script, context)
        far.heads = heads
        return far

    return begin


@pytest.mark.parametrize("secure", [False, True], ids=["http proxy", "https proxy"])
def test_tls_goes_through_a_tunnel(start, server_context, make_pool, send, put, tunnel, secure):
    got = []

    def script(line):
        for _ in range(2):
            got.append(line.read_request())
            line.answer(content=b"stored")
        line.wait_for_close()

    far, proxy = start(script, server_context), tunnel(server_context if secure else None)
    scheme = "https" if secure else "http"
    pool = make_pool(proxy=f"{scheme}://user:pass@127.0.0.1:{proxy.port}")
    content = bytes(range(256)) * 8000
    for _ in range(2):
        assert send(pool, put(far, content)).content == b"stored"
    assert proxy.heads == [
        f"CONNECT 127.0.0.1:{far.port} HTTP/1.1\r\nHost: 127.0.0.1:{far.port}\r\n"
        f"Proxy-Authorization: Basic {base64.b64encode(b'user:pass').decode()}\r\n\r\n".encode()
    ]
    head, body = got[0]
    assert body == content
    assert b"roxy" not in head
    pool.close()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 2\r\n\r\nno", "status 407"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "status 502"),
        (b"nonsense\r\n\r\n", "does not begin as HTTP"),
        (b"", "closed the connection"),
    ],
)
def test_a_proxy_that_refuses(start, make_pool, send, put, answer, what):
    def script(line):
        line.read_head()
        line.send(answer)

    pool = make_pool(proxy=start(script).url)
    with pytest.raises(TransferConnectionError, match=what) as caught:
        send(pool, put("https://storage.example/k?sig=secret", b"x"))
    assert caught.value.nothing_sent
    assert "secret" not in str(caught.value)


def test_a_proxy_that_is_not_there_is_named(make_pool, send, put):
    with pytest.raises(TransferConnectionError, match=r"storage\.example through the proxy 127\.0\.0\.1:1 failed"):
        send(make_pool(proxy="http://127.0.0.1:1"), put("http://storage.example/k", b"x"))


def test_a_proxy_that_does_not_answer(start, make_pool, send, put):
    far = start(lambda line: far.release.wait(5))
    with pytest.raises(TransferConnectionError, match=r"tunnel within 0\.1 s"):
        send(make_pool(proxy=far.url, connect_timeout=0.1), put("https://storage.example/k", b"x"))


def test_the_environment_names_the_proxy_unless_it_is_not_trusted(start, make_pool, send, put, monkeypatch):
    def script(line):
        while True:
            head, _ = line.read_request()
            line.answer(content=head.split(b" ")[1])

    far, proxy = start(script), start(script)
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    url = f"{far.url}/key"
    assert send(make_pool(trust_env=True), put(url, b"x")).content == url.encode()
    assert send(make_pool(trust_env=False), put(url, b"x")).content == b"/key"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert send(make_pool(trust_env=True), put(url, b"x")).content == b"/key"
