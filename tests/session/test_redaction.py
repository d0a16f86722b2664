from __future__ import annotations

import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.session import Secret, redact_text, redact_url

secrets = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=12, max_size=40).map(
    lambda text: f"5{text}7"
)


@given(secrets)
def test_signed_queries_user_info_and_path_tokens_do_not_show(secret: str) -> None:
    urls = [
        f"https://bucket.s3.amazonaws.com/key?X-Amz-Credential=a&X-Amz-Signature={secret}",
        f"https://user:{secret}@example.com/path",
        f"https://{secret}@example.com/path",
        f"https://plangrep.com/api/open/v1/artifact-downloads/{secret}",
        f"https://io.plangrid.com/v1/projects/p/photos/uploads/completions/{secret}?bucket=b&key={secret}",
        f"https://h/x?limit=5&token={secret}",
        f"https://h/x#{secret}",
    ]
    for url in urls:
        assert secret not in redact_url(url)
        assert secret not in redact_text(f"could not GET {url!r}, sorry")
    assert secret not in redact_text(f"Authorization: Bearer {secret}")


def test_what_helps_stays() -> None:
    assert redact_url("https://h:8443/projects/1?limit=50&skip=100") == "https://h:8443/projects/1?limit=50&skip=100"
    assert redact_url("http://[::1]:80/x") == "http://[::1]:80/x"
    assert redact_url("/projects/1") == "/projects/1"


@given(st.text(max_size=60))
def test_nothing_breaks_redaction(text: str) -> None:
    redact_url(text)
    redact_url("https://" + quote(text))
    redact_text(text)


def test_a_secret_hides_itself() -> None:
    secret = Secret("wss_12345")
    shown = f"{secret} {secret!r} {secret:>20} {[secret]} %s" % secret
    assert "12345" not in shown
    assert secret.reveal() == "wss_12345"
    assert secret == Secret("wss_12345")
    assert secret != Secret("wss_12346")
    assert secret != "wss_12345"
    assert hash(secret) == hash(Secret("wss_12345"))
    assert not Secret("")
    assert pickle.loads(pickle.dumps(secret)) == secret


@pytest.mark.parametrize("other", [None, 5, "x"])
def test_a_secret_equals_only_secrets(other: object) -> None:
    assert Secret("x") != other
