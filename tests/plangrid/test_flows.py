"""Whole programs against the emulator, over real sockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from blockbuster import BlockBuster

from plangrep_async.config import RetryPolicy
from plangrep_async.emulator import Emulator
from plangrep_async.emulator.faults import Fault
from plangrep_async.emulator.plangrid import PlangridSettings, WindowLimit
from plangrep_async.errors import (
    ClientClosedError,
    InvalidInputError,
    JobFailedError,
    NotFoundError,
    PermissionDeniedError,
    SourceChangedError,
    SourceNotFoundError,
    StorageError,
    VersionUploadError,
    WaitTimeoutError,
)
from plangrep_async.plangrid import (
    Issue,
    OAuthApp,
    OAuthToken,
    PacketStatus,
    Photo,
    PlanGridClient,
    ProjectScope,
    Record,
    Rfi,
    Sheet,
    UnfinishedVersion,
    User,
    VersionUploadStatus,
)
from plangrep_async.ratelimit import RateLimiter
from plangrep_async.upload import Upload, UploadFile, UploadSettings

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff\xe0"
PDF = b"%PDF-1.4\n"
QUICK = RetryPolicy(base=0.01, max_backoff=0.05)


@pytest.fixture(autouse=True)
def admin_may_block(no_blocking_calls: BlockBuster) -> None:
    """Tests look behind the emulator's back from the event loop; that waits for its thread."""
    for function in no_blocking_calls.functions.values():
        function.can_block_in("plangrep_async/emulator/emulator.py", {"run"})


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    async with Emulator(plangrid=PlangridSettings(limits=())) as emulator:
        yield emulator
        assert not emulator.failures
        assert not emulator.violations, list(emulator.violations)


@pytest.fixture
async def connect(emulator: Emulator) -> AsyncIterator[Callable[..., PlanGridClient]]:
    clients: list[PlanGridClient] = []

    def connect(**options: Any) -> PlanGridClient:
        options = {
            "base_url": emulator.plangrid_url,
            "limiter": RateLimiter(),
            "retry": QUICK,
            "uploads": UploadSettings(retry=QUICK),
            "upload_linger": 0.02,
            **options,
        }
        if "access_token" not in options:
            options.setdefault("api_key", emulator.api_key)
        client = PlanGridClient(**options)
        clients.append(client)
        return client

    yield connect
    for client in clients:
        await client.aclose()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others, others


@pytest.fixture
def client(connect: Callable[..., PlanGridClient]) -> PlanGridClient:
    return connect()


@pytest.fixture
def project(emulator: Emulator, client: PlanGridClient) -> ProjectScope:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    return client.project(uid)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pdf(size: int = 1000) -> bytes:
    return PDF + os.urandom(size)


# Reading


async def test_everything_can_be_read_whatever_odd_form_it_has(
    connect: Callable[..., PlanGridClient], emulator: Emulator
) -> None:
    emulator.plangrid.settings.oddities = type(emulator.plangrid.settings.oddities)(
        emulator.plangrid.settings.oddities.__class__(True).names - {"broken_error_json"}
    )
    (uid,) = emulator.plangrid.seed(
        1,
        seed=3,
        issues=60,
        rfis=20,
        photos=20,
        attachments=20,
        sheets=20,
        snapshots=20,
        comments=60,
        annotations=60,
        users=12,
    )
    client = connect()
    project = client.project(uid)
    resources = (
        project.annotations,
        project.attachments,
        project.comments,
        project.field_reports,
        project.issue_lists,
        project.issues,
        project.photos,
        project.rfi_statuses,
        project.rfis,
        project.roles,
        project.sheets,
        project.snapshots,
        project.users,
        project.version_sets,
    )

    lists: list[list[Record]] = [await resource.list(page_size=17) for resource in resources]  # type: ignore[attr-defined]

    for resource, records in zip(resources, lists, strict=True):
        assert records, resource
        assert len({record.uid for record in records}) == len(records)  # type: ignore[attr-defined]
        for record in records:
            assert type(record).from_dict(record.to_dict()) == record
    issues = [record for records in lists for record in records if isinstance(record, Issue)]
    assert any(not issue.status.is_known for issue in issues if issue.status)
    for issue in issues[:5]:
        if issue.photos is not None:
            assert len(await client.follow(issue.photos)) == issue.photos.total_count
        if issue.created_by is not None and issue.created_by.url is not None:
            assert isinstance(await client.follow(issue.created_by), User)
    rfis = [record for records in lists for record in records if isinstance(record, Rfi)]
    for rfi in rfis[:5]:
        assert await project.rfis.get(rfi.uid) == rfi
        await project.rfis.history(rfi.uid).list()
        for name in ("photos", "attachments", "snapshots", "comments"):
            await client.follow(getattr(rfi, name))


async def test_the_program_of_the_readme(
    client: PlanGridClient, project: ProjectScope, emulator: Emulator, tmp_path: Path
) -> None:
    assert [found.uid async for found in client.projects.list()] == [project.uid]
    issues = [issue async for issue in project.issues.list()]
    assert (await project.issues.page(limit=5, skip=2)).data == tuple(issues[2:7])
    rfis = await project.rfis.list()
    emulator.requests.clear()

    a, b, rfi = await asyncio.gather(
        project.issues.get(issues[0].uid), project.issues.get(issues[1].uid), project.rfis.get(rfis[0].uid)
    )

    assert (a, b, rfi) == (issues[0], issues[1], rfis[0])
    assert [request.path for request in emulator.requests.records(service="plangrid")] == ["/batch"]

    path = tmp_path / "spec.pdf"
    path.write_bytes(pdf())
    attachment = await project.attachments.upload(str(path), folder="Submittals")
    assert (attachment.name, attachment.folder) == ("spec.pdf", "Submittals")
    photos = await project.photos.upload_many([UploadFile(PNG + bytes([n]), name=f"{n}.png") for n in range(4)])
    assert [photo.title for photo in photos] == ["0.png", "1.png", "2.png", "3.png"]
    users = await project.users.list()
    created = await project.rfis.create(title="Door heights do not match.", assigned_to_uids=[users[0].uid], answer="x")
    updated = await project.rfis.update(created.uid, answer=None)
    assert (created.answer, updated.answer, updated.title) == ("x", None, created.title)
    references = project.rfis.attachments(created.uid)
    assert (await references.add(attachment.uid)).uid == attachment.uid
    assert [found.uid for found in await references.list()] == [attachment.uid]
    await references.remove(attachment.uid)
    assert await references.list() == []


async def test_a_thousand_awaits_are_twenty_requests(
    client: PlanGridClient, emulator: Emulator, project: ProjectScope
) -> None:
    uid = (await project.issues.page(limit=1)).data[0].uid
    await asyncio.sleep(0)
    emulator.requests.clear()

    issues = await asyncio.gather(*[project.issues.get(uid) for _ in range(1_000)])

    assert {issue.uid for issue in issues} == {uid}
    assert [request.path for request in emulator.requests.records(service="plangrid")] == ["/batch"] * 20


async def test_a_project_that_is_out_of_reach(emulator: Emulator, client: PlanGridClient) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=9, member=False)

    with pytest.raises(PermissionDeniedError, match="prohibited"):
        await client.project(uid).issues.list()
    with pytest.raises(NotFoundError, match="does not exist"):
        await client.projects.get("nowhere")


async def test_tokens_run_out_and_are_renewed(connect: Callable[..., PlanGridClient], emulator: Emulator) -> None:
    settings = emulator.plangrid.settings
    token = OAuthToken.from_dict(emulator.plangrid.issue_token())
    app = OAuthApp(*settings.oauth_client, "https://me.test/back", emulator.plangrid_url)
    saved: list[OAuthToken] = []
    client = connect(access_token=token.access_token, refresh=app.refresher(token, on_token=saved.append))

    before = await client.me()
    emulator.plangrid.expire_tokens()
    first, second = await asyncio.gather(client.me(), client.me())
    emulator.plangrid.expire_tokens()
    assert await client.me() == before

    assert first == second == before
    assert len(saved) == 2


# Limits


@pytest.mark.parametrize("skew", [-300.0, 300.0])
async def test_the_service_s_limits_are_learned_and_kept_whatever_its_clock_shows(
    skew: float, emulator: Emulator, connect: Callable[..., PlanGridClient]
) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    settings = emulator.plangrid.settings
    settings.limits, settings.clock_skew = (WindowLimit("all", 1, 20), WindowLimit("write", 60, 1000)), skew
    client = connect(limiter=None, coalesce=False)

    await asyncio.gather(*[client.projects.get(uid) for _ in range(35)])

    assert emulator.requests.count(service="plangrid", status=429) == 0
    windows = {(window.kind, window.interval, window.limit) for window in client.statistics()[0].windows}
    assert {("all", 1.0, 20), ("write", 60.0, 1000)} <= windows


async def test_two_clients_of_one_key_recover_from_every_429(
    emulator: Emulator, connect: Callable[..., PlanGridClient]
) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    emulator.plangrid.settings.limits = (WindowLimit("all", 1, 40),)
    clients = [connect(limiter=None, coalesce=False, learn_limits=how) for how in ("first-call", "never")]

    projects = await asyncio.gather(*[client.projects.get(uid) for client in clients for _ in range(25)])

    assert {project.uid for project in projects} == {uid}


# Uploads


async def test_what_was_stored_is_what_was_sent(project: ProjectScope, emulator: Emulator, tmp_path: Path) -> None:
    big = pdf(3_000_000)
    path = tmp_path / 'quo"te; ü\n.pdf'
    path.write_bytes(big)
    progress: list[Any] = []

    attachment = await project.attachments.upload(path, name="A & B.pdf", folder=None, on_progress=progress.append)
    photo = await project.photos.upload(UploadFile(JPEG + b"x", name="no ending", title="Door"))

    stored = emulator.plangrid.stored(attachment.uid)
    assert (stored.size, stored.sha256) == (len(big), sha(big))
    assert (attachment.name, attachment.folder) == ("A & B.pdf", None)
    assert emulator.plangrid.stored(photo.uid).sha256 == sha(JPEG + b"x")
    assert photo.title == "Door"
    assert progress[-1].final
    assert progress[-1].bytes_confirmed == len(big)
    fetched = await project.attachments.download(attachment, tmp_path / "back.pdf")
    assert fetched.read_bytes() == big


@pytest.mark.parametrize(
    "changes",
    [
        {"signature_version": 2},
        {"signature_version": 4},
        {"redirect": False, "success_status": "200"},
        {"redirect": False, "success_status": "201"},
        {"redirect": False, "success_status": "204"},
        {"oddities": ["two_upload_tokens", "escaped_slashes"]},
        {"form_fields": (("x-amz-meta-something-new", "ü & =%"), ("x-amz-storage-class", "STANDARD"))},
    ],
    ids=str,
)
async def test_every_kind_of_form(changes: dict[str, Any], project: ProjectScope, emulator: Emulator) -> None:
    for name, value in changes.items():
        setattr(emulator.plangrid.settings, name, value)
    data = pdf()

    attachment = await project.attachments.upload(data, name="a.pdf")

    assert emulator.plangrid.stored(attachment.uid).sha256 == sha(data)


async def test_what_is_no_pdf_or_photo_is_not_sent(project: ProjectScope, emulator: Emulator, tmp_path: Path) -> None:
    emulator.requests.clear()
    fake = tmp_path / "fake.pdf"
    fake.write_bytes(b"PK\x03\x04")

    with pytest.raises(InvalidInputError, match="does not begin as one"):
        await project.attachments.upload(fake)
    with pytest.raises(InvalidInputError, match="neither"):
        await project.photos.upload(UploadFile(b"GIF89a", name="a.png"))
    with pytest.raises(SourceNotFoundError):
        await project.photos.upload(tmp_path / "missing.png")
    with pytest.raises(InvalidInputError, match=r"b\.txt"):
        await project.sheets.upload_version("v", [UploadFile(PDF, name="a.pdf"), UploadFile(b"", name="b.txt")])

    assert emulator.requests.count(service="plangrid") == 0
    assert emulator.requests.count(service="storage") == 0


async def test_one_bad_file_does_not_stop_the_others(project: ProjectScope, tmp_path: Path) -> None:
    files = [
        UploadFile(PNG, name="a.png"),
        tmp_path / "missing.png",
        UploadFile(b"x", name="b.png"),
        UploadFile(JPEG, name="c.jpg"),
    ]

    results = await project.photos.upload_many(files)

    assert [photo.title for photo in results] == ["a.png", "c.jpg"]
    assert [(outcome.file_name, type(outcome.error)) for outcome in results.failed] == [
        ("missing.png", SourceNotFoundError),
        ("b.png", InvalidInputError),
    ]
    with pytest.raises(ExceptionGroup, match="2 of 4 files"):
        results.raise_failures()


async def test_files_may_come_one_by_one(project: ProjectScope) -> None:
    async def files() -> AsyncIterator[UploadFile]:
        for n in range(5):
            await asyncio.sleep(0)
            yield UploadFile(PDF, name=f"{n}.pdf", folder="own" if n else None)

    results = await project.attachments.upload_many(files())

    assert [(record.name, record.folder) for record in results] == [("0.pdf", None)] + [
        (f"{n}.pdf", "own") for n in range(1, 5)
    ]


async def test_uploads_are_values_that_go_into_one_run(
    project: ProjectScope, client: PlanGridClient, emulator: Emulator
) -> None:
    async def uploads() -> AsyncIterator[Upload[Any]]:
        for n in range(4):
            await asyncio.sleep(0)
            yield evolve(project.attachments.make_upload(pdf(), name=f"{n}.pdf", folder="own"), key=n)
        yield project.photos.make_upload(UploadFile(PNG, name="a.png"), title="Slab")
        yield project.photos.make_upload(UploadFile(b"text", name="b.png"))

    assert emulator.requests.count(service="plangrid") == 0
    outcomes = [outcome async for outcome in client.scheduler.run(uploads())]

    made = {outcome.upload.key: outcome.result for outcome in outcomes if outcome.ok and outcome.upload.key is not None}
    assert {n: (record.name, record.folder) for n, record in made.items()} == {n: (f"{n}.pdf", "own") for n in range(4)}
    (photo,) = [outcome.result for outcome in outcomes if isinstance(outcome.result, Photo)]
    assert photo.title == "Slab"
    (failed,) = [outcome for outcome in outcomes if not outcome.ok]
    assert isinstance(failed.error, InvalidInputError)
    # Their small calls gather, as those of upload_many do.
    assert emulator.requests.count(service="plangrid") < 10


async def test_the_calls_of_all_uploads_of_a_client_gather(
    project: ProjectScope, emulator: Emulator, connect: Callable[..., PlanGridClient]
) -> None:
    client = connect(upload_linger=0.3).with_options(deadline=60.0)
    here = client.project(project.uid)
    await asyncio.gather(
        *(client.scheduler.upload(here.attachments.make_upload(pdf(), name="a.pdf")) for _ in range(9))
    )
    assert emulator.requests.count("POST /batch") >= 1
    assert emulator.requests.count(service="plangrid") <= 6


async def test_a_closed_client_runs_no_upload(project: ProjectScope, client: PlanGridClient) -> None:
    upload = project.attachments.make_upload(pdf(), name="a.pdf")
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await client.scheduler.upload(upload)
    with pytest.raises(ClientClosedError, match="this client is closed"):
        await project.attachments.upload(pdf(), name="a.pdf")


async def test_a_failure_is_raised_with_and_without_progress(project: ProjectScope, tmp_path: Path) -> None:
    told: list[Any] = []

    with pytest.raises(SourceNotFoundError):
        await project.attachments.upload(tmp_path / "missing.pdf", on_progress=told.append)

    assert told[-1].uploads_failed == 1


async def test_a_file_too_large_for_the_storage(project: ProjectScope, emulator: Emulator) -> None:
    emulator.plangrid.settings.max_file = 500

    with pytest.raises(StorageError) as caught:
        await project.attachments.upload(pdf(1000), name="a.pdf")

    assert caught.value.code == "EntityTooLarge"
    assert emulator.plangrid.created("attachment") == []


@pytest.mark.parametrize("status", [301, 307, 403])
async def test_a_storage_that_refuses(status: int, project: ProjectScope, emulator: Emulator) -> None:
    """301 and 307 mean another region: nothing is stored there, and nothing is followed."""
    body = "<Error><Code>AccessDenied</Code><Message>No</Message></Error>" if status == 403 else ""
    fault = Fault.answer(status, body, {"Location": emulator.storage_url + "/elsewhere/"}, when="read")
    emulator.faults.add("POST /{bucket}/", fault, service="storage")

    with pytest.raises(StorageError) as caught:
        await project.attachments.upload(pdf(), name="a.pdf")

    assert caught.value.status == status
    assert caught.value.code == ("AccessDenied" if status == 403 else None)
    assert emulator.plangrid.created("attachment") == []
    assert {request.path for request in emulator.requests.records(service="storage")} == {"/plangrid-attachments/"}


async def test_slots_that_run_out_are_asked_for_anew(project: ProjectScope, emulator: Emulator) -> None:
    emulator.faults.add("POST /{bucket}/", Fault.latency(0.3, when="read"), service="storage", times=3)
    files = [UploadFile(pdf(), name=f"{n}.pdf") for n in range(6)]

    uploading = asyncio.ensure_future(project.attachments.upload_many(files))
    while not emulator.requests.count("POST /batch"):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    assert emulator.plangrid.expire_slots()
    results = await uploading

    assert not results.failed
    _each_once(results, files, emulator, "attachment")


async def test_a_token_that_expired_between_storage_and_completion(project: ProjectScope, emulator: Emulator) -> None:
    path = "GET /projects/{uid}/attachments/uploads/completions/{token}"
    emulator.faults.add(path, Fault.answer(410, '{"message": "Upload token (x) expired."}'), times=1)
    file = UploadFile(pdf(), name="a.pdf")

    record = await project.attachments.upload(file)

    _each_once([record], [file], emulator, "attachment")


def _each_once(records: Any, files: list[UploadFile], emulator: Emulator, kind: str) -> None:
    assert len(records) == len(files)
    for record, file in zip(records, files, strict=True):
        assert emulator.plangrid.stored(record.uid).sha256 == sha(file.source)  # type: ignore[arg-type]
    assert Counter(made.uid for made in emulator.plangrid.created(kind)) == Counter({r.uid: 1 for r in records})


@pytest.mark.parametrize("kind", ["attachment", "photo"])
async def test_whatever_goes_wrong_each_record_is_made_once(
    kind: str, connect: Callable[..., PlanGridClient], emulator: Emulator
) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    project = connect(retry=RetryPolicy(base=0.01, max_backoff=0.05, max_attempts=10)).project(uid)
    completion = "GET /projects/{uid}/" + kind + "s/uploads/completions/{token}"
    entry: dict[str, Any] = {"service": "plangrid.batch"}
    emulator.plangrid.fail_completions(share=0.05)
    storage: dict[str, Any] = {"route": "POST /{bucket}/", "service": "storage", "probability": 0.05}
    rules = [
        emulator.faults.add("*", Fault.answer(503), probability=0.05, **entry),
        emulator.faults.add(completion, Fault.answer(502, when="after"), probability=0.05, **entry),
        emulator.faults.add("POST /batch", Fault.cut("after"), nth=3),
        emulator.faults.add("POST /batch", Fault.reset("before"), nth=5),
        emulator.faults.add(fault=Fault.cut("after"), **storage),
        emulator.faults.add(fault=Fault.reset("in_body"), **storage),
        emulator.faults.add(fault=Fault.answer(503, when="read"), **storage),
    ]
    head = PDF if kind == "attachment" else PNG
    files = [UploadFile(head + os.urandom(2_000), name=f"{n}.bin") for n in range(150)]

    results = await getattr(project, f"{kind}s").upload_many(files)

    results.raise_failures()
    _each_once(results, files, emulator, kind)
    assert all(rule.fired for rule in rules)


async def test_cancelling_an_upload_leaves_no_record(project: ProjectScope, emulator: Emulator) -> None:
    emulator.faults.add("POST /{bucket}/", Fault.stall("in_body"), service="storage")
    uploading = asyncio.ensure_future(project.attachments.upload(pdf(5_000_000), name="a.pdf"))
    while not emulator.requests.records(service="storage"):
        await asyncio.sleep(0.01)

    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading

    emulator.faults.clear()
    assert emulator.plangrid.created("attachment") == []


async def test_leaving_the_loop_of_many_uploads_cancels_the_rest(project: ProjectScope, emulator: Emulator) -> None:
    files = (UploadFile(PNG + bytes([n % 256]), name=f"{n}.png") for n in range(10_000))

    async with aclosing(project.photos.upload_each(files)) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok
            break

    assert len(emulator.plangrid.created("photo")) < 2_000


# Versions of sheets


async def test_a_version_in_four_steps(project: ProjectScope, emulator: Emulator, tmp_path: Path) -> None:
    files = {}
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        files[name] = pdf(100_000)
        (tmp_path / name).write_bytes(files[name])
    states: list[UnfinishedVersion] = []

    version = await project.sheets.upload_version(
        "2016-02-18 ASI 02", [str(tmp_path / name) for name in files], on_state=states.append
    )

    assert version.status is VersionUploadStatus.COMPLETE
    (made,) = emulator.plangrid.version_uploads()
    assert (made.uid, made.name, made.status) == (version.uid, "2016-02-18 ASI 02", "complete")
    for request_uid, name in made.files.items():
        assert name is not None
        assert emulator.plangrid.stored(request_uid).sha256 == sha(files[name])
    assert [len(state.missing) for state in states] == [3, 2, 1, 0, 0]
    assert [state.completing for state in states] == [False] * 4 + [True]
    for state in states:
        assert UnfinishedVersion.from_json(json.loads(json.dumps(state.to_json()))).files == state.files
    sheets = await project.sheets.list()
    emulator.plangrid.publish(version.uid)
    assert len(await project.sheets.list()) == len(sheets) + 3


async def test_a_version_is_continued_by_another_process(
    connect: Callable[..., PlanGridClient], emulator: Emulator, tmp_path: Path
) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_bytes(pdf())
    paths = [tmp_path / name for name in ("a.pdf", "b.pdf", "c.pdf")]
    rule = emulator.faults.add(
        "POST /projects/{uid}/sheets/uploads/{uid}/files/{uid}",
        Fault.answer(403, '{"message": "Insufficient permissions"}'),
        times=1,
    )
    saved = tmp_path / "version.json"

    async def save(state: UnfinishedVersion) -> None:
        await asyncio.to_thread(saved.write_text, json.dumps(state.to_json()))

    with pytest.raises(VersionUploadError, match="1 of 3 files") as caught:
        await connect(coalesce=False).project(uid).sheets.upload_version("v", paths, on_state=save)
    assert [type(failure) for failure in caught.value.failures] == [PermissionDeniedError]
    assert len(caught.value.unfinished.missing) == 1
    assert rule is not None
    emulator.requests.clear()

    version = await connect().project(uid).sheets.resume_version(json.loads(saved.read_text()))

    assert version.status is VersionUploadStatus.COMPLETE
    assert emulator.requests.count("POST /{bucket}/", service="storage") == 1
    (made,) = emulator.plangrid.version_uploads()
    assert made.status == "complete"
    assert None not in made.files.values()


async def test_a_version_survives_what_goes_wrong(project: ProjectScope, emulator: Emulator) -> None:
    emulator.plangrid.fail_completions(times=2)
    emulator.faults.add("POST /{bucket}/", Fault.cut("after"), probability=0.3, service="storage")
    emulator.faults.add("GET /projects/{uid}/sheets/uploads/files/completions/{token}", Fault.cut("after"), times=2)
    emulator.faults.add("POST /projects/{uid}/sheets/uploads/{uid}/completions", Fault.cut("after"), times=1)
    emulator.faults.add("POST /projects/{uid}/sheets/uploads/{uid}", Fault.cut("after"), times=1)
    data = {f"{n}.pdf": pdf() for n in range(8)}

    version = await project.sheets.upload_version("v", [UploadFile(body, name=name) for name, body in data.items()])

    assert version.status is VersionUploadStatus.COMPLETE
    (made,) = [upload for upload in emulator.plangrid.version_uploads() if upload.uid == version.uid]
    assert made.status == "complete"
    for request_uid, name in made.files.items():
        assert name is not None
        assert emulator.plangrid.stored(request_uid).sha256 == sha(data[name])


async def test_a_version_is_not_continued_with_another_file(
    connect: Callable[..., PlanGridClient], project: ProjectScope, emulator: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf())
    emulator.faults.add("POST /projects/{uid}/sheets/uploads/{uid}/files/{uid}", Fault.answer(403), times=1)
    with pytest.raises(VersionUploadError) as caught:
        await project.sheets.upload_version("v", [path])
    unfinished = caught.value.unfinished

    path.write_bytes(pdf(7))
    with pytest.raises(VersionUploadError) as changed:
        await project.sheets.resume_version(unfinished)
    assert [type(failure) for failure in changed.value.failures] == [SourceChangedError]
    with pytest.raises(InvalidInputError, match="belongs to the project"):
        await connect().project("other").sheets.resume_version(unfinished)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        await project.sheets.resume_version({"format": 1})
    with pytest.raises(InvalidInputError, match="format 99"):
        await project.sheets.resume_version({"format": 99})


# Packets and downloads


async def test_a_packet_is_made_waited_for_and_fetched(
    project: ProjectScope, emulator: Emulator, tmp_path: Path
) -> None:
    emulator.plangrid.settings.packet_seconds = 0.2
    sheets: list[Sheet] = await project.sheets.list()

    packet = await project.sheets.create_packet([sheets[0].uid], include_annotations=False)
    assert packet.status is PacketStatus.INCOMPLETE
    assert packet.file_url
    with pytest.raises(WaitTimeoutError) as caught:
        await project.sheets.wait_for_packet(packet, interval=0.05, give_up=0.01)
    assert caught.value.last_status == "incomplete"
    packet = await project.sheets.wait_for_packet(packet.uid, interval=0.05)
    path = await project.sheets.download_packet(packet, tmp_path / "packet.pdf")

    assert path.read_bytes().startswith(b"%PDF-")
    assert os.listdir(tmp_path) == ["packet.pdf"]


async def test_a_packet_that_cannot_be_made(project: ProjectScope, emulator: Emulator) -> None:
    emulator.plangrid.settings.packet_seconds = 0.0
    emulator.plangrid.settings.packets_fail = True
    sheet = (await project.sheets.page(limit=1)).data[0]

    with pytest.raises(JobFailedError, match="errored") as caught:
        await project.sheets.wait_for_packet(await project.sheets.create_packet([sheet.uid]), interval=0.01)

    assert caught.value.job.status is PacketStatus.ERRORED


async def test_a_url_that_ran_out_is_asked_for_anew(project: ProjectScope, emulator: Emulator, tmp_path: Path) -> None:
    emulator.plangrid.settings.oddities = type(emulator.plangrid.settings.oddities)(["signed_file_urls"])
    data = pdf(300_000)
    old = await project.attachments.upload(data, name="a.pdf")
    assert old.url is not None
    stale = type(old).from_dict({**old.to_dict(), "url": old.url.replace("Signature=", "Signature=0")})

    path = await project.attachments.download(stale, tmp_path / "a.pdf")

    assert path.read_bytes() == data


async def test_a_download_that_breaks_is_begun_anew_and_leaves_nothing_when_it_fails(
    connect: Callable[..., PlanGridClient], emulator: Emulator, tmp_path: Path
) -> None:
    (uid,) = emulator.plangrid.seed(1, seed=7)
    project = connect().project(uid)
    data = PNG + os.urandom(2_500_000)
    photo = await project.photos.upload(data, name="a.png")
    target = tmp_path / "a.png"
    target.write_bytes(b"old")
    emulator.faults.add("GET *", Fault.cut("in_answer", after_bytes=1_500_000), service="storage", times=2)

    await project.photos.download(photo.uid, target)
    assert target.read_bytes() == data

    target.write_bytes(b"old")
    emulator.faults.add("GET *", Fault.stall("in_answer", after_bytes=1_500_000), service="storage")
    fetching = asyncio.ensure_future(project.photos.download(photo, target))
    while len(os.listdir(tmp_path)) < 2:
        await asyncio.sleep(0.01)
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert os.listdir(tmp_path) == ["a.png"]
    assert target.read_bytes() == b"old"
    emulator.faults.clear()
