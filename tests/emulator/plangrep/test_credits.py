from __future__ import annotations

from typing import Any

import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings


@pytest.fixture
def plangrep_settings() -> PlangrepSettings:
    return PlangrepSettings(estimate_bytes_per_page=10_000)


def test_an_estimate_is_reserved_and_the_rest_released(emulator: Emulator, api: Any, spec_book: bytes) -> None:
    emulator.plangrep.set_credits(1050)
    job = api.new_job()
    api.upload(job, ("big.txt", b"x" * 200_000))
    api.complete(job)
    emulator.clock.advance(5)
    running = api.job(job)
    assert (running["status"], running["billing"]) == ("processing", {"creditsReserved": 20, "creditsDebited": 0})
    assert emulator.plangrep.credits == 980
    emulator.clock.advance(60)
    assert api.job(job)["billing"] == {"creditsReserved": 0, "creditsDebited": 1}
    assert emulator.plangrep.credits == 999


def test_preflight_blocks_and_a_resume_goes_on(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    api.upload(job, ("a.pdf", sheet_set, "plans"))
    emulator.plangrep.set_credits(9)
    api.complete(job)
    emulator.clock.advance(5)
    assert api.job(job)["status"] == "blocked_insufficient_credits"
    emulator.clock.advance(600)
    assert api.job(job)["status"] == "blocked_insufficient_credits"
    assert api.post(f"/jobs/{job}/resume").json()["job"]["status"] == "preflighting"
    emulator.clock.advance(5)
    assert api.job(job)["status"] == "blocked_insufficient_credits"
    emulator.plangrep.add_credits(991)
    api.post(f"/jobs/{job}/resume")
    emulator.clock.advance(60)
    assert api.job(job)["status"] == "completed"
    assert emulator.plangrep.credits == 1000 - 50


def test_processing_blocks_where_the_credits_end_and_continues_there(
    emulator: Emulator, api: Any, sheet_set: bytes
) -> None:
    job = api.new_job()
    api.upload(job, ("a.pdf", sheet_set, "plans"))
    emulator.plangrep.set_credits(35)
    api.complete(job)
    emulator.clock.advance(60)
    blocked = api.job(job)
    assert (blocked["status"], blocked["successfulPageCount"]) == ("blocked_insufficient_credits", 3)
    assert blocked["billing"] == {"creditsReserved": 0, "creditsDebited": 30}
    assert emulator.plangrep.credits == 5
    assert api.error(api.get(f"/jobs/{job}/result")) == (409, "result_not_available")
    emulator.plangrep.add_credits(15)
    api.post(f"/jobs/{job}/resume")
    emulator.clock.advance(60)
    done = api.job(job)
    assert (done["status"], done["successfulPageCount"], done["billing"]["creditsDebited"]) == ("completed", 5, 50)
    assert emulator.plangrep.credits == 0


def test_only_blocked_jobs_can_be_resumed(api: Any) -> None:
    job = api.new_job()
    assert api.error(api.post(f"/jobs/{job}/resume")) == (409, "job_not_blocked")


def test_a_blocked_job_can_be_cancelled(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("a.txt", b"a"))
    emulator.plangrep.set_credits(0)
    api.complete(job)
    emulator.clock.advance(5)
    assert api.post(f"/jobs/{job}/cancel").json()["job"]["status"] == "cancelled"


def test_failed_pages_cost_nothing(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.upload(job, ("broken.pdf", b"%PDF-1.7 broken"), ("good.txt", b"x"))
    assert api.run(job)["billing"]["creditsDebited"] == 1


class TestPageLimit:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(page_limit=7)

    def test_too_many_pages_fail_the_job(self, api: Any, spec_book: bytes) -> None:
        job = api.new_job()
        api.upload(job, ("book.pdf", spec_book))
        failed = api.run(job)
        assert (failed["status"], failed["error"]["code"]) == ("failed", "page_limit_exceeded")


class TestSlowCancel:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(cancel_delay=20)

    def test_a_job_under_way_takes_a_while_to_stop(self, emulator: Emulator, api: Any, sheet_set: bytes) -> None:
        job = api.new_job()
        api.upload(job, ("a.pdf", sheet_set))
        api.complete(job)
        emulator.clock.advance(5)
        assert api.post(f"/jobs/{job}/cancel").json()["job"]["status"] == "processing"
        emulator.clock.advance(19)
        assert api.job(job)["status"] == "processing"
        emulator.clock.advance(1)
        assert api.job(job)["status"] == "cancelled"
