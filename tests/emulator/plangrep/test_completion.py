from __future__ import annotations

from typing import Any

import httpx

from plangrep_async.emulator import Emulator


def test_a_job_without_documents(api: Any) -> None:
    job = api.new_job()
    assert api.error(api.complete(job)) == (409, "no_documents")


def test_an_empty_body_takes_all_documents(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("a.txt", b"a"), ("b.txt", b"b"))
    answer = api.post(f"/jobs/{job}/uploads/complete")
    assert answer.status_code == 202
    assert len(answer.json()["documentIds"]) == 2


def test_named_documents_alone_are_processed(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    first, second = (item["documentId"] for item in api.upload(job, ("a", b"a"), ("b", b"b")).json()["uploads"])
    done = api.run(job, documentIds=[second, second])
    assert (done["status"], done["pageCount"]) == ("completed", 1)
    assert [item["status"] for item in done["files"]] == ["skipped", "completed"]
    assert [item["documentId"] for item in api.result(job)["documents"]] == [second]
    assert emulator.plangrep.document(first).status == "skipped"


def test_records_that_are_refused(api: Any, bare: httpx.Client) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("a.pdf", b"x"))
    document, token = upload["documentId"], upload["uploadToken"]

    def refused(**body: Any) -> tuple[int, str]:
        error: tuple[int, str] = api.error(api.complete(job, **body))
        return error

    assert refused(documentIds=["doc_none"]) == (400, "unknown_document")
    assert refused(documentIds="all") == (400, "invalid_request")
    assert refused(documentIds=[document]) == (409, "upload_missing")
    assert refused(directUploads=[{"documentId": document}]) == (400, "invalid_request")
    assert refused(directUploads=[{"documentId": "doc_none", "uploadToken": token}]) == (400, "unknown_document")
    assert refused(directUploads=[{"documentId": document, "uploadToken": "other"}]) == (403, "invalid_upload_token")
    assert refused(directUploads=[{"documentId": document, "uploadToken": token}]) == (409, "upload_missing")
    assert refused(failedUploads=[{"documentId": "doc_none"}]) == (400, "unknown_document")
    assert refused(failedUploads=[{"documentId": document}], documentIds=[]) == (400, "invalid_request")
    assert api.job(job)["status"] == "uploading"


def test_failed_uploads_are_reported_in_the_result(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("good.txt", b"good"))
    [lost] = api.register(job, ("lost.pdf", b"lost"))
    done = api.run(job, failedUploads=[{"documentId": lost["documentId"], "message": "disk error"}])
    assert done["status"] == "completed_with_errors"
    [error] = api.result(job)["errors"]
    assert error["documentId"] == lost["documentId"]
    assert (error["code"], error["message"]) == ("upload_failed", "disk error")


def test_without_a_failure_record_the_service_waits_for_a_timeout(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("good.txt", b"good"))
    [lost] = api.register(job, ("lost.pdf", b"lost"))
    assert api.complete(job).status_code == 202
    emulator.clock.advance(5 + 299)
    assert api.job(job)["status"] == "preflighting"
    emulator.clock.advance(60)
    assert api.job(job)["status"] == "completed_with_errors"
    [error] = api.result(job)["errors"]
    assert (error["documentId"], error["code"]) == (lost["documentId"], "upload_timeout")


def test_bytes_without_a_completion_record_do_not_count(emulator: Emulator, api: Any, bare: httpx.Client) -> None:
    job = api.new_job()
    [upload] = api.register(job, ("a.pdf", b"x"))
    bare.put(upload["uploadUrl"], content=b"x", headers=upload["headers"])
    assert api.run(job)["status"] == "failed"
    assert emulator.plangrep.document(upload["documentId"]).error == {
        "code": "upload_timeout",
        "message": "the upload was never completed",
    }


def test_a_form_upload_may_be_registered_later(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("a.txt", b"same"))
    [upload] = api.register(job, ("a.txt", b"same"))
    record = {"documentId": upload["documentId"], "uploadToken": upload["uploadToken"]}
    assert api.run(job, directUploads=[record])["status"] == "completed"
