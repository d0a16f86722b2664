from __future__ import annotations

import pytest

from plangrep_async.errors import ConfigurationError
from plangrep_async.session import Origin, Session, check_base_url
from plangrep_async.session.proxy import checked_proxy, proxy_for


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://io.plangrid.com/a", "https://IO.PlanGrid.com:443/b", True),
        ("https://io.plangrid.com", "http://io.plangrid.com", False),
        ("https://io.plangrid.com", "https://io.plangrid.com:8443", False),
        ("https://io.plangrid.com", "https://io.plangrid.com.evil.example", False),
        ("https://io.plangrid.com", "https://io.plangrid.com@evil.example", False),
        ("http://[::1]:80", "http://[::1]", True),
    ],
)
def test_origins(one: str, other: str, same: bool) -> None:
    assert (Origin.of(one) == Origin.of(other)) is same


@pytest.mark.parametrize("url", ["", "/x", "ftp://h/x", "https://", "https://h:99999/", "io.plangrid.com"])
def test_what_is_no_origin(url: str) -> None:
    with pytest.raises(ValueError):
        Origin.of(url)
    with pytest.raises(ConfigurationError):
        check_base_url(url, allow_insecure=True)


@pytest.mark.parametrize("url", ["http://localhost:1", "http://127.0.0.9", "http://[::1]:5", "http://api.localhost"])
def test_plain_http_to_this_machine_is_fine(url: str) -> None:
    assert check_base_url(url + "/", allow_insecure=False) == url


def test_plain_http_elsewhere_must_be_asked_for() -> None:
    with pytest.raises(ConfigurationError, match="allow_insecure"):
        check_base_url("http://plangrep.example", allow_insecure=False)
    assert check_base_url("http://plangrep.example", allow_insecure=True) == "http://plangrep.example"


@pytest.mark.parametrize("url", ["https://key@h", "https://u:p@h", "https://h/?x=1", "https://h/#f"])
def test_a_base_url_is_nothing_but_that(url: str) -> None:
    with pytest.raises(ConfigurationError):
        check_base_url(url, allow_insecure=False)


def test_proxies_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    far = Origin.of("https://plangrep.com")
    assert proxy_for(far) is None
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_for(far) == "http://proxy.example:3128"
    assert proxy_for(Origin.of("http://plangrep.com")) is None
    assert proxy_for(Origin.of("https://127.0.0.1:5000")) is None
    monkeypatch.setenv("no_proxy", "plangrep.com")
    assert proxy_for(far) is None


@pytest.mark.parametrize(
    ("url", "trouble"),
    [
        ("", "host"),
        ("http://", "host"),
        ("http://user:SECRET@[bad", "host"),
        ("http://user:SECRET@proxy%zz:80", "host"),
        ("http://user:SECRET@two words:80", "host"),
        ("http://user:SECRET@proxy:99999", "port is no number from 1 to 65535"),
        ("http://user:SECRET@proxy:0", "port"),
        ("user:SECRET", "port"),
        ("ftp://user:SECRET@proxy:1", "scheme is none of http, https, socks5, socks5h"),
    ],
)
def test_a_proxy_that_no_call_could_reach_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, url: str, trouble: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"proxy= is no proxy's URL: .*{trouble}.*http://\[user") as caught:
        Session(base_url="https://plangrep.com", proxy=url)
    assert "SECRET" not in str(caught.value)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", url)
    if url:
        with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY in the environment"):
            proxy_for(Origin.of("https://plangrep.com"))


@pytest.mark.parametrize(
    "url", ["http://proxy:8080", "HTTP://user:p%40ss@proxy.example", "https://[::1]:3128/", "socks5h://proxy:1080"]
)
def test_proxies_that_can_be(url: str) -> None:
    assert checked_proxy(url) == url
    assert checked_proxy("proxy.example:3128") == "http://proxy.example:3128"
