from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import (
    APIConnectionError,
    ConflictError,
    InvalidInputError,
    JobBlockedError,
    JobFailedError,
    NotFoundError,
    WaitTimeoutError,
)
from plangrep_async.plangrep import Job, PlangrepClient
from plangrep_async.testing import ManualClock, settle
from plangrep_async.upload import UploadFile

Make = Callable[..., dict[str, Any]]


async def test_create(client: PlangrepClient, service: Any, sample: Callable[[str], Any]) -> None:
    service.on("POST", "/projects/proj_abc123/jobs", httpx.Response(202, json=sample("create_job_guide")))
    created = await client.jobs.create(
        "proj_abc123", external_id="my-order-123", webhook_url="https://myapp.example.com/webhooks/plangrep"
    )
    assert service.body() == {
        "externalId": "my-order-123",
        "webhookUrl": "https://myapp.example.com/webhooks/plangrep",
    }
    assert created.job.status == "awaiting_uploads"
    assert created.webhook_signing_secret is not None
    assert created.webhook_signing_secret.reveal().startswith("wss_")
    assert created.idempotent is None


async def test_a_key_is_made_and_stays_the_same_on_every_attempt(
    client: PlangrepClient, service: Any, clock: ManualClock, job: Make
) -> None:
    service.on("POST", "/projects/p/jobs", httpx.ReadError("lost"), 503, {"job": job(), "idempotent": True})
    task = asyncio.ensure_future(client.jobs.create("p"))
    await clock.run_until_idle()
    assert (await task).idempotent is True
    keys = [request.headers["idempotency-key"] for request in service.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert service.body() == {}
    service.on("POST", "/projects/p/jobs", {"job": job()})
    await client.jobs.create("p", idempotency_key="mine")
    assert service.requests[-1].headers["idempotency-key"] == "mine"
    await client.jobs.create("p")
    assert service.requests[-1].headers["idempotency-key"] not in ("mine", keys[0])


@pytest.mark.parametrize(
    "arguments",
    [
        {"external_id": "x" * 181},
        {"external_id": ""},
        {"webhook_url": "http://myapp.example.com/x"},
        {"webhook_url": "http://127.0.0.1/x"},
        {"idempotency_key": "k" * 257},
    ],
)
async def test_limits_are_checked_before_anything_is_sent(
    client: PlangrepClient, service: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError):
        await client.jobs.create("p", **arguments)
    assert not service.requests


async def test_list_get_result(client: PlangrepClient, service: Any, sample: Callable[[str], Any], job: Make) -> None:
    service.on("GET", "/projects/p/jobs", {"jobs": [job("processing"), job("failed", id="job_2")]})
    service.on("GET", "/jobs/job_1", {"job": job()})
    service.on("GET", "/jobs/job_1/result", sample("job_result"))
    assert [item.id for item in await client.jobs.list("p")] == ["job_1", "job_2"]
    assert (await client.jobs.get("job_1")).project_id == "proj_1"
    result = await client.jobs.result("job_1")
    assert result.documents[0].document_id == "doc_111"
    assert result.evidence[0].text == "Provide R-19 batt insulation..."
    assert result.usage is not None
    assert result.usage.credits_debited == 384


class TestMoves:
    """Resume and cancel have no idempotency key; a job tells by itself whether they were carried out."""

    @pytest.mark.parametrize(("verb", "before", "after"), [
        ("resume", "blocked_insufficient_credits", "preflighting"),
        ("cancel", "processing", "cancelled"),
    ])  # fmt: skip
    async def test_a_lost_answer_is_settled(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make, verb: str, before: str, after: str
    ) -> None:
        move = getattr(client.jobs, verb)
        service.on("POST", f"/jobs/job_1/{verb}", httpx.ReadError("lost"), 409)
        service.on("GET", "/jobs/job_1", {"job": job(after)})
        task = asyncio.ensure_future(move("job_1"))
        await clock.run_until_idle()
        assert (await task).status == after
        assert service.seen == [f"POST /jobs/job_1/{verb}"] * 2 + ["GET /jobs/job_1"]
        # The same refusal at the first attempt is the truth.
        service.requests.clear()
        with pytest.raises(ConflictError):
            await move("job_1")
        assert len(service.requests) == 1
        # And when the job has not moved, so is the refusal after a lost answer.
        service.on("POST", f"/jobs/job_1/{verb}", httpx.ReadError("lost"), 409)
        service.on("GET", "/jobs/job_1", {"job": job(before)})
        task = asyncio.ensure_future(move("job_1"))
        await clock.run_until_idle()
        with pytest.raises(ConflictError):
            await task

    async def test_the_first_error_is_told_when_nobody_answers(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("POST", "/jobs/job_1/cancel", httpx.ReadError("lost"))
        service.on("GET", "/jobs/job_1", 404)
        task = asyncio.ensure_future(client.jobs.cancel("job_1"))
        await clock.run_until_idle()
        with pytest.raises(APIConnectionError):
            await task

    async def test_they_have_no_body(self, client: PlangrepClient, service: Any, job: Make) -> None:
        service.on("POST", "/jobs/job_1/cancel", {"job": job("cancelled")})
        assert (await client.jobs.cancel("job_1")).status == "cancelled"
        assert service.requests[0].content == b""


class TestWaiting:
    async def run(self, clock: ManualClock, coroutine: Any, limit: float = 1e9) -> Any:
        task = asyncio.ensure_future(coroutine)
        await clock.run_until_idle(limit)
        return await task

    async def test_it_reads_every_fifteen_seconds_until_the_end(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on(
            "GET",
            "/jobs/job_1",
            {"job": job("preflighting")},
            {"job": job("counting_sheep")},
            {"job": job("completed_with_errors")},
        )
        seen: list[Job] = []
        ended = await self.run(clock, client.jobs.wait("job_1", on_update=seen.append))
        assert ended.status == "completed_with_errors"
        assert [time - service.times[0] for time in service.times] == [0, 15, 30]
        assert [item.status.value for item in seen] == ["preflighting", "counting_sheep", "completed_with_errors"]

    @pytest.mark.parametrize("interval", [4.99, 0, -1])
    async def test_never_below_five_seconds(self, client: PlangrepClient, service: Any, interval: float) -> None:
        with pytest.raises(InvalidInputError, match="at least 5 s"):
            await client.jobs.wait("job_1", interval=interval)
        with pytest.raises(InvalidInputError, match="at least 5 s"):
            await client.jobs.wait_until_open("job_1", interval=interval)
        assert not service.requests

    @pytest.mark.parametrize("name", ["interval", "deadline"])
    @pytest.mark.parametrize("value", ["5", float("nan"), True])
    async def test_times_that_are_no_numbers(self, client: PlangrepClient, service: Any, name: str, value: Any) -> None:
        for wait in (
            client.jobs.wait("job_1", **{name: value}),
            client.jobs.wait_until_open("job_1", **{name: value}),
            client.projects.wait_until_ready("proj_1", **{name: value}),
            client.submit("proj_1", [UploadFile(b"x", name="a.pdf")], **{name: value}),
        ):
            with pytest.raises(InvalidInputError, match=f"{name} must be a number"):
                await wait
        assert not service.requests

    @pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
    async def test_an_end_without_a_result(self, client: PlangrepClient, service: Any, job: Make, status: str) -> None:
        service.on("GET", "/jobs/job_1", {"job": job(status, error={"code": "boom"})})
        with pytest.raises(JobFailedError, match=f"{status}.*boom") as caught:
            await client.jobs.wait("job_1")
        assert caught.value.job.status == status
        service.on("GET", "/jobs/job_2", {"job": job(status)})
        assert (await client.jobs.wait("job_2", raise_on_failure=False)).status == status

    async def test_missing_credits_are_told_at_once(self, client: PlangrepClient, service: Any, job: Make) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("blocked_insufficient_credits")})
        with pytest.raises(JobBlockedError, match=r"jobs\.resume\('job_1'\)") as caught:
            await client.jobs.wait("job_1")
        assert caught.value.job.id == "job_1"
        assert len(service.requests) == 1

    async def test_or_waited_for(self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make) -> None:
        blocked = {"job": job("blocked_insufficient_credits")}
        service.on("GET", "/jobs/job_1", blocked, blocked, {"job": job("processing")}, {"job": job("completed")})
        ended = await self.run(clock, client.jobs.wait("job_1", wait_when_blocked=True))
        assert ended.status == "completed"

    async def test_it_gives_up_and_says_how_to_go_on(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("processing")})
        with pytest.raises(WaitTimeoutError, match=r"'processing' after 40 s.*jobs\.wait\('job_1'\)") as caught:
            await self.run(clock, client.jobs.wait("job_1", deadline=40))
        assert caught.value.last_status == "processing"
        assert [time - service.times[0] for time in service.times] == [0, 15, 30]

    async def test_a_job_that_is_not_there(self, client: PlangrepClient) -> None:
        with pytest.raises(NotFoundError):
            await client.jobs.wait("job_9")

    async def test_a_webhook_brings_the_reading_forward(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("processing")}, {"job": job("completed")})
        task = asyncio.ensure_future(client.jobs.wait("job_1", interval=30))
        await clock.advance(7)
        assert client.webhooks.wake("job_1") == 1
        await settle()
        assert (await task).status == "completed"
        assert [time - service.times[0] for time in service.times] == [0, 7]
        assert client.webhooks.wake("job_1") == 0, "nobody waits any more"

    async def test_a_storm_of_webhooks_does_not_make_it_read_faster(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("processing")})
        task = asyncio.ensure_future(client.jobs.wait("job_1", interval=60, deadline=25))
        for _ in range(250):
            client.webhooks.wake("job_1")
            await clock.advance(0.1)
        with pytest.raises(WaitTimeoutError):
            await task
        gaps = [later - earlier for earlier, later in zip(service.times, service.times[1:], strict=False)]
        assert len(gaps) == 4
        assert min(gaps) >= 5

    async def test_a_webhook_that_comes_while_the_job_is_read_is_not_lost(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        def read(_: httpx.Request) -> httpx.Response:
            client.webhooks.wake("job_1")
            return httpx.Response(200, json={"job": job("processing")})

        service.on("GET", "/jobs/job_1", read, {"job": job("completed")})
        task = asyncio.ensure_future(client.jobs.wait("job_1", interval=300))
        await clock.advance(5)
        assert (await task).status == "completed"

    async def test_two_waits_for_one_job_keep_the_pace_together(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("processing")})
        waits = [asyncio.ensure_future(client.jobs.wait("job_1", interval=5, deadline=60)) for _ in range(3)]
        await clock.run_until_idle()
        await asyncio.gather(*waits, return_exceptions=True)
        gaps = [later - earlier for earlier, later in zip(service.times, service.times[1:], strict=False)]
        assert min(gaps) >= 5

    async def test_cancelling_a_wait_leaves_nothing_behind(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("processing")})
        task = asyncio.ensure_future(client.jobs.wait("job_1"))
        await clock.advance(20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.webhooks.wake() == 0
        assert clock.next_timer() is None

    async def test_until_it_takes_uploads(
        self, client: PlangrepClient, service: Any, clock: ManualClock, job: Make
    ) -> None:
        service.on("GET", "/jobs/job_1", {"job": job("provisioning")}, {"job": job("awaiting_uploads")})
        opened = await self.run(clock, client.jobs.wait_until_open("job_1"))
        assert opened.status.takes_uploads
        assert [time - service.times[0] for time in service.times] == [0, 5]
