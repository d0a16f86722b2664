"""Both ways to an outcome: straight to the lane, and carried by a task."""

from __future__ import annotations

import asyncio
import io
import logging
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plangrep_async._clock import SystemClock
from plangrep_async.config import RetryPolicy
from plangrep_async.errors import (
    ConfigurationError,
    SourceChangedError,
    SourceNotFoundError,
    TransferConnectionError,
    UploadUnconfirmedError,
)
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import (
    NOT_STORED,
    UNKNOWN,
    FormTarget,
    PostFormTarget,
    PutTarget,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadSettings,
    stored_as,
)
from plangrep_async.upload.courier import Courier
from plangrep_async.upload.ordering import LARGE
from plangrep_async.upload.wire import WireAnswer

URL = "https://storage.example/bucket"
CARRIED = {"deadline": 1e6}  # asks for more than its bytes sent, so a task carries it

TARGETS = {
    "put": PutTarget(url=f"{URL}/k"),
    "post form": PostFormTarget(url=URL, fields=[("key", "k")]),
    "form": FormTarget(url=f"{URL}/form"),
}
REPLIES = {
    "stored": WireAnswer(200, {"etag": '"e"'}, b""),
    "no content": WireAnswer(204, {}, b""),
    "see other": WireAnswer(303, {"location": URL}, b""),
    "early": WireAnswer(200, {}, b"", early=True),
    "busy": WireAnswer(503, {}, b""),
    "broken": WireAnswer(500, {}, b""),
    "forbidden": WireAnswer(403, {}, b"<Error><Code>AccessDenied</Code></Error>"),
    "expired": WireAnswer(403, {}, b"<Error><Code>ExpiredToken</Code></Error>"),
    "digest": WireAnswer(400, {}, b"<Error><Code>BadDigest</Code></Error>"),
    "no connection": TransferConnectionError("refused", nothing_sent=True),
    "lost": TransferConnectionError("reset"),
}
CONFIRMATIONS = {"none": None, "stored": stored_as(7), "not stored": NOT_STORED, "unknown": UNKNOWN}


@pytest.fixture
def carried(monkeypatch):
    """Counts the uploads that a task carries."""
    seen = []
    deliver = Courier.deliver

    async def counted(self):
        seen.append(self)
        return await deliver(self)

    monkeypatch.setattr(Courier, "deliver", counted)
    return seen


async def one(upload, transfer, **settings):
    settings.setdefault("retry", RetryPolicy(max_attempts=3, base=0.0001, max_backoff=0.0002))
    async with UploadScheduler(UploadSettings(**settings), transfer=transfer) as scheduler:
        [outcome] = [outcome async for outcome in scheduler.run([upload])]
    return outcome


def essence(outcome):
    answer = getattr(outcome.result, "answer", None)
    return {
        "status": outcome.status,
        "error": (type(outcome.error), str(outcome.error), getattr(outcome.error, "attempts", None)),
        "answer": answer and (answer.status, answer.content),
        "evidence": getattr(outcome.result, "evidence", None),
        "files": [(file.name, file.fingerprint, dict(file.digests)) for file in outcome.files],
        "numbers": (outcome.size, outcome.bytes_sent, outcome.attempts),
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    target=st.sampled_from(sorted(TARGETS)),
    replies=st.lists(st.sampled_from(sorted(REPLIES)), min_size=1, max_size=4),
    confirmation=st.sampled_from(sorted(CONFIRMATIONS)),
)
def test_both_ways_end_alike(target, replies, confirmation):
    async def run(options):
        left = [REPLIES[name] for name in replies]

        async def confirm(_doubt):
            return CONFIRMATIONS[confirmation]

        def reply(_request):
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, TransferConnectionError):  # a fresh one, as the wire raises it
                return TransferConnectionError(str(answer), nothing_sent=answer.nothing_sent)
            return answer

        transfer = FakeTransfer(reply)
        upload = Upload(
            UploadFile(b"content", name="a.pdf"),
            TARGETS[target],
            confirm=None if confirmation == "none" else confirm,
            **options,
        )
        outcome = await one(upload, transfer)
        assert transfer.running == 0
        return essence(outcome), len(transfer.requests)

    assert asyncio.run(run({})) == asyncio.run(run(CARRIED))


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
async def test_a_plain_small_upload_needs_no_task(carried, target, tmp_path, caplog):
    (tmp_path / "a.pdf").write_bytes(b"content")
    caplog.set_level(logging.DEBUG, "plangrep_async")
    for source in (tmp_path / "a.pdf", UploadFile(b"content", name="a.pdf")):
        outcome = await one(Upload(source, target), FakeTransfer())
        assert (outcome.status, outcome.size, outcome.attempts) == ("stored", 7, 1)
        assert outcome.result.target is target
        assert outcome.result.file.size == 7
        assert outcome.seconds > 0
    assert not carried
    assert sum("a.pdf to https://storage.example" in line and "stored" in line for line in caplog.messages) == 2


async def test_what_is_large_or_asks_for_more_is_carried(carried, tmp_path):
    async def complete(stored):
        return stored.file.size

    uploads = [
        Upload(UploadFile(bytes(LARGE), name="large"), TARGETS["put"]),
        Upload(UploadFile(b"x", name="digest"), TARGETS["put"], digests=["sha256"]),
        Upload(UploadFile(b"x", name="complete"), TARGETS["put"], complete=complete),
        Upload(UploadFile(b"x", name="deadline"), TARGETS["put"], deadline=60.0),
        Upload(UploadFile(lambda: io.BytesIO(b"x"), name="factory"), TARGETS["put"]),
        Upload([UploadFile(b"x", name="1"), UploadFile(b"x", name="2")], TARGETS["form"]),
    ]
    for upload in uploads:
        assert (await one(upload, FakeTransfer())).ok
    assert len(carried) == len(uploads)


async def test_after_a_failure_it_goes_on_and_does_not_look_again(carried, tmp_path, monkeypatch):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"content")
    looked = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda name, **options: looked.append(str(name)) or stat(name, **options))
    replies = [WireAnswer(503, {}, b""), WireAnswer(200, {}, b"")]
    outcome = await one(Upload(path, TARGETS["put"]), FakeTransfer(lambda _request: replies.pop(0)))
    assert (outcome.status, outcome.attempts, outcome.bytes_sent) == ("stored", 2, 14)
    assert len(carried) == 1
    assert looked.count(str(path)) == 1


@pytest.mark.parametrize("gone", [False, True])
async def test_a_file_that_changes_while_it_waits_is_an_error(tmp_path, gone):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"content")
    transfer = FakeTransfer()
    transfer.gate.clear()
    uploads = [Upload(UploadFile(b"x", name="blocker"), TARGETS["put"]), Upload(path, TARGETS["put"])]
    async with UploadScheduler(UploadSettings(max_transfers=1), transfer=transfer) as scheduler:
        task = asyncio.create_task(scheduler.run_all(uploads))
        while not transfer.running:
            await asyncio.sleep(0.001)
        path.unlink() if gone else path.write_bytes(b"longer content")
        transfer.gate.set()
        report = await task
    [outcome] = report.failed
    assert type(outcome.error) is (SourceNotFoundError if gone else SourceChangedError)
    assert (outcome.file_name, outcome.bytes_sent) == ("a.pdf", 0)
    assert len(transfer.requests) == 1


@pytest.mark.parametrize("asked", ["run", "scheduler", "upload"])
@pytest.mark.parametrize("moment", ["looking", "queued", "on the wire"])
async def test_stopping_it_at_every_moment(asked, moment, monkeypatch):
    """Nothing runs on, nothing is left, and only what was cancelled by name has an outcome."""
    transfer = FakeTransfer()
    transfer.gate.clear()
    blocker = Upload(UploadFile(b"x", name="blocker"), TARGETS["put"])
    upload = Upload(UploadFile(b"content", name="a.pdf"), TARGETS["put"])
    scheduler = UploadScheduler(UploadSettings(max_transfers=1), transfer=transfer)
    outcomes = []

    async def consume():
        async for outcome in scheduler.run([upload] if moment != "queued" else [blocker, upload]):
            outcomes.append(outcome)

    task = asyncio.create_task(consume())
    if moment == "looking":
        while not scheduler._entries:
            await asyncio.sleep(0)
    else:
        while not transfer.running:
            await asyncio.sleep(0.001)
    if asked == "upload":
        assert scheduler.cancel(upload)
        assert scheduler.cancel(upload) or moment == "looking"
        if moment == "queued":
            while not outcomes:
                await asyncio.sleep(0.001)
            transfer.gate.set()
        await task
        found = {outcome.file_name: outcome.status for outcome in outcomes}
        assert found == {"a.pdf": "cancelled"} | ({"blocker": "stored"} if moment == "queued" else {})
    elif asked == "scheduler":
        await scheduler.aclose()
        with pytest.raises(Exception, match="was closed"):
            await task
    else:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert transfer.running == 0
    assert not scheduler._entries
    await scheduler.aclose()
    if asked != "upload":
        assert outcomes == []


async def test_a_form_whose_answer_was_lost_is_not_sent_twice():
    transfer = FakeTransfer(lambda _request: TransferConnectionError("reset"))
    outcome = await one(Upload(UploadFile(b"content", name="a.pdf"), TARGETS["form"]), transfer)
    assert isinstance(outcome.error, UploadUnconfirmedError)
    assert len(transfer.requests) == 1


@pytest.mark.parametrize("options", [{}, CARRIED], ids=["plain", "carried"])
async def test_what_has_not_begun_can_be_left_and_the_rest_finished(options):
    transfer = FakeTransfer()
    transfer.gate.clear()
    uploads = [Upload(UploadFile(b"x", name=str(n)), TARGETS["put"], key=n, **options) for n in range(30)]
    async with UploadScheduler(UploadSettings(max_transfers=3, start_transfers=3), transfer=transfer) as scheduler:
        task = asyncio.create_task(scheduler.run_all(uploads))
        while transfer.running < 3:
            await asyncio.sleep(0.001)
        assert scheduler.cancel_waiting() == 27
        transfer.gate.set()
        report = await task
        assert scheduler.cancel_waiting() == 0
    assert sorted(outcome.upload.key for outcome in report.uploaded) == [0, 1, 2]
    assert {outcome.status for outcome in report.failed} == {"cancelled"}
    assert len(report.failed) == 27
    assert len(transfer.requests) == 3


async def test_an_upload_that_waits_to_be_repeated_has_begun():
    answers = iter([WireAnswer(503, {}, b""), WireAnswer(200, {}, b"")])
    waits = asyncio.Event()

    class Clock(SystemClock):
        async def sleep(self, seconds):
            waits.set()
            await asyncio.sleep(0.01)

    transfer = FakeTransfer(lambda _request: next(answers))
    async with UploadScheduler(transfer=transfer, clock=Clock()) as scheduler:
        task = asyncio.create_task(scheduler.run_all([Upload(UploadFile(b"x", name="a"), TARGETS["put"])]))
        await waits.wait()
        assert scheduler.cancel_waiting() == 0
        assert (await task).uploaded


@pytest.mark.parametrize("kind", [PutTarget, PostFormTarget, FormTarget])
@pytest.mark.parametrize("url", [None, 3, b"http://storage.example/k"])
def test_a_url_that_is_no_text_is_refused_at_once(kind, url):
    with pytest.raises(ConfigurationError, match=rf"{kind.__name__}\.url must be str"):
        kind(url=url)
