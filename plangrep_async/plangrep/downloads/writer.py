"""A stream of bytes to a file that is either whole or not there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiofiles
import anyio

from .file_name import numbered

__all__ = ["save"]

_BLOCK = 1 << 20


async def save(
    chunks: AsyncIterator[bytes],
    folder: Path,
    name: str,
    *,
    overwrite: bool,
    check: Callable[[int, bool], None],
) -> tuple[Path, int]:
    """Write under a temporary name in ``folder``, then give the file its own.

    A file that is there already is kept: the new one gets a number, unless ``overwrite``. The temporary file is
    removed when anything fails, and on cancellation. Everything that touches the disk runs in a thread.

    Args:
        name: a plain name, without folders.
        check: called with the bytes so far, and whether that is all; what it raises ends the download.

    Raises:
        OSError: the folder cannot be made or written to, or the disk is full.
    """
    temporary = folder / f".{secrets.token_hex(8)}.part"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    try:
        # "x" makes the file, or fails: it never follows a link that somebody has put there.
        async with aiofiles.open(temporary, "xb") as file:
            size = 0
            block = bytearray()
            async for chunk in chunks:
                size += len(chunk)
                check(size, False)
                block += chunk
                if len(block) >= _BLOCK:
                    await file.write(block)
                    block = bytearray()
            check(size, True)
            await file.write(block)
            await file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        return await asyncio.to_thread(_place, temporary, folder, name, overwrite), size
    except BaseException:
        with anyio.CancelScope(shield=True), contextlib.suppress(OSError):
            await asyncio.to_thread(temporary.unlink, missing_ok=True)
        raise


def _place(temporary: Path, folder: Path, name: str, overwrite: bool) -> Path:
    if overwrite:
        target = folder / name
        os.replace(temporary, target)
        return target
    number = 1
    while True:
        target = folder / numbered(name, number)
        try:
            # Reserves the name against everybody else; the file itself follows in one step.
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            number += 1
            continue
        try:
            os.replace(temporary, target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
        return target
