from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfWriter

from plangrep_async.emulator import Emulator, PlangrepSettings


def test_a_result_follows_from_what_was_uploaded(api: Any, done: dict[str, Any]) -> None:
    assert (done["status"], done["pageCount"], done["successfulPageCount"]) == ("completed", 13, 13)
    result = api.result(done["id"])
    assert result["schemaVersion"] == "v1"
    assert (result["job"]["id"], result["job"]["status"]) == (done["id"], "completed")
    usage = result["usage"]
    assert (usage["pageCount"], usage["drawingPageCount"], usage["documentPageCount"]) == (13, 5, 8)
    assert usage["creditsDebited"] == 5 * 10 + 8 * 1
    assert (usage["successfulDrawingPageCount"], usage["successfulDocumentPageCount"]) == (5, 8)
    sheets, book = result["documents"]
    assert (sheets["classification"], book["classification"]) == ("plans", "specifications")
    assert [sheet["sheetNumber"] for sheet in sheets["sheets"]] == ["A1.01", "A1.02", "A1.03", "S1.04", "M1.05"]
    assert (sheets["sheets"][3]["discipline"], sheets["sheets"][0]["sheetName"]) == ("structural", "FIRST FLOOR PLAN")
    assert [section["sectionNumber"] for section in book["specifications"]] == [
        "03 30 00",
        "04 20 00",
        "05 12 00",
        "06 10 00",
    ]
    assert (sheets["specifications"], book["docs"], book["sheets"]) == (None, None, [])
    assert any(item["regionType"] == "detail" and item["text"] for item in result["evidence"])
    assert (result["warnings"], result["errors"]) == ([], [])


def test_it_does_not_change(emulator: Emulator, api: Any, done: dict[str, Any]) -> None:
    first = api.result(done["id"])
    emulator.clock.advance(3600)
    assert api.result(done["id"]) == first


def test_the_presigned_link_needs_no_key_and_must_not_have_one(
    emulator: Emulator, api: Any, bare: httpx.Client, done: dict[str, Any]
) -> None:
    url = done["resultUrl"]
    assert url.startswith(emulator.storage_url)
    assert "token=" in url
    assert bare.get(url).json() == api.result(done["id"])
    assert bare.get(url.replace("token=", "token=x")).status_code == 403
    assert not emulator.violations
    assert api.get(url).status_code == 400
    assert emulator.violations.kinds() == {"credentials_at_download"}


def test_broken_documents_make_errors(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    writer = PdfWriter()
    writer.add_blank_page(612, 792)
    writer.encrypt("secret", algorithm="RC4-128")
    encrypted = BytesIO()
    writer.write(encrypted)
    writer.close()
    job = api.new_job()
    api.upload(
        job,
        ("good.pdf", sheet_set),
        ("cut.pdf", sheet_set[:10_000]),
        ("locked.pdf", encrypted.getvalue()),
        ("empty.pdf", b""),
    )
    done = api.run(job)
    assert done["status"] == "completed_with_errors"
    assert [item["status"] for item in done["files"]] == ["completed", "failed", "failed", "failed"]
    result = api.result(job)
    assert {item["fileName"]: item["code"] for item in result["errors"]} == {
        "cut.pdf": "unreadable_pdf",
        "locked.pdf": "encrypted_pdf",
        "empty.pdf": "empty_file",
    }
    broken = result["documents"][1]
    assert (broken["pageCount"], broken["successfulPageCount"], broken["failedPageCount"]) == (1, 0, 1)
    assert broken["error"]["code"] == "unreadable_pdf"


def test_a_job_all_of_whose_documents_fail(api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("cut.pdf", b"%PDF-1.7 broken"))
    failed = api.run(job)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "no_document_processed")
    assert api.error(api.get(f"/jobs/{job}/result")) == (409, "result_not_available")


class TestFailingPages:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(page_fails=lambda name, page: name == "a.pdf" and page in (2, 4))

    def test_single_pages_can_fail(self, api: Any, sheet_set: bytes) -> None:
        job = api.new_job()
        api.upload(job, ("a.pdf", sheet_set, "plans"))
        done = api.run(job)
        assert (done["status"], done["pageCount"], done["successfulPageCount"]) == ("completed_with_errors", 5, 3)
        result = api.result(job)
        [document] = result["documents"]
        assert (document["status"], document["failedPageCount"]) == ("completed", 2)
        assert [sheet["pageNumber"] for sheet in document["sheets"]] == [1, 3, 5]
        assert result["errors"][0]["code"] == "pages_failed"
        assert result["usage"]["creditsDebited"] == 30


class TestInstant:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings.instant(credits=500)

    def test_nothing_takes_time(self, emulator: Emulator, api: Any, sheet_set: bytes) -> None:
        assert emulator.plangrep.credits == 500
        answer = api.post("/projects", json={"name": "A"}).json()
        assert answer["project"]["status"] == "provisioning"
        project = answer["project"]["id"]
        assert api.get(f"/projects/{project}").json()["project"]["status"] == "ready"
        job = api.post(f"/projects/{project}/jobs", json={}).json()["job"]
        assert job["status"] == "awaiting_uploads"
        api.upload(job["id"], ("a.pdf", sheet_set))
        api.complete(job["id"])
        assert api.job(job["id"])["status"] == "completed"
        assert api.post(f"/projects/{project}/source-search", json={"query": "parapet"}).status_code == 200
