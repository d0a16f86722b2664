"""Where a client may be used."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from plangrep_async import PlangrepClient, PlanGridClient
from plangrep_async.errors import WrongEventLoopError
from plangrep_async.upload import PutTarget, Upload, UploadFile, UploadScheduler

USES: list[Callable[[], Coroutine[Any, Any, Any]]] = [
    lambda: PlangrepClient("key").jobs.get("job_1"),
    lambda: PlangrepClient("key").__aenter__(),
    lambda: PlanGridClient("key").projects.get("uid"),
    lambda: PlanGridClient("key", learn_limits="never").projects.get("uid"),
    lambda: PlanGridClient("key", coalesce=False, learn_limits="lazily").projects.get("uid"),
    lambda: UploadScheduler().upload(Upload(UploadFile(b"x", name="x"), PutTarget(url="https://storage.example/x"))),
]


@pytest.mark.parametrize("use", USES)
def test_without_an_event_loop_of_asyncio_the_error_says_what_is_needed(
    use: Callable[[], Coroutine[Any, Any, Any]],
) -> None:
    coroutine = use()
    with pytest.raises(WrongEventLoopError, match=r"needs a running asyncio event loop.*asyncio\.run\(\).*trio"):
        coroutine.send(None)  # as plain code does, and trio
