"""What uploads share, and that none of them takes it from the others."""

from __future__ import annotations

import asyncio
import hashlib
import threading

import pytest

from plangrep_async.testing import FakeTransfer, ManualClock
from plangrep_async.upload import UploadSettings
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


async def test_a_small_file_is_hashed_while_many_large_ones_are(engine, gate):
    class Held(MemorySource):
        def open(self):
            assert gate.wait(10)
            return super().open()

    large, small = bytes(MIB), bytes(MIB - 1)
    waiting = [asyncio.create_task(engine.digest(Held(large), ("sha256",))) for _ in range(8)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        found = await engine.digest(MemorySource(small), ("sha256",))
    assert found == {"sha256": hashlib.sha256(small).hexdigest()}
    assert not any(task.done() for task in waiting)
    gate.set()
    assert await asyncio.gather(*waiting) == [{"sha256": hashlib.sha256(large).hexdigest()}] * 8
