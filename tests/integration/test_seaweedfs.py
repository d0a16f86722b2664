"""The four paths against a storage service that checks signatures, policies and checksums."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time

import pytest

from plangrep_async.errors import ChecksumMismatchError, StorageError, UploadExpiredError
from plangrep_async.upload import (
    MultipartTarget,
    Path,
    PostFormTarget,
    PutTarget,
    S3Bucket,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadState,
)
from plangrep_async.upload.digest import in_base64

pytestmark = pytest.mark.integration
MIB = 1 << 20


async def test_presigned_put_with_a_checksum(seaweedfs, tmp_path):
    content = os.urandom(300_001)
    (tmp_path / "plan.pdf").write_bytes(content)
    checksum = in_base64(hashlib.sha256(content).hexdigest())
    headers = {"Content-Type": "application/pdf", "x-amz-checksum-sha256": checksum}
    url = seaweedfs.signer().presign("PUT", "put/plan 1 é.pdf", now=time.time(), headers=headers)
    async with UploadScheduler() as scheduler:
        stored = await scheduler.upload(Upload(tmp_path / "plan.pdf", PutTarget(url=url, headers=headers)))
    assert stored.answer.status == 200
    assert stored.answer.headers["etag"].strip('"') == hashlib.md5(content).hexdigest()
    assert await asyncio.to_thread(seaweedfs.content, "put/plan 1 é.pdf") == content


async def test_a_wrong_checksum_is_refused_and_nothing_is_stored(seaweedfs):
    headers = {"x-amz-checksum-sha256": in_base64(hashlib.sha256(b"something else").hexdigest())}
    url = seaweedfs.signer().presign("PUT", "put/wrong", now=time.time(), headers=headers)
    async with UploadScheduler() as scheduler:
        with pytest.raises(ChecksumMismatchError) as caught:
            await scheduler.upload(Upload(UploadFile(b"content", name="w"), PutTarget(url=url, headers=headers)))
    assert caught.value.attempts == 2  # the wire may have been at fault, once
    assert await asyncio.to_thread(seaweedfs.content, "put/wrong") is None
    assert "X-Amz-Signature" not in str(caught.value)


async def test_a_header_that_was_signed_and_not_sent_is_refused(seaweedfs):
    url = seaweedfs.signer().presign("PUT", "put/x", now=time.time(), headers={"Content-Type": "application/pdf"})
    async with UploadScheduler() as scheduler:
        with pytest.raises(StorageError) as caught:
            await scheduler.upload(Upload(UploadFile(b"content", name="x"), PutTarget(url=url)))
    assert caught.value.status == 403
    assert caught.value.code == "SignatureDoesNotMatch"


async def test_an_expired_url_is_renewed_by_asking_again(seaweedfs):
    signer = seaweedfs.signer()
    asked = []

    async def slot(request):
        asked.append(request.reason)
        now = time.time() - (7200 if request.renewal == 0 else 0)
        return PutTarget(url=signer.presign("PUT", "put/renewed", now=now, expires=3600))

    async with UploadScheduler() as scheduler:
        await scheduler.upload(Upload(UploadFile(b"content", name="x"), slot))
        expired = PutTarget(url=signer.presign("PUT", "put/x", now=time.time() - 7200))
        with pytest.raises(UploadExpiredError):
            await scheduler.upload(Upload(UploadFile(b"content", name="x"), expired))
    assert len(asked) == 2
    assert isinstance(asked[1], UploadExpiredError)
    assert await asyncio.to_thread(seaweedfs.content, "put/renewed") == b"content"


async def test_post_form_with_a_policy(seaweedfs):
    content = os.urandom(100_000)
    fields = {"Content-Type": "image/png", "x-amz-meta-note": 'a "b" & c'}
    url, signed = seaweedfs.signer().post_form(
        "form/a.png", now=time.time(), fields=fields, conditions=[["content-length-range", 1, 200_000]]
    )
    async with UploadScheduler() as scheduler:
        stored = await scheduler.upload(
            Upload(UploadFile(content, name='we"ird\né.png'), PostFormTarget(url=url, fields=signed))
        )
        assert stored.answer.status == 204
        large = Upload(UploadFile(bytes(300_000), name="a.png"), PostFormTarget(url=url, fields=signed))
        with pytest.raises(StorageError) as caught:
            await scheduler.upload(large)
        assert caught.value.code == "EntityTooLarge"
        changed = [(name, "image/jpeg" if name == "Content-Type" else value) for name, value in signed]
        other = Upload(UploadFile(content, name="a.png"), PostFormTarget(url=url, fields=changed))
        with pytest.raises(StorageError) as caught:
            await scheduler.upload(other)
        assert caught.value.status == 403
    assert await asyncio.to_thread(seaweedfs.content, "form/a.png") == content


@pytest.mark.parametrize("name", ["ends with\\", "\\", 'a "b"\\', "a\0b\x1b\x7f.pdf", "a\tb; name=c.pdf"])
async def test_no_file_name_hides_the_file(seaweedfs, name):
    """A backslash before the closing quote once did: the server took an empty file and said yes."""
    url, signed = seaweedfs.signer().post_form("form/named", now=time.time())
    content = name.encode()
    async with UploadScheduler() as scheduler:
        await scheduler.upload(Upload(UploadFile(content, name=name), PostFormTarget(url=url, fields=signed)))
    assert await asyncio.to_thread(seaweedfs.content, "form/named") == content


async def test_an_expired_policy_is_told_apart(seaweedfs):
    url, signed = seaweedfs.signer().post_form("form/late", now=time.time() - 7200)
    async with UploadScheduler() as scheduler:
        with pytest.raises(UploadExpiredError):
            await scheduler.upload(Upload(UploadFile(b"x", name="x"), PostFormTarget(url=url, fields=signed)))


async def test_multipart_with_presigned_part_urls(seaweedfs, tmp_path):
    content = os.urandom(11 * MIB + 17)
    (tmp_path / "big.bin").write_bytes(content)
    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(seaweedfs.signer(), scheduler)
        upload_id = await bucket.create("multi/urls", "application/octet-stream")
        urls = [
            seaweedfs.signer().presign(
                "PUT", "multi/urls", now=time.time(), query={"partNumber": str(n), "uploadId": upload_id}
            )
            for n in (1, 2, 3)
        ]
        target = MultipartTarget(upload_id=upload_id, part_size=5 * MIB, part_urls=urls)
        stored = await scheduler.upload(Upload(tmp_path / "big.bin", target))
        assert [part.number for part in stored.parts] == [1, 2, 3]
        assert [part.size for part in stored.parts] == [5 * MIB, 5 * MIB, MIB + 17]
        assert await bucket.list_parts("multi/urls", upload_id) == list(stored.parts)
        await bucket.finish("multi/urls", upload_id, stored.parts, size=len(content))
    assert await asyncio.to_thread(seaweedfs.content, "multi/urls") == content


async def test_a_bucket_chooses_the_path_by_size(seaweedfs, tmp_path):
    small, large = os.urandom(1000), os.urandom(10 * MIB + 1)
    (tmp_path / "large").write_bytes(large)
    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(seaweedfs.signer(), scheduler)
        report = await scheduler.run_all(
            [
                bucket.upload(UploadFile(small, name="small"), "bucket/small"),
                bucket.upload(tmp_path / "large", "bucket/large", path=Path.MULTIPART, part_size=5 * MIB),
                bucket.upload(UploadFile(b"", name="empty"), "bucket/empty"),
                bucket.upload(tmp_path / "missing", "bucket/missing"),
            ]
        )
    assert {outcome.result.key for outcome in report.uploaded} == {"bucket/small", "bucket/large", "bucket/empty"}
    assert [outcome.upload.key for outcome in report.failed] == ["bucket/missing"]
    assert await asyncio.to_thread(seaweedfs.content, "bucket/small") == small
    assert await asyncio.to_thread(seaweedfs.content, "bucket/large") == large
    assert await asyncio.to_thread(seaweedfs.content, "bucket/empty") == b""
    etags = {outcome.result.key: outcome.result.etag for outcome in report.uploaded}
    assert etags["bucket/large"].strip('"').endswith("-3")


async def test_resume_sends_only_what_is_missing(seaweedfs, tmp_path):
    content = os.urandom(21 * MIB)
    path = tmp_path / "resume.bin"
    path.write_bytes(content)
    states = []

    class Stop(Exception):
        pass

    def keep(state):
        states.append(state.to_json())
        if len(state.parts) == 2:
            raise Stop

    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(seaweedfs.signer(), scheduler)
        upload = bucket.upload(path, "resume/a", path=Path.MULTIPART, part_size=5 * MIB, on_state=keep)
        with pytest.raises(Stop):
            await scheduler.upload(upload)
    assert await asyncio.to_thread(seaweedfs.content, "resume/a") is None

    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(seaweedfs.signer(), scheduler)
        again = bucket.upload(path, "resume/a", resume=UploadState.from_json(states[-1]))
        [outcome] = (await scheduler.run_all([again])).uploaded
    assert outcome.attempts <= 3  # five parts, two of them known
    assert outcome.bytes_sent <= 11 * MIB
    assert await asyncio.to_thread(seaweedfs.content, "resume/a") == content


async def test_a_session_that_is_gone_starts_over(seaweedfs, tmp_path):
    content = os.urandom(6 * MIB)
    path = tmp_path / "gone.bin"
    path.write_bytes(content)
    states = []
    async with UploadScheduler() as scheduler:
        bucket = S3Bucket(seaweedfs.signer(), scheduler)
        first = bucket.upload(path, "gone/a", path=Path.MULTIPART, part_size=5 * MIB, on_state=states.append)
        await scheduler.upload(first)
        assert states[0].upload_id
        again = bucket.upload(path, "gone/a", path=Path.MULTIPART, part_size=5 * MIB, resume=states[0])
        result = await scheduler.upload(again)
    assert result.size == len(content)
    assert await asyncio.to_thread(seaweedfs.content, "gone/a") == content
