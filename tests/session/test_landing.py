from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.session.landing import LandingFile


async def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.pdf"
    target.write_bytes(b"old")

    async with LandingFile(target) as file:
        await file.write(b"new ")
        await file.write(bytearray(b"content"))
        assert target.read_bytes() == b"old"
        assert len(os.listdir(tmp_path)) == 2
        await file.keep()

    assert target.read_bytes() == b"new content"
    assert os.listdir(tmp_path) == ["a.pdf"]


async def test_it_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        async with LandingFile(tmp_path / "a") as file:
            await file.keep()
    finally:
        os.umask(before)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


async def test_without_keep_nothing_is_left(tmp_path: Path) -> None:
    async with LandingFile(tmp_path / "a") as file:
        await file.write(b"x")

    assert os.listdir(tmp_path) == []


async def fail(target: Path) -> None:
    async with LandingFile(target) as file:
        await file.write(b"x")
        raise ZeroDivisionError


async def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail(tmp_path / "a")

    assert os.listdir(tmp_path) == []


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with LandingFile(tmp_path / "no" / "a"):
            pass


async def test_a_target_that_cannot_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    async with LandingFile(tmp_path / "a") as file:
        with pytest.raises(OSError):
            await file.keep()

    assert os.listdir(tmp_path) == ["a"]


async def test_a_very_long_name(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 250)
    async with LandingFile(target) as file:
        await file.keep()

    assert target.exists()


async def test_nothing_is_replaced_where_names_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "plan 1").write_bytes(b"old")
    (tmp_path / "plan 2").symlink_to(tmp_path / "nowhere")

    async def land() -> Path:
        async with LandingFile(tmp_path / "plan") as file:
            await file.write(b"new")
            return await file.keep(lambda number: f"plan {number}")

    landed = await asyncio.gather(*(land() for _ in range(5)))

    assert {path.name for path in landed} == {f"plan {number}" for number in range(3, 8)}
    assert all(path.read_bytes() == b"new" for path in landed)
    assert (tmp_path / "plan 1").read_bytes() == b"old"
    assert not (tmp_path / "nowhere").exists()


async def test_a_name_is_free_again_when_the_file_cannot_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk on fire")

    async with LandingFile(tmp_path / "a") as file:
        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="on fire"):
            await file.keep(str)

    assert os.listdir(tmp_path) == []


async def test_pieces_are_counted_and_written_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks: list[int] = []
    original: Callable[..., Any] = getattr(LandingFile, "_write")  # noqa: B009

    def write(self: LandingFile, data: bytes) -> None:
        blocks.append(len(data))
        original(self, data)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    monkeypatch.setattr(LandingFile, "_write", write)
    sizes: list[int] = []
    async with LandingFile(tmp_path / "a") as file:
        size = await file.write_all(pieces(), sizes.append)
        await file.keep()

    assert blocks == [1 << 20, 1 << 20, 512 << 10]
    assert (tmp_path / "a").stat().st_size == size == sizes[-1] == 40 * 65_536
    assert sizes[0] == 65_536


@pytest.mark.parametrize("step", ["_create", "_write", "_keep"])
async def test_cancelling_waits_for_the_thread_and_leaves_nothing_half_done(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on, ended = asyncio.Event(), threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    original: Callable[..., Any] = getattr(LandingFile, step)

    def slow(self: LandingFile, *arguments: Any) -> None:
        loop.call_soon_threadsafe(reached.set)
        go_on.wait(10)
        original(self, *arguments)
        ended.set()

    monkeypatch.setattr(LandingFile, step, slow)
    target = tmp_path / "a"

    async def write() -> None:
        async with LandingFile(target) as file:
            await file.write(b"x")
            await file.keep()

    writing = asyncio.ensure_future(write())
    await reached.wait()
    writing.cancel()
    await asyncio.sleep(0)
    assert not writing.done()
    loop.call_soon(go_on.set)

    with pytest.raises(asyncio.CancelledError):
        await writing
    assert ended.is_set()
    # A rename that was under way is done; everything else is as if nothing had been.
    assert os.listdir(tmp_path) == (["a"] if step == "_keep" else [])
