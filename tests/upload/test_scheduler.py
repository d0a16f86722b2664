from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from contextlib import aclosing

import pytest

from plangrep_async.errors import (
    ClientClosedError,
    DeadlineExceededError,
    InvalidInputError,
    SourceNotFoundError,
    StorageError,
    TransferCancelledError,
    WrongEventLoopError,
)
from plangrep_async.testing import FakeTransfer, ManualClock, settle
from plangrep_async.upload import (
    FormTarget,
    MultipartTarget,
    PostFormTarget,
    PutTarget,
    Stored,
    Upload,
    UploadFile,
    UploadScheduler,
    UploadSettings,
)
from plangrep_async.upload.ordering import LARGE

URL = "https://storage.example/bucket"


def put(content=b"content", name="a.pdf", key=None, **options):
    return Upload(UploadFile(content, name=name), PutTarget(url=f"{URL}/{name}"), key=key, **options)


async def outcomes_of(scheduler, uploads, **options):
    return [outcome async for outcome in scheduler.run(uploads, **options)]


async def wait_until(condition):
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


async def test_one_upload(open_scheduler, tmp_path):
    (tmp_path / "plan.pdf").write_bytes(b"content")
    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer)
    target = PutTarget(
        url=f"{URL}/k?X-Amz-Signature=secret", headers={"Content-Type": "application/pdf"}, memo={"id": 7}
    )
    stored = await scheduler.upload(Upload(tmp_path / "plan.pdf", target))
    assert isinstance(stored, Stored)
    assert (stored.file.name, stored.file.size, stored.memo) == ("plan.pdf", 7, {"id": 7})
    assert stored.answer.status == 200
    [request] = transfer.requests
    assert (request.method, request.body) == ("PUT", b"content")
    assert request.headers == (("Content-Type", "application/pdf"),)


async def test_one_bad_file_never_stops_the_others(open_scheduler, tmp_path, make_answer, s3_error):
    def reply(request):
        return s3_error(403, "AccessDenied") if request.url.endswith("forbidden") else make_answer(200)

    async def failing(_request):
        raise RuntimeError("the service is broken")

    scheduler = open_scheduler(FakeTransfer(reply))
    uploads = [put(name=f"good{n}", key=n) for n in range(5)]
    uploads.insert(1, Upload(tmp_path / "missing", PutTarget(url=URL), key="missing"))
    uploads.insert(2, Upload(UploadFile(b"x", name="forbidden"), PutTarget(url=f"{URL}/forbidden"), key="forbidden"))
    uploads.insert(3, Upload(UploadFile(b"x", name="slot"), failing, key="slot"))
    report = await scheduler.run_all(uploads)
    assert sorted(outcome.upload.key for outcome in report.uploaded) == [0, 1, 2, 3, 4]
    errors = {outcome.upload.key: type(outcome.error) for outcome in report.failed}
    assert errors == {"missing": SourceNotFoundError, "forbidden": StorageError, "slot": RuntimeError}
    assert report.bytes_stored == 5 * 7
    failed = next(outcome for outcome in report.failed if outcome.upload.key == "forbidden")
    assert (failed.attempts, failed.bytes_sent, failed.size, failed.error.attempts) == (1, 1, 1, 1)


async def test_all_kinds_of_targets_in_one_run(open_scheduler, tmp_path):
    big = os.urandom(3 * LARGE)
    (tmp_path / "big").write_bytes(big)
    transfer = FakeTransfer()
    order = []

    async def slot(request):
        order.append(("slot", request.file.sha256))
        fields = [("key", request.file.name), ("policy", "p")]
        return PostFormTarget(url=URL, fields=fields, memo={"webhook": "w"})

    async def complete(stored):
        order.append(("complete", stored.memo))
        return stored.memo["webhook"]

    async def form(request):
        metadata = {"files": [{"partName": f"file{n}", "sha256": f.sha256} for n, f in enumerate(request.files)]}
        return FormTarget(url=f"{URL}/form", fields=[("metadata", json.dumps(metadata))])

    async def read_answer(stored):
        return stored.answer.status

    parts = [f"{URL}/big?partNumber={n}" for n in (1, 2, 3)]
    uploads = [
        put(key="put"),
        Upload(UploadFile(b"photo", name="p.png"), slot, complete=complete, key="post form"),
        Upload(
            [UploadFile(b"one", name="1"), UploadFile(b"two", name="2")],
            form,
            digests=["sha256"],
            complete=read_answer,
            key="form",
        ),
        Upload(tmp_path / "big", MultipartTarget(upload_id="u", part_size=LARGE, part_urls=parts), key="multipart"),
    ]
    report = await open_scheduler(transfer).run_all(uploads)
    results = {outcome.upload.key: outcome.result for outcome in report.uploaded}
    assert set(results) == {"put", "post form", "form", "multipart"}
    assert results["post form"] == "w"
    assert results["form"] == 200
    assert [part.number for part in results["multipart"].parts] == [1, 2, 3]
    assert order == [("slot", None), ("complete", {"webhook": "w"})]
    sent = sorted((r.url, r.body) for r in transfer.requests if "partNumber" in r.url)
    assert b"".join(body for _, body in sent) == big


async def test_several_files_need_a_form(open_scheduler):
    scheduler = open_scheduler(FakeTransfer())
    files = [UploadFile(b"1", name="1"), UploadFile(b"2", name="2")]
    with pytest.raises(InvalidInputError, match="one Upload for each"):
        await scheduler.upload(Upload(files, PutTarget(url=URL)))


async def test_no_more_is_read_from_the_iterable_than_needed(open_scheduler):
    transfer = FakeTransfer()
    transfer.gate.clear()
    taken = 0

    def uploads():
        nonlocal taken
        while True:
            taken += 1
            yield put(name=f"{taken}")

    scheduler = open_scheduler(transfer, lookahead=20, max_transfers=4)
    async with aclosing(scheduler.run(uploads())) as outcomes:
        first = asyncio.ensure_future(anext(outcomes))
        await wait_until(lambda: transfer.running)
        await settle()
        assert taken == 21  # one is in hand, waiting for room
        transfer.gate.set()
        assert (await first).ok
        for _ in range(50):
            await anext(outcomes)
        await settle()
        assert taken <= 51 + 21


async def test_a_consumer_that_stops_taking_stops_the_run(open_scheduler):
    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer, lookahead=10)
    async with aclosing(scheduler.run(put(name=str(n)) for n in range(1000))) as outcomes:
        await anext(outcomes)
        for _ in range(20):
            await asyncio.sleep(0.002)
        assert len(transfer.requests) <= 11


async def test_an_async_iterable_that_fails_gives_its_outcomes_first(open_scheduler):
    async def uploads():
        yield put(name="1")
        yield put(name="2")
        raise LookupError("the list ends badly")

    async with aclosing(open_scheduler(FakeTransfer()).run(uploads())) as outcomes:
        seen = [(await anext(outcomes)).file_name for _ in range(2)]
        with pytest.raises(LookupError):
            await anext(outcomes)
    assert sorted(seen) == ["1", "2"]


async def test_an_iterable_that_was_cancelled_is_no_end(open_scheduler):
    async def uploads():
        yield put(name="1")
        raise asyncio.CancelledError("the source was cancelled")

    async with aclosing(open_scheduler(FakeTransfer()).run(uploads())) as outcomes:
        assert (await anext(outcomes)).file_name == "1"
        with pytest.raises(asyncio.CancelledError, match="the source"):
            await anext(outcomes)


async def test_an_empty_run(open_scheduler):
    scheduler = open_scheduler(FakeTransfer())
    assert await outcomes_of(scheduler, []) == []


@pytest.mark.parametrize("size", [10, 2 * LARGE], ids=["small", "large"])
async def test_transfers_are_bounded(open_scheduler, size):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer, max_transfers=3, start_transfers=3)
    task = asyncio.create_task(scheduler.run_all(put(bytes(size), name=str(n)) for n in range(30)))
    await wait_until(lambda: transfer.running == 3)
    await asyncio.sleep(0.05)
    assert transfer.most == 3
    transfer.gate.set()
    assert len((await task).uploaded) == 30
    assert transfer.most == 3


async def test_memory_bounds_transfers():
    assert UploadSettings(memory=8 << 20, block_size=1 << 20).on_wire == 4
    assert UploadSettings(memory=1, block_size=1 << 20).on_wire == 1
    assert UploadSettings(max_transfers=7).on_wire == 7


async def test_large_files_start_early_and_small_ones_flow_beside_them(open_scheduler):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer, max_transfers=8, start_transfers=8, min_transfers=8)
    sizes = [10] * 50 + [2 * LARGE, 9 * LARGE, 3 * LARGE]

    def uploads():
        for n, size in enumerate(sizes):
            yield put(bytes(size), name=f"{size}-{n}", key=size)

    task = asyncio.create_task(scheduler.run_all(uploads()))
    await wait_until(lambda: transfer.running == 8)
    await asyncio.sleep(0.02)
    assert transfer.most == 8
    transfer.gate.set()
    report = await task
    assert transfer.most == 8
    assert len(report.uploaded) == 53
    larges = {f"{URL}/{size}-{n}" for n, size in enumerate(sizes) if size >= LARGE}
    assert larges <= set(transfer.started[:16])  # though they came last
    assert not larges & set(transfer.started[-10:])


async def test_parts_of_one_file_are_bounded(open_scheduler, tmp_path):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    with (tmp_path / "big").open("wb") as file:
        file.truncate(20 * LARGE)
    scheduler = open_scheduler(transfer, max_transfers=16, start_transfers=16, max_parts=5)
    urls = [f"{URL}/big?partNumber={n}" for n in range(20)]
    upload = Upload(tmp_path / "big", MultipartTarget(upload_id="u", part_size=LARGE, part_urls=urls))
    task = asyncio.create_task(scheduler.upload(upload))
    await wait_until(lambda: transfer.running == 5)
    await asyncio.sleep(0.02)
    transfer.gate.set()
    await task
    assert transfer.most == 5


async def test_slots_are_asked_for_shortly_before_they_are_needed(open_scheduler):
    transfer = FakeTransfer()
    transfer.gate.clear()
    asked = 0

    async def slot(_request):
        nonlocal asked
        asked += 1
        return PutTarget(url=URL)

    scheduler = open_scheduler(transfer, max_transfers=4, start_transfers=4, ready_uploads=6)
    task = asyncio.create_task(scheduler.run_all(Upload(UploadFile(b"x", name=str(n)), slot) for n in range(100)))
    await wait_until(lambda: transfer.running == 4)
    await asyncio.sleep(0.02)
    assert asked == 8 + 6  # four on the wire, four on the runway, six ready
    transfer.gate.set()
    assert len((await task).uploaded) == 100
    assert asked == 100


# Cancellation


@pytest.mark.parametrize("size", [10, 2 * LARGE], ids=["small", "large"])
async def test_cancelling_one_leaves_the_others(open_scheduler, size):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer, max_transfers=2, start_transfers=2)
    uploads = [put(bytes(size), name=str(n), key=n) for n in range(6)]
    task = asyncio.create_task(scheduler.run_all(uploads))
    await wait_until(lambda: transfer.running == 2)
    assert scheduler.cancel(uploads[0])  # on the wire
    assert scheduler.cancel(uploads[5])  # waiting
    await wait_until(lambda: transfer.running == 2)
    transfer.gate.set()
    report = await task
    assert sorted(outcome.upload.key for outcome in report.uploaded) == [1, 2, 3, 4]
    assert {outcome.upload.key: outcome.status for outcome in report.failed} == {0: "cancelled", 5: "cancelled"}
    assert all(isinstance(outcome.error, TransferCancelledError) for outcome in report.failed)
    assert not scheduler.cancel(uploads[0])


async def test_cancelling_one_that_was_given_twice(open_scheduler):
    transfer = FakeTransfer()
    transfer.gate.clear()
    scheduler = open_scheduler(transfer)
    upload = put()
    run = asyncio.create_task(outcomes_of(scheduler, [upload, upload]))
    await wait_until(lambda: transfer.running == 2)
    assert scheduler.cancel(upload)
    assert [outcome.status for outcome in await run] == ["cancelled", "cancelled"]
    assert not scheduler.cancel(upload)


@pytest.mark.parametrize("size", [10, 2 * LARGE], ids=["small", "large"])
async def test_cancelling_returns_when_the_threads_have_stopped(open_scheduler, size):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    scheduler = open_scheduler(transfer)
    task = asyncio.create_task(scheduler.run_all(put(bytes(size), name=str(n)) for n in range(30)))
    await wait_until(lambda: transfer.running >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transfer.running == 0
    transfer.gate.set()
    assert (await scheduler.upload(put())).answer.status == 200  # the budget is whole again
    assert len((await scheduler.run_all(put(name=str(n)) for n in range(30))).uploaded) == 30


async def test_cancelling_again_does_not_leave_a_thread_behind(open_scheduler):
    transfer = FakeTransfer(keep_bodies=False)
    transfer.gate.clear()
    task = asyncio.create_task(open_scheduler(transfer).upload(put(bytes(2 * LARGE))))
    await wait_until(lambda: transfer.running)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transfer.running == 0


async def test_leaving_the_loop_cancels_the_rest(open_scheduler):
    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer, max_transfers=2, start_transfers=2)
    async with aclosing(scheduler.run(put(name=str(n)) for n in range(100))) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok
            transfer.gate.clear()
            break
    assert transfer.running == 0
    assert len(transfer.requests) < 100


@pytest.mark.parametrize("where", ["slot", "complete", "confirm", "on_state", "digest", "backoff", "wait"])
async def test_cancelling_at_every_await(open_scheduler, where, tmp_path, make_answer):
    reached = asyncio.Event()

    async def hang(*_):
        reached.set()
        await asyncio.Event().wait()

    async def slot(_request):
        if where == "slot":
            await hang()
        return FormTarget(url=URL)

    def reply(_request):
        return make_answer({"confirm": 500, "backoff": 503}.get(where, 200))

    transfer = FakeTransfer(reply)
    if where == "wait":
        transfer.gate.clear()
    (tmp_path / "file").write_bytes(b"x")
    clock = ManualClock() if where == "backoff" else None
    scheduler = open_scheduler(transfer, clock=clock)
    upload = Upload(
        tmp_path / "file",
        slot,
        complete=hang if where == "complete" else None,
        confirm=hang if where == "confirm" else None,
        on_state=hang if where == "on_state" else None,
        digests=["sha256"],
    )
    task = asyncio.create_task(scheduler.upload(upload))
    if where == "backoff":
        await wait_until(lambda: len(transfer.requests) == 1)
        await settle()
    elif where == "wait":
        await wait_until(lambda: transfer.running)
    elif where != "digest":
        await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert transfer.running == 0
    assert not scheduler._tasks


async def test_a_deadline_says_where_the_time_went(open_scheduler):
    clock = ManualClock()
    transfer = FakeTransfer()
    transfer.gate.clear()

    async def slot(_request):
        await clock.sleep(2.0)
        return PutTarget(url=URL)

    scheduler = open_scheduler(transfer, clock=clock)
    upload = Upload(UploadFile(b"x", name="a.pdf"), slot, deadline=5.0)
    task = asyncio.create_task(scheduler.upload(upload))
    await wait_until(lambda: clock.next_timer() == 2.0)
    await clock.advance(2.0)
    await wait_until(lambda: transfer.running)
    await clock.advance(3.0)
    with pytest.raises(DeadlineExceededError) as caught:
        await task
    assert transfer.running == 0
    assert caught.value.spent["slot"] == 2.0
    assert caught.value.spent["transfer"] == 3.0
    assert "a.pdf" in str(caught.value)


async def test_a_deadline_is_one_uploads_own(open_scheduler):
    clock = ManualClock()
    transfer = FakeTransfer()
    transfer.gate.clear()
    scheduler = open_scheduler(transfer, clock=clock, max_transfers=2, start_transfers=2)
    uploads = [put(name="late", key="late", deadline=1.0), put(name="other", key="other")]
    task = asyncio.create_task(scheduler.run_all(uploads))
    await wait_until(lambda: transfer.running == 2)
    await clock.advance(1.0)
    transfer.gate.set()
    report = await task
    assert [outcome.upload.key for outcome in report.failed] == ["late"]
    assert isinstance(report.failed[0].error, DeadlineExceededError)
    assert [outcome.upload.key for outcome in report.uploaded] == ["other"]


# Opening and closing


async def test_nothing_is_opened_before_use_and_nothing_is_left():
    before = set(threading.enumerate())
    scheduler = UploadScheduler(transfer=FakeTransfer())
    assert set(threading.enumerate()) == before
    async with scheduler:
        await scheduler.run_all(put(bytes(2 * LARGE * (n % 2)), name=str(n)) for n in range(20))
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("upload")]
    assert [thread for thread in left if thread.name != "upload-close"] == []


async def test_closing_cancels_what_runs():
    transfer = FakeTransfer()
    transfer.gate.clear()
    scheduler = UploadScheduler(transfer=transfer)
    one = asyncio.create_task(scheduler.upload(put()))
    many = asyncio.create_task(scheduler.run_all(put(name=str(n)) for n in range(10)))
    await wait_until(lambda: transfer.running >= 2)
    await scheduler.aclose()
    assert transfer.running == 0
    for task in (one, many):
        with pytest.raises(ClientClosedError):
            await task
    with pytest.raises(ClientClosedError):
        await scheduler.upload(put())
    with pytest.raises(ClientClosedError):
        await outcomes_of(scheduler, [])
    await scheduler.aclose()
    assert not transfer.closed  # it was given, so it is not ours


async def test_closing_that_is_cancelled_goes_on():
    transfer = FakeTransfer()
    transfer.gate.clear()
    before = set(threading.enumerate())
    scheduler = UploadScheduler(transfer=transfer)
    run = asyncio.create_task(scheduler.run_all(put(bytes(2 * LARGE), name=str(n)) for n in range(3)))
    await wait_until(lambda: transfer.running == 3)
    first = asyncio.create_task(scheduler.aclose())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await scheduler.aclose()
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    assert [name for name in left if name.startswith("upload") and name != "upload-close"] == []
    with pytest.raises(ClientClosedError):
        await run


async def test_closing_takes_no_more_uploads():
    given = []

    def uploads():
        for n in range(100):
            given.append(n)
            yield put(name=str(n))

    async def rest():
        async for _ in outcomes:
            pass

    scheduler = UploadScheduler(UploadSettings(lookahead=10), transfer=FakeTransfer())
    async with aclosing(scheduler.run(uploads())) as outcomes:
        await anext(outcomes)
        await scheduler.aclose()
        known = len(given)
        with pytest.raises(ClientClosedError):
            await rest()
    assert len(given) == known


async def test_closing_ends_a_run_whose_uploads_do_not_come():
    async def uploads():
        yield put(name="1")
        await asyncio.Event().wait()

    scheduler = UploadScheduler(transfer=FakeTransfer())
    async with aclosing(scheduler.run(uploads())) as outcomes:
        assert (await anext(outcomes)).ok
        await scheduler.aclose()
        with pytest.raises(ClientClosedError):
            await anext(outcomes)


async def test_closing_loses_nothing_that_ended():
    transfer = FakeTransfer()
    scheduler = UploadScheduler(transfer=transfer)
    async with aclosing(scheduler.run(put(name=str(n)) for n in range(5))) as outcomes:
        first = await anext(outcomes)
        await wait_until(lambda: not scheduler._entries)
        await scheduler.aclose()
        assert len({first.file_name, *[outcome.file_name async for outcome in outcomes if outcome.ok]}) == 5


def test_another_event_loop_is_told():
    scheduler = UploadScheduler(transfer=FakeTransfer())

    async def use():
        await scheduler.upload(put())

    async def first():
        await use()
        await scheduler._engine.aclose()

    asyncio.run(first())
    with pytest.raises(WrongEventLoopError):
        asyncio.run(use())


async def test_nothing_is_kept_of_uploads_that_ended(open_scheduler):
    def kept():
        gc.collect()
        return sum(type(thing).__name__ in ("Courier", "Delivery", "NetworkJob") for thing in gc.get_objects())

    before = kept()
    scheduler = open_scheduler(FakeTransfer(keep_bodies=False))
    await outcomes_of(scheduler, (put(name=str(n)) for n in range(50)))
    assert not scheduler._tasks
    for _ in range(100):  # the thread may be about to leave its last job
        if kept() <= before:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("something keeps them")


async def test_statistics_by_host(open_scheduler):
    scheduler = open_scheduler(FakeTransfer(), start_transfers=5)
    assert scheduler.statistics() == {}
    await scheduler.upload(put())
    [(host, lane)] = scheduler.statistics().items()
    assert host == "https://storage.example"
    assert (lane.limit, lane.running, lane.waiting, lane.complaints) == (5, 0, 0, 0)


async def test_what_is_no_upload_is_refused_and_nothing_is_lost(open_scheduler):
    scheduler = open_scheduler(FakeTransfer())
    seen = []

    async def consume():
        async for outcome in scheduler.run([put(), 3]):
            seen.append(outcome.status)

    with pytest.raises(InvalidInputError, match="an Upload is needed, not int"):
        await consume()
    assert seen == ["stored"]
    with pytest.raises(InvalidInputError, match="an Upload is needed, not str"):
        await scheduler.upload("plan.pdf")
    with pytest.raises(InvalidInputError, match=r"deadline=.*'5'"):
        put(deadline="5")


async def test_a_function_of_the_users_that_is_cancelled_is_not_the_callers_cancellation(open_scheduler):
    async def slot(_request):
        raise asyncio.CancelledError

    upload = Upload(UploadFile(b"x", name="a.pdf"), slot)
    with pytest.raises(TransferCancelledError, match=r"a\.pdf: one of the upload's own functions"):
        await open_scheduler(FakeTransfer()).upload(upload)
