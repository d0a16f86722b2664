from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plangrep_async.emulator import Emulator

COLLECTIONS = {
    "annotations": 60,
    "attachments": 21,
    "comments": 80,
    "documents": 21,
    "field_report_templates": 2,
    "field_reports": 4,
    "issue_lists": 3,
    "issues": 60,
    "photos": 25,
    "rfis": 30,
    "rfis/statuses": 6,
    "roles": 3,
    "sheets": 12,
    "snapshots": 9,
    "users": 7,
    "version_sets": 2,
}


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    return shared_emulator


def read_all(client: httpx.Client, url: str, **params: Any) -> list[dict[str, Any]]:
    """Follow the pages; each must have the same total, and none may come twice."""
    page = client.get(url, params=params).json()
    found, total, seen = list(page["data"]), page["total_count"], set()
    while page["next_page_url"] is not None:
        assert page["next_page_url"] not in seen
        seen.add(page["next_page_url"])
        page = client.get(page["next_page_url"]).json()
        assert page["total_count"] == total
        found += page["data"]
    assert len(found) == total
    return found


@pytest.mark.parametrize("collection", sorted(COLLECTIONS))
def test_the_pages_of_every_list_give_each_record_once(project: str, api: httpx.Client, collection: str) -> None:
    small = read_all(api, f"/projects/{project}/{collection}", limit=4)
    assert small == read_all(api, f"/projects/{project}/{collection}")
    uids = [record["uid"] for record in small]
    assert len(uids) == len(set(uids)) == COLLECTIONS[collection]


@pytest.mark.parametrize(
    "collection", ["annotations", "attachments", "comments", "issues", "photos", "rfis", "sheets", "snapshots"]
)
def test_lists_can_be_held_to_what_changed(
    emulator: Emulator, project: str, api: httpx.Client, collection: str
) -> None:
    moments = sorted(record.updated_at for record in emulator.plangrid.records(collection, project))
    middle = moments[len(moments) // 2]
    text = datetime.fromtimestamp(middle, UTC).isoformat()
    found = read_all(api, f"/projects/{project}/{collection}", limit=7, updated_after=text)
    assert len(found) == sum(moment > middle for moment in moments)


@given(skip=st.integers(0, 70), limit=st.integers(1, 50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_window_is_a_slice(project: str, api: httpx.Client, skip: int, limit: int) -> None:
    url = f"/projects/{project}/issues"
    whole = read_all(api, url)
    page = api.get(url, params={"skip": skip, "limit": limit}).json()
    assert page["data"] == whole[skip : skip + limit]
    if skip + limit < 60:
        assert page["next_page_url"].endswith(f"{url}?skip={skip + limit}&limit={limit}")
    else:
        assert page["next_page_url"] is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=51", "Maximum limit is 50."),
        ("limit=0", "Limit must be a positive integer."),
        ("limit=-1", "Limit must be a positive integer."),
        ("limit=many", "Limit must be a positive integer."),
        ("skip=-1", "Skip must be 0 or positive integer."),
        ("skip=1.5", "Skip must be 0 or positive integer."),
        ("updated_after=2015-9-2", "Updated after (2015-9-2) must be a datetime in ISO-8601 format."),
    ],
)
def test_bad_queries_are_refused(project: str, api: httpx.Client, query: str, message: str) -> None:
    answer = api.get(f"/projects/{project}/issues?{query}")
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_the_next_page_keeps_the_filters(project: str, api: httpx.Client) -> None:
    page = api.get(f"/projects/{project}/attachments", params={"folder": "", "limit": 2}).json()
    assert page["next_page_url"].endswith("/attachments?skip=2&limit=2&folder=")


def test_attachments_of_a_folder_without_a_name_have_none_or_an_empty_one(project: str, api: httpx.Client) -> None:
    url = f"/projects/{project}/attachments"
    everything = read_all(api, url)
    folders = {record["folder"] for record in everything}
    assert {None, "", "Submittals", "submittals"} <= folders
    assert read_all(api, url, folder="") == [record for record in everything if not record["folder"]]
    assert read_all(api, url, folder="Submittals") == [r for r in everything if r["folder"] == "Submittals"]
    assert read_all(api, url, folder="nothing") == []


def test_comments_by_type_and_by_record(project: str, api: httpx.Client) -> None:
    everything = read_all(api, f"/projects/{project}/comments")
    assert everything == sorted(everything, key=lambda comment: comment["created_at"], reverse=True)
    some = read_all(api, f"/projects/{project}/comments", record_types="ISSUE, rfi,issue")
    assert some == [comment for comment in everything if comment["record_type"] in ("issue", "rfi")]
    issue = next(comment for comment in everything if comment["record_type"] == "issue")["record"]
    found = read_all(api, f"{issue['url']}/comments", limit=1)
    assert found == [comment for comment in everything if comment["record"] == issue]
    assert api.get(issue["url"]).json()["comments"]["total_count"] == len(found)


def test_sheets_of_a_version_set(project: str, api: httpx.Client) -> None:
    newest = api.get(f"/projects/{project}/version_sets").json()["data"][0]
    sheets = read_all(api, f"/projects/{project}/sheets", version_set=newest["uid"])
    assert len(sheets) == 6
    assert {sheet["version_name"] for sheet in sheets} == {newest["version_name"]}
    assert read_all(api, f"/projects/{project}/sheets", version_set="unknown") == []


def test_every_reference_leads_to_a_record(project: str, api: httpx.Client) -> None:
    """Records refer to each other; whatever URL an answer gives must be answered."""
    urls: dict[str, dict[str, Any]] = {}

    def collect(value: Any) -> None:
        if isinstance(value, list):
            for item in value:
                collect(item)
        elif isinstance(value, dict):
            if {"url"} < value.keys() <= {"uid", "url", "email", "total_count"} and value["url"]:
                urls[value["url"]] = value
            for item in value.values():
                collect(item)

    for collection in ("issues", "rfis", "comments", "photos", "attachments", "snapshots", "sheets", "users"):
        collect(read_all(api, f"/projects/{project}/{collection}"))
    for url, reference in urls.items():
        answer = api.get(url)
        assert answer.status_code == 200, url
        if "total_count" in reference:
            assert answer.json()["total_count"] == reference["total_count"]
        else:
            assert answer.json()["uid"] == reference["uid"]
    assert len(urls) > 100
