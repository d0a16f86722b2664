"""Files that are sent as forms to the API itself ("Upload files").

One file a form, several forms at once. A form is stored whole or not at all and cannot be resumed, so what a failure
costs is the size of one file, an unclear answer is settled by looking for one name, and a file that is refused takes
none of its neighbours along. Several small files in one form would save requests, and lose all of this.
"""

from __future__ import annotations

from typing import Any

from ...errors import StorageError, UploadUnconfirmedError
from ...session.call import Answer, Call
from ...session.failure import read_error, status_error
from ...session.session import Session
from ...upload import Confirmation, FormTarget, Outcome, SlotRequest, Stored, Unconfirmed, Upload, UploadFile
from ...upload.wire import WireAnswer
from .._context import Context, api_path
from ..models.job import JobFile
from ..models.upload import UploadBatch
from .arrivals import Arrivals
from .form import form_metadata
from .report import FailedFile, UploadedFile

__all__ = ["FormRoute", "Forms", "form_call"]

_LIMITS = frozenset({"all", "write"})


def form_call(context: Context, job_id: str) -> Call[UploadBatch]:
    """What decodes the answer to a form; the engine, not the session, sends the form itself."""
    return Call("POST", api_path("jobs", job_id, "files"), context.codec.reader(UploadBatch))


class Forms:
    """How all forms of a client leave: the engine sends them, and the session's limiter and credentials hold for them.

    Args:
        session: of the client.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def target(self, job_id: str, metadata: str) -> FormTarget:
        """Where a form of this job goes.

        Each attempt takes its tokens; it raises ``RateLimitError`` where the service has asked for a longer wait than
        ``RetryPolicy.max_retry_after``. A 429 that a form meets holds back every call of the client.
        """
        session = self._session
        headers = [("Accept", "application/json"), *session.headers]
        if session.credentials is not None:
            headers.append(("Authorization", session.credentials.authorization()))
        began = 0.0

        async def before() -> None:
            nonlocal began
            await session.limiter.acquire(_LIMITS, longest_gate=session.retry.max_retry_after)
            began = session.clock.monotonic()

        def on_answer(answer: WireAnswer) -> None:
            if answer.status == 429:
                age = session.clock.monotonic() - began
                session.note_throttled(Answer(answer.status, answer.headers, answer.content), age=age)

        return FormTarget(
            url=session.base_url + api_path("jobs", job_id, "files"),
            headers=headers,
            fields=[("metadata", metadata)],
            before=before,
            on_answer=on_answer,
        )

    def decode(self, call: Call[UploadBatch], answer: WireAnswer) -> UploadBatch:
        """What the service says of a form. Raises what a call raises for this answer."""
        return self._session.interpret(call, Answer(answer.status, answer.headers, answer.content))


class FormRoute:
    """Makes an upload of each file of one job.

    Args:
        arrivals: settles lost answers.
    """

    def __init__(self, context: Context, forms: Forms, job_id: str, arrivals: Arrivals) -> None:
        self._context = context
        self._forms = forms
        self._job_id = job_id
        self._call = form_call(context, job_id)
        self._arrivals = arrivals
        self._begun: set[int] = set()

    def make_upload(self, file: UploadFile) -> Upload[UploadedFile]:
        """What the engine does with the file. Nothing is asked or sent yet."""
        flow_id = self._context.new_key()

        async def slot(request: SlotRequest) -> FormTarget:
            if id(file) not in self._begun:
                await self._arrivals.begin(file.name)
                self._begun.add(id(file))
            return self._forms.target(self._job_id, form_metadata(request.files, flow_id))

        async def confirm(_: Unconfirmed) -> Confirmation:
            return await self._arrivals.look(file.name, flow_id)

        return Upload(file, slot, complete=self._complete, confirm=confirm)

    def ended(self, outcome: Outcome[UploadedFile]) -> FailedFile | None:
        """Take note of an outcome; what to report of it when it failed."""
        file = outcome.upload.file
        if id(file) in self._begun:
            self._begun.discard(id(file))
            self._arrivals.end(file.name, stored=outcome.ok)
        if outcome.ok:
            return None
        return FailedFile(file=file, error=_as_api_error(outcome.error or RuntimeError("no reason was given")))

    async def _complete(self, stored: Stored) -> UploadedFile:
        common: dict[str, Any] = {"file": stored.file.file, "mode": "form", "size": stored.file.size}
        if isinstance(stored.evidence, JobFile):
            known = stored.evidence.extra.get("documentId")
            document_id = known if isinstance(known, str) else None
            return UploadedFile(document_id=document_id, status=stored.evidence.status, **common)
        assert stored.answer is not None  # a form that is stored without evidence was answered
        answer = stored.answer
        batch = self._forms.decode(self._call, answer)
        entry = batch.uploads[0] if batch.uploads else None
        if entry is None or entry.document_id is None:
            raise UploadUnconfirmedError(
                f"{stored.file.name}: the service answered {answer.status} with the status {batch.status!r} and names "
                "no document for it",
                file_name=stored.file.name,
                status=answer.status,
                body=answer.content,
            )
        return UploadedFile(document_id=entry.document_id, status=entry.status or batch.status, **common)


def _as_api_error(error: Exception) -> Exception:
    """A refusal by the API itself is an API error, whoever carried the bytes."""
    if not isinstance(error, StorageError) or error.status is None:
        return error
    answer = Answer(error.status, {}, error.body or b"")
    made = status_error(
        answer, read_error(answer), method=error.method or "POST", url=error.url or "", attempts=1, elapsed=0.0
    )
    made.__cause__ = error
    return made
