from __future__ import annotations

from typing import Any

import pytest

from plangrep_async.emulator import Emulator


def test_a_project_is_provisioned_and_becomes_ready(emulator: Emulator, api: Any) -> None:
    answer = api.post("/projects", json={"name": "Tower"})
    assert answer.status_code == 202
    project, billing = answer.json()["project"], answer.json()["billing"]
    assert (project["status"], project["projectKind"]) == ("provisioning", "open_api")
    assert project["runtime"] == {"status": "starting", "upgradeStatus": "none"}
    assert billing == {"availableCredits": 10_000_000, "creditsCharged": 50, "requiredCredits": 50}
    emulator.clock.advance(89.9)
    assert api.get(f"/projects/{project['id']}").json()["project"]["status"] == "provisioning"
    emulator.clock.advance(0.2)
    ready = api.get(f"/projects/{project['id']}").json()["project"]
    assert (ready["status"], ready["runtime"]["status"]) == ("ready", "running")
    assert ready["updatedAt"] > ready["createdAt"] == project["createdAt"]
    assert emulator.plangrep.credits == 10_000_000 - 50


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "  "}, {"name": 5}, {"name": "x" * 181}, [], {"name": None}]
)
def test_names_that_are_refused(api: Any, body: Any) -> None:
    assert api.post("/projects", json=body).status_code == 400
    assert api.post("/projects", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400


def test_names_are_unique_in_the_organization(emulator: Emulator, api: Any, connect: Any) -> None:
    assert api.post("/projects", json={"name": "x" * 180}).status_code == 202
    assert api.post("/projects", json={"name": "Tower"}).status_code == 202
    assert api.error(api.post("/projects", json={"name": " Tower "})) == (409, "project_name_taken")
    other = connect(emulator.plangrep.create_key(organization="org_other"))
    assert other.post("/projects", json={"name": "x" * 180}).status_code == 202


def test_projects_of_others_are_not_seen(emulator: Emulator, api: Any, connect: Any) -> None:
    project = api.new_project()
    other = connect(emulator.plangrep.create_key(organization="org_other"))
    assert other.get("/projects").json() == {"projects": []}
    for path in ("", "/summary", "/jobs", "/files"):
        assert other.get(f"/projects/{project}{path}").status_code == 404
    assert [item["id"] for item in api.get("/projects").json()["projects"]] == [project]


def test_a_project_costs_credits(emulator: Emulator, api: Any) -> None:
    emulator.plangrep.set_credits(49)
    assert api.error(api.post("/projects", json={"name": "A"})) == (402, "insufficient_credits")
    assert emulator.plangrep.projects == []


def test_jobs_need_a_ready_project(emulator: Emulator, api: Any) -> None:
    project = api.new_project(ready=False)
    assert api.error(api.post(f"/projects/{project}/jobs", json={})) == (409, "project_not_ready")
    emulator.clock.advance(90)
    emulator.plangrep.set_upgrade(project, "running")
    assert api.get(f"/projects/{project}").json()["project"]["runtime"]["upgradeStatus"] == "running"
    assert api.error(api.post(f"/projects/{project}/jobs", json={})) == (409, "project_upgrading")
    emulator.plangrep.set_upgrade(project, "none")
    assert api.post(f"/projects/{project}/jobs", json={}).status_code == 202


def test_provisioning_can_fail_and_stays_failed(emulator: Emulator, api: Any) -> None:
    project = api.new_project(ready=False)
    emulator.plangrep.fail_project(project)
    emulator.clock.advance(300)
    assert api.get(f"/projects/{project}").json()["project"]["status"] == "failed"


def test_the_summary_tells_what_was_found(api: Any, done: dict[str, Any]) -> None:
    answer = api.get(f"/projects/{done['projectId']}/summary").json()
    summary = answer["projectSummary"]
    assert answer["project"]["id"] == summary["projectId"] == done["projectId"]
    assert summary["detectedDisciplines"] == ["architectural", "mechanical", "structural"]
    assert [item["fileName"] for item in summary["keyFiles"]] == ["sheet-set.pdf", "spec-book.pdf"]
    assert summary["entityCounts"]["sheets"] == 5
