from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import ConfigurationError, WebhookSignatureError
from plangrep_async.plangrep import WebhookVerifier
from plangrep_async.session.secret import Secret
from plangrep_async.testing import ManualClock

BODY = b'{"jobId": "job_1"}'
NOW = 1_700_000_000


def mac(key: bytes, signed: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(key, signed, algorithm).digest()


def stamped(**more: Any) -> WebhookVerifier:
    settings: dict[str, Any] = {
        "header": "X-Signature",
        "payload": "{timestamp}.{body}",
        "timestamp_header": "X-Timestamp",
        "clock": ManualClock(epoch=NOW),
        **more,
    }
    return WebhookVerifier(**settings)


def test_the_plainest_scheme() -> None:
    verifier = WebhookVerifier(header="X-Signature")
    verifier.verify("wss_key", {"x-signature": mac(b"wss_key", BODY).hex()}, BODY)
    verifier.verify(Secret("wss_key"), {"X-SIGNATURE": mac(b"wss_key", BODY).hex().upper()}, BODY)


def test_the_secret_without_its_prefix_or_decoded() -> None:
    headers = {"x-signature": mac(b"key!", BODY).hex()}
    WebhookVerifier(header="x-signature", secret_prefix="wss_").verify("wss_key!", headers, BODY)
    encoded = "wss_" + base64.urlsafe_b64encode(b"key!").decode().rstrip("=")
    WebhookVerifier(header="x-signature", secret_prefix="wss_", secret_encoding="base64").verify(encoded, headers, BODY)
    WebhookVerifier(header="x-signature", secret_encoding="hex").verify(b"key!".hex(), headers, BODY)
    with pytest.raises(ConfigurationError, match="not written in hex") as caught:
        WebhookVerifier(header="x-signature", secret_encoding="hex").verify("wss_key!", headers, BODY)
    assert "key!" not in str(caught.value)


def test_as_github_signs() -> None:
    verifier = WebhookVerifier(header="X-Hub-Signature-256", prefix="sha256=")
    verifier.verify("k", {"X-Hub-Signature-256": "sha256=" + mac(b"k", BODY).hex()}, BODY)
    with pytest.raises(WebhookSignatureError, match="no readable signature"):
        verifier.verify("k", {"X-Hub-Signature-256": mac(b"k", BODY).hex()}, BODY)


def test_as_stripe_signs() -> None:
    verifier = WebhookVerifier(
        header="Stripe-Signature",
        prefix="v1=",
        timestamp_prefix="t=",
        payload="{timestamp}.{body}",
        clock=ManualClock(epoch=NOW),
    )
    good = mac(b"k", f"{NOW}.".encode() + BODY).hex()
    verifier.verify("k", {"Stripe-Signature": f"t={NOW},v1={'0' * 64},v1={good},v0=junk"}, BODY)
    with pytest.raises(WebhookSignatureError, match="does not say when"):
        verifier.verify("k", {"Stripe-Signature": f"v1={good}"}, BODY)


def test_as_standard_webhooks_sign() -> None:
    verifier = WebhookVerifier(
        header="webhook-signature",
        prefix="v1,",
        encoding="base64",
        separator=" ",
        timestamp_header="webhook-timestamp",
        payload="{webhook-id}.{timestamp}.{body}",
        secret_prefix="whsec_",
        secret_encoding="base64",
        clock=ManualClock(epoch=NOW),
    )
    signature = base64.b64encode(mac(b"secret!!", f"msg_1.{NOW}.".encode() + BODY)).decode()
    headers = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(NOW),
        "Webhook-Signature": f"v1a,other v1,{signature}",
    }
    verifier.verify("whsec_" + base64.b64encode(b"secret!!").decode(), headers, BODY)
    del headers["Webhook-Id"]
    with pytest.raises(WebhookSignatureError, match="no webhook-id header"):
        verifier.verify("whsec_" + base64.b64encode(b"secret!!").decode(), headers, BODY)


@pytest.mark.parametrize("algorithm", sorted(hashlib.algorithms_guaranteed & {"sha1", "sha256", "sha512", "sha3_256"}))
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_algorithms_and_encodings(algorithm: str, encoding: Any) -> None:
    digest = mac(b"k", BODY, algorithm)
    text = digest.hex() if encoding == "hex" else base64.urlsafe_b64encode(digest).decode().rstrip("=")
    WebhookVerifier(header="s", algorithm=algorithm, encoding=encoding).verify("k", {"S": text}, BODY)


@pytest.mark.parametrize(
    ("stamp", "good"),
    [(NOW, True), (NOW - 299, True), (NOW + 299, True), (NOW - 301, False), (NOW + 301, False), (NOW * 1000, True)],
)
def test_old_and_future_ones_are_refused(stamp: int, good: bool) -> None:
    headers = {"X-Timestamp": str(stamp), "X-Signature": mac(b"k", f"{stamp}.".encode() + BODY).hex()}
    if good:
        stamped().verify("k", headers, BODY)
    else:
        with pytest.raises(WebhookSignatureError, match="more than 300 s away"):
            stamped().verify("k", headers, BODY)


@pytest.mark.parametrize("stamp", ["soon", "nan", "inf", "-inf", ""])
def test_a_time_that_is_none(stamp: str) -> None:
    headers = {"X-Timestamp": stamp, "X-Signature": mac(b"k", f"{stamp}.".encode() + BODY).hex()}
    with pytest.raises(WebhookSignatureError):
        stamped().verify("k", headers, BODY)


@given(st.binary(max_size=50), st.binary(max_size=50), st.text(max_size=20))
def test_another_body_secret_or_signature_never_passes(body: bytes, other: bytes, junk: str) -> None:
    verifier = WebhookVerifier(header="s")
    right = mac(b"k", body).hex()
    verifier.verify("k", {"s": right}, body)
    for secret, headers, content in (
        ("k", {"s": right}, body + b"x" + other),
        ("K", {"s": right}, body),
        ("k", {"s": junk}, body),
        ("k", {}, body),
    ):
        with pytest.raises(WebhookSignatureError):
            verifier.verify(secret, headers, content)


@pytest.mark.parametrize("settings", [
    {"algorithm": "rot13"},
    {"encoding": "base32"},
    {"secret_encoding": "utf-16"},
    {"payload": "{timestamp}"},
    {"payload": "{timestamp}.{body}"},
    {"timestamp_header": "X-Timestamp"},
    {"tolerance": 0},
    {"tolerance": float("nan")},
])  # fmt: skip
def test_schemes_that_prove_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        WebhookVerifier(header="s", **settings)
