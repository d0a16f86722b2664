"""URLs: sent as they stand, or refused; never shown with their secrets."""

from __future__ import annotations

import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload.wire.url import Origin, Target, redacted


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("http://Host/a%2Fb?c=d%20e", Origin("http", "host", 80, "host"), "/a%2Fb?c=d%20e"),
        ("HTTPS://h:443/", Origin("https", "h", 443, "h"), "/"),
        ("https://h:80", Origin("https", "h", 80, "h:80"), "/"),
        ("https://h?q", Origin("https", "h", 443, "h"), "/?q"),
        ("http://[2001:DB8::1]:8080//a/../b", Origin("http", "2001:db8::1", 8080, "[2001:db8::1]:8080"), "//a/../b"),
        ("https://h/k+(1)~!$&',;=:@*[]|{}^`", Origin("https", "h", 443, "h"), "/k+(1)~!$&',;=:@*[]|{}^`"),
    ],
)  # fmt: skip
def test_what_is_taken(url, origin, path):
    assert Target.parse(url) == Target(origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "", "/path", "//h/", "http:/h", "http://", "http:///x", "ftp://h/", "file:///etc/passwd", "http://user:secret@h/",
        "http://h/a b", "http://h/a\r\nEvil: 1", "http://h/\x00", "http://h/ä", "http://h/#f", "http://h/a\\b", 'http://h/"',
        "http://h:0/", "http://h:65536/", "http://h:x/", "http://h:/", "http://h\\@evil/", "http://[::1/", "http://bücher.example/",
        "http://h/<x>", " http://h/", "http://h/\n", f"http://{'a' * 64}.example/", f"http://{'a.' * 127}example/",
    ],
)  # fmt: skip
def test_what_is_refused(url):
    with pytest.raises(InvalidInputError) as caught:
        Target.parse(url)
    assert "secret" not in str(caught.value)


def test_redaction():
    assert redacted("https://user:pass@h:1/a/b?sig=secret#frag") == "https://h:1/a/b"
    assert redacted("https://h/a@b?sig=secret") == "https://h/a@b"
