"""Uploads over real sockets, with everything that goes wrong on the way."""

from __future__ import annotations

import asyncio
import hashlib
import random
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import evolve

from plangrep_async.emulator import Emulator, Fault, PlangrepRateLimit
from plangrep_async.emulator import WireNames as EmulatedNames
from plangrep_async.errors import (
    AuthenticationError,
    BadRequestError,
    BodyNotReplayableError,
    ClientClosedError,
    DeadlineExceededError,
    DecodeError,
    InvalidInputError,
    RateLimitError,
    SourceNotFoundError,
    SourceUnreadableError,
    StorageError,
    UploadDeadlineExceededError,
    UploadExpiredError,
    UploadIncompleteError,
    UploadUnconfirmedError,
)
from plangrep_async.plangrep import (
    Completion,
    DirectUpload,
    JobUploadReport,
    PlangrepClient,
    Registered,
    Registration,
    UploadedFile,
    WireNames,
)
from plangrep_async.ratelimit import RateLimit
from plangrep_async.testing import ScaledClock
from plangrep_async.upload import Upload, UploadFile, UploadProgress, UploadSettings, UploadState

FORM = "POST /api/open/v1/jobs/{jobId}/files"
REGISTER = "POST /api/open/v1/jobs/{jobId}/uploads"
PART_SIZE = 5 << 20
MULTIPART_FROM = 6_000_000
FORM_BELOW = 100_000


@pytest.fixture
async def emulator(make_emulator: Callable[..., Emulator]) -> Emulator:
    return await asyncio.to_thread(make_emulator, multipart_threshold=MULTIPART_FROM, part_size=PART_SIZE)


@pytest.fixture
async def real(emulator: Emulator, scaled_clock: ScaledClock) -> AsyncIterator[PlangrepClient]:
    settings = UploadSettings(stall_timeout=2.0, answer_timeout=2.0)
    async with PlangrepClient(
        emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock, uploads=settings
    ) as client:
        yield client


@pytest.fixture
async def job_id(real: PlangrepClient) -> str:
    project = await real.projects.wait_until_ready((await real.projects.create("P")).project.id)
    created = await real.jobs.create(project.id)
    return (await real.jobs.wait_until_open(created.job.id)).id


def content(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def file(name: str, size: int = 1000) -> UploadFile:
    return UploadFile(content(size, zlib.crc32(name.encode()) + size), name=name)


async def finish(client: PlangrepClient, emulator: Emulator, report: JobUploadReport) -> None:
    """Complete the job; every file of the report is at the service once, byte for byte, and nothing else is."""
    await client.uploads.complete(report.job_id, report)
    await client.jobs.wait(report.job_id)
    await asyncio.to_thread(_assert_stored_once, emulator, report)


def _assert_stored_once(emulator: Emulator, report: JobUploadReport) -> None:
    assert not report.failed
    stored = [document for document in emulator.plangrep.documents if document.content is not None]
    assert len(stored) == len(report.uploaded)
    by_digest = {document.sha256: document for document in stored}
    for item in report.uploaded:
        source = item.file.source
        raw = source if isinstance(source, bytes) else Path(str(source)).read_bytes()
        document = by_digest[hashlib.sha256(raw).hexdigest()]
        assert document.content is not None
        assert document.content.read() == raw
        assert document.file_name == item.file_name
        assert emulator.plangrep.times_stored(document.id) == 1
        assert item.document_id in (document.id, None)
    assert not emulator.violations


async def stored(emulator: Emulator, document_id: str | None) -> bytes:
    """What the service holds of a document."""
    return await asyncio.to_thread(lambda: emulator.plangrep.stored(document_id or "").read())


async def test_three_ways(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    names = ["small.pdf", "middle.pdf", 'Grün "1"\n.pdf', "large.pdf", "empty.txt"]
    sizes = [10_000, 200_000, 10, 2 * PART_SIZE + 5, 0]
    report = await real.uploads.send(
        job_id, [file(*item) for item in zip(names, sizes, strict=True)], form_below=FORM_BELOW
    )
    assert {item.file_name: item.mode for item in report.uploaded} == {
        "small.pdf": "form",
        "middle.pdf": "direct_put",
        'Grün "1"\n.pdf': "form",
        "large.pdf": "multipart",
        "empty.txt": "form",
    }
    await finish(real, emulator, report)
    assert {item.file_name: item.sha256 is not None for item in report.uploaded}["small.pdf"] is False


@pytest.mark.parametrize(("route", "modes"), [("form", {"form"}), ("registered", {"direct_put"})])
async def test_a_way_can_be_forced(
    real: PlangrepClient, emulator: Emulator, job_id: str, route: Any, modes: set[str]
) -> None:
    report = await real.uploads.send(
        job_id, [file("a.pdf"), file("b.pdf", 300_000)], route=route, form_below=FORM_BELOW
    )
    assert {item.mode for item in report.uploaded} == modes
    await finish(real, emulator, report)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.cut("after"),
        Fault.cut("in_answer"),
        Fault.reset("after"),
        Fault.cut("in_body"),
        Fault.cut("read"),
        Fault.answer(503),
        Fault.answer(500, when="after"),
        Fault.answer(500),
        Fault.html(502, when="after"),
        Fault.answer(429, retry_after=1),
        Fault.stall("after"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.when} {fault.status or ''}",
)
async def test_a_form_whose_answer_is_lost_is_stored_once(
    real: PlangrepClient, emulator: Emulator, job_id: str, fault: Fault
) -> None:
    rule = emulator.faults.add(FORM, fault, nth=2)
    report = await real.uploads.send(job_id, [file(f"{number}.pdf", 50_000 + number) for number in range(4)])
    assert rule.fired == 1
    await finish(real, emulator, report)


async def test_files_of_one_name_are_told_apart(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    emulator.faults.add(FORM, Fault.cut("after"), times=2)
    files = [UploadFile(content(1000, seed), name="plan.pdf") for seed in range(4)]
    report = await real.uploads.send(job_id, files)
    again = await real.uploads.send(job_id, [UploadFile(content(1000, 9), name="plan.pdf")])
    await finish(real, emulator, report.then(again))


async def test_a_registered_file_is_not_taken_for_a_form_of_its_name(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    emulator.faults.add(FORM, Fault.cut("read"))
    files = [UploadFile(content(size, size), name="plan.pdf") for size in (200_000, 1000)]
    report = await real.uploads.send(job_id, files, form_below=FORM_BELOW)
    assert [item.mode for item in report.uploaded] == ["direct_put"] * 2
    await finish(real, emulator, report)


async def test_an_answer_that_names_no_document_is_not_taken_for_success(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    emulator.faults.add(FORM, Fault.answer(200, b'{"status": "skipped", "uploads": []}', when="read"))
    report = await real.uploads.send(job_id, [file("a.pdf")])
    assert isinstance(report.failed[0].error, UploadUnconfirmedError)
    assert "'skipped'" in str(report.failed[0].error)


async def test_a_refusal_by_the_api_is_an_api_error(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    body = b'{"error": {"code": "bad_metadata", "message": "no"}}'
    emulator.faults.add(FORM, Fault.answer(400, body, when="read"), nth=1)
    report = await real.uploads.send(job_id, [file("a.pdf")])
    error = report.failed[0].error
    assert isinstance(error, BadRequestError)
    assert (error.status, error.code, error.body) == (400, "bad_metadata", body)
    await asyncio.to_thread(emulator.plangrep.revoke_key, emulator.api_key)
    with pytest.raises(AuthenticationError):
        await real.uploads.send(job_id, [file("a.pdf")])


@pytest.mark.parametrize("name", ["middle.pdf", "large.pdf"])
async def test_an_expired_url_is_registered_anew(
    real: PlangrepClient, emulator: Emulator, job_id: str, name: str
) -> None:
    size = {"middle.pdf": 200_000, "large.pdf": 3 * PART_SIZE}[name]
    expired = b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>'
    rule = emulator.faults.add("PUT *", Fault.answer(403, expired, when="read"), service="storage", nth=1)
    report = await real.uploads.send(job_id, [file(name, size), file("other.pdf", 150_000)], form_below=FORM_BELOW)
    assert rule.fired == 1
    assert not report.failed
    assert sorted(item.file_name for item in report.uploaded) == sorted([name, "other.pdf"])
    job = await real.uploads.complete(job_id, report)
    assert (await real.jobs.wait(job.id)).status == "completed"
    assert not emulator.violations


async def test_a_url_that_has_really_run_out(make_emulator: Callable[..., Emulator], scaled_clock: ScaledClock) -> None:
    emulator = await asyncio.to_thread(make_emulator, url_lifetime=120.0, deduplicate=False)
    async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock) as client:
        project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
        created = await client.jobs.create(project.id)
        await client.jobs.wait_until_open(created.job.id)
        # The first PUT is held for longer than its URL lives; afterwards the registered document is another one.
        emulator.faults.add("PUT *", Fault.latency(2.0), service="storage", nth=1)
        report = await client.uploads.send(created.job.id, [file("a.pdf", 300_000)], route="registered")
        assert not report.failed
        assert len(report.superseded) == 1
        assert report.superseded[0] != report.uploaded[0].document_id
        job = await client.uploads.complete(created.job.id, report)
        assert (await client.jobs.wait(job.id)).status == "completed"
        assert [item.document_id for item in (await client.jobs.result(job.id)).documents] == [
            report.uploaded[0].document_id
        ]


async def test_registrations_leave_together(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    report = await real.uploads.send(job_id, [file(f"{n}.pdf", 2000 + n) for n in range(60)], route="registered")
    await finish(real, emulator, report)
    assert emulator.requests.count(REGISTER) < 15


async def test_registered_uploads_are_values_that_go_into_the_client_s_scheduler(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    async def uploads() -> AsyncIterator[Upload[UploadedFile]]:
        for number in range(20):
            await asyncio.sleep(0)
            yield evolve(route.make_upload(file(f"{number}.pdf", 2000 + number)), key=number)
        yield route.make_upload(file("large.pdf", 2 * PART_SIZE + 1))
        yield route.make_upload(UploadFile(b"x", name="bad.pdf", classification="poem"))

    async with real.uploads.registered_route(job_id) as route:
        outcomes = [outcome async for outcome in real.scheduler.run(uploads())]

    assert sorted(outcome.upload.key for outcome in outcomes if outcome.upload.key is not None) == list(range(20))
    (failed,) = [outcome for outcome in outcomes if not outcome.ok]
    assert failed.file_name == "bad.pdf"
    assert isinstance(failed.error, InvalidInputError)
    assert emulator.requests.count(REGISTER) < 15
    uploaded = tuple(outcome.result for outcome in outcomes if outcome.ok)
    assert {item.mode for item in uploaded} == {"direct_put", "multipart"}
    await finish(real, emulator, JobUploadReport(job_id=job_id, uploaded=uploaded, idempotency_key="once"))


async def test_what_another_process_had_stored_is_told_as_what_it_was(
    real: PlangrepClient, emulator: Emulator, job_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "large.pdf"
    await asyncio.to_thread(path.write_bytes, content(2 * PART_SIZE))
    states: list[UploadState] = []
    async with real.uploads.registered_route(job_id) as route:
        upload = evolve(route.make_upload(path), on_state=states.append)
        before = await real.scheduler.upload(upload)
        saved = UploadState.from_json(states[-1].to_json())
        again = await real.scheduler.upload(evolve(upload, resume=saved, on_state=None))
    assert before.completion == again.completion
    assert again.mode == "multipart"
    await finish(real, emulator, JobUploadReport(job_id=job_id, uploaded=(again,), idempotency_key="once"))


@pytest.mark.parametrize(
    "names",
    [
        EmulatedNames(
            put_headers="uploadHeaders", upload_id="multipartUploadId", part_urls="parts", part_size="chunkSize"
        ),
        EmulatedNames(part_objects=False, batch_status="batchStatus"),
        EmulatedNames(put_headers="requiredHeaders", part_number="number", part_url="signedUrl"),
    ],
    ids=["longer names", "bare URLs", "other names"],
)
async def test_names_that_no_page_confirms(
    make_emulator: Callable[..., Emulator], scaled_clock: ScaledClock, names: EmulatedNames
) -> None:
    emulator = await asyncio.to_thread(
        make_emulator, names=names, multipart_threshold=MULTIPART_FROM, part_size=PART_SIZE
    )
    overrides = {"MultipartCompletion.upload_id": names.upload_id}
    async with PlangrepClient(
        emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock, wire_names=WireNames(overrides)
    ) as client:
        project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
        result = await client.submit(
            project.id,
            [file("small.pdf"), file("middle.pdf", 200_000), file("large.pdf", 2 * PART_SIZE + 1)],
            form_below=FORM_BELOW,
        )
        assert {item.mode for item in result.report.uploaded} == {"form", "direct_put", "multipart"}
        assert not result.report.failed


@pytest.mark.parametrize("size", [1000, MULTIPART_FROM])
async def test_a_registration_that_cannot_be_completed_costs_no_byte(
    real: PlangrepClient, emulator: Emulator, job_id: str, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    register = real.uploads.register

    async def without_tokens(*arguments: Any, **keywords: Any) -> Registered:
        answer = await register(*arguments, **keywords)
        return evolve(answer, uploads=tuple(evolve(item, upload_token=None) for item in answer.uploads))

    monkeypatch.setattr(real.uploads, "register", without_tokens)
    one = file("a.pdf", size)
    report = await real.uploads.send(job_id, [one], route="registered")
    assert isinstance(report.failed[0].error, DecodeError)
    assert report.failed[0].document_id is not None
    raw = content(size)
    (alone,) = (
        await without_tokens(
            job_id,
            [Registration(file_name="b", content_type="x/y", file_size=size, sha256=hashlib.sha256(raw).hexdigest())],
        )
    ).uploads
    with pytest.raises(DecodeError, match="upload_token"):
        await real.uploads.put(alone, UploadFile(raw, name="b"))
    assert emulator.requests.count(service="storage") == 0


async def test_a_storage_that_refuses_is_told_to_the_service(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    refusal = b"<Error><Code>AccessDenied</Code><Message>Not for you</Message></Error>"
    emulator.faults.add("PUT *", Fault.answer(403, refusal, when="read"), service="storage", match="doc_|.*", times=1)
    report = await real.uploads.send(
        job_id, [file("first.pdf", 150_000), file("second.pdf", 150_001)], route="registered"
    )
    assert len(report.failed) == 1
    failure = report.failed[0]
    assert isinstance(failure.error, StorageError)
    assert failure.error.code == "AccessDenied"
    assert failure.document_id is not None
    job = await real.uploads.complete(job_id, report)
    ended = await real.jobs.wait(job.id)
    assert ended.status == "completed_with_errors"
    result = await real.jobs.result(job.id)
    assert [problem.document_id for problem in result.errors] == [failure.document_id]


async def test_missing_and_changed_files(real: PlangrepClient, emulator: Emulator, job_id: str, tmp_path: Path) -> None:
    (tmp_path / "good.pdf").write_bytes(content(1000))
    report = await real.uploads.send(
        job_id, [tmp_path / "good.pdf", tmp_path / "missing.pdf", tmp_path, UploadFile(b"x", name="y", size=2)]
    )
    assert [item.file_name for item in report.uploaded] == ["good.pdf"]
    assert sorted(item.file_name for item in report.failed) == sorted(["missing.pdf", tmp_path.name, "y"])
    assert isinstance(next(i for i in report.failed if i.file_name == "missing.pdf").error, SourceNotFoundError)


async def test_a_stream_is_sent_once(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    raw = content(300_000)

    def stream() -> AsyncIterator[bytes]:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(raw), 10_000):
                yield raw[start : start + 10_000]

        return chunks()

    report = await real.uploads.send(job_id, [UploadFile(stream(), name="streamed.pdf", size=len(raw))])
    assert await stored(emulator, report.uploaded[0].document_id) == raw
    emulator.faults.add(FORM, Fault.cut("in_body"), nth=1)
    report = await real.uploads.send(job_id, [UploadFile(stream(), name="again.pdf", size=len(raw))])
    assert isinstance(report.failed[0].error, BodyNotReplayableError)


class TestLimits:
    async def test_they_are_checked_before_a_byte_is_sent(
        self, real: PlangrepClient, emulator: Emulator, job_id: str
    ) -> None:
        with pytest.raises(InvalidInputError, match="101 are too many"):
            await real.uploads.send(job_id, [file(str(number)) for number in range(101)])
        with pytest.raises(InvalidInputError, match="there is none"):
            await real.uploads.send(job_id, [])
        with pytest.raises(InvalidInputError, match="brackets"):
            await real.uploads.send(job_id, "plan.pdf")  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="route"):
            await real.uploads.send(job_id, ["plan.pdf"], route="pigeon")  # type: ignore[arg-type]
        assert emulator.requests.count(FORM) == 0

    async def test_the_bytes_are_counted(
        self, real: PlangrepClient, emulator: Emulator, job_id: str, tmp_path: Path
    ) -> None:
        for name in ("a.pdf", "b.pdf"):
            with (tmp_path / name).open("wb") as sparse:
                sparse.truncate(5_000_000_001)
        with pytest.raises(InvalidInputError, match=r"10,000,000,002 bytes, and a job takes 10,000,000,000"):
            await real.uploads.send(job_id, [tmp_path / "a.pdf", tmp_path / "b.pdf"])
        assert emulator.requests.count(REGISTER) == 0

    async def test_what_the_job_holds_already_counts(
        self, make_emulator: Callable[..., Emulator], scaled_clock: ScaledClock
    ) -> None:
        emulator = await asyncio.to_thread(make_emulator, max_files=2)
        async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock) as client:
            project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
            created = await client.jobs.create(project.id)
            await client.uploads.send(created.job.id, [file("a")], job=created.job)
            with pytest.raises(InvalidInputError, match="a job takes 2 and it holds 1 already"):
                await client.uploads.send(created.job.id, [file("b"), file("c")])

    async def test_a_job_that_is_past_uploads(self, real: PlangrepClient, job_id: str) -> None:
        await real.jobs.cancel(job_id)
        with pytest.raises(InvalidInputError, match="'cancelled' and takes no files"):
            await real.uploads.send(job_id, [file("a")])


class TestGivingUp:
    async def test_the_deadline_names_what_is_not_confirmed(
        self, real: PlangrepClient, emulator: Emulator, job_id: str, scaled_clock: ScaledClock
    ) -> None:
        emulator.faults.add(FORM, Fault.stall("read"), match="files", skip=1)
        began = scaled_clock.monotonic()
        with pytest.raises(UploadDeadlineExceededError, match=r"2 of 3 files are not confirmed: ") as caught:
            await real.uploads.send(job_id, [file("a.pdf"), file("b.pdf"), file("c.pdf")], deadline=100)
        assert 100 <= scaled_clock.monotonic() - began < 300
        assert isinstance(caught.value, DeadlineExceededError)
        assert isinstance(caught.value, UploadIncompleteError)
        report = caught.value.report
        assert len(report.uploaded) == 1
        assert {item.file_name for item in report.failed} | {report.uploaded[0].file_name} == {
            "a.pdf",
            "b.pdf",
            "c.pdf",
        }
        assert all(item.file_name in str(caught.value) for item in report.failed)
        # And it can go on from there.
        emulator.faults.clear()
        whole = await real.uploads.send_again(report)
        assert not whole.failed
        assert len(whole.uploaded) == 3
        await finish(real, emulator, whole)
        assert await real.uploads.send_again(whole) == whole

    async def test_a_form_that_arrived_after_all_is_not_sent_again(
        self, real: PlangrepClient, emulator: Emulator, job_id: str
    ) -> None:
        """The deadline passes while the service has the file and keeps its answer to itself."""
        emulator.faults.add(FORM, Fault.stall("after"), times=2)
        files = [file("a.pdf"), file("b.pdf"), UploadFile(content(200_000, 1), name="c.pdf")]
        with pytest.raises(UploadDeadlineExceededError, match=r"send_again") as caught:
            await real.uploads.send(job_id, files, deadline=60, form_below=FORM_BELOW)
        assert len(caught.value.report.failed) == 2
        emulator.faults.clear()
        whole = await real.uploads.send_again(caught.value.report)
        assert len(whole.uploaded) == 3
        assert emulator.requests.count(FORM) == 2
        await finish(real, emulator, whole)

    async def test_cancelling_stops_everything(self, real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
        emulator.faults.add(FORM, Fault.stall("read"))
        seen: list[UploadProgress] = []
        task = asyncio.ensure_future(real.uploads.send(job_id, [file("a.pdf", 50_000)], on_progress=seen.append))
        while not seen or not seen[-1].bytes_sent:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        emulator.faults.clear()
        assert not (await real.uploads.send(job_id, [file("b.pdf")])).failed, "the client is as good as new"

    async def test_a_service_that_dies_under_the_upload(
        self, real: PlangrepClient, emulator: Emulator, job_id: str
    ) -> None:
        job = await real.jobs.get(job_id)
        slow = UploadSettings(max_bandwidth=4_000_000, stall_timeout=2.0)
        seen: list[UploadProgress] = []
        async with PlangrepClient(
            emulator.api_key, base_url=emulator.plangrep_url, clock=ScaledClock(10), uploads=slow
        ) as client:
            files = [file("tiny.pdf", 1000), file("one.pdf", 3_000_000), file("two.pdf", 3_000_001)]
            task = asyncio.ensure_future(
                client.submit(job.project_id, files, form_below=2_000_000, on_progress=seen.append, deadline=600)
            )
            while not seen or seen[-1].uploads_done < 1 or seen[-1].bytes_sent < 1_000_000:
                await asyncio.sleep(0.01)
                assert not task.done()
            await asyncio.to_thread(emulator.kill)
            with pytest.raises(UploadIncompleteError, match="2 of 3 files are not confirmed") as caught:
                await asyncio.wait_for(task, 30)
        assert "one.pdf" in str(caught.value)
        assert "two.pdf" in str(caught.value)
        assert [item.file_name for item in caught.value.report.uploaded] == ["tiny.pdf"]


class TestSteps:
    async def test_a_form_of_several(self, real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
        batch = await real.uploads.form(job_id, [file("a.pdf"), file("b.pdf")], client_upload_flow_id="mine")
        assert [item.file_name for item in batch.uploads] == ["a.pdf", "b.pdf"]
        assert batch.job is not None
        assert batch.status == "uploaded"
        job = await real.uploads.complete(job_id)
        assert (await real.jobs.wait(job.id)).status == "completed"
        assert not emulator.violations

    async def test_a_form_whose_answer_is_lost_is_not_repeated(
        self, real: PlangrepClient, emulator: Emulator, job_id: str
    ) -> None:
        emulator.faults.add(FORM, Fault.cut("after"), nth=1)
        with pytest.raises(UploadUnconfirmedError):
            await real.uploads.form(job_id, [file("a.pdf")])
        assert emulator.requests.count(FORM) == 1

    async def test_register_put_content_complete(
        self, real: PlangrepClient, emulator: Emulator, job_id: str, tmp_path: Path
    ) -> None:
        raw = [content(5000, 1), content(6000, 2), content(MULTIPART_FROM + 10, 3)]
        registered = await real.uploads.register(
            job_id,
            [
                Registration(
                    file_name=f"{index}.pdf",
                    content_type="application/pdf",
                    file_size=len(item),
                    sha256=hashlib.sha256(item).hexdigest(),
                )
                for index, item in enumerate(raw)
            ],
        )
        first, second, third = registered.uploads
        seen: list[UploadProgress] = []
        put = await real.uploads.put(first, UploadFile(raw[0], name="0.pdf"), on_progress=seen.append)
        assert isinstance(put, DirectUpload)
        assert seen[-1].bytes_confirmed == 5000
        (tmp_path / "1.pdf").write_bytes(raw[1])
        sent = await real.uploads.content(job_id, second, tmp_path / "1.pdf")
        assert sent.status == "uploaded"
        multipart = await real.uploads.put(third, UploadFile(raw[2], name="2.pdf"))
        with pytest.raises(InvalidInputError, match="direct_put"):
            await real.uploads.content(job_id, third, raw[2])
        job = await real.uploads.complete(
            job_id,
            Completion(direct_uploads=(put, sent.direct_upload), multipart_uploads=(multipart,)),  # type: ignore[arg-type]
        )
        assert (await real.jobs.wait(job.id)).status == "completed"
        assert [await stored(emulator, item.document_id) for item in registered.uploads] == raw
        assert not emulator.violations

    async def test_a_url_that_ran_out_is_not_renewed_behind_ones_back(
        self, real: PlangrepClient, emulator: Emulator, job_id: str
    ) -> None:
        raw = content(5000)
        registered = await real.uploads.register(
            job_id,
            [Registration(file_name="a", content_type="x/y", file_size=5000, sha256=hashlib.sha256(raw).hexdigest())],
        )
        await asyncio.to_thread(emulator.plangrep.expire_upload, registered.uploads[0].document_id)
        with pytest.raises(UploadExpiredError):
            await real.uploads.put(registered.uploads[0], UploadFile(raw, name="a"))

    async def test_what_cannot_be_is_refused(self, real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
        good = {"file_name": "a", "content_type": "x/y", "file_size": 1, "sha256": "0" * 64}
        for change in ({"file_name": ""}, {"file_size": -1}, {"sha256": "xyz"}):
            with pytest.raises(InvalidInputError):
                await real.uploads.register(job_id, [Registration(**{**good, **change})])  # type: ignore[arg-type]
        for number in (0, 101):
            with pytest.raises(InvalidInputError):
                await real.uploads.register(job_id, [Registration(**good)] * number)  # type: ignore[arg-type]
            with pytest.raises(InvalidInputError):
                await real.uploads.form(job_id, [file("a")] * number)
        with pytest.raises(InvalidInputError, match="of job other"):
            await real.uploads.complete(job_id, JobUploadReport(job_id="other", idempotency_key="k"))
        with pytest.raises(InvalidInputError, match="nothing was uploaded"):
            await real.uploads.complete(job_id, JobUploadReport(job_id=job_id, idempotency_key="k"))
        assert emulator.requests.count(REGISTER) == 0


async def test_sixty_files_through_a_bad_day(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    """5 % of all requests are answered with 503, 5 % of all connections cut, one URL expires: all is stored once."""
    for when in ("before", "in_body", "after"):
        emulator.faults.add("*", Fault.cut(when), probability=0.05 / 3)
    emulator.faults.add("*", Fault.answer(503), probability=0.05)
    expired = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    emulator.faults.add("PUT *", Fault.answer(403, expired, when="read"), service="storage", nth=5)
    draw = random.Random(1)
    files = [file(f"document {number}.pdf", int(10 ** draw.uniform(3, 6))) for number in range(58)]
    files += [file("large.pdf", 2 * PART_SIZE + 1), file("larger.pdf", 3 * PART_SIZE)]
    report = await real.uploads.send(job_id, files, form_below=FORM_BELOW)
    assert [str(item.error) for item in report.failed] == []
    await finish(real, emulator, report)


async def test_a_client_that_was_closed(real: PlangrepClient, job_id: str) -> None:
    await real.uploads.send(job_id, [file("a.pdf")])
    await real.aclose()
    with pytest.raises(ClientClosedError):
        await real.uploads.send(job_id, [file("b.pdf")])


async def test_limits_of_the_service_are_lived_with(
    make_emulator: Callable[..., Emulator], scaled_clock: ScaledClock
) -> None:
    """The client knows no limits; the service answers 429 to whatever is more than ten requests in thirty seconds."""
    emulator = await asyncio.to_thread(make_emulator, rate_limits=(PlangrepRateLimit(10, 30.0),))
    async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock) as client:
        project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
        result = await client.submit(project.id, [file(f"{number}.pdf", 3000 + number) for number in range(25)])
        assert not result.report.failed
        assert result.finished.status == "completed"
    assert emulator.requests.count(FORM, status=429) > 0
    assert len(emulator.plangrep.documents) == 25


@pytest.mark.parametrize("when", ["before", "in_body", "read"])
async def test_a_form_that_met_429_holds_back_every_other_call(
    real: PlangrepClient, emulator: Emulator, job_id: str, when: Any, scaled_clock: ScaledClock
) -> None:
    rule = emulator.faults.add(FORM, Fault.answer(429, when=when, retry_after=120), nth=1)
    sending = asyncio.create_task(real.uploads.send(job_id, [file("a.pdf", 3_000_000)]))
    while not real.limiter.statistics().refusals:
        await asyncio.sleep(0.005)
    assert real.limiter.available() == 0
    began = scaled_clock.monotonic()
    await real.projects.list()
    assert scaled_clock.monotonic() - began > 60
    report = await sending
    assert rule.fired == 1
    assert real.limiter.statistics().refusals == 1
    await finish(real, emulator, report)


async def test_no_form_waits_for_longer_than_a_call_would(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    job = await real.jobs.get(job_id)
    emulator.faults.add(FORM, Fault.answer(429, retry_after=100_000), nth=1)
    for name in ("met it.pdf", "heard of it.pdf"):
        report = await asyncio.wait_for(real.uploads.send(job_id, [file(name)], job=job), 20)
        (failed,) = report.failed
        assert isinstance(failed.error, RateLimitError)
        assert failed.may_succeed_later
    assert await asyncio.to_thread(emulator.requests.count, FORM) == 1


@pytest.mark.parametrize(("status", "body"), [(429, b""), (503, b"<Error><Code>SlowDown</Code></Error>")])
async def test_a_storage_that_wants_it_slower_holds_back_no_call(
    real: PlangrepClient, emulator: Emulator, job_id: str, status: int, body: bytes
) -> None:
    emulator.faults.add("PUT *", Fault.answer(status, body, retry_after=5), service="storage", times=3)
    report = await real.uploads.send(job_id, [file(f"{n}.pdf", 2000 + n) for n in range(5)], route="registered")
    await finish(real, emulator, report)
    assert real.limiter.statistics().refusals == 0


async def test_a_form_of_several_files_tells_of_429_too(real: PlangrepClient, emulator: Emulator, job_id: str) -> None:
    emulator.faults.add(FORM, Fault.answer(429, retry_after=5), nth=1)
    batch = await real.uploads.form(job_id, [file("a.pdf"), file("b.pdf")])
    assert len(batch.uploads) == 2
    assert real.limiter.statistics().refusals == 1


async def test_limits_of_ones_own_hold_for_forms(emulator: Emulator, scaled_clock: ScaledClock) -> None:
    async with PlangrepClient(
        emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock, rate_limits=[RateLimit(10, 60.0)]
    ) as client:
        project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id, interval=20)
        created = await client.jobs.create(project.id)
        report = await client.uploads.send(created.job.id, [file(f"{number}.pdf") for number in range(15)])
        assert not report.failed
    at = sorted(exchange.at for exchange in emulator.requests.records(service="plangrep"))
    # A form leaves a moment after its token was taken, and a moment is long on this clock.
    assert all(later - earlier >= 30 for earlier, later in zip(at, at[10:], strict=False))


async def test_cancelling_at_any_moment_leaves_the_client_whole(real: PlangrepClient, emulator: Emulator) -> None:
    project = await real.projects.wait_until_ready((await real.projects.create("P")).project.id)
    files = [file("small.pdf"), file("middle.pdf", 300_000), file("large.pdf", 2 * PART_SIZE)]
    before = asyncio.all_tasks()
    draw = random.Random(3)
    for _ in range(12):
        task = asyncio.ensure_future(real.submit(project.id, files, form_below=FORM_BELOW))
        await asyncio.sleep(draw.uniform(0, 0.15))
        task.cancel()
        await asyncio.wait([task])
    result = await real.submit(project.id, files, form_below=FORM_BELOW)
    assert result.finished.status == "completed"
    await asyncio.sleep(0)
    assert not {task for task in asyncio.all_tasks() - before if "plangrep" in repr(task.get_coro())}
    assert real.webhooks.wake() == 0


def _gives_none() -> Any:
    return None


def _fails() -> Any:
    raise RuntimeError("no such drawing")


@pytest.mark.parametrize("route", ["form", "registered"])
async def test_a_bad_file_of_any_kind_stops_no_other(
    real: PlangrepClient, emulator: Emulator, job_id: str, route: Literal["form", "registered"]
) -> None:
    bad = [
        UploadFile("null\0character.pdf", name="null"),
        UploadFile(_gives_none, name="none"),
        UploadFile(_fails, name="fails"),
        UploadFile(b"blank", name=" "),
        UploadFile(b"not UTF-8 on disk", name="caf\udce9.pdf"),
    ]
    good = UploadFile(b"good", name="good.pdf")
    report = await real.uploads.send(job_id, [*bad, good], route=route)
    assert [item.file_name for item in report.uploaded] == ["good.pdf"]
    assert {item.file_name for item in report.failed} == {file.name for file in bad}
    assert all(isinstance(item.error, InvalidInputError | SourceUnreadableError) for item in report.failed)


async def test_a_name_that_is_not_utf8_is_refused_before_a_form_is_sent(
    real: PlangrepClient, emulator: Emulator, job_id: str
) -> None:
    with pytest.raises(InvalidInputError, match=r"not UTF-8.*name=\.\.\."):
        await real.uploads.form(job_id, [UploadFile(b"x", name="good.pdf"), UploadFile(b"x", name="caf\udce9.pdf")])
    assert not emulator.plangrep.documents


@pytest.mark.parametrize(
    "arguments",
    [{"deadline": "5"}, {"deadline": float("nan")}, {"timeout": 0}, {"timeout": "1"}, {"max_attempts": 0}],
)
async def test_options_that_cannot_be_are_refused(real: PlangrepClient, job_id: str, arguments: Any) -> None:
    with pytest.raises(InvalidInputError, match=next(iter(arguments))):
        await real.uploads.send(job_id, [UploadFile(b"x", name="x")], **arguments)
    with pytest.raises(InvalidInputError, match=next(iter(arguments))):
        await real.jobs.get(job_id, **arguments)


async def _stream_of_files() -> AsyncIterator[UploadFile]:
    yield UploadFile(b"x", name="x")


async def test_files_that_are_no_files(real: PlangrepClient, job_id: str) -> None:
    for files, words in ((None, "pass a list"), (5, "pass a list"), (_stream_of_files(), "async for")):
        with pytest.raises(InvalidInputError, match=words):
            await real.uploads.send(job_id, files)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="classification"):
        await real.uploads.send(job_id, [UploadFile(b"x", name="x", classification=5)])  # type: ignore[arg-type]
