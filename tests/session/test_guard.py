"""Where a client may be used."""

from __future__ import annotations

import gc
import subprocess
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from plangrep_async import PlangrepClient, PlanGridClient
from plangrep_async.errors import ConfigurationError, WrongEventLoopError
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


def make_plangrep() -> PlangrepClient:
    return PlangrepClient("key", transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"projects": []})))


def make_plangrid() -> PlanGridClient:
    return PlanGridClient("key", transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"data": []})))


async def use_plangrep(client: PlangrepClient) -> None:
    assert await client.with_options(deadline=5.0).projects.list() == ()


async def use_plangrid(client: PlanGridClient) -> None:
    assert [project async for project in client.with_options(deadline=5.0).projects.list()] == []


def let_go(held: list[Any]) -> None:
    held.clear()
    gc.collect()


CLIENTS = [(make_plangrep, use_plangrep), (make_plangrid, use_plangrid)]


@pytest.mark.parametrize(("make", "use"), CLIENTS)
async def test_a_client_that_was_used_and_never_closed_is_warned_of_when_it_is_gone(make: Any, use: Any) -> None:
    client = make()
    words = rf"^a {type(client).__name__} was used and never closed.*async with.*aclose\(\)"
    await use(client)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client.with_options(deadline=1.0)
        gc.collect()  # a copy is no client of its own
    held = [client]
    del client
    with pytest.warns(ResourceWarning, match=words):
        let_go(held)


@pytest.mark.parametrize(("make", "use"), CLIENTS)
async def test_a_client_that_was_closed_or_never_used_is_not_warned_of(make: Any, use: Any) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        client = make()
        async with client:
            await use(client)
        await make().aclose()
        make()
        with pytest.raises(ConfigurationError):
            type(client)("key", base_url="nonsense")
        del client
        gc.collect()
    assert told == []


PROGRAM = """
import asyncio, gc, os, httpx
from plangrep_async import PlangrepClient
client = PlangrepClient("key", transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"projects": []})))
asyncio.run(client.projects.list())
"""


@pytest.mark.parametrize("end", ["", "if os.fork(): os.wait(); os._exit(0)\ndel client; gc.collect()"])
def test_the_end_of_a_process_and_a_forked_child_are_silent(end: str) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM + end]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
