from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, Fault, PlangrepSettings

FILES = "POST /api/open/v1/jobs/{jobId}/files"


def form(*parts: tuple[str, str | None, bytes], metadata: Any = "{}") -> list[tuple[str, Any]]:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    return [("metadata", (None, text)), *((name, (file_name, data)) for name, file_name, data in parts)]


def test_files_are_stored_byte_for_byte(emulator: Emulator, api: Any, sheet_set: bytes, spec_book: bytes) -> None:
    job = api.new_job()
    answer = api.upload(job, ("sheets.pdf", sheet_set, "plans"), ('odd "näme\n.pdf', spec_book))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["job"]["status"]) == ("uploaded", "uploading")
    assert [item["status"] for item in body["uploads"]] == ["uploaded", "uploaded"]
    first, second = (item["documentId"] for item in body["uploads"])
    assert emulator.plangrep.stored(first).read() == sheet_set
    assert emulator.plangrep.stored(second).read() == spec_book
    assert emulator.plangrep.document(second).file_name == 'odd "näme\n.pdf'
    assert emulator.plangrep.times_stored(first) == 1


def test_metadata_decides_and_the_parts_own_heads_stand_in(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    entry = {"partName": "file1", "fileName": "named.pdf", "contentType": "application/x", "classification": "addenda"}
    parts = form(("file0", "own.pdf", b"a"), ("file1", "other.pdf", b"b"), metadata={"files": [entry]})
    assert api.post(f"/jobs/{job}/files", files=parts).status_code == 200
    own, named = emulator.plangrep.documents
    assert (own.file_name, own.content_type, own.classification) == ("own.pdf", "application/pdf", None)
    assert (named.file_name, named.content_type, named.classification) == ("named.pdf", "application/x", "addenda")


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ("not json", "invalid_json"),
        ("[]", "invalid_json"),
        ({"files": "x"}, "invalid_request"),
        ({"files": [{"partName": "file0", "classification": "poems"}]}, "invalid_request"),
        ({"files": [{"partName": "file0", "sha256": "ABC"}]}, "invalid_request"),
        ({"files": [{"partName": "file0", "sha256": "0" * 64}]}, "checksum_mismatch"),
        ({"files": [{"partName": "file0"}, {"partName": "file1"}]}, "missing_part"),
        ({"files": [{"partName": "file0"}, {"partName": "file0"}]}, "invalid_request"),
        ({"clientUploadFlowId": 5}, "invalid_request"),
    ],
)
def test_metadata_that_is_refused(emulator: Emulator, api: Any, metadata: Any, code: str) -> None:
    job = api.new_job()
    answer = api.post(f"/jobs/{job}/files", files=form(("file0", "a.pdf", b"x" * 100_000), metadata=metadata))
    assert api.error(answer) == (400, code)
    assert emulator.plangrep.documents == []
    assert api.job(job)["status"] == "awaiting_uploads"


def test_forms_that_are_refused(api: Any) -> None:
    job = api.new_job()
    assert api.error(api.post(f"/jobs/{job}/files", json={})) == (400, "invalid_form")
    assert api.error(api.post(f"/jobs/{job}/files", files=form()))[0] == 400
    no_metadata = {"file0": ("a.pdf", b"x")}
    assert api.error(api.post(f"/jobs/{job}/files", files=no_metadata))[0] == 400
    assert api.error(api.post(f"/jobs/{job}/files", files=form(("file0", "a", b"x"), ("file0", "b", b"y"))))[0] == 400
    cut = b'--b\r\nContent-Disposition: form-data; name="file0"; filename="a"\r\n\r\nx'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert api.error(api.post(f"/jobs/{job}/files", content=cut, headers=headers)) == (400, "invalid_form")


def test_a_digest_is_verified(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    entry = {"partName": "file0", "fileName": "a.pdf", "sha256": hashlib.sha256(b"good").hexdigest()}
    good = api.post(f"/jobs/{job}/files", files=form(("file0", "a.pdf", b"good"), metadata={"files": [entry]}))
    assert good.json()["uploads"][0]["sha256"] == entry["sha256"]


def test_a_form_that_is_sent_twice_is_seen(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    emulator.faults.add(FILES, Fault.cut("after"), times=1)
    with pytest.raises(httpx.TransportError):
        api.upload(job, ("a.pdf", b"same"))
    assert api.upload(job, ("a.pdf", b"same")).json()["status"] == "uploaded"
    assert [item["fileName"] for item in api.job(job)["files"]] == ["a.pdf", "a.pdf"]
    assert len(emulator.plangrep.documents) == 2


def test_a_form_that_breaks_off_leaves_nothing(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    emulator.faults.add(FILES, Fault.reset("in_body", after_bytes=2_000_000), times=1)
    with pytest.raises(httpx.TransportError):
        api.upload(job, ("a.pdf", b"x" * 1_500_000), ("b.pdf", b"y" * 1_500_000))
    end = time.monotonic() + 5
    while emulator.requests.in_flight["plangrep"] and time.monotonic() < end:
        time.sleep(0.001)
    assert emulator.plangrep.documents == []


class TestLimits:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(max_files=3, max_bytes=5_000_000)

    def test_files(self, emulator: Emulator, api: Any) -> None:
        job = api.new_job()
        assert api.job(job)["limits"] == {"maxDeclaredBytes": 5_000_000, "maxFiles": 3}
        api.upload(job, ("a", b"a"), ("b", b"b"))
        assert api.error(api.upload(job, ("c", b"c"), ("d", b"d"))) == (400, "too_many_files")
        assert api.upload(job, ("c", b"c")).status_code == 200
        assert api.error(api.upload(job, ("d", b"d"))) == (400, "too_many_files")

    def test_bytes(self, emulator: Emulator, api: Any) -> None:
        job = api.new_job()
        api.upload(job, ("a", b"a" * 3_000_000))
        assert api.error(api.upload(job, ("b", b"b" * 2_000_001))) == (413, "declared_bytes_exceeded")
        assert api.error(api.upload(job, ("b", b"b" * 20_000_000))) == (413, "declared_bytes_exceeded")
        assert api.upload(job, ("b", b"b" * 2_000_000)).status_code == 200


class TestDeduplicationOfForms:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(deduplicate_forms=True)

    def test_the_same_bytes_are_stored_once(self, emulator: Emulator, api: Any) -> None:
        job = api.new_job()
        first = api.upload(job, ("a.pdf", b"same")).json()
        again = api.upload(job, ("renamed.pdf", b"same"), ("b.pdf", b"other")).json()
        assert [item["status"] for item in again["uploads"]] == ["skipped", "uploaded"]
        assert again["uploads"][0]["documentId"] == first["uploads"][0]["documentId"]
        assert again["uploads"][0]["fileName"] == "a.pdf"
        assert api.upload(job, ("a.pdf", b"same")).json()["status"] == "skipped"
        assert len(emulator.plangrep.documents) == 2
        assert emulator.plangrep.times_stored(first["uploads"][0]["documentId"]) == 1

    def test_a_lost_answer_stores_and_a_repeat_is_skipped(self, emulator: Emulator, api: Any) -> None:
        job = api.new_job()
        emulator.faults.add(FILES, Fault.cut("after"), times=1)
        with pytest.raises(httpx.TransportError):
            api.upload(job, ("a.pdf", b"same"))
        assert api.upload(job, ("a.pdf", b"same")).json()["status"] == "skipped"
        assert len(emulator.plangrep.documents) == 1


class TestWithoutDeduplication:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(deduplicate=False)

    def test_each_part_is_a_document(self, emulator: Emulator, api: Any) -> None:
        job = api.new_job()
        api.upload(job, ("a.pdf", b"same"), ("b.pdf", b"same"))
        api.register(job, ("c.pdf", b"same"))
        assert len(emulator.plangrep.documents) == 3
