"""Signing and the documents of S3; the real service is asked in tests/integration."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import InvalidInputError
from plangrep_async.upload import ConfirmedPart, S3Credentials, S3Signer
from plangrep_async.upload.s3xml import complete_document, read_parts, read_upload_id

KEY = S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_what_a_url_says():
    url = S3Signer("https://s3.amazonaws.com/", "examplebucket", KEY).presign(
        "GET", "test.txt", now=1369353600, expires=86400
    )
    assert url.startswith("https://s3.amazonaws.com/examplebucket/test.txt?")
    query = parse_qs(urlsplit(url).query)
    assert query["X-Amz-Credential"] == ["AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"]
    assert query["X-Amz-Date"] == ["20130524T000000Z"]
    assert query["X-Amz-Expires"] == ["86400"]
    assert query["X-Amz-SignedHeaders"] == ["host"]
    assert len(query["X-Amz-Signature"][0]) == 64


def test_a_session_token_goes_along():
    signer = S3Signer("https://s3.example", "b", S3Credentials("a", "s", "token"))
    assert "X-Amz-Security-Token=token" in signer.presign("PUT", "k", now=0)
    assert ("x-amz-security-token", "token") in signer.post_form("k", now=0)[1]


def test_blanks_in_headers_count_once():
    """Servers compare them so; the header itself is sent as it stands."""
    signer = S3Signer("https://s3.example", "b", KEY)
    urls = {signer.presign("PUT", "k", now=0, headers={"x-amz-meta-a": text}) for text in ("a b", " a  b", "a \t b ")}
    assert len(urls) == 1
    assert urls != {signer.presign("PUT", "k", now=0, headers={"x-amz-meta-a": "ab"})}


def test_headers_are_ascii():
    with pytest.raises(InvalidInputError, match="x-amz-meta-a"):
        S3Signer("https://s3.example", "b", KEY).presign("PUT", "k", now=0, headers={"x-amz-meta-a": "é"})


@pytest.mark.parametrize("expires", [0, 604_801])
def test_urls_live_for_a_week_at_most(expires):
    with pytest.raises(InvalidInputError, match="604800"):
        S3Signer("https://s3.example", "b", KEY).presign("PUT", "k", now=0, expires=expires)


@given(st.text(min_size=1))
def test_any_key_can_be_signed(key):
    url = S3Signer("https://s3.example", "b", KEY).presign("PUT", key.encode("utf-8", "replace").decode(), now=0)
    assert url.isascii()
    assert " " not in url


def test_a_policy_names_every_field():
    url, fields = S3Signer("https://s3.example", "b", KEY).post_form(
        "k", now=0, expires=60, fields={"Content-Type": "image/png"}, conditions=[["content-length-range", 1, 9]]
    )
    values = dict(fields)
    policy = json.loads(base64.b64decode(values.pop("policy")))
    assert url == "https://s3.example/b"
    assert policy["expiration"] == "1970-01-01T00:01:00.000Z"
    del values["x-amz-signature"]
    for name, value in values.items():
        assert {name: value} in policy["conditions"]
    assert ["content-length-range", 1, 9] in policy["conditions"]
    assert fields[-1][0] == "x-amz-signature"


def test_no_key_is_shown():
    signer = S3Signer("https://s3.example", "b", S3Credentials("a", "very-secret", "very-secret-token"))
    assert "very-secret" not in repr(signer)


def test_listing_pages():
    page = b"""<?xml version="1.0"?><ListPartsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
      <NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>true</IsTruncated>
      <Part><PartNumber>1</PartNumber><ETag>&quot;aa&quot;</ETag><Size>5</Size></Part>
      <Part><Size>6</Size><ETag>"bb"</ETag><PartNumber>2</PartNumber></Part></ListPartsResult>"""
    assert read_parts(page) == ((ConfirmedPart(1, 5, '"aa"'), ConfirmedPart(2, 6, '"bb"')), 2)
    assert read_parts(page.replace(b"true", b"false"))[1] is None
    assert read_parts(b"<ListPartsResult/>") == ((), None)


@pytest.mark.parametrize(
    "content", [b"", b"<Error><Code>x</Code></Error>", b"<ListPartsResult><Part></Part></ListPartsResult>"]
)
def test_what_is_no_listing(content):
    with pytest.raises(ValueError):
        read_parts(content)


def test_upload_id():
    assert read_upload_id(b"<R><Bucket>b</Bucket><UploadId>a&amp;b</UploadId></R>") == "a&b"
    with pytest.raises(ValueError):
        read_upload_id(b"<R/>")


def test_completing_names_the_parts_in_order():
    text = complete_document([ConfirmedPart(1, 5, '"a<"'), ConfirmedPart(2, 5, "b")]).decode()
    assert text.index("<PartNumber>1</PartNumber><ETag>&quot;a&lt;&quot;</ETag>") < text.index("<PartNumber>2<")
