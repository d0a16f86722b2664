from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from plangrep_async.errors import (
    APIConnectionError,
    AuthenticationError,
    ConflictError,
    DecodeError,
    InvalidInputError,
    ServerError,
    WaitTimeoutError,
)
from plangrep_async.plangrep import PlangrepClient
from plangrep_async.plangrep.timestamps import format_timestamp
from plangrep_async.testing import ManualClock


def project(status: str = "provisioning", **more: Any) -> dict[str, Any]:
    return {"id": "proj_1", "name": "Tower", "status": status, **more}


async def test_create(client: PlangrepClient, service: Any, sample: Callable[[str], Any]) -> None:
    service.on("POST", "/projects", httpx.Response(202, json=sample("create_project")))
    created = await client.projects.create("My Project")
    assert service.body() == {"name": "My Project"}
    assert created.project.created_at == datetime(2024, 11, 1, 14, 22, 10, tzinfo=UTC)
    assert created.billing is not None
    assert created.billing.credits_charged == 50
    assert service.requests[0].headers["authorization"] == "Bearer pgk_test_secret"
    assert service.requests[0].headers["accept"] == "application/json"


async def test_list_get_find_summary(client: PlangrepClient, service: Any, sample: Callable[[str], Any]) -> None:
    service.on("GET", "/projects", {"projects": [project(), project("ready", name="Bridge", id="proj_2")]})
    service.on("GET", "/projects/proj_1", {"project": project()})
    service.on("GET", "/projects/proj_1/summary", sample("project_summary"))
    assert [item.id for item in await client.projects.list()] == ["proj_1", "proj_2"]
    found = await client.projects.find("Bridge")
    assert found is not None
    assert found.id == "proj_2"
    assert await client.projects.find("bridge") is None
    assert (await client.projects.get("proj_1")).status == "provisioning"
    assert (await client.projects.summary("proj_1")).project_summary.aliases == ("DOT-2024", "Tower Block C")


@pytest.mark.parametrize("name", ["", " ", "n" * 181])
async def test_a_name_is_checked_before_anything_is_sent(client: PlangrepClient, service: Any, name: str) -> None:
    with pytest.raises(InvalidInputError, match="name"):
        await client.projects.create(name)
    assert not service.requests


async def test_an_answer_without_its_record_is_an_error(client: PlangrepClient, service: Any) -> None:
    service.on("GET", "/projects/proj_1", {"projekt": {}})
    with pytest.raises(DecodeError):
        await client.projects.get("proj_1")


class TestLostAnswers:
    """A name is unique, so the list tells whether a project was made."""

    async def test_the_project_is_found_again(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        now = format_timestamp(datetime.fromtimestamp(clock.time(), UTC))
        service.on("POST", "/projects", httpx.ReadError("gone"))
        service.on("GET", "/projects", {"projects": [project(createdAt=now)]})
        created = await client.projects.create("Tower")
        assert (created.project.id, created.billing) == ("proj_1", None)
        assert service.seen == ["POST /projects", "GET /projects"]

    async def test_it_is_made_again_when_it_is_not_there(self, client: PlangrepClient, service: Any) -> None:
        service.on("POST", "/projects", 502, {"project": project(), "billing": {}})
        service.on("GET", "/projects", {"projects": []})
        assert (await client.projects.create("Tower")).project.id == "proj_1"
        assert service.seen == ["POST /projects", "GET /projects", "POST /projects"]

    async def test_an_older_one_of_that_name_is_not_taken_for_it(self, client: PlangrepClient, service: Any) -> None:
        service.on("POST", "/projects", httpx.ReadError("gone"))
        service.on("GET", "/projects", {"projects": [project("ready", createdAt="2020-01-01T00:00:00Z")]})
        with pytest.raises(APIConnectionError):
            await client.projects.create("Tower")
        assert len(service.requests) == 2

    async def test_a_refusal_after_a_lost_answer_is_settled_too(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        now = format_timestamp(datetime.fromtimestamp(clock.time(), UTC))
        service.on("POST", "/projects", httpx.ReadError("gone"), 409)
        service.on("GET", "/projects", {"projects": []}, {"projects": [project(createdAt=now)]})
        assert (await client.projects.create("Tower")).project.id == "proj_1"

    async def test_a_clear_refusal_is_not_asked_about(self, client: PlangrepClient, service: Any) -> None:
        service.on("POST", "/projects", 409)
        with pytest.raises(ConflictError):
            await client.projects.create("Tower")
        assert service.seen == ["POST /projects"]

    async def test_when_nobody_answers_the_first_error_is_told(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("POST", "/projects", httpx.ReadError("the first"))
        service.on("GET", "/projects", httpx.ConnectError("the second"))
        task = asyncio.ensure_future(client.projects.create("Tower"))
        await clock.run_until_idle()
        with pytest.raises(APIConnectionError) as caught:
            await task
        assert caught.value.method == "POST"


class TestWaiting:
    async def test_it_reads_every_ten_seconds(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on(
            "GET",
            "/projects/proj_1",
            {"project": project()},
            {"project": project("something_new")},
            {"project": project("ready", runtime={"upgradeStatus": "running"})},
            {"project": project("ready", runtime={"upgradeStatus": "none"})},
        )
        seen: list[str] = []
        task = asyncio.ensure_future(
            client.projects.wait_until_ready("proj_1", on_update=lambda item: seen.append(item.status.value))
        )
        await clock.run_until_idle()
        assert (await task).is_ready
        assert [time - service.times[0] for time in service.times] == [0, 10, 20, 30]
        assert seen == ["provisioning", "something_new", "ready", "ready"]

    async def test_it_gives_up_after_five_minutes(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("GET", "/projects/proj_1", {"project": project()})
        began = clock.monotonic()
        task = asyncio.ensure_future(client.projects.wait_until_ready("proj_1"))
        await clock.run_until_idle()
        with pytest.raises(WaitTimeoutError, match="'provisioning' after 300 s") as caught:
            await task
        assert clock.monotonic() - began == 300
        assert caught.value.last_status == "provisioning"
        assert caught.value.last.id == "proj_1"
        assert isinstance(caught.value, TimeoutError)

    async def test_an_upgrade_is_named(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on("GET", "/projects/proj_1", {"project": project("ready", runtime={"upgradeStatus": "draining"})})
        task = asyncio.ensure_future(client.projects.wait_until_ready("proj_1", deadline=20))
        await clock.run_until_idle()
        with pytest.raises(WaitTimeoutError, match="being upgraded"):
            await task

    async def test_an_outage_is_waited_out(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on(
            "GET",
            "/projects/proj_1",
            {"project": project()},
            *[503] * 10,
            *[httpx.ConnectError("down")] * 5,
            {"project": project("ready")},
        )
        task = asyncio.ensure_future(client.projects.wait_until_ready("proj_1"))
        await clock.run_until_idle()
        assert (await task).is_ready

    async def test_a_service_that_stays_away_is_an_error(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("GET", "/projects/proj_1", 503)
        task = asyncio.ensure_future(client.projects.wait_until_ready("proj_1", deadline=None))
        await clock.run_until_idle()
        with pytest.raises(ServerError):
            await task

    async def test_a_reading_that_hangs_ends_with_the_deadline(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("GET", "/projects/proj_1", httpx.Response(429, headers={"Retry-After": "290"}))
        task = asyncio.ensure_future(client.projects.wait_until_ready("proj_1", deadline=100))
        await clock.run_until_idle(1000)
        with pytest.raises(WaitTimeoutError, match=r"was never read after 100 s \(the last reading failed"):
            await task

    async def test_a_wrong_key_is_told_at_once(self, client: PlangrepClient, service: Any) -> None:
        service.on("GET", "/projects/proj_1", 401)
        with pytest.raises(AuthenticationError):
            await client.projects.wait_until_ready("proj_1")

    @pytest.mark.parametrize("arguments", [{"interval": 0}, {"deadline": 0}, {"deadline": -1}])
    async def test_settings_that_cannot_work(
        self, client: PlangrepClient, service: Any, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInputError):
            await client.projects.wait_until_ready("proj_1", **arguments)
        assert not service.requests


class TestSearch:
    async def test_names_and_pages(self, client: PlangrepClient, service: Any) -> None:
        service.on(
            "POST",
            "/projects/search",
            {
                "query": "insulation",
                "projects": [
                    {"project": {"id": "proj_1", "name": "Tower", "status": "ready"}, "reasons": ["name"], "hits": []},
                ],
                "total": 2,
                "nextCursor": "n",
                "warnings": [],
            },
            {"query": "insulation", "results": [{"projectId": "proj_2", "projectName": "Bridge"}], "nextCursor": None},
        )
        found = [
            item
            async for item in client.projects.search(
                "insulation", page_size=1, project_ids=["proj_1"], classification="plans", page_number=3
            )
        ]
        assert [(item.project_id, item.project_name) for item in found] == [("proj_1", "Tower"), ("proj_2", "Bridge")]
        assert found[0].project is not None
        assert service.body(0) == {
            "query": "insulation",
            "limit": 1,
            "projectIds": ["proj_1"],
            "classification": "plans",
            "pageNumber": 3,
        }
        assert service.body(1)["cursor"] == "n"

    async def test_it_is_a_read_and_repeated(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on("POST", "/projects/search", 503, {"projects": []})
        task = asyncio.ensure_future(client.projects.search_page("q"))
        await clock.run_until_idle()
        assert (await task).items == ()

    @pytest.mark.parametrize("arguments", [{"limit": 101}, {"limit": 0}, {"page_number": 0}, {"sheets": ["x"]}])
    async def test_limits(self, client: PlangrepClient, service: Any, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidInputError):
            await client.projects.search_page("q", **arguments)
        with pytest.raises(InvalidInputError):
            await client.projects.search_page("")
        assert not service.requests
