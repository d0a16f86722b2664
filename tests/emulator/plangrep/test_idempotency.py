from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings
from plangrep_async.emulator.plangrep.errors import PlangrepError
from plangrep_async.emulator.plangrep.idempotency import IdempotencyStore


def create(api: Any, project: str, key: str, **body: Any) -> httpx.Response:
    answer: httpx.Response = api.post(f"/projects/{project}/jobs", json=body, headers={"Idempotency-Key": key})
    return answer


def test_a_replayed_create_gives_the_original_job(emulator: Emulator, api: Any) -> None:
    project = api.new_project()
    first = create(api, project, "k", externalId="a")
    emulator.clock.advance(2)
    again = create(api, project, "k", externalId="a")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json()["idempotent"] is True
    assert again.json()["job"]["id"] == first.json()["job"]["id"]
    assert again.json()["job"]["status"] == "awaiting_uploads"
    assert "webhookSigningSecret" not in again.json()
    assert len(emulator.plangrep.jobs) == 1


def test_another_body_conflicts_and_another_place_does_not(api: Any) -> None:
    project, other = api.new_project("A"), api.new_project("B")
    create(api, project, "k", externalId="a")
    assert api.error(create(api, project, "k", externalId="b")) == (409, "idempotency_conflict")
    assert "idempotent" not in create(api, other, "k", externalId="a").json()


def test_the_window_ends(emulator: Emulator, api: Any) -> None:
    project = api.new_project()
    create(api, project, "k")
    emulator.clock.advance(86399)
    assert create(api, project, "k").json()["idempotent"] is True
    emulator.clock.advance(1)
    assert "idempotent" not in create(api, project, "k").json()


def test_a_refused_attempt_binds_nobody(api: Any) -> None:
    project = api.new_project(ready=False)
    assert create(api, project, "k", externalId="a").status_code == 409
    api.emulator.clock.advance(90)
    assert create(api, project, "k", externalId="b").status_code == 202


def test_keys_have_at_most_256_characters(api: Any) -> None:
    project = api.new_project()
    assert create(api, project, "k" * 256).status_code == 202
    assert api.error(create(api, project, "k" * 257)) == (400, "invalid_idempotency_key")


def test_a_replayed_completion_is_the_original_answer(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    api.upload(job, ("a.pdf", sheet_set))
    first = api.complete(job, "k")
    emulator.clock.advance(3600)
    again = api.complete(job, "k")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == {**first.json(), "idempotent": True}
    assert again.json()["job"]["status"] == "preflighting"
    assert emulator.plangrep.job(job).debited == 5 * 10
    assert api.error(api.complete(job)) == (409, "job_not_accepting_uploads")
    assert api.error(api.complete(job, "k", documentIds=[])) == (409, "idempotency_conflict")


class TestReplayedSecret:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(replay_secret=True)

    def test_it_can_be_sent_again(self, api: Any) -> None:
        project = api.new_project()
        first, again = create(api, project, "k").json(), create(api, project, "k").json()
        assert first["webhookSigningSecret"] == again["webhookSigningSecret"]


async def test_repeats_wait_for_the_first_at_work() -> None:
    store = IdempotencyStore(lambda: 0.0, 60)
    release = asyncio.Event()
    runs = 0

    async def work() -> str:
        nonlocal runs
        runs += 1
        await release.wait()
        return "outcome"

    tasks = [asyncio.create_task(store.once(("o",), "k", b"{}", work)) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(PlangrepError, match="another body"):
        await store.once(("o",), "k", b'{"a": 1}', work)
    release.set()
    outcomes = await asyncio.gather(*tasks)
    assert (runs, sorted(replayed for _, replayed in outcomes)) == (1, [False, True, True, True, True])


async def test_bodies_that_say_the_same_are_the_same() -> None:
    store = IdempotencyStore(lambda: 0.0, 60)
    work: Callable[[], Any] = lambda: asyncio.sleep(0, "x")  # noqa: E731
    await store.once(("o",), "k", b'{"a": 1, "b": 2}', work)
    assert await store.once(("o",), "k", b'{"b":2,"a":1}', work) == ("x", True)
    await store.once(("o",), "empty", b"", work)
    assert await store.once(("o",), "empty", b"{}", work) == ("x", True)
