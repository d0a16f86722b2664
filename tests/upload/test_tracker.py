from __future__ import annotations

import asyncio
import logging

import pytest

from plangrep_async.errors import InvalidInputError
from plangrep_async.testing import FakeTransfer, ManualClock
from plangrep_async.upload import PutTarget, Upload, UploadFile
from plangrep_async.upload.meter import Meter
from plangrep_async.upload.tracker import Tracker

URL = "https://storage.example/k"


class Sending:
    def __init__(self, sent):
        self.sent = sent


def meter(size, confirmed=0, *sending):
    one = Meter("a")
    one.size = size
    one.confirmed = confirmed
    one.running = {Sending(sent) for sent in sending}
    return one


def test_sent_and_confirmed_are_two_numbers():
    tracker = Tracker(ManualClock(), None)
    tracker.add(meter(1000, 300, 100, 50))
    tracker.add(meter(500))
    progress = tracker.snapshot()
    assert (progress.bytes_known, progress.bytes_sent, progress.bytes_confirmed) == (1500, 450, 300)
    assert [(file.bytes_sent, file.bytes_confirmed) for file in progress.active] == [(450, 300)]
    assert (progress.uploads_known, progress.uploads_done, progress.all_known) == (2, 0, False)


def test_the_frame_of_a_form_is_not_counted():
    assert meter(1000, 0, 1200).sent == 1000


def test_what_a_failed_upload_sent_counts_no_more():
    tracker = Tracker(ManualClock(), None)
    good, bad = meter(1000, 1000), meter(1000, 400, 100)
    tracker.add(good)
    tracker.add(bad)
    tracker.end(good, stored=True)
    tracker.end(bad, stored=False)
    progress = tracker.snapshot()
    assert (progress.uploads_done, progress.uploads_failed) == (1, 1)
    assert (progress.bytes_sent, progress.bytes_confirmed, progress.bytes_known) == (1400, 1400, 2000)


async def test_at_most_ten_calls_a_second_and_always_a_last_one():
    clock = ManualClock()
    seen = []
    tracker = Tracker(clock, seen.append)
    one = meter(1000)
    tracker.add(one)
    tracker.start()
    for _ in range(300):
        one.confirmed += 1
        await clock.advance(0.01)
    assert 29 <= len(seen) <= 30
    tracker.end(one, stored=True)
    tracker.finish()
    tracker.finish()
    assert [progress.final for progress in seen[-2:]] == [False, True]
    assert seen[-1].bytes_sent == 1000
    assert clock.next_timer() is None


async def test_the_rate_follows_the_last_seconds_and_gives_the_time_left():
    clock = ManualClock()
    seen = []
    tracker = Tracker(clock, seen.append)
    one = meter(1_000_000)
    tracker.add(one)
    tracker.start()
    for rate in (1000, 100):
        for _ in range(100):
            one.confirmed += rate // 10
            await clock.advance(0.1)
        assert seen[-1].rate == pytest.approx(rate, rel=0.05)
    assert seen[-1].seconds_left is None  # more may come
    tracker.all_known = True
    progress = tracker.snapshot()
    assert progress.seconds_left == pytest.approx((1_000_000 - 11_000) / 100, rel=0.05)
    for _ in range(100):
        await clock.advance(0.1)
    assert seen[-1].rate == 0
    assert seen[-1].seconds_left is None


async def test_what_has_failed_takes_no_time_any_more():
    clock = ManualClock()
    tracker = Tracker(clock, lambda _: None)
    bad, good = meter(6_000), meter(2_000)
    tracker.add(bad)
    tracker.add(good)
    tracker.all_uploads_known()
    tracker.start()
    for _ in range(100):
        bad.confirmed += 10
        good.confirmed += 10
        await clock.advance(0.1)
    assert tracker.snapshot().seconds_left == pytest.approx(6_000 / 200, rel=0.05)
    tracker.end(bad, stored=False)
    progress = tracker.snapshot()
    assert (progress.bytes_known, progress.bytes_given_up) == (8_000, 5_000)
    assert progress.seconds_left == pytest.approx(1_000 / 200, rel=0.05)
    tracker.end(good, stored=True)
    assert tracker.snapshot().seconds_left == 0
    tracker.finish()


@pytest.mark.parametrize("error", [RuntimeError("the terminal is gone"), asyncio.CancelledError()], ids=repr)
async def test_a_display_that_breaks_does_not_stop_the_uploads(error, open_scheduler, caplog):
    calls = []

    def broken(progress):
        calls.append(progress)
        raise error

    with caplog.at_level(logging.ERROR):
        report = await open_scheduler(FakeTransfer()).run_all(
            [Upload(UploadFile(b"x", name="x"), PutTarget(url=URL))], on_progress=broken
        )
    assert len(report.uploaded) == 1
    assert len(calls) == 1
    assert "progress callback" in caplog.text


async def test_a_run_reports_what_it_did(open_scheduler, tmp_path):
    seen = []
    loop = asyncio.get_running_loop()

    def note(progress):
        assert asyncio.get_running_loop() is loop
        seen.append(progress)

    uploads = [Upload(UploadFile(bytes(n), name=str(n)), PutTarget(url=URL)) for n in (100, 200, 3_000_000)]
    uploads.append(Upload(tmp_path / "missing", PutTarget(url=URL)))
    await open_scheduler(FakeTransfer()).run_all(uploads, on_progress=note)
    last = seen[-1]
    assert last.final
    assert last.all_known
    assert (last.uploads_known, last.uploads_done, last.uploads_failed) == (4, 3, 1)
    assert last.bytes_sent == last.bytes_confirmed == last.bytes_known == 3_000_300
    assert last.active == ()


@pytest.mark.parametrize(
    "begin",
    [
        lambda scheduler, upload, show: scheduler.upload(upload, on_progress=show),
        lambda scheduler, upload, show: anext(scheduler.run([upload], on_progress=show)),
        lambda scheduler, upload, show: scheduler.run_all([upload], on_progress=show),
    ],
    ids=["upload", "run", "run all"],
)
async def test_a_callback_that_nobody_would_await_is_refused(open_scheduler, begin):
    async def show(_progress):
        raise AssertionError("never awaited")

    transfer = FakeTransfer()
    upload = Upload(UploadFile(b"x", name="a"), PutTarget(url=URL))
    with pytest.raises(InvalidInputError, match="on_progress"):
        await begin(open_scheduler(transfer), upload, show)
    assert transfer.started == []
