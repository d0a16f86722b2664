from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.emulator.post_policy import sign_post, verify_post
from plangrep_async.emulator.storage.backend import S3Credentials
from plangrep_async.emulator.storage.errors import S3Error

KEYS = S3Credentials("AKIDEXAMPLE", "secret", "eu-west-1")
NOW = 1_700_000_000.0
FIELDS = [
    ("key", "p/uid_file.pdf"),
    ("success_action_redirect", "http://x/v1/c/t"),
    ("Content-Type", "application/pdf"),
]


def signed(version: Any = 4, fields: Any = FIELDS, **options: Any) -> dict[str, str]:
    pairs = sign_post(fields, bucket="b", credentials=KEYS, now=NOW, expires=NOW + 900, version=version, **options)
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    return {name.lower(): value for name, value in pairs}


def verdict(fields: dict[str, str], *, now: float = NOW, bucket: str = "b", keys: S3Credentials = KEYS) -> str:
    try:
        verify_post(fields, bucket=bucket, now=now, credentials=keys)
    except S3Error as error:
        return error.code
    return "accepted"


@pytest.mark.parametrize("version", [2, 4])
@given(
    values=st.dictionaries(
        st.from_regex(r"x-amz-meta-[a-z]{1,8}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=30)
    ),
    key=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
)
def test_what_is_signed_is_accepted_and_nothing_else(version: int, values: dict[str, str], key: str) -> None:
    fields = signed(version, [("key", key), *values.items()])
    grant = verify_post(fields, bucket="b", now=NOW, credentials=KEYS)
    assert (grant.key, dict(grant.metadata)) == (key, values)
    for name in fields:
        assert verdict({**fields, name: fields[name] + "x"}) != "accepted"
        assert verdict({other: value for other, value in fields.items() if other != name}) != "accepted"


@pytest.mark.parametrize("version", [2, 4])
def test_the_grant(version: int) -> None:
    grant = verify_post(
        signed(version, conditions=[["content-length-range", 5, 900]]), bucket="b", now=NOW, credentials=KEYS
    )
    assert (grant.key, grant.content_type) == ("p/uid_file.pdf", "application/pdf")
    assert (grant.minimum, grant.maximum, grant.redirect) == (5, 900, "http://x/v1/c/t")
    assert verify_post(signed(version), bucket="b", now=NOW, credentials=KEYS).maximum is None


@pytest.mark.parametrize(("text", "status"), [("200", 200), ("201", 201), ("204", 204), ("999", 204)])
def test_success_statuses(text: str, status: int) -> None:
    fields = signed(fields=[("key", "k"), ("success_action_status", text)])
    assert verify_post(fields, bucket="b", now=NOW, credentials=KEYS).status == status


@pytest.mark.parametrize("version", [2, 4])
def test_refusals(version: int) -> None:
    fields = signed(version)
    assert verdict(fields, now=NOW + 899.9) == "accepted"
    assert verdict(fields, now=NOW + 900) == "AccessDenied"
    assert verdict(fields, bucket="c") == "AccessDenied"
    assert verdict({**fields, "acl": "private"}) == "AccessDenied"
    assert verdict({**fields, "x-ignore-this": "1"}) == "accepted"
    assert verdict(fields, keys=S3Credentials("OTHER", "secret", "eu-west-1")) == "InvalidAccessKeyId"
    assert verdict(fields, keys=S3Credentials("AKIDEXAMPLE", "other", "eu-west-1")) == "SignatureDoesNotMatch"
    assert verdict({name: value for name, value in fields.items() if name != "policy"}) == "AccessDenied"


def test_the_scope_of_version_4_is_checked() -> None:
    fields = signed()
    assert verdict(fields, keys=S3Credentials("AKIDEXAMPLE", "secret", "us-east-1")) == "InvalidArgument"
    assert verdict({**fields, "x-amz-date": "20200101T000000Z"}) == "InvalidArgument"
    assert verdict({**fields, "x-amz-algorithm": "AWS4-HMAC-SHA1"}) == "InvalidArgument"


def policy(document: Any) -> dict[str, str]:
    """A form of Version 2 with a policy of any shape, rightly signed."""
    from plangrep_async.emulator.post_policy import _signature_v2

    text = base64.b64encode(json.dumps(document).encode()).decode()
    return {"key": "a/b", "policy": text, "awsaccesskeyid": "AKIDEXAMPLE", "signature": _signature_v2(text, "secret")}


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([["starts-with", "$key", "a/"]], "accepted"),
        ([["starts-with", "$key", ""]], "accepted"),
        ([["starts-with", "$key", "b"]], "AccessDenied"),
        ([["eq", "$Key", "a/b"]], "accepted"),
        ([["eq", "$key", "a"]], "AccessDenied"),
        ([["starts-with", "$key", ""], ["starts-with", "$Content-Type", "image/"]], "AccessDenied"),
        ([["like", "$key", "a"]], "InvalidPolicyDocument"),
        ([["eq", "key", "a/b"]], "InvalidPolicyDocument"),
        ([{"key": "a/b", "acl": "x"}], "InvalidPolicyDocument"),
        ([["content-length-range", "a", 1], {"key": "a/b"}], "InvalidPolicyDocument"),
        ([], "AccessDenied"),
    ],
)
def test_conditions(conditions: list[Any], code: str) -> None:
    document = {"expiration": "2030-01-01T00:00:00.000Z", "conditions": [{"bucket": "b"}, *conditions]}
    assert verdict(policy(document)) == code


@pytest.mark.parametrize("document", [{}, [], "x", {"expiration": "x", "conditions": []}, {"expiration": 1}])
def test_policies_that_are_none(document: Any) -> None:
    assert verdict(policy(document)) == "InvalidPolicyDocument"


def test_lists_of_content_types_match_one_by_one() -> None:
    document = {
        "expiration": "2030-01-01T00:00:00Z",
        "conditions": [{"bucket": "b"}, {"key": "a/b"}, ["starts-with", "$Content-Type", "image/"]],
    }
    assert verdict({**policy(document), "content-type": "image/png,image/gif"}) == "accepted"
    assert verdict({**policy(document), "content-type": "image/png,text/html"}) == "AccessDenied"


AWS_POLICY = (
    '{ "expiration": "2015-12-30T12:00:00.000Z",\r\n'
    '  "conditions": [\r\n'
    '    {"bucket": "sigv4examplebucket"},\r\n'
    '    ["starts-with", "$key", "user/user1/"],\r\n'
    '    {"acl": "public-read"},\r\n'
    '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},\r\n'
    '    ["starts-with", "$Content-Type", "image/"],\r\n'
    '    {"x-amz-meta-uuid": "14365123651274"},\r\n'
    '    {"x-amz-server-side-encryption": "AES256"},\r\n'
    '    ["starts-with", "$x-amz-meta-tag", ""],\r\n'
    "\r\n"
    '    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},\r\n'
    '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},\r\n'
    '    {"x-amz-date": "20151229T000000Z" }\r\n'
    "  ]\r\n"
    "}"
)


def test_the_example_of_the_aws_documentation() -> None:
    """AWS, "Examples: Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)"."""
    fields = {
        "key": "user/user1/photo.jpg",
        "acl": "public-read",
        "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        "content-type": "image/jpeg",
        "x-amz-meta-uuid": "14365123651274",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-date": "20151229T000000Z",
        "x-amz-meta-tag": "",
        "policy": base64.b64encode(AWS_POLICY.encode()).decode(),
        "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    }
    keys = S3Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    grant = verify_post(fields, bucket="sigv4examplebucket", now=1_451_350_000, credentials=keys)
    assert grant.metadata == {"x-amz-meta-uuid": "14365123651274", "x-amz-meta-tag": ""}
