"""Shared by the tests of the upload engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from plangrep_async.config import RetryPolicy
from plangrep_async.testing import FakeTransfer, ManualClock
from plangrep_async.upload import UploadScheduler, UploadSettings
from plangrep_async.upload.wire import WireAnswer


def answer(status: int = 200, content: bytes = b"", **headers: str) -> WireAnswer:
    """An answer; header names with ``_`` for ``-``."""
    return WireAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


@pytest.fixture
def make_answer() -> Callable[..., WireAnswer]:
    return answer


@pytest.fixture
def s3_error() -> Callable[[int, str, str], WireAnswer]:
    def make(status: int, code: str, message: str = "words") -> WireAnswer:
        return answer(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())

    return make


class Script:
    """Replies in order; the last one stays."""

    def __init__(self, *replies: WireAnswer | Exception) -> None:
        self.replies = list(replies)

    def __call__(self, _request: Any) -> WireAnswer | Exception:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@pytest.fixture
def script() -> type[Script]:
    return Script


QUICK = RetryPolicy(max_attempts=4, base=0.001, max_backoff=0.002)


@pytest.fixture
async def open_scheduler() -> AsyncIterator[Callable[..., UploadScheduler]]:
    """Schedulers on fakes, closed at the end: ``open_scheduler(transfer, max_transfers=2, ...)``."""
    opened: list[UploadScheduler] = []

    def make(transfer: FakeTransfer, *, clock: ManualClock | None = None, **settings: Any) -> UploadScheduler:
        settings.setdefault("retry", QUICK)
        scheduler = UploadScheduler(UploadSettings(**settings), transfer=transfer, clock=clock)
        opened.append(scheduler)
        return scheduler

    yield make
    for scheduler in opened:
        await scheduler.aclose()
