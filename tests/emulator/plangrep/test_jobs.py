from __future__ import annotations

import time
from typing import Any

import pytest

from plangrep_async.emulator import Emulator


def test_a_job_from_creation_to_completion(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    project = api.new_project()
    answer = api.post(f"/projects/{project}/jobs", json={"externalId": "order-1"})
    assert answer.status_code == 202
    body = answer.json()
    assert body["webhookSigningSecret"].startswith("wss_")
    assert "idempotent" not in body
    job = body["job"]
    assert (job["status"], job["externalId"], job["projectId"]) == ("provisioning", "order-1", project)
    assert job["limits"] == {"maxDeclaredBytes": 10_000_000_000, "maxFiles": 100}
    assert api.error(api.upload(job["id"], ("a.pdf", sheet_set))) == (409, "job_not_accepting_uploads")
    emulator.clock.advance(2)
    assert api.job(job["id"])["status"] == "awaiting_uploads"
    assert api.upload(job["id"], ("a.pdf", sheet_set, "plans")).json()["job"]["status"] == "uploading"
    assert api.complete(job["id"]).json()["job"]["status"] == "preflighting"
    emulator.clock.advance(5)
    running = api.job(job["id"])
    assert (running["status"], running["pageCount"], running["files"][0]["status"]) == ("processing", 5, "processing")
    emulator.clock.advance(1)
    assert api.job(job["id"])["successfulPageCount"] == 4
    emulator.clock.advance(1)
    finished = api.job(job["id"])
    assert (finished["status"], finished["successfulPageCount"]) == ("completed", 5)
    assert finished["billing"] == {"creditsReserved": 0, "creditsDebited": 50}
    assert finished["completedAt"] == finished["updatedAt"]
    emulator.clock.advance(86400)
    assert api.job(job["id"]) == finished


@pytest.mark.parametrize(
    "body",
    [
        {"externalId": "x" * 181},
        {"externalId": 5},
        {"webhookUrl": "not a uri"},
        {"webhookUrl": "http://example.com/hook"},
        {"webhookUrl": "ftp://example.com/hook"},
        {"webhookUrl": "https://"},
        {"webhookUrl": "https://[::1"},
    ],
)
def test_bodies_that_are_refused(api: Any, body: dict[str, Any]) -> None:
    project = api.new_project()
    assert api.error(api.post(f"/projects/{project}/jobs", json=body)) == (400, "invalid_request")


def test_a_job_without_a_body_and_with_all_limits_used(api: Any) -> None:
    project = api.new_project()
    assert api.post(f"/projects/{project}/jobs").status_code == 202
    body = {"externalId": "x" * 180, "webhookUrl": "https://example.com/hook"}
    assert api.post(f"/projects/{project}/jobs", json=body).json()["job"]["externalId"] == "x" * 180


def test_jobs_are_listed_newest_first(api: Any) -> None:
    project = api.new_project()
    jobs = [api.new_job(project) for _ in range(3)]
    assert [item["id"] for item in api.get(f"/projects/{project}/jobs").json()["jobs"]] == jobs[::-1]


def test_cancelling(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    api.upload(job, ("a.pdf", sheet_set, "plans"))
    api.complete(job)
    emulator.clock.advance(6)
    before = emulator.plangrep.credits
    cancelled = api.post(f"/jobs/{job}/cancel").json()["job"]
    assert (cancelled["status"], cancelled["files"][0]["status"]) == ("cancelled", "cancelled")
    assert cancelled["billing"] == {"creditsReserved": 0, "creditsDebited": 40}
    assert cancelled["completedAt"] is not None
    assert emulator.plangrep.credits >= before
    emulator.clock.advance(60)
    assert api.job(job) == cancelled
    assert api.error(api.post(f"/jobs/{job}/cancel")) == (409, "job_terminal")
    assert api.error(api.get(f"/jobs/{job}/result")) == (409, "result_not_available")
    assert api.error(api.upload(job, ("b.pdf", b"x"))) == (409, "job_not_accepting_uploads")


def test_a_job_expires_unless_it_ended(emulator: Emulator, api: Any, done: dict[str, Any]) -> None:
    job = api.new_job(done["projectId"])
    emulator.clock.advance(7 * 86400 - 3)
    assert api.job(job)["status"] == "awaiting_uploads"
    emulator.clock.advance(3)
    expired = api.job(job)
    assert (expired["status"], expired["error"]["code"]) == ("expired", "job_expired")
    assert api.job(done["id"])["status"] == "completed"
    assert api.error(api.get(f"/jobs/{done['id']}/result")) == (410, "result_expired")


def test_a_job_can_fail_as_a_whole(emulator: Emulator, api: Any, sheet_set: bytes) -> None:
    job = api.new_job()
    api.upload(job, ("a.pdf", sheet_set))
    emulator.plangrep.fail_job(job, "engine_down")
    failed = api.job(job)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "engine_down")
    assert api.error(api.get(f"/jobs/{job}/result")) == (409, "result_not_available")


def test_unknown_jobs(api: Any) -> None:
    for method, path in (
        ("GET", ""),
        ("GET", "/result"),
        ("POST", "/cancel"),
        ("POST", "/resume"),
        ("POST", "/uploads"),
    ):
        assert api.error(api.client.request(method, f"/jobs/job_none{path}", json={})) == (404, "not_found")


def test_polling_faster_than_allowed_is_noted(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.job(job)
    emulator.clock.advance(5)
    api.job(job)
    assert not emulator.violations
    emulator.clock.advance(4)
    api.job(job)
    [violation] = emulator.violations
    assert violation.kind == "polling_too_fast"
    assert "4.00 s" in violation.detail


def test_reading_a_job_that_changed_is_no_polling(emulator: Emulator, api: Any) -> None:
    job = api.new_job()
    api.job(job)
    api.upload(job, ("a.pdf", b"x"))
    api.job(job)
    api.run(job)
    api.job(job)
    api.job(job)
    assert not emulator.violations


def test_a_kill_in_mid_preflight_is_recovered(api: Any, emulator: Emulator) -> None:
    job = api.new_job()
    api.upload(job, ("a.txt", b"hello"))
    # As if the kill had come while the documents were being looked into.
    record = emulator.plangrep.job(job)
    record.chosen = list(record.documents)
    record.status = "preflighting"
    emulator.kill()
    emulator.start()
    end = time.monotonic() + 5
    while record.timer is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    emulator.clock.advance(60)
    assert record.status == "completed"
