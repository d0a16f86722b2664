"""What is known of each file while it is sent, for the report at any moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from ...errors import DeadlineExceededError, UploadDeadlineExceededError
from ...upload import Outcome, UploadFile
from ..limits import check_idempotency_key
from ..models.job import Job
from .arrivals import count_names
from .report import FailedFile, JobUploadReport, UploadedFile, names_of

__all__ = ["Ledger"]


class Ledger:
    """The files of one ``uploads.send``.

    Args:
        key: of the completion.
        on_file: told of each file as it ends.
        former: the report that is carried on.

    Attributes:
        files: those that are still to be sent.
        known: how many files of each name the job holds for certain.
        superseded: documents that were registered and then registered anew.
    """

    def __init__(
        self,
        job_id: str,
        files: list[UploadFile],
        key: str,
        on_file: Callable[[UploadedFile | FailedFile], None] | None = None,
        former: JobUploadReport | None = None,
    ) -> None:
        self.job_id = job_id
        self.files = files
        self.known: Mapping[str, int] = former.known if former else {}
        self.superseded: list[str] = []
        self._key = check_idempotency_key(key)
        self._on_file = on_file
        self._former = former
        self._uploaded: list[UploadedFile] = []
        self._failed: list[FailedFile] = []

    def settle(self, job: Job, registered: set[str]) -> None:
        """Compare the job with what a former report knew of it: a form that has arrived since is not sent again.

        Args:
            job: as it is now, before anything is sent.
            registered: names of the files that do not go as forms.
        """
        there = count_names(job)
        if self._former is None:
            self.known = there
            return
        known = Counter(self.known)
        left: list[UploadFile] = []
        for file in self.files:
            if file.name in registered or there[file.name] <= known[file.name]:
                left.append(file)
                continue
            known[file.name] += 1
            self._add(UploadedFile(file=file, document_id=None, mode="form", size=file.size or 0))
        self.files, self.known = left, known

    def note(self, outcome: Outcome[UploadedFile], failed: FailedFile | None) -> None:
        """One file has ended."""
        self._add(failed or outcome.result)

    def report(self, *unfinished: FailedFile) -> JobUploadReport:
        """As it stands; together with the former report, if there is one."""
        made = JobUploadReport(
            job_id=self.job_id,
            uploaded=tuple(self._uploaded),
            failed=(*self._failed, *unfinished),
            superseded=tuple(self.superseded),
            known=dict(self.known),
            idempotency_key=self._key,
        )
        return made if self._former is None else self._former.then(made)

    def out_of_time(self, error: DeadlineExceededError) -> UploadDeadlineExceededError:
        """The error that names what is not confirmed."""
        ended = {id(item.file) for item in self._uploaded} | {id(item.file) for item in self._failed}
        report = self.report(*(FailedFile(file=file, error=error) for file in self.files if id(file) not in ended))
        names = [item.file_name for item in report.failed]
        return UploadDeadlineExceededError(
            f"job {self.job_id}: after {error.deadline:g} s, {len(names)} of {len(report.uploaded) + len(names)} files "
            f"are not confirmed: {names_of(names)}. To go on: uploads.send_again(error.report)",
            report=report,
            deadline=error.deadline,
            spent=error.spent,
            elapsed=error.elapsed,
        )

    def _add(self, item: UploadedFile | FailedFile) -> None:
        if isinstance(item, FailedFile):
            self._failed.append(item)
        else:
            self._uploaded.append(item)
        if self._on_file is not None:
            self._on_file(item)
