"""Whole stories over real sockets, against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.errors import (
    AuthenticationError,
    ConflictError,
    GoneError,
    InvalidInputError,
    JobBlockedError,
    JobFailedError,
    NotFoundError,
)
from plangrep_async.plangrep import Job, JobCreated, JobStatus, PlangrepClient, Project, WebhookVerifier
from plangrep_async.testing import ScaledClock
from plangrep_async.upload import UploadFile, UploadProgress

Pdf = Callable[..., bytes]
SHEET = "SHEET A1.01\nTITLE Ground floor plan\nDETAIL 3 - Window head"
SPEC = "SECTION 07 21 00 - Thermal insulation\nPART 1 - General\nExterior walls shall have R-19 insulation."


@pytest.fixture
def files(tmp_path: Path, pdf: Pdf) -> list[Any]:
    (tmp_path / "floor-plan.pdf").write_bytes(pdf(SHEET, SHEET.replace("A1.01", "A1.02")))
    (tmp_path / "spec-book.pdf").write_bytes(pdf(SPEC))
    return [
        UploadFile(tmp_path / "floor-plan.pdf", classification="plans"),
        UploadFile(tmp_path / "spec-book.pdf", classification="specifications"),
    ]


async def test_the_program_of_the_first_page(
    real: PlangrepClient, emulator: Emulator, files: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    created = await real.projects.create("My Construction Project")
    project = await real.projects.wait_until_ready(created.project.id)
    job_created = await real.jobs.create(
        project.id, external_id="my-order-123", webhook_url="https://127.0.0.1:9/webhooks/plangrep"
    )
    assert job_created.webhook_signing_secret is not None
    assert job_created.webhook_signing_secret.reveal().startswith("wss_")
    report = await real.uploads.send(job_created.job.id, files)
    assert [item.file_name for item in report.failed] == []
    job = await real.uploads.complete(job_created.job.id, report)
    job = await real.jobs.wait(job.id)
    result = await real.jobs.result(job.id)
    assert job.status is JobStatus.COMPLETED
    assert {document.file_name: document.page_count for document in result.documents} == {
        "floor-plan.pdf": 2,
        "spec-book.pdf": 1,
    }
    assert {document.document_id for document in result.documents} == {item.document_id for item in report.uploaded}
    assert not emulator.violations


async def test_in_one_call(real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any]) -> None:
    created: list[JobCreated] = []
    progress: list[UploadProgress] = []
    seen: list[Job] = []
    result = await real.submit(
        project.id,
        files,
        external_id="order",
        on_created=created.append,
        on_progress=progress.append,
        on_update=seen.append,
    )
    assert result.usage is not None
    assert result.usage.page_count == 3
    assert result.finished.external_id == "order"
    assert len(result.report.uploaded) == 2
    assert created[0].job.id == result.finished.id
    assert progress[-1].final
    assert progress[-1].bytes_confirmed == sum(item.size for item in result.report.uploaded)
    assert seen[-1].status == "completed"
    assert result.to_dict()["documents"]
    assert not emulator.violations


async def test_a_bad_file_does_not_stop_the_others(
    real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any], tmp_path: Path
) -> None:
    result = await real.submit(
        project.id, [*files, tmp_path / "missing.pdf", UploadFile(b"%PDF-1.4 junk", name="junk.pdf")]
    )
    assert [item.file_name for item in result.report.failed] == ["missing.pdf"]
    assert result.finished.status == "completed_with_errors"
    assert [problem.file_name for problem in result.errors] == ["junk.pdf"]
    assert not emulator.violations


async def test_what_is_refused_before_a_byte_leaves_no_job_behind(
    real: PlangrepClient, emulator: Emulator, project: Project
) -> None:
    with pytest.raises(InvalidInputError, match="a job takes 100"):
        await real.submit(project.id, [UploadFile(b"x", name=f"{number}.pdf") for number in range(101)])
    assert [job.status for job in emulator.plangrep.jobs] == ["cancelled"]
    with pytest.raises(InvalidInputError, match="classification"):
        await real.submit(project.id, [UploadFile(b"x", name="x.pdf", classification="plan")])
    assert len(emulator.plangrep.jobs) == 1


async def test_missing_credits(real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any]) -> None:
    emulator.plangrep.set_credits(5)
    with pytest.raises(JobBlockedError) as caught:
        await real.submit(project.id, files)
    blocked = caught.value.job
    assert blocked.status == "blocked_insufficient_credits"
    emulator.plangrep.add_credits(1000)
    resumed = await real.jobs.resume(blocked.id)
    assert resumed.status != "blocked_insufficient_credits"
    assert (await real.jobs.wait(blocked.id)).status == "completed"
    with pytest.raises(ConflictError):
        await real.jobs.resume(blocked.id)
    assert not emulator.violations


async def test_cancelling_a_job(
    make_emulator: Callable[..., Emulator], scaled_clock: ScaledClock, files: list[Any]
) -> None:
    emulator = await asyncio.to_thread(make_emulator, preflight=600.0, cancel_delay=20.0)
    async with PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock) as client:
        project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
        created = await client.jobs.create(project.id)
        report = await client.uploads.send(created.job.id, files)
        await client.uploads.complete(created.job.id, report)
        await client.jobs.cancel(created.job.id)
        with pytest.raises(JobFailedError, match="cancelled"):
            await client.jobs.wait(created.job.id)
        with pytest.raises(ConflictError):
            await client.jobs.cancel(created.job.id)


async def test_completing_twice_with_one_report_starts_once(
    real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any]
) -> None:
    created = await real.jobs.create(project.id)
    report = await real.uploads.send(created.job.id, files)
    first = await real.uploads.complete(created.job.id, report)
    again = await real.uploads.complete(created.job.id, report)
    assert again == first
    with pytest.raises(ConflictError):
        await real.uploads.complete(created.job.id, report, idempotency_key="another")


async def test_a_webhook_ends_the_wait_early(
    real: PlangrepClient, emulator: Emulator, scaled_clock: ScaledClock, project: Project, files: list[Any]
) -> None:
    """A tiny receiver hands what comes to ``client.webhooks``, which knows how the emulator signs."""
    real.webhooks.verifier = WebhookVerifier(
        header="X-Plangrep-Signature",
        prefix="sha256=",
        payload="{timestamp}.{body}",
        timestamp_header="X-Plangrep-Timestamp",
        tolerance=1e9,
    )
    received: list[str | None] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        length = next(int(value) for name, value in headers.items() if name.lower() == "content-length")
        received.append(real.webhooks.receive(headers, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        began = scaled_clock.monotonic()
        result = await real.submit(
            project.id, files, webhook_url=f"http://127.0.0.1:{port}/hook", interval=3600, deadline=7200
        )
        assert scaled_clock.monotonic() - began < 2000, "without the webhook it would have taken an hour"
    assert result.finished.status == "completed"
    assert set(received) == {result.finished.id}
    assert not emulator.violations


async def test_reading_what_a_project_holds(
    real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any], tmp_path: Path
) -> None:
    result = await real.submit(project.id, files)
    scope = real.project(project.id)
    found = [file async for file in scope.files.list(page_size=1)]
    assert sorted(file.file_name or "" for file in found) == ["floor-plan.pdf", "spec-book.pdf"]
    sheets = [sheet async for sheet in scope.sheets.list(classification="plans")]
    assert {sheet.sheet_number for sheet in sheets} == {"A1.01", "A1.02"}
    assert (await scope.sheets.get(sheets[0].sheet_id)).file_name == "floor-plan.pdf"
    regions = [region async for region in scope.sheet_regions(sheets[0].sheet_id).list()]
    assert regions
    assert regions[0].display_box is not None
    assert regions[0].display_box.left is not None
    specifications = [item async for item in scope.specifications.list(compact=True)]
    assert specifications[0].artifacts is None
    sections = [item async for item in scope.sections(specifications[0].specification_id).list()]
    assert sections[0].section_number == "07 21 00"
    section = await scope.sections(specifications[0].specification_id).get(sections[0].section_id)
    assert "R-19" in (section.text or "")
    with pytest.raises(NotFoundError):
        await scope.docs.get("doc_nothing")
    hits = (await scope.source_search("insulation R-19")).hits
    assert hits
    text = await scope.source_text(hits[0].source_catalog_uri or "", max_chars=20).text()
    assert "R-19" in text
    assert [match async for match in real.projects.search("Construction")]
    assert (await real.projects.summary(project.id)).project_summary.project_name == "My Construction Project"
    artifact = next(item for item in result.documents[0].artifacts or () if item.type == "original")
    done = await real.artifacts.download(tmp_path / "out", url=artifact.url)
    assert done.path.read_bytes() in {Path(file.source).read_bytes() for file in files}
    assert not emulator.violations


async def test_single_use_downloads(
    real: PlangrepClient, emulator: Emulator, project: Project, files: list[Any], tmp_path: Path
) -> None:
    result = await real.submit(project.id, files)
    url = next(item.url for item in result.documents[0].artifacts or () if item.type == "original")
    path = httpx.URL(url or "").params["path"]
    token = await asyncio.to_thread(emulator.plangrep.issue_download_token, result.finished.id, path)
    info = await real.artifacts.info(token=token)
    done = await real.artifacts.download(tmp_path, token=token)
    assert info.size == done.size
    with pytest.raises((NotFoundError, GoneError)):
        await real.artifacts.download(tmp_path, token=token)
    assert len(list(tmp_path.glob("*.pdf"))) == 2 + 1
    assert not emulator.violations


async def test_a_revoked_key(real: PlangrepClient, emulator: Emulator) -> None:
    await real.projects.list()
    await asyncio.to_thread(emulator.plangrep.revoke_key, emulator.api_key)
    with pytest.raises(AuthenticationError) as caught:
        await real.projects.list()
    assert caught.value.status == 401
    assert caught.value.code
