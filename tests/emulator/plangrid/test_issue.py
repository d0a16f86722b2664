from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator


def test_every_form_of_issue_is_among_the_seeded_ones(project: str, api: httpx.Client) -> None:
    pages = [api.get(f"/projects/{project}/issues", params={"skip": skip}).json()["data"] for skip in (0, 50)]
    issues = [issue for page in pages for issue in page]
    assert any(issue["current_annotation"] is None for issue in issues)
    assert any(issue["deleted"] for issue in issues)
    assert any(issue["assigned_to"] and issue["assigned_to"][0]["uid"] is None for issue in issues)
    assert any(issue["due_at"] is None for issue in issues)
    assert any(issue["room"] is None for issue in issues)
    archived = [issue for issue in issues if issue["current_annotation"] and issue["current_annotation"]["deleted"]]
    assert any(not issue["deleted"] for issue in archived)
    for issue in issues:
        assert (issue["cost_impact"] is None) == (not issue["has_cost_impact"]) == (issue["currency_code"] is None)


def test_the_mark_of_an_issue_is_among_the_annotations(project: str, api: httpx.Client) -> None:
    issue = api.get(f"/projects/{project}/issues").json()["data"][1]
    marks = [api.get(f"/projects/{project}/annotations", params={"skip": n}).json()["data"] for n in (0, 50)]
    assert issue["current_annotation"] in [mark for page in marks for mark in page]


def test_issues_without_a_sheet_may_be_left_out(emulator: Emulator, project: str, api: httpx.Client) -> None:
    def total(**params: str) -> int:
        return api.get(f"/projects/{project}/issues", params=params).json()["total_count"]

    assert total() == total(include_annotationless="true") == 60
    on_sheets = total(include_annotationless="false")
    assert 40 < on_sheets < 60
    emulator.plangrid.settings.annotationless = False
    assert total() == on_sheets
    assert api.get(f"/projects/{project}/issues?include_annotationless=1").status_code == 400


def test_costs_are_exact(project: str, api: httpx.Client) -> None:
    body = '{"title": "Costly", "cost_impact": 123456789012345678.9012, "has_cost_impact": true}'
    created = api.post(f"/projects/{project}/issues", content=body, headers={"Content-Type": "application/json"})
    assert created.status_code == 201
    read = api.get(f"/projects/{project}/issues/{created.json()['uid']}").text
    assert json.loads(read, parse_float=Decimal)["cost_impact"] == Decimal("123456789012345678.9012")


def test_creating_and_updating(emulator: Emulator, project: str, api: httpx.Client) -> None:
    user = api.get(f"/projects/{project}/users").json()["data"][0]
    wanted = api.get(f"/projects/{project}/issue_lists").json()["data"][0]
    body = {
        "title": "Crack",
        "status": "open",
        "type": "planned_work",
        "room": "Roof",
        "start_date": "2016-03-01",
        "due_at": "2016-03-09T10:00:00+00:00",
        "description": None,
        "schedule_impact": 3600,
        "has_schedule_impact": True,
        "assigned_to_uids": [user["uid"]],
        "issue_list_uid": wanted["uid"],
    }
    issue = api.post(f"/projects/{project}/issues", json=body).json()
    assert issue["number"] == 61
    assert issue["assigned_to"][0]["email"] == user["email"]
    assert issue["issue_list"]["uid"] == wanted["uid"]
    assert issue["current_annotation"] is None
    path = f"/projects/{project}/issues/{issue['uid']}"
    changed = api.patch(path, json={"status": "closed", "room": None}).json()
    assert (changed["title"], changed["room"], changed["status"]) == ("Crack", None, "closed")
    assert changed["closed_at"] is not None
    assert api.get(f"{path}/comments").json()["total_count"] == api.get(f"{path}/photos").json()["total_count"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"status": "done"},
        {"status": None},
        {"type": 1},
        {"start_date": "2016-3-1"},
        {"due_at": "tomorrow"},
        {"cost_impact": "12"},
        {"cost_impact": True},
        {"schedule_impact": 1.5},
        {"has_cost_impact": 1},
        {"assigned_to_uids": ["nobody"]},
        {"issue_list_uid": "none"},
        {"number": 1},
    ],
)
def test_bad_fields(project: str, api: httpx.Client, body: dict[str, Any]) -> None:
    assert api.post(f"/projects/{project}/issues", json=body).status_code == 400


def test_issue_lists(project: str, api: httpx.Client) -> None:
    base = f"/projects/{project}/issue_lists"
    created = api.post(base, json={"name": "Mine"}).json()
    path = f"{base}/{created['uid']}"
    assert api.patch(path, json={"name": "Ours"}).json() == {**created, "name": "Ours"}
    assert [api.delete(path).status_code for _ in range(2)] == [204, 204]
    assert api.get(path).json() == {"uid": created["uid"], "name": "Ours", "deleted": True}
    assert api.get(f"{base}/none").status_code == 404
    assert api.post(base, json={"name": ""}).status_code == 400
