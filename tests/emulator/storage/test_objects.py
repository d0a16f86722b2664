from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable

import httpx
import pytest

from plangrep_async.emulator import Emulator, Fault, s3_fault
from plangrep_async.emulator.storage.backend import SignedRequest

BUCKET = "bucket"
DATA = b"%PDF-1.7 some bytes"

SignPut = Callable[..., SignedRequest]
CodeOf = Callable[[httpx.Response], str]


def put(client: httpx.Client, signed: SignedRequest, data: bytes, **headers: str) -> httpx.Response:
    return client.put(signed.url, content=data, headers={**signed.headers, **headers})


def test_a_put_is_stored_byte_for_byte(emulator: Emulator, bare: httpx.Client, sign_put: SignPut) -> None:
    signed = sign_put(DATA)
    assert set(signed.headers) == {"Content-Type", "x-amz-checksum-sha256"}
    answer = put(bare, signed, DATA)
    assert answer.status_code == 200
    assert answer.headers["x-amz-checksum-sha256"] == base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    [stored] = emulator.storage.objects
    assert (stored.key, stored.content.read(), stored.content_type) == ("some key.pdf", DATA, "application/pdf")
    assert (stored.writes, stored.etag) == (1, answer.headers["etag"])
    put(bare, signed, DATA)
    assert emulator.storage.objects[0].writes == 2


def test_large_bodies_are_streamed_to_disk(emulator: Emulator, bare: httpx.Client, sign_put: SignPut) -> None:
    data = bytes(range(256)) * 40_000
    assert put(bare, sign_put(data), data).status_code == 200
    [stored] = emulator.storage.objects
    assert stored.content.segments[0].data is None
    assert stored.content.sha256 == hashlib.sha256(data).hexdigest()
    assert stored.content.read() == data


def test_expired_urls(emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf) -> None:
    signed = sign_put(DATA, lifetime=60)
    assert signed.expires_at == int(emulator.clock.time()) + 60
    emulator.clock.advance(61)
    answer = put(bare, signed, DATA)
    assert (answer.status_code, code_of(answer)) == (403, "AccessDenied")
    assert b"Request has expired" in answer.content
    assert emulator.storage.objects == []


def test_urls_can_be_expired_one_by_one(
    emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf
) -> None:
    first, second = sign_put(DATA, "a"), sign_put(DATA, "b")
    emulator.storage.expire(BUCKET, "a")
    assert code_of(put(bare, first, DATA)) == "AccessDenied"
    assert put(bare, second, DATA).status_code == 200
    emulator.clock.advance(1)
    assert put(bare, sign_put(DATA, "a"), DATA).status_code == 200


def test_missing_and_wrong_headers(emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf) -> None:
    signed = sign_put(DATA)
    assert code_of(bare.put(signed.url, content=DATA)) == "SignatureDoesNotMatch"
    [violation] = emulator.violations
    assert violation.kind == "missing_signed_headers"
    assert "content-type;x-amz-checksum-sha256" in violation.detail
    assert code_of(put(bare, signed, DATA, **{"Content-Type": "text/plain"})) == "SignatureDoesNotMatch"
    assert code_of(put(bare, signed, DATA + b"x")) == "SignatureDoesNotMatch"
    assert code_of(put(bare, signed, b"!" * len(DATA))) == "BadDigest"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Content-MD5", base64.b64encode(hashlib.md5(DATA).digest()).decode(), None),
        ("Content-MD5", base64.b64encode(hashlib.md5(b"other").digest()).decode(), "BadDigest"),
        ("Content-MD5", "nonsense", "InvalidDigest"),
        ("x-amz-content-sha256", hashlib.sha256(b"other").hexdigest(), "AccessDenied"),
    ],
)
def test_digests(
    bare: httpx.Client, sign_put: SignPut, code_of: CodeOf, name: str, value: str, code: str | None
) -> None:
    answer = put(bare, sign_put(DATA, checksum=False), DATA, **{name: value})
    assert (code is None and answer.status_code == 200) or code_of(answer) == code


def test_a_signed_checksum_header_that_is_no_digest(emulator: Emulator, bare: httpx.Client, code_of: CodeOf) -> None:
    headers = {"x-amz-checksum-sha256": "nonsense"}
    signed = emulator.context.local.sign("PUT", BUCKET, "k", lifetime=60, headers=headers)
    assert code_of(put(bare, signed, DATA)) == "InvalidRequest"
    headers = {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}
    signed = emulator.context.local.sign("PUT", BUCKET, "k", lifetime=60, headers=headers)
    assert code_of(put(bare, signed, DATA)) == "XAmzContentSHA256Mismatch"
    assert emulator.storage.objects == []


def test_chunked_bodies_are_refused_and_noted(emulator: Emulator, bare: httpx.Client, code_of: CodeOf) -> None:
    signed = emulator.context.local.sign("PUT", BUCKET, "k", lifetime=60)
    answer = bare.put(signed.url, content=iter([DATA]))
    assert (answer.status_code, code_of(answer)) == (501, "NotImplemented")
    assert emulator.violations.kinds() == {"chunked_to_storage"}


@pytest.mark.parametrize("name", ["Authorization", "Cookie"])
def test_credentials_at_the_storage_are_noted(
    emulator: Emulator, bare: httpx.Client, sign_put: SignPut, name: str
) -> None:
    answer = put(bare, sign_put(DATA), DATA, **{name: "secret"})
    assert answer.status_code == (400 if name == "Authorization" else 200)
    [violation] = emulator.violations
    assert (violation.kind, violation.service) == ("credentials_at_storage", "storage")
    assert "secret" not in violation.detail


def test_unsigned_requests_and_unknown_places(emulator: Emulator, bare: httpx.Client, code_of: CodeOf) -> None:
    assert code_of(bare.get(f"{emulator.storage_url}/{BUCKET}/k")) == "AccessDenied"
    assert code_of(bare.get(f"{emulator.storage_url}/nowhere/k")) == "NoSuchBucket"
    assert code_of(bare.get(emulator.context.storage.sign_get(BUCKET, "k", lifetime=60).url)) == "NoSuchKey"
    assert code_of(bare.get(f"{emulator.storage_url}/")) == "AccessDenied"
    assert code_of(bare.patch(f"{emulator.storage_url}/{BUCKET}/k")) == "MethodNotAllowed"


def test_get_head_and_ranges(emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf) -> None:
    put(bare, sign_put(DATA), DATA)
    query = {"response-content-disposition": 'attachment; filename="x.pdf"'}
    url = emulator.context.storage.sign_get(BUCKET, "some key.pdf", lifetime=60, query=query).url
    answer = bare.get(url)
    assert (answer.content, answer.headers["content-type"]) == (DATA, "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="x.pdf"'
    assert bare.head(url).status_code == 403  # a method, a signature
    head = bare.head(emulator.context.local.sign("HEAD", BUCKET, "some key.pdf", lifetime=60).url)
    assert (head.headers["content-length"], head.content) == (str(len(DATA)), b"")
    for spec, part in (("bytes=0-3", DATA[:4]), ("bytes=5-", DATA[5:]), ("bytes=-4", DATA[-4:])):
        ranged = bare.get(url, headers={"Range": spec})
        assert (ranged.status_code, ranged.content) == (206, part)
    assert code_of(bare.get(url, headers={"Range": "bytes=900-"})) == "InvalidRange"


def test_public_buckets_are_read_by_anyone(emulator: Emulator, bare: httpx.Client, sign_put: SignPut) -> None:
    put(bare, sign_put(DATA), DATA)
    emulator.context.local.public.add(BUCKET)
    assert bare.get(emulator.context.local.public_url(BUCKET, "some key.pdf")).content == DATA


def test_if_none_match_keeps_what_is_there(
    emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf
) -> None:
    signed = sign_put(DATA)
    assert put(bare, signed, DATA, **{"If-None-Match": "*"}).status_code == 200
    answer = put(bare, signed, DATA, **{"If-None-Match": "*"})
    assert (answer.status_code, code_of(answer)) == (412, "PreconditionFailed")


def test_an_upload_that_breaks_off_stores_nothing(emulator: Emulator, bare: httpx.Client, sign_put: SignPut) -> None:
    data = b"x" * 5_000_000
    emulator.faults.add("PUT *", Fault.cut("in_body", after_bytes=1_000_000))
    with pytest.raises(httpx.TransportError):
        put(bare, sign_put(data), data)
    end = time.monotonic() + 5
    while emulator.requests.in_flight["storage"] and time.monotonic() < end:
        time.sleep(0.001)
    assert emulator.storage.objects == []


def test_faults_answer_as_s3_does(emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf) -> None:
    emulator.faults.add("PUT /{bucket}/{key}", s3_fault("SlowDown"), times=1)
    answer = put(bare, sign_put(DATA), DATA)
    assert (answer.status_code, code_of(answer)) == (503, "SlowDown")
    assert put(bare, sign_put(DATA), DATA).status_code == 200


def test_too_large_a_put(
    emulator: Emulator, bare: httpx.Client, sign_put: SignPut, code_of: CodeOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator.context.local, "largest_put", 10)
    assert code_of(put(bare, sign_put(DATA), DATA)) == "EntityTooLarge"


def test_deleting(emulator: Emulator, bare: httpx.Client, sign_put: SignPut) -> None:
    put(bare, sign_put(DATA), DATA)
    signed = emulator.context.local.sign("DELETE", BUCKET, "some key.pdf", lifetime=60)
    assert bare.delete(signed.url).status_code == 204
    assert emulator.storage.objects == []
