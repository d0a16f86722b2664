"""The table of endpoints: 58 in the documentation of February 2017."""

from __future__ import annotations

from collections import Counter

import httpx

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid.service import PlangridService

P = "/projects/{project_uid}"

DOCUMENTED = f"""
POST /batch
POST /projects
GET /projects
GET {P}
PATCH {P}
GET {P}/annotations
POST {P}/attachments/uploads
GET {P}/attachments/uploads/completions/{{upload_token}}
GET {P}/attachments
GET {P}/attachments/{{attachment_uid}}
PATCH {P}/attachments/{{attachment_uid}}
DELETE {P}/attachments/{{attachment_uid}}
GET {P}/comments
GET {P}/issues
GET {P}/issues/{{issue_uid}}
GET {P}/issues/{{issue_uid}}/comments
GET {P}/issues/{{issue_uid}}/photos
POST {P}/photos/uploads
GET {P}/photos/uploads/completions/{{upload_token}}
GET {P}/photos
GET {P}/photos/{{photo_uid}}
PATCH {P}/photos/{{photo_uid}}
DELETE {P}/photos/{{photo_uid}}
POST {P}/rfis
GET {P}/rfis
GET {P}/rfis/{{rfi_uid}}
GET {P}/rfis/{{rfi_uid}}/attachments
GET {P}/rfis/{{rfi_uid}}/photos
GET {P}/rfis/{{rfi_uid}}/snapshots
GET {P}/rfis/{{rfi_uid}}/comments
GET {P}/rfis/{{rfi_uid}}/history
PATCH {P}/rfis/{{rfi_uid}}
POST {P}/rfis/{{rfi_uid}}/attachments
DELETE {P}/rfis/{{rfi_uid}}/attachments/{{attachment_uid}}
POST {P}/rfis/{{rfi_uid}}/photos
DELETE {P}/rfis/{{rfi_uid}}/photos/{{photo_uid}}
DELETE {P}/rfis/{{rfi_uid}}/snapshots/{{snapshot_uid}}
GET {P}/rfis/statuses
PATCH {P}/rfis/statuses/{{status_uid}}
GET {P}/roles
GET {P}/roles/{{role_uid}}
POST {P}/sheets/uploads
GET {P}/sheets/uploads/files/completions/{{upload_token}}
POST {P}/sheets/uploads/{{version_upload_uid}}/files/{{file_upload_request_uid}}
POST {P}/sheets/uploads/{{version_upload_uid}}/completions
GET {P}/sheets
GET {P}/sheets/{{sheet_uid}}
POST {P}/sheets/packets
GET {P}/sheets/packets/{{packet_uid}}
GET {P}/snapshots
GET {P}/snapshots/{{snapshot_uid}}
DELETE {P}/snapshots/{{snapshot_uid}}
POST {P}/users/invites
GET {P}/users
GET {P}/users/{{user_uid}}
PATCH {P}/users/{{user_uid}}
DELETE {P}/users/{{user_uid}}
GET /rate_limits
""".split("\n")[1:-1]

LATER = f"""
GET /me
GET /oauth/authorize
POST /oauth/token
POST {P}/issues
PATCH {P}/issues/{{issue_uid}}
POST {P}/issue_lists
GET {P}/issue_lists
GET {P}/issue_lists/{{issue_list_uid}}
PATCH {P}/issue_lists/{{issue_list_uid}}
DELETE {P}/issue_lists/{{issue_list_uid}}
GET {P}/version_sets
GET {P}/documents
GET {P}/field_reports
GET {P}/field_report_templates
""".split("\n")[1:-1]

TOLERATED = {
    f"POST {P}/sheets/uploads/{{version_upload_uid}}",  # the documented complete_url
    f"POST {P}/sheets/uploads/files/completions/{{upload_token}}",  # as one client declares it
}


def test_every_endpoint_is_there_and_none_twice(emulator: Emulator) -> None:
    assert len(DOCUMENTED) == len(set(DOCUMENTED)) == 58
    service: PlangridService = emulator._plangrid
    names = Counter(route.name for route in service.routes)
    assert set(names) == {*DOCUMENTED, *LATER, *TOLERATED}
    assert max(names.values()) == 1


def test_every_page_title_is_named_once_a_route(emulator: Emulator) -> None:
    pages = Counter(route.page for route in emulator._plangrid.routes if route.name in DOCUMENTED)
    assert max(pages.values()) == 1


def test_literal_segments_come_before_parameters(emulator: Emulator, project: str, api: httpx.Client) -> None:
    assert api.get(f"/projects/{project}/rfis/statuses").json()["total_count"] == 6
    assert api.get(f"/projects/{project}/sheets/packets/none").json()["message"].startswith("Sheet packet")


def test_unknown_paths_and_methods(api: httpx.Client, project: str) -> None:
    assert api.get("/nowhere").status_code == 404
    assert api.get("/").status_code == 404
    refused = api.put(f"/projects/{project}")
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "PATCH"}


def test_the_log_and_the_faults_know_the_templates(emulator: Emulator, project: str, api: httpx.Client) -> None:
    api.get(f"/projects/{project}/issues", params={"limit": "1"})
    emulator.run(lambda: None)  # the log entry is closed right behind the answer
    assert emulator.requests.count("GET /projects/{project_uid}/issues", status=200) == 1
