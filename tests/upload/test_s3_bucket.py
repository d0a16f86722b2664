"""The calls around an upload to a bucket, when their answers are lost or odd; the real service is asked elsewhere."""

from __future__ import annotations

import hashlib

import pytest

from plangrep_async.errors import InvalidInputError, StorageError, TransferConnectionError, UploadUnconfirmedError
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import (
    ConfirmedPart,
    Path,
    S3Bucket,
    S3Credentials,
    S3Signer,
    StartOver,
    UploadFile,
)
from plangrep_async.upload.digest import in_base64

MD5S = [hashlib.md5(bytes([n])).hexdigest() for n in range(2)]
PARTS = [ConfirmedPart(n + 1, 5, f'"{md5}"') for n, md5 in enumerate(MD5S)]
WHOLE = hashlib.md5(b"".join(map(bytes.fromhex, MD5S))).hexdigest() + "-2"
COMPLETED = f"<CompleteMultipartUploadResult><ETag>&quot;{WHOLE}&quot;</ETag></CompleteMultipartUploadResult>".encode()
LOST = TransferConnectionError("the answer was lost")


@pytest.fixture
def bucket(open_scheduler):
    """A bucket whose server replies by method, each list in order; the requests."""

    def make(**replies):
        def reply(request):
            left = replies[request.method]
            return left.pop(0) if len(left) > 1 else left[0]

        transfer = FakeTransfer(reply)
        signer = S3Signer("https://s3.example", "b", S3Credentials("key", "very-secret"))
        return S3Bucket(signer, open_scheduler(transfer)), transfer.requests

    return make


async def test_completing(bucket, make_answer):
    s3, requests = bucket(POST=[make_answer(200, COMPLETED)])
    assert await s3.finish("k", "u", PARTS, size=10) == f'"{WHOLE}"'
    assert b"<PartNumber>2</PartNumber>" in requests[0].body
    assert "uploadId=u" in requests[0].url


async def test_a_completion_whose_answer_was_lost_is_recognised(bucket, make_answer, s3_error):
    head = make_answer(200, etag=f'"{WHOLE}"', content_length="10")
    s3, requests = bucket(POST=[LOST, s3_error(404, "NoSuchUpload")], HEAD=[head])
    assert await s3.finish("k", "u", PARTS, size=10) == f'"{WHOLE}"'
    assert [request.method for request in requests] == ["POST", "POST", "HEAD"]


@pytest.mark.parametrize(
    "head",
    [{"status": 404}, {"etag": '"other-2"', "content_length": "10"}, {"etag": f'"{WHOLE}"', "content_length": "9"}],
)
async def test_another_object_is_not_taken_for_ours(bucket, make_answer, s3_error, head):
    s3, _ = bucket(POST=[s3_error(404, "NoSuchUpload")], HEAD=[make_answer(head.pop("status", 200), **head)])
    with pytest.raises(StartOver):
        await s3.finish("k", "u", PARTS, size=10)


async def test_etags_that_are_no_digests_leave_it_open(bucket, make_answer, s3_error):
    head = make_answer(200, etag='"kms-2"', content_length="10")
    s3, _ = bucket(POST=[s3_error(404, "NoSuchUpload")], HEAD=[head])
    with pytest.raises(UploadUnconfirmedError):
        await s3.finish("k", "u", [ConfirmedPart(1, 5, '"kms"'), ConfirmedPart(2, 5, '"kms"')], size=10)


@pytest.mark.parametrize(
    ("element", "etag"),
    [("", None), ("<ETag></ETag>", None), ("<ETag>ab-2</ETag>", '"ab-2"'), ('<ETag>"ab-2"</ETag>', '"ab-2"')],
)
async def test_the_ways_of_naming_the_whole(bucket, make_answer, element, etag):
    answer = f"<CompleteMultipartUploadResult>{element}</CompleteMultipartUploadResult>".encode()
    s3, _ = bucket(POST=[make_answer(200, answer)])
    assert await s3.finish("k", "u", PARTS, size=10) == etag


async def test_a_server_error_for_a_session_that_is_gone(bucket, make_answer, s3_error):
    """As Ceph RGW puts it. When the session is there, the error is what it says."""
    failure = s3_error(500, "InternalError", "already in progress")
    s3, requests = bucket(POST=[failure], GET=[s3_error(404, "NoSuchKey")], HEAD=[make_answer(404)])
    with pytest.raises(StartOver):
        await s3.finish("k", "u", PARTS, size=10)
    assert [request.method for request in requests][-2:] == ["GET", "HEAD"]
    s3, _ = bucket(POST=[failure], GET=[make_answer(200, b"<ListPartsResult/>")])
    with pytest.raises(StorageError) as caught:
        await s3.finish("k", "u", PARTS, size=10)
    assert caught.value.code == "InternalError"


async def test_a_late_error_in_a_good_answer(bucket, make_answer):
    """CompleteMultipartUpload may say 200 and fail afterwards. [Amazon S3 API Reference: CompleteMultipartUpload]"""
    late = make_answer(200, b"<Error><Code>InternalError</Code><Message>try again</Message></Error>")
    s3, requests = bucket(POST=[late, late, make_answer(200, COMPLETED)])
    assert await s3.finish("k", "u", PARTS, size=10) == f'"{WHOLE}"'
    assert len(requests) == 3
    s3, _ = bucket(POST=[late])
    with pytest.raises(StorageError) as caught:
        await s3.finish("k", "u", PARTS, size=10)
    assert caught.value.code == "InternalError"
    assert "very-secret" not in str(caught.value)


async def test_listing_all_pages(bucket, make_answer):
    def page(number, more):
        following = (
            f"<IsTruncated>true</IsTruncated><NextPartNumberMarker>{number}</NextPartNumberMarker>" if more else ""
        )
        part = f'<Part><PartNumber>{number}</PartNumber><ETag>"e"</ETag><Size>5</Size></Part>'
        return make_answer(200, f"<ListPartsResult>{following}{part}</ListPartsResult>".encode())

    s3, requests = bucket(GET=[page(1, True), page(2, True), page(3, False)])
    assert [part.number for part in await s3.list_parts("k", "u")] == [1, 2, 3]
    assert "part-number-marker=2" in requests[2].url


async def test_a_listing_that_goes_in_circles_ends(bucket, make_answer):
    page = make_answer(
        200,
        b"<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>0</NextPartNumberMarker></ListPartsResult>",
    )
    s3, requests = bucket(GET=[page])
    assert await s3.list_parts("k", "u") == []
    assert len(requests) == 1


async def test_an_unknown_session(bucket, s3_error):
    s3, _ = bucket(GET=[s3_error(404, "NoSuchUpload")])
    with pytest.raises(StartOver):
        await s3.list_parts("k", "u")


async def test_a_lost_put_is_recognised_by_its_checksum_alone(bucket, make_answer, open_scheduler):
    content = b"content"
    checksum = in_base64(hashlib.sha256(content).hexdigest())
    ours = make_answer(200, etag='"e"', x_amz_checksum_sha256=checksum, content_length="7")
    another = make_answer(200, etag='"e"', content_length="7")
    for head, puts in ((ours, 1), (another, 2)):
        s3, requests = bucket(PUT=[LOST, make_answer(200, etag='"e"')], HEAD=[head])
        result = await s3._scheduler.upload(s3.upload(UploadFile(content, name="a"), "k"))
        assert result.etag == '"e"'
        assert [request.method for request in requests].count("PUT") == puts
        assert dict(requests[0].headers)["x-amz-checksum-sha256"] == checksum


@pytest.mark.parametrize(("path", "hashed"), [(None, True), (Path.PUT, True), (Path.MULTIPART, False)])
async def test_only_what_goes_in_one_request_is_hashed(bucket, make_answer, path, hashed):
    created = make_answer(200, b"<R><UploadId>u</UploadId></R>")
    s3, _ = bucket(POST=[created, make_answer(200, COMPLETED)], PUT=[make_answer(200, etag='"e"')])
    report = await s3._scheduler.run_all([s3.upload(UploadFile(b"x", name="a"), "k", path=path)])
    assert bool(report.uploaded[0].files[0].digests) == hashed


async def test_nor_is_a_file_that_goes_in_parts_by_its_size(bucket, make_answer, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 << 20)
    created = make_answer(200, b"<R><UploadId>u</UploadId></R>")
    s3, requests = bucket(POST=[created, make_answer(200, COMPLETED)], PUT=[make_answer(200, etag='"e"')])
    report = await s3._scheduler.run_all([s3.upload(tmp_path / "large", "k")])
    assert [request.method for request in requests].count("PUT") == 4
    assert not report.uploaded[0].files[0].digests


async def test_parts_that_s3_would_refuse_are_refused_before_any_request(bucket, make_answer, tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(60 << 30)
    s3, requests = bucket(POST=[make_answer(500)])
    with pytest.raises(InvalidInputError, match="part_size=5242880"):
        await s3._scheduler.upload(s3.upload(tmp_path / "large", "k", part_size=5 << 20))
    assert requests == []


async def test_a_creation_that_says_nothing(bucket, make_answer):
    s3, _ = bucket(POST=[make_answer(200, b"<html>a proxy's page</html>")])
    with pytest.raises(StorageError):
        await s3._scheduler.upload(s3.upload(UploadFile(b"x", name="a"), "k", path=Path.MULTIPART))


async def test_small_requests_are_repeated_like_uploads(bucket, make_answer):
    s3, requests = bucket(GET=[make_answer(503), LOST, make_answer(200, b"ok")])
    assert (await s3._scheduler.request("GET", "https://s3.example/x")).content == b"ok"
    assert len(requests) == 3
    s3, requests = bucket(POST=[make_answer(500), make_answer(200)])
    assert (await s3._scheduler.request("POST", "https://s3.example/x", repeatable=False)).status == 500
    s3, requests = bucket(GET=[LOST])
    with pytest.raises(TransferConnectionError) as caught:
        await s3._scheduler.request("GET", "https://s3.example/x?X-Amz-Signature=secret")
    assert caught.value.attempts == len(requests) == 4
