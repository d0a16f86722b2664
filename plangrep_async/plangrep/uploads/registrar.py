"""Registers files as their digests become known, many in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from ...errors import APIStatusError, BadRequestError, PayloadTooLargeError, UnprocessableEntityError
from ..limits import MAX_FILES
from ..models.upload import Registration, UploadInstruction

__all__ = ["Register", "Registrar"]

Register: TypeAlias = Callable[[Sequence[Registration]], Awaitable[Sequence[UploadInstruction]]]

_Waiting = tuple[Registration, asyncio.Future[UploadInstruction]]


class Registrar:
    """Merges registrations: what waits while a call is under way leaves together in the next one, 100 at most.

    A registration that is refused together with others is sent again alone, so that one bad file does not stop the
    rest. A caller that is cancelled before its registration left is left out.

    Args:
        register: sends one call; its instructions are in the order of the registrations.
    """

    def __init__(self, register: Register) -> None:
        self._register = register
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, registration: Registration) -> UploadInstruction:
        """Register one file. Raises what the call raises."""
        future: asyncio.Future[UploadInstruction] = asyncio.get_running_loop().create_future()
        self._waiting.append((registration, future))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        return await future

    async def aclose(self) -> None:
        """Stop; whoever still waits is cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        for _, future in self._waiting:
            future.cancel()
        self._waiting.clear()

    async def _run(self) -> None:
        # What became ready in the same turn of the event loop leaves together.
        await asyncio.sleep(0)
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_FILES], self._waiting[MAX_FILES:]
            await self._send([item for item in batch if not item[1].done()])

    async def _send(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        try:
            instructions = await self._register([registration for registration, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            if len(batch) > 1 and _is_refusal(error):
                for item in batch:
                    await self._send([item])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), instruction in zip(batch, instructions, strict=True):
            if not future.done():
                future.set_result(instruction)


def _is_refusal(error: Exception) -> bool:
    refusals = (BadRequestError, PayloadTooLargeError, UnprocessableEntityError)
    return isinstance(error, APIStatusError) and isinstance(error, refusals)
