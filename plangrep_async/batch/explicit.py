"""Calls that are put into a batch on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterable
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any, TypeAlias, TypeVar, cast

from attrs import evolve

from .._checks import check_kinds
from ..errors import InvalidInputError
from ..session import Call, CallOptions, Sender

__all__ = ["Batchable", "batching", "send_batch"]

T = TypeVar("T")
Batchable: TypeAlias = Call[T] | Awaitable[T]

_batching: ContextVar[bool] = ContextVar("plangrep_async.batching", default=False)


def batching() -> bool:
    """Whether the running task works for :func:`send_batch`."""
    return _batching.get()


async def send_batch(
    sender: Sender, calls: Iterable[Batchable[T]], options: CallOptions | None = None
) -> list[T | BaseException]:
    """Make calls at the same moment, so that they leave together, and collect what comes of each.

    Args:
        sender: a coalescer, or something in front of one.
        calls: :class:`Call` values, or awaitables that make calls: ``project.issues.get(uid)`` not yet awaited. More
            than a batch holds leave as several; an awaitable that makes several calls, one after the other, goes on as
            its answers come.
        options: for the calls that are given as :class:`Call`.

    Returns:
        For each call, in order, its result or its exception.

    Raises:
        InvalidInputError: one of them is neither; nothing was sent.

    Cancelled: all of them are.
    """
    check_kinds(calls=(calls, Iterable))
    given: list[object] = list(calls)
    for position, item in enumerate(given):
        if not isinstance(item, Call) and not isawaitable(item):
            for other in given:
                if isinstance(other, Coroutine):
                    other.close()
            raise InvalidInputError(
                f"calls[{position}] is a {type(item).__name__}: give calls, or awaitables such as issues.get(uid)"
            )
    chosen = options or CallOptions()
    if chosen.coalesce is None:
        chosen = evolve(chosen, coalesce=True)
    token = _batching.set(True)
    try:
        waiting = asyncio.gather(
            *(sender.send(item, chosen) if isinstance(item, Call) else cast("Awaitable[Any]", item) for item in given),
            return_exceptions=True,
        )
    finally:
        _batching.reset(token)
    return await waiting
