"""Reports and the errors that carry them go through a queue or into a journal."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.errors import (
    DeadlineExceededError,
    StorageError,
    TransferConnectionError,
    UploadDeadlineExceededError,
    UploadIncompleteError,
)
from plangrep_async.plangrep import FailedFile, JobUploadReport, PlangrepClient, Project, SubmitResult, UploadedFile
from plangrep_async.upload import UploadFile

FILES = (
    UploadFile("plans/floor-plan.pdf", classification="plans", attributes={"discipline": "A"}),
    UploadFile(Path("plans/spec-book.pdf")),
    UploadFile(b"%PDF-", name="note.pdf"),
)
FAILURES = (
    TransferConnectionError("refused", nothing_sent=True, file_name="spec-book.pdf", bytes_sent=7),
    StorageError("answered 403", status=403, code="AccessDenied", body=b"<Error/>"),
)
REPORT = JobUploadReport(
    job_id="job_1",
    uploaded=(UploadedFile(file=FILES[0], document_id="d", mode="form", size=5),),
    failed=tuple(FailedFile(file=file, error=error) for file, error in zip(FILES[1:], FAILURES, strict=True)),
    known={"floor-plan.pdf": 1},
    idempotency_key="key",
)

Again = Callable[[Any], Any]
ways = pytest.mark.parametrize(
    "again",
    [lambda value: pickle.loads(pickle.dumps(value)), copy.copy, copy.deepcopy],
    ids=["pickled", "copied", "copied deep"],
)


def check(report: JobUploadReport) -> None:
    assert repr(report) == repr(REPORT)
    assert (report.known, report.idempotency_key) == (REPORT.known, "key")
    assert dict(report.uploaded[0].file.attributes) == {"discipline": "A"}
    for item, error in zip(report.failed, FAILURES, strict=True):
        assert vars(item.error) == vars(error)
        assert item.may_succeed_later is isinstance(item.error, TransferConnectionError)
    # Files are recognised by identity: a later report names the same ones.
    later = JobUploadReport(job_id="job_1", failed=report.failed[:1], idempotency_key="later")
    assert len(report.then(later).failed) == 2


@ways
def test_a_report(again: Again) -> None:
    check(again(REPORT))


@ways
def test_an_upload_that_is_incomplete(again: Again) -> None:
    error = again(UploadIncompleteError("1 of 3 files", report=REPORT, attempts=3))
    assert type(error) is UploadIncompleteError
    assert (str(error), error.attempts, error.elapsed) == ("1 of 3 files", 3, None)
    check(error.report)


@ways
def test_an_upload_that_ran_out_of_time(again: Again) -> None:
    error = again(UploadDeadlineExceededError("late", report=REPORT, deadline=5.0, spent={"transfer": 4.0}))
    assert isinstance(error, DeadlineExceededError)
    assert (str(error), error.deadline, error.spent) == ("late", 5.0, {"transfer": 4.0})
    check(error.report)


async def test_the_result_of_a_submission(real: PlangrepClient, project: Project, pdf: Callable[..., bytes]) -> None:
    result = await real.submit(project.id, [UploadFile(pdf("SHEET A1.01"), name="floor-plan.pdf")])
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is SubmitResult
    assert repr(again) == repr(copy.deepcopy(result)) == repr(result)
    assert again.report.uploaded[0].file.source == result.report.uploaded[0].file.source
    assert again.to_dict() == result.to_dict()
