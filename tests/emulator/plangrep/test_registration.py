from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings, WireNames


def test_a_direct_put(emulator: Emulator, api: Any, bare: httpx.Client, sheet_set: bytes) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("a.pdf", sheet_set))
    assert upload["uploadMode"] == "direct_put"
    assert upload["uploadUrl"].startswith(emulator.storage_url)
    assert set(upload["headers"]) == {"Content-Type", "x-amz-checksum-sha256"}
    assert api.job(job)["files"] == [
        {"id": emulator.plangrep.documents[0].file_id, "fileName": "a.pdf", "status": "pending"}
    ]
    assert bare.put(upload["uploadUrl"], content=sheet_set, headers=upload["headers"]).status_code == 200
    record = {"documentId": upload["documentId"], "uploadToken": upload["uploadToken"]}
    assert api.run(job, directUploads=[record])["status"] == "completed"
    assert emulator.plangrep.stored(upload["documentId"]).read() == sheet_set
    assert emulator.plangrep.times_stored(upload["documentId"]) == 1
    assert not emulator.violations


def test_headers_that_are_left_out_fail_the_upload(api: Any, bare: httpx.Client) -> None:
    [upload] = api.register(api.new_job(), ("a.pdf", b"x"))
    assert bare.put(upload["uploadUrl"], content=b"x").status_code == 403


def test_an_expired_url_is_registered_anew(emulator: Emulator, api: Any, bare: httpx.Client) -> None:
    job = api.new_job()
    [first] = api.register(job, ("a.pdf", b"x"))
    emulator.plangrep.expire_upload(first["documentId"])
    assert bare.put(first["uploadUrl"], content=b"x", headers=first["headers"]).status_code == 403
    emulator.clock.advance(1)
    [again] = api.register(job, ("a.pdf", b"x"))
    assert again["documentId"] == first["documentId"]
    assert again["uploadToken"] != first["uploadToken"]
    assert bare.put(again["uploadUrl"], content=b"x", headers=again["headers"]).status_code == 200
    assert len(api.job(job)["files"]) == 1
    record = {"documentId": first["documentId"], "uploadToken": first["uploadToken"]}
    assert api.complete(job, directUploads=[record]).status_code == 202


@pytest.mark.parametrize(
    "change",
    [
        {"fileName": ""},
        {"fileName": None},
        {"contentType": None},
        {"fileSize": -1},
        {"fileSize": "5"},
        {"fileSize": True},
        {"sha256": "A" * 64},
        {"sha256": None},
        {"classification": "poems"},
    ],
)
def test_entries_that_are_refused(emulator: Emulator, api: Any, change: dict[str, Any]) -> None:
    job = api.new_job()
    entry = {**api.entry("a.pdf", b"x"), **change}
    assert api.error(api.post(f"/jobs/{job}/uploads", json={"files": [entry]})) == (400, "invalid_request")
    assert emulator.plangrep.documents == []


def test_one_to_a_hundred_files_and_the_declared_bytes(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    entries = [api.entry("a.pdf", str(index).encode()) for index in range(101)]
    for files in ([], entries):
        assert api.error(api.post(f"/jobs/{job}/uploads", json={"files": files})) == (400, "invalid_request")
    assert api.post(f"/jobs/{job}/uploads", json={"files": entries[:100]}).status_code == 200
    assert api.error(api.post(f"/jobs/{job}/uploads", json={"files": entries[100:]})) == (400, "too_many_files")
    other = api.new_job(emulator.plangrep.projects[0].id)
    huge = {**entries[0], "fileSize": 10_000_000_001}
    assert api.error(api.post(f"/jobs/{other}/uploads", json={"files": [huge]})) == (413, "declared_bytes_exceeded")


def test_the_same_bytes_are_one_document(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    first, second = api.register(job, ("a.pdf", b"same"), ("b.pdf", b"same"))
    assert first["documentId"] == second["documentId"]
    entry = {**api.entry("a.pdf", b"same"), "fileSize": 5}
    assert api.error(api.post(f"/jobs/{job}/uploads", json={"files": [entry]})) == (400, "size_mismatch")


def content(api: Any, job: str, upload: dict[str, Any], data: bytes, **more: Any) -> httpx.Response:
    body = {"uploadToken": upload["uploadToken"], "contentBase64": base64.b64encode(data).decode(), **more}
    answer: httpx.Response = api.post(f"/jobs/{job}/uploads/{upload['documentId']}/content", json=body)
    return answer


def test_content_as_base64(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("a.pdf", sheet_set))
    answer = content(api, job, upload, sheet_set, sha256=hashlib.sha256(sheet_set).hexdigest()).json()
    assert (answer["status"], answer["uploadMode"], answer["fileSize"]) == ("uploaded", "direct_put", len(sheet_set))
    assert answer["directUpload"]["documentId"] == upload["documentId"]
    assert answer["directUpload"]["uploadToken"] != upload["uploadToken"]
    assert api.run(job, directUploads=[answer["directUpload"]])["status"] == "completed"
    assert emulator.plangrep.times_stored(upload["documentId"]) == 1


def test_content_that_is_refused(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("a.pdf", b"good"))
    assert api.error(content(api, job, upload, b"evil")) == (400, "checksum_mismatch")
    assert api.error(content(api, job, upload, b"longer")) == (400, "checksum_mismatch")
    assert api.error(content(api, job, upload, b"good", sha256="0" * 64)) == (400, "checksum_mismatch")
    assert api.error(content(api, job, upload, b"good", contentBase64="a-b_")) == (400, "invalid_request")
    assert api.error(content(api, job, upload, b"good", uploadToken="other")) == (403, "invalid_upload_token")
    assert content(api, job, {**upload, "documentId": "doc_none"}, b"good").status_code == 404
    assert emulator.plangrep.times_stored(upload["documentId"]) == 0


def test_empty_files_can_be_registered(emulator: Emulator, api: Any, bare: httpx.Client) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("empty.pdf", b""))
    assert bare.put(upload["uploadUrl"], content=b"", headers=upload["headers"]).status_code == 200
    assert content(api, job, upload, b"").status_code == 200


class TestMultipart:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(multipart_threshold=10 << 20, part_size=5 << 20)

    @pytest.fixture
    def data(self) -> bytes:
        return b"%PDF-" + bytes(range(251)) * 50_000

    def put_parts(self, bare: httpx.Client, upload: dict[str, Any], data: bytes) -> list[str]:
        size = upload["partSize"]
        etags = []
        for part in upload["partUrls"]:
            start = (part["partNumber"] - 1) * size
            answer = bare.put(part["url"], content=data[start : start + size])
            assert answer.status_code == 200, answer.text
            etags.append(answer.headers["etag"])
        return etags

    def record(self, upload: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {name: upload[name] for name in ("documentId", "uploadId", "uploadToken")} | more

    def test_the_server_chooses_by_size(self, api: Any, data: bytes) -> None:
        small, large = api.register(api.new_job(), ("a.pdf", b"x"), ("b.pdf", data))
        assert (small["uploadMode"], large["uploadMode"]) == ("direct_put", "multipart")
        assert "uploadUrl" not in large
        assert [part["partNumber"] for part in large["partUrls"]] == [1, 2, 3]

    def test_parts_become_the_document(self, emulator: Emulator, api: Any, bare: httpx.Client, data: bytes) -> None:
        job = api.new_job()
        [upload] = api.register(job, ("b.pdf", data))
        etags = self.put_parts(bare, upload, data)
        parts = [{"partNumber": index + 1, "etag": etag} for index, etag in enumerate(etags)]
        assert api.complete(job, multipartUploads=[self.record(upload, parts=parts)]).status_code == 202
        assert emulator.plangrep.stored(upload["documentId"]).read() == data
        assert emulator.plangrep.times_stored(upload["documentId"]) == 1

    def test_completions_that_are_refused(self, emulator: Emulator, api: Any, bare: httpx.Client, data: bytes) -> None:
        job = api.new_job()
        [upload] = api.register(job, ("b.pdf", data))
        first = upload["partUrls"][0]
        bare.put(first["url"], content=data[: upload["partSize"]])

        def refused(record: dict[str, Any]) -> tuple[int, str]:
            error: tuple[int, str] = api.error(api.complete(job, multipartUploads=[record]))
            return error

        assert refused(self.record(upload)) == (409, "upload_incomplete")
        assert refused({**self.record(upload), "uploadId": "other"}) == (400, "invalid_upload_id")
        assert refused({**self.record(upload), "uploadToken": "other"}) == (403, "invalid_upload_token")
        direct = [{"documentId": upload["documentId"], "uploadToken": upload["uploadToken"]}]
        assert api.error(api.complete(job, directUploads=direct)) == (409, "wrong_upload_mode")
        self.put_parts(bare, upload, data)
        wrong = [{"partNumber": 1, "etag": '"other"'}]
        assert refused(self.record(upload, parts=wrong)) == (409, "upload_incomplete")
        assert api.job(job)["status"] == "uploading"
        assert api.complete(job, multipartUploads=[self.record(upload)]).status_code == 202

    def test_bytes_that_are_not_the_registered_ones(self, api: Any, bare: httpx.Client, data: bytes) -> None:
        job = api.new_job()
        [upload] = api.register(job, ("b.pdf", data))
        self.put_parts(bare, upload, b"!" + data[1:])
        answer = api.complete(job, multipartUploads=[self.record(upload)])
        assert api.error(answer) == (400, "checksum_mismatch")
        [again] = api.register(job, ("b.pdf", data))
        assert again["uploadId"] != upload["uploadId"]
        self.put_parts(bare, again, data)
        assert api.complete(job, multipartUploads=[self.record(again)]).status_code == 202

    def test_a_part_of_another_length_is_refused(self, api: Any, bare: httpx.Client, data: bytes) -> None:
        [upload] = api.register(api.new_job(), ("b.pdf", data))
        assert bare.put(upload["partUrls"][2]["url"], content=data[:100]).status_code == 403

    def test_base64_is_not_for_multipart(self, api: Any, data: bytes) -> None:
        job = api.new_job()
        [upload] = api.register(job, ("b.pdf", data))
        assert api.error(content(api, job, upload, data)) == (409, "wrong_upload_mode")

    def test_a_completion_refused_for_another_document_can_be_repeated(
        self, api: Any, bare: httpx.Client, data: bytes
    ) -> None:
        job = api.new_job()
        large, small = api.register(job, ("b.pdf", data), ("a.pdf", b"x"))
        self.put_parts(bare, large, data)
        direct = [{"documentId": small["documentId"], "uploadToken": small["uploadToken"]}]
        body = {"multipartUploads": [self.record(large)], "directUploads": direct}
        bare.put(small["uploadUrl"], content=b"x", headers=small["headers"])
        both = {**body, "failedUploads": [{"documentId": small["documentId"]}]}
        assert api.error(api.complete(job, **both)) == (400, "invalid_request")
        assert api.complete(job, **body).status_code == 202


class TestOtherNames:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        names = WireNames(
            put_headers="requiredHeaders",
            upload_id="multipartUploadId",
            part_urls="uploadUrls",
            part_objects=False,
            multipart_records="multiparts",
            failed_records="failures",
            batch_status="batchStatus",
        )
        return PlangrepSettings(multipart_threshold=10, part_size=4, names=names)

    def test_every_unverified_name_can_be_changed(self, emulator: Emulator, api: Any, bare: httpx.Client) -> None:
        emulator.context.local.smallest_part = 1
        job = api.new_job()
        assert api.upload(job, ("f.pdf", b"form")).json()["batchStatus"] == "uploaded"
        direct, large, failed = api.register(job, ("a.pdf", b"x"), ("b.pdf", b"0123456789"), ("c.pdf", b"y"))
        assert "requiredHeaders" in direct
        for index, url in enumerate(large["uploadUrls"]):
            assert parse_qs(urlsplit(url).query)["partNumber"] == [str(index + 1)]
            bare.put(url, content=b"0123456789"[index * 4 : index * 4 + 4])
        bare.put(direct["uploadUrl"], content=b"x", headers=direct["requiredHeaders"])
        record = {name: large[name] for name in ("documentId", "multipartUploadId", "uploadToken")}
        answer = api.complete(
            job,
            directUploads=[{"documentId": direct["documentId"], "uploadToken": direct["uploadToken"]}],
            multiparts=[record],
            failures=[{"documentId": failed["documentId"], "message": "gone"}],
        )
        assert answer.status_code == 202
        assert emulator.plangrep.stored(large["documentId"]).read() == b"0123456789"
        assert emulator.plangrep.document(failed["documentId"]).status == "failed"
