"""Refusals, in the dialects of storage services."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plangrep_async.upload.s3error import S3Error, parse_s3_error, read_refusal
from plangrep_async.upload.wire import WireAnswer

AMAZON = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds the maximum allowed size</Message>
<ProposedSize>9</ProposedSize><RequestId>4442587FB7D0A2F9</RequestId><HostId>abc/def=</HostId></Error>"""


def test_amazons():
    assert parse_s3_error(AMAZON) == S3Error(
        "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "4442587FB7D0A2F9", "abc/def="
    )


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b'<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>SlowDown</Code></Error>', "SlowDown", None),
        (b"<s3:Error><s3:Message> Less &lt;than&gt; &#39;1&#39; </s3:Message></s3:Error>", None, "Less <than> '1'"),
        (b"<Error><Code><![CDATA[A<B]]></Code></Error>", "A<B", None),
        (b"\xef\xbb\xbf<Error><Code>Bad\xffCode</Code></Error>", "Bad\ufffdCode", None),
        (b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>", "Throttling", None),
        (
            b"    <Error><Code>InternalError</Code><Message>We encountered an inte",
            "InternalError",
            "We encountered an inte",
        ),
        (b'{"error": {"code": "conflict", "message": "no"}}', "conflict", "no"),
        (b'{"error": "nope", "code": 7}', None, "nope"),
        (b'{"code": "a", "message": "b"}', "a", "b"),
        (b'{"detail": "x"}', None, None),
        (b'["x"]', None, None),
        (b"<html><title>502 Bad Gateway</title></html>", None, None),
        (b"<Error></Error>", None, None),
        (b"<Errors><Code>x</Code></Errors>", None, None),
        (b"", None, None),
        (b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>", None, None),
    ],
)
def test_dialects(content, code, message):
    assert read_refusal(WireAnswer(400, {}, content)) == (code, message)


def test_no_entity_is_resolved():
    content = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Error><Message>&e;</Message></Error>'
    assert parse_s3_error(content).message == "&e;"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text("<>/ErorCde:! \n[]CDATA", max_size=300).map(str.encode))
def test_it_never_raises(content):
    read_refusal(WireAnswer(500, {}, content))


@pytest.mark.parametrize("piece", [b"<Error><Code>", b"<Code", b"<a:", b"<Error x", b"<", b"&", b"[", b'{"a":'])
def test_a_hostile_mebibyte_takes_no_time(piece):
    before = time.process_time()
    read_refusal(WireAnswer(500, {}, (b"<Error>" + piece * (1 << 20))[: 1 << 20]))
    read_refusal(WireAnswer(500, {}, (piece * (1 << 20))[: 1 << 20]))
    assert time.process_time() - before < 1.0
