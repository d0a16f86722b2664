"""A job written as the steps of a transfer: it can have a thread of its own or share one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from .job import Job
from .ordering import LARGE
from .wire import Steps
from .wire.wait import drive

__all__ = ["NetworkJob"]

T = TypeVar("T")


class NetworkJob(Job[T]):
    """See :class:`Job`.

    Args:
        steps: gives the generator that a thread runs.
        alone: it may block for long on something else than its socket, so it must not share a thread.

    Attributes:
        total: bytes of its body, once that is known; before, more than any.
    """

    __slots__ = ("alone", "steps", "total")

    def __init__(
        self,
        steps: Callable[[NetworkJob[T]], Steps[T]],
        *,
        size: int = 0,
        order: int = 0,
        alone: bool = False,
        on_stop: Callable[[], None] | None = None,
        on_handed: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(_drive, size=size, order=order, on_stop=on_stop, on_handed=on_handed)
        self.steps = steps
        self.total = sys.maxsize
        self.alone = alone or size >= LARGE


def _drive(job: Job[T]) -> T:
    assert isinstance(job, NetworkJob)
    result: T = drive(job.steps(job), job.cancel)
    return result
