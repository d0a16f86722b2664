"""TLS: whom we trust, what we refuse, and that records of any size come through."""

from __future__ import annotations

import ssl

import pytest

from plangrep_async.errors import ConfigurationError, TransferConnectionError


def serve(line):
    line.read_request()
    line.answer(content=b"x" * 100_000)
    line.wait_for_close()


def test_an_unknown_authority_is_not_trusted(start, server_context, make_pool, send, put):
    far = start(serve, server_context)
    with pytest.raises(TransferConnectionError, match=r"the certificate of 127\.0\.0\.1:\d+ is not trusted") as caught:
        send(make_pool(ssl_context=ssl.create_default_context()), put(far, b"x"))
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
    assert caught.value.nothing_sent


def test_a_certificate_for_another_host_is_not_trusted(start, authority, make_pool, send, put):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("storage.example").configure_cert(context)
    with pytest.raises(TransferConnectionError, match="not trusted"):
        send(make_pool(), put(start(serve, context), b"x"))


def test_the_environment_names_the_authority(
    start, server_context, authority, make_pool, send, put, monkeypatch, tmp_path
):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    far = start(serve, server_context)
    assert send(make_pool(ssl_context=None, trust_env=True), put(far, b"x")).status == 200
    with pytest.raises(TransferConnectionError, match="not trusted"):
        send(make_pool(ssl_context=None, trust_env=False), put(far, b"x"))


def test_the_name_is_sent(start, authority, client_context, make_pool, send, put):
    names = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    context.sni_callback = lambda sock, name, context: names.append(name)
    far = start(serve, context)
    assert send(make_pool(), put(f"https://localhost:{far.port}/k", b"x")).status == 200
    assert names == ["localhost"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_next_connection_resumes_the_session(start, authority, make_pool, send, put, version):
    resumed = []

    def script(line):
        resumed.append(line.sock.session_reused)
        line.read_request()
        line.answer(headers="Connection: close\r\n")

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    authority.issue_cert("127.0.0.1").configure_cert(context)
    far, pool = start(script, context), make_pool()
    for _ in range(3):
        assert send(pool, put(far, bytes(100_000))).status == 200
    assert resumed == [False, True, True]


def test_a_server_that_speaks_no_tls(start, make_pool, send, put):
    def script(line):
        line.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        line.wait_for_close()

    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(), put(f"https://127.0.0.1:{start(script).port}/k", b"x"))
    assert isinstance(caught.value.__cause__, ssl.SSLError)
    assert caught.value.nothing_sent


def test_a_server_that_hangs_up_in_the_handshake(start, make_pool, send, put):
    with pytest.raises(TransferConnectionError) as caught:
        send(make_pool(), put(f"https://127.0.0.1:{start(lambda line: line.read(10)).port}/k", b"x"))
    assert caught.value.nothing_sent


def test_a_server_that_wants_a_certificate_of_ours(start, authority, make_pool, send, put):
    """With TLS 1.3 the alert comes when we think that the handshake is over."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with pytest.raises(TransferConnectionError):
        send(make_pool(), put(start(serve, context), zeros=50_000_000))


def test_a_context_that_speaks_http2(start, authority, client_context, make_pool, send, put):
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    server.set_alpn_protocols(["h2", "http/1.1"])
    far = start(serve, server)
    mine = ssl.create_default_context()
    authority.configure_trust(mine)
    mine.set_alpn_protocols(["h2", "http/1.1"])
    with pytest.raises(ConfigurationError, match="speak HTTP"):
        send(make_pool(ssl_context=mine), put(far, b"x"))
    mine.set_alpn_protocols(["http/1.1"])
    assert send(make_pool(ssl_context=mine), put(far, b"x")).status == 200


def test_the_context_is_built_once_and_late(make_pool, monkeypatch, start, server_context, client_context, put):
    import httpx

    built = []
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **options: built.append(options) or client_context)
    pool = make_pool(ssl_context=None)
    assert built == []
    for _ in range(2):
        pool.send(put(start(serve, server_context), b"x"))
    assert built == [{"trust_env": False}]
