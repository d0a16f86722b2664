from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async import RateLimit, RateLimiter, Secret
from plangrep_async.emulator import Emulator, Fault
from plangrep_async.errors import (
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    PlangrepAsyncError,
    RateLimitError,
    WrongEventLoopError,
)
from plangrep_async.plangrep import DEFAULT_BASE_URL, PlangrepClient, Project, WireNames
from plangrep_async.testing import ManualClock, ScaledClock
from plangrep_async.upload import UploadFile


class TestSettings:
    def test_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLANGREP_API_KEY", "from-env")
        monkeypatch.delenv("PLANGREP_BASE_URL", raising=False)
        assert PlangrepClient().base_url == DEFAULT_BASE_URL
        monkeypatch.setenv("PLANGREP_BASE_URL", "https://other.test/")
        assert PlangrepClient().base_url == "https://other.test"
        assert PlangrepClient(base_url="https://third.test").base_url == "https://third.test"

    def test_without_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("PLANGREP_API_KEY", raising=False)
        for key in (None, "", Secret("")):
            with pytest.raises(ConfigurationError, match="PLANGREP_API_KEY"):
                PlangrepClient(key)

    @pytest.mark.parametrize(
        "settings",
        [
            {"base_url": "plangrep.com"},
            {"base_url": "http://plangrep.com"},
            {"base_url": "https://user:pass@plangrep.com"},
            {"rate_limits": [RateLimit(1, 1.0)], "limiter": RateLimiter()},
        ],
    )
    def test_what_cannot_work(self, settings: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            PlangrepClient("key", **settings)

    def test_plain_http_to_another_machine_only_when_asked_for(self) -> None:
        assert PlangrepClient("key", base_url="http://10.0.0.1", allow_insecure=True).base_url == "http://10.0.0.1"
        assert PlangrepClient("key", base_url="http://127.0.0.1:1").base_url == "http://127.0.0.1:1"

    async def test_headers_of_ones_own(self, service: Any) -> None:
        service.on("GET", "/projects", {"projects": []})
        async with PlangrepClient(
            Secret("key"), base_url=service.url, transport=service, headers={"X-Team": "blue"}
        ) as client:
            await client.projects.list()
        assert service.requests[0].headers["x-team"] == "blue"
        assert service.requests[0].headers["authorization"] == "Bearer key"


class TestOptions:
    async def test_a_copy_shares_the_session(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on("GET", "/projects", 503)
        patient = client.with_options(max_attempts=2)
        hasty = patient.with_options(deadline=0.1)
        for copy, times in ((patient, 2), (client.with_options(max_attempts=1), 1)):
            service.requests.clear()
            task = asyncio.ensure_future(copy.projects.list())
            await clock.run_until_idle()
            assert (await asyncio.gather(task, return_exceptions=True))[0].attempts == times  # type: ignore[union-attr]
            assert len(service.requests) == times
        task = asyncio.ensure_future(hasty.projects.list())
        await clock.run_until_idle()
        with pytest.raises(DeadlineExceededError):
            await task
        assert hasty.webhooks is client.webhooks
        assert hasty.limiter is client.limiter

    async def test_a_call_has_the_last_word(self, client: PlangrepClient, service: Any, clock: ManualClock) -> None:
        service.on("GET", "/projects/p/files", 503)
        task = asyncio.ensure_future(client.with_options(max_attempts=5).project("p").files.page(max_attempts=1))
        await clock.run_until_idle()
        await asyncio.gather(task, return_exceptions=True)
        assert len(service.requests) == 1

    async def test_limits_of_ones_own(self, service: Any, clock: ManualClock) -> None:
        service.on("GET", "/projects", {"projects": []})
        async with PlangrepClient(
            "key", base_url=service.url, transport=service, clock=clock, rate_limits=[RateLimit(2, 10.0)]
        ) as client:
            tasks = [asyncio.ensure_future(client.projects.list()) for _ in range(6)]
            await clock.run_until_idle()
            await asyncio.gather(*tasks)
        starts = [time - service.times[0] for time in service.times]
        assert starts[1] < 1
        assert starts[2] >= 10
        assert starts[4] >= 20

    async def test_it_starts_open_and_reacts_to_429(
        self, client: PlangrepClient, service: Any, clock: ManualClock
    ) -> None:
        service.on("GET", "/projects", httpx.Response(429, headers={"Retry-After": "30"}), {"projects": []})
        task = asyncio.ensure_future(client.projects.list())
        await clock.run_until_idle()
        await task
        assert service.times[1] - service.times[0] >= 30
        service.on("GET", "/projects", httpx.Response(429, headers={"Retry-After": "9999"}))
        task = asyncio.ensure_future(client.projects.list())
        await clock.run_until_idle()
        with pytest.raises(RateLimitError) as caught:
            await task
        assert caught.value.retry_after == 9999


class TestLife:
    async def test_nothing_opens_before_the_first_call(self) -> None:
        client = PlangrepClient("key", base_url="http://127.0.0.1:9")
        await client.aclose()
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await client.projects.list()

    async def test_closing_ends_what_waits(self, service: Any, clock: ManualClock) -> None:
        client = PlangrepClient(
            "key", base_url=service.url, transport=service, clock=clock, rate_limits=[RateLimit(1, 100.0)]
        )
        service.on("GET", "/projects", {"projects": []})
        await client.projects.list()
        waiting = asyncio.ensure_future(client.projects.list())
        await clock.advance(1)
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await waiting

    async def test_a_limiter_that_is_shared_stays_open(self, service: Any) -> None:
        limiter = RateLimiter([RateLimit(10, 1.0)])
        service.on("GET", "/projects", {"projects": []})
        async with PlangrepClient("key", base_url=service.url, transport=service, limiter=limiter) as client:
            await client.projects.list()
        assert limiter.try_acquire()
        assert limiter.statistics().calls == 2

    def test_another_event_loop(self, emulator: Emulator) -> None:
        client = PlangrepClient(emulator.api_key, base_url=emulator.plangrep_url)

        async def call() -> None:
            await client.projects.list()

        async def end() -> None:
            await client.aclose()

        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(call())
            with pytest.raises(WrongEventLoopError):
                second.run(call())
            first.run(end())


class TestSecrets:
    """Whatever is shown, logged or raised, no key, token, signature or signing secret is in it."""

    async def test_in_a_whole_story(
        self,
        emulator: Emulator,
        scaled_clock: ScaledClock,
        caplog: pytest.LogCaptureFixture,
        tmp_path: Path,
        pdf: Callable[..., bytes],
    ) -> None:
        caplog.set_level(logging.DEBUG, "plangrep_async")
        shown: list[str] = []
        secrets = {emulator.api_key}
        async with PlangrepClient(
            emulator.api_key, base_url=emulator.plangrep_url, clock=scaled_clock, wire_names=WireNames()
        ) as client:
            shown.append(repr(client))
            project = await client.projects.wait_until_ready((await client.projects.create("P")).project.id)
            created = await client.jobs.create(project.id, webhook_url="https://127.0.0.1:9/x")
            assert created.webhook_signing_secret is not None
            secrets.add(created.webhook_signing_secret.reveal())
            await client.jobs.wait_until_open(created.job.id)
            emulator.faults.add("PUT *", Fault.answer(403, b"no", when="read"), service="storage", nth=1)
            files = [UploadFile(pdf("SHEET A1"), name="a.pdf"), UploadFile(pdf("SHEET A2"), name="b.pdf")]
            report = await client.uploads.send(created.job.id, files, route="registered")
            secrets |= {item.completion.upload_token for item in report.uploaded if item.completion is not None}
            job = await client.jobs.wait((await client.uploads.complete(created.job.id, report)).id)
            secrets.add((job.result_url or "").partition("?")[2])
            result = await client.jobs.result(job.id)
            document = next(item for item in result.documents if item.status == "completed")
            path = httpx.URL(next(item.url for item in document.artifacts or ()) or "").params["path"]
            token = await asyncio.to_thread(emulator.plangrep.issue_download_token, job.id, path)
            secrets.add(token)
            await client.artifacts.download(tmp_path, token=token)
            errors: list[Exception] = [item.error for item in report.failed]
            for failing in (client.artifacts.download(tmp_path, token=token), client.jobs.get("job_nothing")):
                with pytest.raises(PlangrepAsyncError) as caught:
                    await failing
                errors.append(caught.value)
            shown += [repr(item) for item in (created, report, job, result, client.webhooks, client.uploads)]
            for error in errors:
                values = {name: value for name, value in vars(error).items() if name != "body"}
                shown += ["".join(traceback.format_exception(error)), repr(values)]
        shown += caplog.messages
        assert len(report.failed) == 1
        assert caplog.messages
        for secret in secrets:
            assert len(secret) > 5
            assert not [text for text in shown if secret in text], "a secret is shown"


async def test_projects_can_be_made_on_a_bad_day(real: PlangrepClient, emulator: Emulator) -> None:
    emulator.faults.add("POST /api/open/v1/projects", Fault.cut("after"), nth=1)
    emulator.faults.add("POST /api/open/v1/projects", Fault.cut("before"), nth=2)
    emulator.faults.add("POST /api/open/v1/projects", Fault.html(502, when="before"), nth=2)
    first = await real.projects.create("One")
    second = await real.projects.create("Two")
    assert [project.name for project in emulator.plangrep.projects] == ["One", "Two"]
    assert isinstance(first.project, Project)
    assert second.project.name == "Two"
