"""What uploads share, and that none of them takes it from the others."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading

import pytest

from plangrep_async.testing import FakeTransfer, ManualClock
from plangrep_async.upload import PutTarget, Upload, UploadFile, UploadSettings
from plangrep_async.upload.engine import Engine
from plangrep_async.upload.readers import MemorySource

MIB = 1 << 20


@pytest.fixture
async def engine():
    engine = Engine(UploadSettings(), FakeTransfer(), clock=ManualClock(), random=lambda: 0.5)
    yield engine
    await engine.aclose()


@pytest.fixture
def gate():
    """What holds sources up; opened at the end, so that no thread is left."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def held(gate):
    """``held(content, foreign=)`` gives a source that nobody can open before its time."""

    class Held(MemorySource):
        def open(self):
            assert gate.wait(10)
            return super().open()

    def make(content, *, foreign=False):
        source = Held(content)
        source.quick = not foreign
        return source

    return make


def sha256(content):
    return {"sha256": hashlib.sha256(content).hexdigest()}


async def test_a_small_file_is_hashed_while_many_large_ones_are(engine, gate, held):
    large, small = bytes(MIB), bytes(MIB - 1)
    waiting = [asyncio.create_task(engine.digest(held(large), ("sha256",))) for _ in range(8)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await engine.digest(MemorySource(small), ("sha256",)) == sha256(small)
    assert not any(task.done() for task in waiting)
    gate.set()
    assert await asyncio.gather(*waiting) == [sha256(large)] * 8


@pytest.mark.parametrize("size", [MIB - 1, MIB])
async def test_hashing_what_comes_from_a_users_code_holds_up_no_file(engine, gate, held, size):
    content = bytes(size)
    waiting = [asyncio.create_task(engine.digest(held(content, foreign=True), ("sha256",))) for _ in range(8)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await engine.digest(MemorySource(content), ("sha256",)) == sha256(content)
    assert not any(task.done() for task in waiting)
    gate.set()
    assert await asyncio.gather(*waiting) == [sha256(content)] * 8


@pytest.mark.parametrize("kind", ["function", "file object"])
async def test_a_source_that_is_slow_to_open_holds_up_no_file(open_scheduler, gate, tmp_path, kind):
    class Slow(io.BytesIO):
        def seek(self, offset, whence=0):
            assert gate.wait(10)
            return super().seek(offset, whence)

    def open_slowly():
        assert gate.wait(10)
        return io.BytesIO(b"slow")

    (tmp_path / "quick").write_bytes(b"quick")
    target = PutTarget(url="https://storage.example/k")
    slow = [UploadFile(open_slowly if kind == "function" else Slow(b"slow"), name="slow") for _ in range(40)]
    quick = [UploadFile(tmp_path / "quick") for _ in range(5)]
    names = []
    async with asyncio.timeout(5):
        async for outcome in open_scheduler(FakeTransfer()).run([Upload(file, target) for file in [*slow, *quick]]):
            assert outcome.ok
            names.append(outcome.upload.file.name)
            if len(names) == len(quick):
                gate.set()
    assert names == ["quick"] * 5 + ["slow"] * 40


async def test_a_cancel_does_not_wait_for_a_users_code_and_spares_what_had_not_begun(open_scheduler, gate):
    calls, called = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def open_slowly():
        calls.append(1)
        loop.call_soon_threadsafe(called.set)
        assert gate.wait(10)
        return io.BytesIO(b"slow")

    scheduler = open_scheduler(FakeTransfer(), max_transfers=1)
    uploads = [Upload(UploadFile(open_slowly, name="slow"), PutTarget(url="https://storage.example/k")) for _ in "ab"]
    tasks = [asyncio.create_task(scheduler.upload(upload)) for upload in uploads]
    async with asyncio.timeout(5):
        await called.wait()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    assert not gate.is_set()
    gate.set()
    await scheduler.aclose()
    assert calls == [1]
