from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plangrep_async.errors import (
    APIConnectionError,
    BadRequestError,
    DeadlineExceededError,
    RateLimitError,
    ServerError,
    SourceChangedError,
    SourceNotFoundError,
    StorageError,
    TransferStalledError,
    UploadIncompleteError,
    UploadUnconfirmedError,
)
from plangrep_async.plangrep import (
    CompletedPart,
    DirectUpload,
    FailedFile,
    JobUploadReport,
    MultipartCompletion,
    UploadedFile,
)
from plangrep_async.plangrep.submission import check_report
from plangrep_async.plangrep.uploads.completion import completion_of
from plangrep_async.plangrep.uploads.form import form_metadata
from plangrep_async.plangrep.uploads.report import names_of
from plangrep_async.upload import Fingerprint, PreparedFile, UploadFile


def form(name: str, document_id: str | None = None) -> UploadedFile:
    return UploadedFile(file=UploadFile(name), document_id=document_id, mode="form", size=1)


def put(name: str, document_id: str, token: str = "t") -> UploadedFile:
    record = DirectUpload(document_id=document_id, upload_token=token)
    return UploadedFile(file=UploadFile(name), document_id=document_id, mode="direct_put", size=1, completion=record)


def parts(name: str, document_id: str) -> UploadedFile:
    record = MultipartCompletion(
        document_id=document_id, upload_id="u", upload_token="t", parts=(CompletedPart(part_number=1, etag='"e"'),)
    )
    return UploadedFile(file=UploadFile(name), document_id=document_id, mode="multipart", size=1, completion=record)


def failed(name: str, error: Exception, document_id: str | None = None) -> FailedFile:
    return FailedFile(file=UploadFile(name), error=error, document_id=document_id)


def report(*uploaded: UploadedFile, failures: tuple[FailedFile, ...] = (), **more: Any) -> JobUploadReport:
    return JobUploadReport(job_id="j", uploaded=uploaded, failed=failures, idempotency_key="k", **more)


def test_forms_need_nothing() -> None:
    assert completion_of(report(form("a", "d1"), form("b"))).to_dict() == {}


def test_registered_files_are_told_with_their_tokens() -> None:
    body = completion_of(report(form("a", "d1"), put("b", "d2"), parts("c", "d3"))).to_dict()
    assert body == {
        "directUploads": [{"documentId": "d2", "uploadToken": "t"}],
        "multipartUploads": [{"documentId": "d3", "uploadId": "u", "uploadToken": "t"}],
    }
    told = completion_of(report(parts("c", "d3")), with_parts=True).to_dict()
    assert told["multipartUploads"][0]["parts"] == [{"partNumber": 1, "etag": '"e"'}]


def test_failures_of_registered_files_are_told() -> None:
    error = StorageError("refused", code="AccessDenied")
    body = completion_of(
        report(put("a", "d1"), failures=(failed("b", error, "d2"), failed("c", SourceNotFoundError("gone"))))
    ).to_dict()
    assert body["failedUploads"] == [{"documentId": "d2", "code": "AccessDenied", "message": "refused"}]


def test_the_same_bytes_twice_are_one_document() -> None:
    body = completion_of(
        report(put("a", "d1", "old"), put("b", "d1", "new"), failures=(failed("c", StorageError("x"), "d1"),))
    ).to_dict()
    assert body == {"directUploads": [{"documentId": "d1", "uploadToken": "new"}]}


def test_documents_that_were_given_up_are_left_out() -> None:
    assert completion_of(report(form("a", "d1"), put("b", "d3"), superseded=("d2",))).to_dict()["documentIds"] == [
        "d1",
        "d3",
    ]
    # Registered anew, and given the same document: nothing is left over.
    assert "documentIds" not in completion_of(report(put("b", "d3"), superseded=("d3",))).to_dict()
    # The id of one is not known: all that was uploaded is meant.
    assert "documentIds" not in completion_of(report(form("a"), put("b", "d3"), superseded=("d2",))).to_dict()


def test_a_second_attempt_replaces_what_failed_first() -> None:
    lost = failed("b", TransferStalledError("slow"), "d2")
    bad = failed("c", SourceNotFoundError("gone"))
    first = report(form("a", "d1"), failures=(lost, bad), superseded=("d0",))
    later = JobUploadReport(
        job_id="j",
        uploaded=(UploadedFile(file=lost.file, document_id="d5", mode="form", size=1),),
        idempotency_key="k2",
    )
    both = first.then(later)
    assert [item.document_id for item in both.uploaded] == ["d1", "d5"]
    assert both.failed == (bad,)
    assert both.superseded == ("d0",)
    assert both.idempotency_key == "k2"


@pytest.mark.parametrize(
    ("error", "later"),
    [
        (TransferStalledError("x"), True),
        (APIConnectionError("x"), True),
        (DeadlineExceededError("x"), True),
        (UploadUnconfirmedError("x"), True),
        (RateLimitError("x"), True),
        (ServerError("x", status=503), True),
        (StorageError("x", status=503), True),
        (StorageError("x", status=403), False),
        (UploadUnconfirmedError("x", status=200), False),
        (BadRequestError("x", status=400), False),
        (SourceChangedError("x"), False),
        (RuntimeError("x"), False),
    ],
)
def test_whose_fault_it_was(error: Exception, later: bool) -> None:
    assert failed("a", error).may_succeed_later is later


def test_when_a_job_is_not_started() -> None:
    check_report(report(form("a", "d1"), failures=(failed("b", SourceNotFoundError("gone")),)))
    with pytest.raises(
        UploadIncompleteError, match=r"1 of 3 files are not confirmed: b\. The first one: slow"
    ) as caught:
        check_report(
            report(
                form("a", "d1"),
                failures=(failed("b", TransferStalledError("slow")), failed("c", SourceNotFoundError("gone"))),
            )
        )
    assert isinstance(caught.value.__cause__, TransferStalledError)
    assert len(caught.value.report.failed) == 2
    with pytest.raises(UploadIncompleteError, match="1 of 1 files are not confirmed: c"):
        check_report(report(failures=(failed("c", SourceNotFoundError("gone")),)))


def test_long_lists_of_names_are_cut() -> None:
    assert names_of(["a", "b"]) == "a, b"
    assert names_of([str(number) for number in range(25)]).endswith("19 and 5 more")


def test_nothing_secret_is_in_the_repr_of_a_report() -> None:
    shown = repr(report(put("a", "d1", "hush"), parts("b", "d2")))
    assert "hush" not in shown
    assert "idempotency_key" not in shown


def test_form_metadata_is_as_documented(sample: Callable[[str], Any]) -> None:
    documented = sample("form_metadata")
    entry = documented["files"][0]
    prepared = PreparedFile(
        UploadFile(b"", name=entry["fileName"], classification="plans"), Fingerprint("", 0), {"sha256": entry["sha256"]}
    )
    assert json.loads(form_metadata([prepared], documented["clientUploadFlowId"])) == documented


def test_form_metadata_leaves_out_what_is_not_known() -> None:
    files = [PreparedFile(UploadFile(b"", name=name), Fingerprint("", 0)) for name in ('Grün "1".pdf', "b.xyz")]
    assert json.loads(form_metadata(files, "f"))["files"] == [
        {"partName": "file0", "fileName": 'Grün "1".pdf', "contentType": "application/pdf"},
        {"partName": "file1", "fileName": "b.xyz", "contentType": "application/octet-stream"},
    ]
