from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plangrep_async.emulator.blobs import BlobStore
from plangrep_async.emulator.content import Blob, Content


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlobStore]:
    blobs = BlobStore(parent=tmp_path)
    yield blobs
    blobs.close()


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize("size", [0, 1, 64 << 10, (64 << 10) + 1, 1 << 20, 3_500_000])
async def test_bytes_come_back_with_their_digests(store: BlobStore, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    chunks = [data[:size][start : start + 100_000] for start in range(0, size, 100_000)]
    blob = await store.receive(stream(*chunks), md5=True)
    assert (blob.size, blob.sha256) == (size, hashlib.sha256(data[:size]).hexdigest())
    assert blob.md5 == hashlib.md5(data[:size]).hexdigest()
    assert await store.in_thread(Content.of(blob).read) == data[:size]
    assert (blob.data is not None) is (size <= 64 << 10)


async def test_a_stream_that_breaks_off_leaves_no_file(store: BlobStore, tmp_path: Path) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * (1 << 20)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await store.receive(breaking())
    store.pool.shutdown(wait=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_cancelled_upload_leaves_no_file(store: BlobStore, tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * (3 << 20)
        await asyncio.sleep(3600)

    task = asyncio.create_task(store.receive(endless()))
    for _ in range(20):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.pool.shutdown(wait=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_a_sink_keeps_digests_only(tmp_path: Path) -> None:
    store = BlobStore(sink=True, parent=tmp_path)
    for size in (10, 3_000_000):
        blob = await store.receive(stream(b"x" * size))
        assert (blob.size, blob.sha256, blob.kept) == (size, hashlib.sha256(b"x" * size).hexdigest(), False)
        with pytest.raises(ValueError, match="sink"):
            Content.of(blob).read()
    assert list(tmp_path.iterdir()) == []
    assert store.put(b"rendered").kept
    await asyncio.to_thread(store.close)


async def test_small_blobs_go_to_disk_when_memory_is_full(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plangrep_async.emulator.blobs.MEMORY", 15)
    first = await store.receive(stream(b"0123456789"))
    second = await store.receive(stream(b"0123456789"))
    assert (first.path, second.data) == (None, None)
    store.discard(first)
    assert (await store.receive(stream(b"0123456789"))).data == b"0123456789"
    assert second.path is not None
    store.discard(second)
    store.pool.shutdown(wait=True)
    assert not second.path.exists()


def joined(pieces: list[bytes]) -> Content:
    blobs = tuple(Blob(len(piece), hashlib.sha256(piece).hexdigest(), data=piece) for piece in pieces)
    return Content.joined(blobs)


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
def test_parts_read_as_one_file(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    content = joined(pieces)
    assert (content.size, content.read()) == (len(whole), whole)
    assert content.sha256 == hashlib.sha256(whole).hexdigest()
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, len(whole) - start))
    assert b"".join(content.blocks(start, length)) == whole[start : start + length]
    with content.open() as file:
        file.seek(start)
        assert file.read(length) == whole[start : start + length]
        file.seek(-start, 2)
        assert file.read() == whole[len(whole) - start :]


def test_parts_of_a_sink_have_no_digest_of_the_whole() -> None:
    content = Content.joined((Blob(3, "a" * 64), Blob(4, "b" * 64)))
    assert (content.size, content.sha256, content.kept) == (7, None, False)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sizes=st.lists(st.integers(0, 700_000), max_size=8))
async def test_chunking_does_not_matter(store: BlobStore, sizes: list[int]) -> None:
    chunks = [bytes([index]) * size for index, size in enumerate(sizes)]
    blob = await store.receive(stream(*chunks))
    assert blob.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
    store.discard(blob)
