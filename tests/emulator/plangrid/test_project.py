from __future__ import annotations

import httpx
import pytest

from plangrep_async.emulator import Emulator


def test_creating_reading_and_updating(emulator: Emulator, api: httpx.Client) -> None:
    body = {"name": "Tower", "city": "Bern", "country": "CH", "start_date": "2016-01-31", "add_to_organization": True}
    created = api.post("/projects", json=body)
    project = created.json()
    assert created.status_code == 201
    assert (project["name"], project["city"], project["custom_id"]) == ("Tower", "Bern", None)
    assert project["organization_id"] is not None
    path = f"/projects/{project['uid']}"
    assert api.get(path).json() == project
    changed = api.patch(path, json={"name": "Tower 2", "city": None}).json()
    assert (changed["name"], changed["city"], changed["country"]) == ("Tower 2", None, "CH")
    assert api.patch(path, json={"start_date": "2016-1-31"}).status_code == 400
    assert api.patch(path, json={"add_to_organization": False}).status_code == 400
    [listed] = api.get("/projects").json()["data"]
    assert listed == changed
    [member] = api.get(f"{path}/users").json()["data"]
    assert member["uid"] == api.get("/me").json()["uid"]
    assert api.get(f"{path}/issues").json() == {"data": [], "total_count": 0, "next_page_url": None}
    assert [item.uid for item in emulator.plangrid.created("project")] == [project["uid"]]


@pytest.mark.parametrize(
    "collection",
    ["annotations", "attachments", "comments", "documents", "field_reports", "photos", "rfis", "sheets", "snapshots"],
)
def test_an_empty_project_answers_everywhere(api: httpx.Client, collection: str) -> None:
    project = api.post("/projects", json={"name": "Empty"}).json()["uid"]
    assert api.get(f"/projects/{project}/{collection}").json()["data"] == []


def test_only_projects_of_the_team_are_listed(emulator: Emulator, project: str, api: httpx.Client) -> None:
    [closed] = emulator.plangrid.seed(seed=8, member=False)
    assert [item["uid"] for item in api.get("/projects").json()["data"]] == [project]
    assert api.get(f"/projects/{closed}").status_code == 403
    assert set(emulator.plangrid.projects) == {project, closed}


def test_projects_changed_after(emulator: Emulator, api: httpx.Client) -> None:
    uids = emulator.plangrid.seed(projects=3, issues=0)
    page = api.get("/projects", params={"updated_after": "2016-01-01T00:00:30+00:00"}).json()
    assert [item["uid"] for item in page["data"]] == uids[1:]


def test_field_reports(project: str, api: httpx.Client) -> None:
    base = f"/projects/{project}/field_reports"
    reports = api.get(base).json()["data"]
    newest = api.get(base, params={"sort_by": "updated_at", "sort_order": "desc"}).json()["data"]
    assert newest == sorted(reports, key=lambda report: report["updated_at"], reverse=True)
    some = api.get(base, params={"report_date_min": "2016-01-02", "report_date_max": "2016-01-03"}).json()["data"]
    assert some == reports[1:3]
    template = reports[0]["field_report_type"]["uid"]
    assert api.get(base, params={"template_uid": template}).json()["data"] == reports[::2]
    assert api.get(base, params={"sort_by": "title"}).status_code == 400
    assert api.get(base, params={"report_date_min": "2016-1-2"}).status_code == 400
    found = api.get(f"/projects/{project}/field_report_templates").json()["data"]
    assert api.get(found[0]["field_reports"]["url"]).json()["data"] == reports[::2]
