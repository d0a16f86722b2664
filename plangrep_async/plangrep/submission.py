"""What ``client.submit`` gives, and when it gives up."""

from __future__ import annotations

from typing import Self

import attrs
from attrs import field, frozen

from .._records import LOCAL
from ..errors import UploadIncompleteError
from .models.job import Job
from .models.result import JobResult
from .uploads.report import JobUploadReport, names_of

__all__ = ["SubmitResult", "check_report"]


@frozen(kw_only=True)
class SubmitResult(JobResult):
    """The result of a job, and how it came about.

    Attributes:
        finished: the job as it was at its end.
        report: the uploads; look at ``report.failed``.
    """

    finished: Job = field(metadata={LOCAL: True})
    report: JobUploadReport = field(metadata={LOCAL: True})

    @classmethod
    def of(cls, result: JobResult, finished: Job, report: JobUploadReport) -> Self:
        """The result with the rest."""
        values = {item.name: getattr(result, item.name) for item in attrs.fields(JobResult)}
        return cls(**values, finished=finished, report=report)


def check_report(report: JobUploadReport) -> None:
    """Whether a job should start with what was uploaded.

    A file that is bad itself does not stop the others. A file that the network or the service kept out could be there a
    minute later: starting without it would leave it out for good.

    Raises:
        UploadIncompleteError: such files are missing, or all are.
    """
    missing = [item for item in report.failed if item.may_succeed_later or not report.uploaded]
    if missing:
        total = len(report.uploaded) + len(report.failed)
        raise UploadIncompleteError(
            f"job {report.job_id} was not started: {len(missing)} of {total} files are not confirmed: "
            f"{names_of([item.file_name for item in missing])}. The first one: {missing[0].error}. To go "
            "on: uploads.send_again(error.report), then uploads.complete()",
            report=report,
        ) from missing[0].error
