"""Uploads in one request: what is repeated, what is asked, what is renewed, and what ends it."""

from __future__ import annotations

import asyncio

import pytest

from plangrep_async.errors import (
    ChecksumMismatchError,
    SourceChangedError,
    StorageError,
    TransferConnectionError,
    TransferStalledError,
    UploadError,
    UploadExpiredError,
    UploadUnconfirmedError,
)
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import (
    NOT_STORED,
    UNKNOWN,
    FormTarget,
    PostFormTarget,
    PutTarget,
    SendAgain,
    StartOver,
    Upload,
    UploadFile,
    stored_as,
)

URL = "https://storage.example/bucket"
LOST = TransferConnectionError("the answer was lost")
LOST_UNSENT = TransferConnectionError("refused", nothing_sent=True)


def file(content=b"content"):
    return UploadFile(content, name="plan.pdf")


@pytest.fixture
def run(open_scheduler, script):
    """Upload one file against scripted replies: the outcome and the requests."""

    async def run(target, *replies, **options):
        transfer = FakeTransfer(script(*replies))
        options.setdefault("settings", {})
        scheduler = open_scheduler(transfer, **options.pop("settings"))
        report = await scheduler.run_all([Upload(file(), target, **options)])
        [outcome] = report.uploaded or report.failed
        return outcome, transfer.requests

    return run


async def test_failures_are_repeated_until_it_works(run, make_answer):
    outcome, requests = await run(PutTarget(url=URL), make_answer(503), make_answer(408), make_answer(200))
    assert outcome.ok
    assert len(requests) == outcome.attempts == 3
    assert outcome.bytes_sent == 21


async def test_attempts_are_bounded(run, make_answer):
    outcome, requests = await run(PutTarget(url=URL), make_answer(503))
    assert len(requests) == 4
    assert isinstance(outcome.error, StorageError)
    assert (outcome.error.status, outcome.error.attempts) == (503, 4)


async def test_what_is_refused_is_not_repeated(run, s3_error):
    outcome, requests = await run(PutTarget(url=URL), s3_error(403, "AccessDenied"))
    assert len(requests) == 1
    assert outcome.error.code == "AccessDenied"


async def test_a_wrong_checksum_is_tried_once_more(run, s3_error):
    outcome, requests = await run(PutTarget(url=URL), s3_error(400, "BadDigest"))
    assert len(requests) == 2
    assert isinstance(outcome.error, ChecksumMismatchError)


async def test_a_retry_after_that_is_too_long_ends_it(run, make_answer):
    outcome, requests = await run(PutTarget(url=URL), make_answer(503, retry_after="100000"))
    assert len(requests) == 1
    assert outcome.error.status == 503


# Lost answers


@pytest.mark.parametrize("target", [PutTarget(url=URL), PostFormTarget(url=URL)], ids=["put", "post form"])
async def test_what_may_be_repeated_is_repeated(run, make_answer, target):
    outcome, requests = await run(target, LOST, make_answer(500), make_answer(200))
    assert outcome.ok
    assert len(requests) == 3


async def test_what_may_not_be_repeated_is_not(run, make_answer):
    for reply in (LOST, make_answer(500), make_answer(502), make_answer(503)):
        outcome, requests = await run(FormTarget(url=URL), reply)
        assert len(requests) == 1
        assert isinstance(outcome.error, UploadUnconfirmedError)
        assert isinstance(outcome.error.__cause__, UploadError)


async def test_what_proves_that_nothing_was_stored_is_repeated_always(run, make_answer):
    unsent = TransferConnectionError("refused", nothing_sent=True)
    outcome, requests = await run(FormTarget(url=URL), unsent, make_answer(429), make_answer(200))
    assert outcome.ok
    assert len(requests) == 3


async def test_asking_settles_it(run, make_answer):
    asked = []

    async def confirm(unconfirmed):
        asked.append(unconfirmed)
        return stored_as({"documentId": "d1"})

    async def complete(stored):
        return stored.evidence["documentId"], stored.answer

    outcome, requests = await run(FormTarget(url=URL, memo=5), LOST, confirm=confirm, complete=complete)
    assert outcome.result == ("d1", None)
    assert len(requests) == 1
    assert asked[0].reason is LOST
    assert (asked[0].target.memo, asked[0].files[0].name) == (5, "plan.pdf")


async def test_what_is_not_stored_is_sent_again(run, make_answer):
    async def confirm(_):
        return NOT_STORED

    outcome, requests = await run(FormTarget(url=URL), LOST, make_answer(200), confirm=confirm)
    assert outcome.ok
    assert len(requests) == 2


async def test_the_last_lost_answer_is_asked_for_too(run, make_answer):
    async def confirm(_):
        calls.append(1)
        return stored_as() if len(calls) == 4 else NOT_STORED

    calls = []
    outcome, requests = await run(FormTarget(url=URL), LOST, confirm=confirm)
    assert outcome.ok
    assert len(requests) == 4


@pytest.mark.parametrize(("target", "sent"), [(FormTarget(url=URL), 1), (PutTarget(url=URL), 4)], ids=["form", "put"])
async def test_asking_that_settles_nothing(run, target, sent):
    async def confirm(_):
        return UNKNOWN

    outcome, requests = await run(target, LOST, confirm=confirm)
    assert isinstance(outcome.error, UploadUnconfirmedError)
    assert len(requests) == sent


async def test_asking_that_fails(run):
    async def confirm(_):
        raise OSError("the service is down, too")

    outcome, _ = await run(FormTarget(url=URL), LOST, confirm=confirm)
    assert isinstance(outcome.error, UploadUnconfirmedError)
    assert isinstance(outcome.error.__cause__, OSError)
    assert "the answer was lost" in str(outcome.error)
    assert "down, too" in str(outcome.error)


async def test_a_precondition_that_our_own_attempt_broke_is_a_doubt(run, make_answer):
    seen = []

    async def once(unconfirmed):
        seen.append(unconfirmed)
        return UNKNOWN if len(seen) == 1 else stored_as("ours")

    outcome, _ = await run(PutTarget(url=URL), LOST, make_answer(412), confirm=once)
    assert outcome.ok
    outcome, _ = await run(PutTarget(url=URL), make_answer(412))
    assert outcome.error.status == 412


# Renewal


async def test_an_expired_target_is_asked_for_anew(run, s3_error, make_answer):
    requests_for_slots = []

    async def slot(request):
        requests_for_slots.append(request)
        return PutTarget(url=f"{URL}/{request.renewal}", memo=request.renewal)

    expired = s3_error(403, "AccessDenied", "Request has expired")
    outcome, requests = await run(slot, expired, expired, make_answer(200))
    assert outcome.ok
    assert [request.url[-1] for request in requests] == ["0", "1", "2"]
    assert outcome.result.memo == 2
    first, second, _ = requests_for_slots
    assert (first.renewal, first.previous, first.reason) == (0, None, None)
    assert second.previous.memo == 0
    assert isinstance(second.reason, UploadExpiredError)


async def test_renewals_are_bounded_and_need_somebody_to_ask(run, s3_error):
    async def slot(_request):
        return PutTarget(url=URL)

    expired = s3_error(400, "ExpiredToken")
    outcome, requests = await run(slot, expired, settings={"max_renewals": 2})
    assert isinstance(outcome.error, UploadExpiredError)
    assert len(requests) == 3
    outcome, requests = await run(PutTarget(url=URL), expired)
    assert isinstance(outcome.error, UploadExpiredError)
    assert len(requests) == 1


async def test_a_bare_403_is_suspected_once(run, make_answer):
    async def slot(_request):
        return PutTarget(url=URL)

    outcome, requests = await run(slot, make_answer(403))
    assert len(requests) == 2
    assert type(outcome.error) is StorageError


async def test_a_renewal_may_bring_another_kind_of_target(run, s3_error, make_answer):
    async def slot(request):
        return FormTarget(url=URL) if request.renewal else PutTarget(url=URL)

    outcome, requests = await run(slot, s3_error(400, "ExpiredToken"), make_answer(200))
    assert outcome.ok
    assert [request.method for request in requests] == ["PUT", "POST"]


# Completion


async def test_completion_may_ask_to_send_again_or_to_start_over(run, make_answer):
    asked = []

    async def slot(request):
        return PutTarget(url=f"{URL}/{request.renewal}")

    async def complete(stored):
        asked.append(stored.target.url[-1])
        if len(asked) == 1:
            raise SendAgain
        if len(asked) == 2:
            raise StartOver
        return "done"

    outcome, requests = await run(slot, make_answer(200), complete=complete)
    assert outcome.result == "done"
    assert asked == ["0", "0", "1"]
    assert len(requests) == 3


async def test_completion_cannot_ask_for_ever(run, make_answer):
    async def complete(_stored):
        raise SendAgain from ValueError("the bytes are missing")

    outcome, requests = await run(PutTarget(url=URL), make_answer(200), complete=complete)
    assert type(outcome.error) is UploadError
    assert "the bytes are missing" in str(outcome.error)
    assert len(requests) == 4


async def test_starting_over_needs_somebody_to_ask(run, make_answer):
    async def complete(_stored):
        raise StartOver

    outcome, _ = await run(PutTarget(url=URL), make_answer(200), complete=complete)
    assert isinstance(outcome.error, UploadExpiredError)
    assert "fixed value" in str(outcome.error)


async def test_a_completion_that_fails_is_the_outcome(run, make_answer):
    async def complete(_stored):
        raise LookupError("no such record")

    outcome, _ = await run(PutTarget(url=URL), make_answer(200), complete=complete)
    assert isinstance(outcome.error, LookupError)
    assert outcome.status == "failed"


# State


async def test_states_before_and_after(run, make_answer):
    states = []

    async def slot(_request):
        return PutTarget(url=URL, memo={"document": "d1"})

    outcome, _ = await run(slot, make_answer(200), on_state=states.append, digests=["sha256"])
    assert outcome.ok
    assert [(state.kind, state.stored, state.memo) for state in states] == [
        ("put", False, {"document": "d1"}),
        ("put", True, {"document": "d1"}),
    ]
    assert states[0].sha256 == outcome.files[0].sha256


async def test_what_was_stored_before_is_only_completed(run, make_answer):
    states = []

    async def failing(_stored):
        raise OSError("killed here")

    await run(PutTarget(url=URL, memo=7), make_answer(200), on_state=states.append, complete=failing)

    async def complete(stored):
        return stored.memo, stored.target, stored.file.name

    outcome, requests = await run(PutTarget(url=URL), make_answer(200), resume=states[-1], complete=complete)
    assert outcome.result == (7, None, "plan.pdf")
    assert requests == []


async def test_a_state_that_cannot_be_kept_stops_the_upload(run, make_answer):
    def keep(_state):
        raise OSError("disk full")

    outcome, requests = await run(PutTarget(url=URL), make_answer(200), on_state=keep)
    assert isinstance(outcome.error, OSError)
    assert requests == []


async def test_another_source_is_not_continued(open_scheduler, tmp_path, make_answer):
    path = tmp_path / "a"
    path.write_bytes(b"first")
    states = []
    scheduler = open_scheduler(FakeTransfer())
    await scheduler.upload(Upload(path, PutTarget(url=URL), on_state=states.append))
    path.write_bytes(b"second")
    with pytest.raises(SourceChangedError, match="upload it anew"):
        await scheduler.upload(Upload(path, PutTarget(url=URL), resume=states[-1]))


# Hosts


async def test_a_host_that_asks_for_time_is_left_alone_by_all(open_scheduler, script, make_answer):
    replies = script(make_answer(429, retry_after="0.05"), make_answer(200))
    transfer = FakeTransfer(replies)
    scheduler = open_scheduler(transfer, start_transfers=1, max_transfers=4)
    loop = asyncio.get_running_loop()
    began = loop.time()
    report = await scheduler.run_all(Upload(file(), PutTarget(url=URL)) for _ in range(5))
    assert len(report.uploaded) == 5
    assert loop.time() - began >= 0.05
    [lane] = scheduler.statistics().values()
    assert lane.complaints == 1


async def test_stalls_count_as_complaints_and_other_failures_do_not(open_scheduler, script, make_answer):
    for error, complaints in ((TransferStalledError("slow"), 1), (TransferConnectionError("cut"), 0)):
        scheduler = open_scheduler(FakeTransfer(script(error, make_answer(200))), start_transfers=8)
        await scheduler.upload(Upload(file(), PutTarget(url=URL)))
        [lane] = scheduler.statistics().values()
        assert lane.complaints == complaints
        assert lane.limit == (4 if complaints else 8)


async def test_hosts_are_apart(open_scheduler, make_answer):
    def reply(request):
        return make_answer(503) if "slow" in request.url else make_answer(200)

    scheduler = open_scheduler(FakeTransfer(reply), start_transfers=8)
    targets = [PutTarget(url="https://slow.example/a"), PutTarget(url="https://FAST.example/a?b")]
    await scheduler.run_all([Upload(file(), target) for target in targets])
    limits = {host: lane.limit for host, lane in scheduler.statistics().items()}
    assert limits["https://slow.example"] < 8
    assert limits["https://fast.example"] == 8


@pytest.mark.parametrize("options", [{}, {"deadline": 1e6}], ids=["plain", "with a deadline"])
async def test_a_form_asks_before_each_attempt_and_tells_each_answer(run, make_answer, options):
    story = []

    async def before():
        story.append("before")

    target = FormTarget(url=URL, before=before, on_answer=lambda answer: story.append(answer.status))
    outcome, _ = await run(target, make_answer(429), LOST_UNSENT, make_answer(201), **options)
    assert outcome.ok
    assert story == ["before", 429, "before", "before", 201]


async def test_who_may_not_go_on_ends_the_form(run, make_answer):
    async def before():
        raise RuntimeError("not today")

    outcome, requests = await run(FormTarget(url=URL, before=before), make_answer(200))
    assert str(outcome.error) == "not today"
    assert not requests


async def test_one_upload_tells_its_progress(open_scheduler, script, make_answer):
    seen = []
    scheduler = open_scheduler(FakeTransfer(script(make_answer(200))))
    await scheduler.upload(Upload(file(), PutTarget(url=URL)), on_progress=seen.append)
    last = seen[-1]
    assert (last.final, last.all_known, last.uploads_done, last.uploads_failed) == (True, True, 1, 0)
    assert (last.bytes_confirmed, last.bytes_known) == (7, 7)

    scheduler = open_scheduler(FakeTransfer(script(make_answer(400))))
    with pytest.raises(StorageError):
        await scheduler.upload(Upload(file(), PutTarget(url=URL)), on_progress=seen.append)
    last = seen[-1]
    assert (last.final, last.uploads_done, last.uploads_failed, last.bytes_confirmed) == (True, 0, 1, 0)


async def test_a_retry_after_past_the_cap_is_said(run, make_answer):
    outcome, _ = await run(PutTarget(url=URL), make_answer(503, retry_after="100000"))
    assert "it asks to wait 100000 s, and RetryPolicy.max_retry_after is 400" in str(outcome.error)


async def test_an_error_names_its_file(run):
    outcome, _ = await run(PutTarget(url=URL), LOST_UNSENT)
    assert str(outcome.error) == "plan.pdf: refused"
