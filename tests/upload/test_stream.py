"""Bytes from an async iterator: sent once as they come, or kept first."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile

import pytest

from plangrep_async.errors import (
    BodyNotReplayableError,
    SourceChangedError,
    SourceUnreadableError,
    TransferConnectionError,
)
from plangrep_async.testing import FakeTransfer
from plangrep_async.upload import FormTarget, MultipartTarget, PutTarget, StartOver, Upload, UploadFile, UploadScheduler
from plangrep_async.upload.wire import WireAnswer

URL = "https://storage.example/k"
MIB = 1 << 20


class Pieces:
    """An async iterator that knows how much was taken of it, and whether it was left in good order."""

    def __init__(self, *pieces, error=None):
        self.pieces = pieces
        self.error = error
        self.taken = 0
        self.left = False

    @property
    def size(self):
        return sum(len(piece) for piece in self.pieces)

    def file(self, size=None, **options):
        return UploadFile(self.iterate(), name="stream", size=self.size if size is None else size, **options)

    async def iterate(self):
        try:
            for piece in self.pieces:
                self.taken += 1
                yield piece
                await asyncio.sleep(0)
            if self.error is not None:
                raise self.error
        finally:
            self.left = True


@pytest.fixture
def pieces():
    return Pieces(*(os.urandom(10_000) for _ in range(50)), b"", bytearray(b"x"), memoryview(b"yz"))


async def outcome_of(scheduler, *arguments, **options):
    report = await scheduler.run_all([Upload(*arguments, **options)])
    [outcome] = report.uploaded or report.failed
    return outcome


async def test_sent_as_it_comes(open_scheduler, pieces):
    transfer = FakeTransfer()
    outcome = await outcome_of(open_scheduler(transfer), pieces.file(), PutTarget(url=URL))
    assert outcome.ok
    assert transfer.requests[0].body == b"".join(pieces.pieces)
    assert pieces.left


async def test_little_of_it_is_in_memory(open_scheduler):
    taken = Pieces(*[bytes(MIB)] * 40)

    class Slow(FakeTransfer):
        most = 0

        def _read(self, request, on_sent):
            source = request.body.source
            buffer = memoryview(bytearray(MIB))
            for done in range(40):
                Slow.most = max(Slow.most, taken.taken - done)
                source.readinto_at(done * MIB, buffer)
            source.verify()
            return b""

    outcome = await outcome_of(open_scheduler(Slow()), taken.file(), PutTarget(url=URL))
    assert outcome.ok
    assert Slow.most <= 2


async def test_nothing_is_taken_before_a_thread_asks(open_scheduler, pieces):
    async def slot(_request):
        assert pieces.taken == 0
        raise LookupError("no slot")

    outcome = await outcome_of(open_scheduler(FakeTransfer()), pieces.file(), slot)
    assert isinstance(outcome.error, LookupError)
    assert pieces.taken == 0


async def test_a_failure_before_the_first_byte_is_repeated(open_scheduler, pieces):
    class Refusing(FakeTransfer):
        tries = 0

        def steps(self, request, **options):
            self.tries += 1
            if self.tries == 1:
                raise TransferConnectionError("refused", nothing_sent=True)
            return super().steps(request, **options)

    transfer = Refusing()
    outcome = await outcome_of(open_scheduler(transfer), pieces.file(), PutTarget(url=URL))
    assert outcome.ok
    assert transfer.requests[0].body == b"".join(pieces.pieces)


async def test_a_failure_later_cannot_be_repeated(open_scheduler, pieces, script, make_answer):
    transfer = FakeTransfer(script(make_answer(503), make_answer(200)))
    outcome = await outcome_of(open_scheduler(transfer), pieces.file(), PutTarget(url=URL))
    assert isinstance(outcome.error, BodyNotReplayableError)
    assert "spool=True" in str(outcome.error)
    assert outcome.error.__cause__.status == 503
    assert len(transfer.requests) == 1


async def test_starting_over_cannot_be_done_either(open_scheduler, pieces):
    async def complete(_stored):
        raise StartOver

    outcome = await outcome_of(open_scheduler(FakeTransfer()), pieces.file(), PutTarget(url=URL), complete=complete)
    assert isinstance(outcome.error, BodyNotReplayableError)


async def test_kept_first_it_can_be_repeated(open_scheduler, pieces, script, make_answer):
    transfer = FakeTransfer(script(make_answer(503), make_answer(200)))
    outcome = await outcome_of(open_scheduler(transfer), pieces.file(spool=True), PutTarget(url=URL))
    assert outcome.ok
    assert [request.body for request in transfer.requests] == [b"".join(pieces.pieces)] * 2


async def test_a_digest_needs_it_kept(open_scheduler, pieces):
    seen = []

    async def slot(request):
        seen.append(request.file)
        return PutTarget(url=URL)

    outcome = await outcome_of(open_scheduler(FakeTransfer()), pieces.file(), slot, digests=["sha256"])
    assert outcome.ok
    assert len(seen[0].sha256) == 64
    assert seen[0].size == pieces.size


async def test_parts_need_it_kept(open_scheduler, pieces):
    transfer = FakeTransfer(lambda request: WireAnswer(200, {"etag": request.url[-1]}))
    urls = [f"{URL}?partNumber={n}" for n in range(6)]
    target = MultipartTarget(upload_id="s", part_size=100_000, part_urls=urls)
    outcome = await outcome_of(open_scheduler(transfer), pieces.file(), target)
    assert outcome.ok
    bodies = {request.url: request.body for request in transfer.requests}
    assert b"".join(bodies[url] for url in urls) == b"".join(pieces.pieces)


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("wrong", [-1, 1])
async def test_a_wrong_length_never_looks_complete(open_scheduler, pieces, spool, wrong):
    transfer = FakeTransfer()
    file = pieces.file(size=pieces.size + wrong, spool=spool)
    outcome = await outcome_of(open_scheduler(transfer), file, PutTarget(url=URL))
    assert isinstance(outcome.error, SourceChangedError)
    assert transfer.requests == [] or wrong > 0
    assert pieces.left


@pytest.mark.parametrize("spool", [False, True])
@pytest.mark.parametrize("target", [PutTarget(url=URL), FormTarget(url=URL)])
async def test_an_iterator_that_is_declared_empty_is_asked(open_scheduler, spool, target):
    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer)
    outcome = await outcome_of(scheduler, Pieces(b"", b"not empty").file(size=0, spool=spool), target)
    assert isinstance(outcome.error, SourceChangedError)
    assert "more" in str(outcome.error)
    assert transfer.requests == []
    empty = Pieces(b"")
    outcome = await outcome_of(scheduler, empty.file(size=0, spool=spool), target)
    assert outcome.ok
    assert outcome.size == 0
    assert empty.left


async def test_several_of_a_form_may_be_declared_empty(open_scheduler):
    transfer = FakeTransfer()
    files = [Pieces(b"abc").file(), Pieces(b"lost").file(size=0)]
    outcome = await outcome_of(open_scheduler(transfer), files, FormTarget(url=URL))
    assert isinstance(outcome.error, SourceChangedError)
    assert transfer.requests == []


@pytest.mark.parametrize("spool", [False, True])
async def test_one_that_gives_too_little_or_was_used_before_is_told(spool):
    far_end = FarEnd()
    given = Pieces(b"abc").iterate()
    async with UploadScheduler() as scheduler:
        for size, words in ((5, "only 3 bytes"), (3, "nothing .*read before")):
            upload = Upload(UploadFile(given, name="plan.pdf", size=size, spool=spool), PutTarget(url=far_end.url))
            with pytest.raises(SourceChangedError, match=rf"plan\.pdf: its iterator gave {words}"):
                await scheduler.upload(upload)
    far_end.close()


class FarEnd:
    """A port that takes connections and never answers: what is short must fail before that matters."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/k"
        self.close = self._listener.close


@pytest.mark.parametrize("spool", [False, True])
async def test_an_iterator_of_text(open_scheduler, spool):
    file = Pieces("plan").file(spool=spool)
    outcome = await outcome_of(open_scheduler(FakeTransfer()), file, PutTarget(url=URL))
    assert isinstance(outcome.error, SourceUnreadableError)
    assert isinstance(outcome.error.__cause__, TypeError)
    assert outcome.error.file_name == "stream"


@pytest.mark.parametrize("spool", [False, True])
async def test_an_iterator_that_fails(open_scheduler, spool):
    broken = Pieces(b"x" * 1000, error=LookupError("upstream is gone"))
    outcome = await outcome_of(open_scheduler(FakeTransfer()), broken.file(size=2000, spool=spool), PutTarget(url=URL))
    assert isinstance(outcome.error, SourceUnreadableError)
    assert isinstance(outcome.error.__cause__, LookupError)


@pytest.mark.parametrize("spool", [False, True])
async def test_cancelling_leaves_an_iterator_that_hangs(open_scheduler, spool):
    reached = asyncio.Event()
    left = asyncio.Event()

    async def hanging():
        try:
            yield b"x"
            reached.set()
            await asyncio.Event().wait()
        finally:
            left.set()

    transfer = FakeTransfer()
    scheduler = open_scheduler(transfer)
    file = UploadFile(hanging(), name="x", size=10, spool=spool)
    task = asyncio.create_task(scheduler.upload(Upload(file, PutTarget(url=URL))))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.is_set()
    assert transfer.running == 0


async def test_no_temporary_file_is_left(open_scheduler, pieces, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    scheduler = open_scheduler(FakeTransfer())
    outcome = await outcome_of(scheduler, pieces.file(spool=True), PutTarget(url=URL))
    assert outcome.ok
    assert list(tmp_path.iterdir()) == []
    for _ in range(1000):  # the thread that sent it may be closing its own
        if len(os.listdir("/proc/self/fd")) <= before:
            return
        await asyncio.sleep(0.001)
    raise AssertionError(os.listdir("/proc/self/fd"))
