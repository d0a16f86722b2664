from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.storage.backend import S3Credentials
from plangrep_async.emulator.storage.errors import S3Error
from plangrep_async.emulator.storage.signer import object_url
from plangrep_async.emulator.storage.sigv4 import expiry_of, presign, verify

CREDENTIALS = S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC).timestamp()
HOST = "examplebucket.s3.amazonaws.com"


def check(url: str, *, method: str = "GET", now: float = NOW, headers: dict[str, str] | None = None) -> None:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    verify(CREDENTIALS, method, parts.path, query, {"host": parts.netloc, **(headers or {})}, now=now)


def code(url: str, **options: object) -> str:
    with pytest.raises(S3Error) as caught:
        check(url, **options)  # type: ignore[arg-type]
    return caught.value.code


def test_the_example_of_the_documentation() -> None:
    url = presign(CREDENTIALS, "GET", f"https://{HOST}/test.txt", now=NOW, lifetime=86400)
    assert url.endswith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    check(url)


def test_the_end_of_its_life() -> None:
    url = presign(CREDENTIALS, "GET", f"https://{HOST}/test.txt", now=NOW, lifetime=60)
    check(url, now=NOW + 60)
    assert code(url, now=NOW + 61) == "AccessDenied"
    assert code(url, now=NOW - 3600) == "AccessDenied"
    assert expiry_of(dict(parse_qsl(urlsplit(url).query))) == NOW + 60


def test_signed_headers_must_come_as_they_were_signed() -> None:
    headers = {"Content-Type": "application/pdf", "x-amz-checksum-sha256": "abc="}
    url = presign(CREDENTIALS, "PUT", f"https://{HOST}/k", now=NOW, lifetime=60, headers=headers)
    sent = {name.lower(): value for name, value in headers.items()}
    check(url, method="PUT", headers=sent)
    assert code(url, method="PUT", headers={**sent, "content-type": "text/plain"}) == "SignatureDoesNotMatch"
    assert code(url, method="PUT", headers={"content-type": "application/pdf"}) == "SignatureDoesNotMatch"
    assert code(url, method="PUT", headers={**sent, "x-amz-acl": "public-read"}) == "AccessDenied"


def test_headers_beyond_ascii_are_signed_as_their_bytes() -> None:
    url = presign(CREDENTIALS, "PUT", f"https://{HOST}/k", now=NOW, lifetime=60, headers={"x-amz-meta-a": "図  é"})
    check(url, method="PUT", headers={"x-amz-meta-a": "図 é".encode().decode("latin-1")})
    assert code(url, method="PUT", headers={"x-amz-meta-a": "\xe9"}) == "SignatureDoesNotMatch"


def test_anything_changed_does_not_match() -> None:
    query = [("partNumber", "1"), ("uploadId", "u/1")]
    url = presign(CREDENTIALS, "PUT", f"https://{HOST}/a%20key", now=NOW, lifetime=60, query=query)
    check(url, method="PUT")
    assert code(url, method="GET") == "SignatureDoesNotMatch"
    assert code(url.replace("partNumber=1", "partNumber=2"), method="PUT") == "SignatureDoesNotMatch"
    assert code(url.replace("a%20key", "b%20key"), method="PUT") == "SignatureDoesNotMatch"
    assert code(url.replace("Expires=60", "Expires=600"), method="PUT") == "SignatureDoesNotMatch"
    assert code(url.replace(HOST, "elsewhere"), method="PUT") == "SignatureDoesNotMatch"
    assert code(url.replace("us-east-1", "eu-west-1"), method="PUT") == "AuthorizationQueryParametersError"
    assert code(url.replace("AKIAIOSFODNN7EXAMPLE", "SOMEBODY"), method="PUT") == "InvalidAccessKeyId"
    assert code(url.replace("AWS4-HMAC-SHA256", "AWS4-NONE"), method="PUT") == "AuthorizationQueryParametersError"
    assert code(url.replace("X-Amz-Date=2013", "X-Amz-Date=twenty"), method="PUT").startswith("Auth")
    assert code(f"https://{HOST}/test.txt") == "AccessDenied"


def test_a_life_beyond_a_week_is_refused() -> None:
    assert code(presign(CREDENTIALS, "GET", f"https://{HOST}/k", now=NOW, lifetime=8 * 86400)).startswith("Auth")


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    value=st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20),
    lifetime=st.integers(1, 604_800),
)
def test_what_was_signed_is_verified(key: str, value: str, lifetime: int) -> None:
    url = presign(
        CREDENTIALS,
        "GET",
        object_url("http://127.0.0.1:9000", "bucket", key),
        now=NOW,
        lifetime=lifetime,
        query=[("response-content-disposition", value)],
    )
    check(url, now=NOW + lifetime)


def test_secrets_are_not_shown() -> None:
    assert "EXAMPLEKEY" not in repr(CREDENTIALS)
