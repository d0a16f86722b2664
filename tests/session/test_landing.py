from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
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


class Gate:
    """Holds the thread that comes to a function until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        self.reached = asyncio.Event()
        self._go_on = threading.Event()
        loop, original = asyncio.get_running_loop(), getattr(owner, name)

        def slow(*arguments: Any) -> Any:
            loop.call_soon_threadsafe(self.reached.set)
            assert self._go_on.wait(10)
            return original(*arguments)

        monkeypatch.setattr(owner, name, slow)

    def open(self) -> None:
        self._go_on.set()


async def land(target: Path) -> None:
    async with LandingFile(target) as file:
        await file.write(b"new")
        await file.keep()


def open_files() -> list[str]:
    found = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return [os.readlink(link) for link in found if os.path.lexists(link) and os.readlink(link).endswith(".part")]


STEPS = [
    (LandingFile, "_create"),
    (LandingFile, "_write"),
    (LandingFile, "_keep"),
    (LandingFile, "_discard"),
    (os, "fsync"),
    (os, "replace"),
]


@pytest.mark.parametrize("times", [1, 2, 50])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
async def test_cancelled_however_often_it_waits_for_the_thread_and_leaves_nothing(
    owner: Any, name: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "a"
    target.write_bytes(b"old")
    gate = Gate(monkeypatch, owner, name)
    landing = asyncio.ensure_future(fail(target) if name == "_discard" else land(target))
    await gate.reached.wait()
    for _ in range(times):
        landing.cancel()
        await asyncio.sleep(0)
        assert not landing.done(), "the thread is at work"
    gate.open()
    with pytest.raises(asyncio.CancelledError):
        await landing

    assert os.listdir(tmp_path) == ["a"]
    assert not open_files()
    # A rename that was under way is done; before it, the file that was there stays.
    assert target.read_bytes() == (b"new" if name == "replace" else b"old")


@pytest.mark.parametrize(("owner", "name"), STEPS[:3] + STEPS[4:], ids=[name for _, name in STEPS[:3] + STEPS[4:]])
async def test_a_scope_that_cancels_at_each_turn_of_the_loop(
    owner: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, owner, name)

    async def cancel(scope: anyio.CancelScope) -> None:
        await gate.reached.wait()
        scope.cancel()
        await asyncio.sleep(0.005)
        gate.open()

    scope = anyio.CancelScope()
    cancelling = asyncio.ensure_future(cancel(scope))
    with scope:
        await land(tmp_path / "a")

    assert scope.cancelled_caught
    await cancelling
    assert os.listdir(tmp_path) == (["a"] if name == "replace" else [])
    assert not open_files()


async def test_cancelled_by_a_scope_at_many_moments(tmp_path: Path) -> None:
    for turns in range(60):
        with anyio.CancelScope() as scope:
            asyncio.get_running_loop().call_later(turns * 0.00005, scope.cancel)
            await land(tmp_path / "a")
        assert os.listdir(tmp_path) in ([], ["a"])
        (tmp_path / "a").unlink(missing_ok=True)
    assert not open_files()


def test_the_end_of_the_loop_waits_for_the_thread_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        gate = Gate(monkeypatch, LandingFile, "_create")
        asyncio.get_running_loop().call_later(0.02, gate.open)
        landing.append(asyncio.ensure_future(land(tmp_path / "a")))
        await gate.reached.wait()

    landing: list[asyncio.Future[None]] = []
    asyncio.run(main())

    assert landing[0].cancelled()
    assert os.listdir(tmp_path) == []
    assert not open_files()
