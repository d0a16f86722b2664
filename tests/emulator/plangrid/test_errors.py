"""The documented error answers, one row each: page, request, status, message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import COLLABORATOR

GHOST = "87658a3f-8ee0-4188-9c55-b06a203fa9e7"
PDF = "application/pdf"
LONG = "x" * 10_001


def row(method: str, path: str, status: int, message: str, body: Any = None) -> Any:
    return pytest.param(method, path, body, status, message, id=f"{method} {path} {message[:40]}")


# {p}: the project; {a}, {ph}, {i}, {r}: an attachment, a photo, an issue, an unlocked RFI; {l}: a locked RFI.
# {da}, {dp}: a deleted attachment and photo.
MEMBER = [
    row("POST", "/projects", 400, "Fields must be in JSON body.", {}),
    row("POST", "/projects", 400, "Project name required to create a project.", {"type": "general"}),
    row("POST", "/projects", 400, "Project name must be at least one character long.", {"name": ""}),
    row("GET", f"/projects/{GHOST}", 404, f"Project ({GHOST}) does not exist."),
    row("PATCH", "/projects/{p}", 400, "Name (0) must be a string at least one character long.", {"name": 0}),
    row(
        "POST", "/projects/{p}/attachments/uploads", 400, "Content type (application/msword) is not supported.",
        {"content_type": "application/msword", "name": "a"},
    ),
    row("POST", "/projects/{p}/attachments/uploads", 400, "Content type (null) is not supported.", {"name": "a"}),
    row(
        "POST", "/projects/{p}/attachments/uploads", 400, "Name (null) must be a string at least one character long.",
        {"content_type": PDF},
    ),
    row(
        "POST", "/projects/{p}/attachments/uploads", 400,
        "Folder (2) must be null or a string at least one character long.",
        {"content_type": PDF, "name": "a", "folder": 2},
    ),
    row(
        "GET", "/projects/{p}/attachments/uploads/completions/8392cd3f", 404,
        "Attachment for upload token (8392cd3f) does not exist",
    ),
    row("GET", f"/projects/{GHOST}/attachments", 404, f"Project ({GHOST}) does not exist."),
    row(
        "GET", f"/projects/{{p}}/attachments/{GHOST}", 404,
        f"Attachment ({GHOST}) does not exist on project ({{p}}).",
    ),
    row(
        "PATCH", f"/projects/{{p}}/attachments/{GHOST}", 404,
        f"Attachment ({GHOST}) was not found in project ({{p}}).", {"name": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/attachments/{a}", 400, "Name (null) must be a string at least one character long.",
        {"name": None},
    ),
    row(
        "PATCH", "/projects/{p}/attachments/{a}", 400,
        "Folder (2) must be null or a string at least one character long.", {"folder": 2},
    ),
    row(
        "PATCH", "/projects/{p}/attachments/{da}", 400, "Attachment ({da}) is deleted and cannot be updated.",
        {"name": "b"},
    ),
    row(
        "DELETE", f"/projects/{{p}}/attachments/{GHOST}", 404,
        f"Attachment ({GHOST}) was not found in project ({{p}}).",
    ),
    row("GET", "/projects/{p}/comments?record_types=issue,1", 400, "Record type (1) must be a valid record type."),
    row("GET", f"/projects/{{p}}/issues/{GHOST}", 404, f"Issue ({GHOST}) does not exist."),
    row(
        "GET", f"/projects/{{p}}/issues/{GHOST}/comments", 404, f"Issue ({GHOST}) does not exist on project ({{p}}).",
    ),
    row("GET", f"/projects/{{p}}/issues/{GHOST}/photos", 404, f"Issue ({GHOST}) does not exist on project ({{p}})."),
    row(
        "POST", "/projects/{p}/photos/uploads", 400, "Content type (application/pdf) is not supported.",
        {"content_type": PDF, "title": "a"},
    ),
    row(
        "POST", "/projects/{p}/photos/uploads", 400, "Title (null) must be a string at least one character long.",
        {"content_type": "image/png"},
    ),
    row(
        "GET", "/projects/{p}/photos/uploads/completions/8392cd3f", 404,
        "Attachment for upload token (8392cd3f) does not exist",
    ),
    row("GET", f"/projects/{{p}}/photos/{GHOST}", 404, f"Photo ({GHOST}) does not exist on project ({{p}})."),
    row(
        "PATCH", f"/projects/{{p}}/photos/{GHOST}", 404, f"Photo ({GHOST}) does not exist on project ({{p}}).",
        {"title": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/photos/{ph}", 400, "Title (2) must be a string at least one character long.",
        {"title": 2},
    ),
    row("PATCH", "/projects/{p}/photos/{dp}", 400, "Photo ({dp}) is deleted and cannot be updated.", {"title": "b"}),
    row("DELETE", f"/projects/{{p}}/photos/{GHOST}", 404, f"Photo ({GHOST}) was not found in project ({{p}})."),
    row(
        "POST", "/projects/{p}/rfis", 400, "Status (abcd1234) must be a valid RFI status on project ({p}).",
        {"status": "abcd1234"},
    ),
    row("POST", "/projects/{p}/rfis", 400, "Locked must be a boolean.", {"locked": "yes"}),
    row("POST", "/projects/{p}/rfis", 400, "Title (2) must be null or a string.", {"title": 2}),
    row("POST", "/projects/{p}/rfis", 400, "RFI title cannot exceed 200 characters.", {"title": "x" * 201}),
    row("POST", "/projects/{p}/rfis", 400, "Question (10) must be null or a string.", {"question": 10}),
    row("POST", "/projects/{p}/rfis", 400, "RFI question cannot exceed 10000 characters.", {"question": LONG}),
    row("POST", "/projects/{p}/rfis", 400, "Answer (3) must be null or a string.", {"answer": 3}),
    row("POST", "/projects/{p}/rfis", 400, "RFI answer cannot exceed 10000 characters.", {"answer": LONG}),
    row(
        "POST", "/projects/{p}/rfis", 400, "Sent at (2015-9-2) must be null or a datetime in ISO-8601 format.",
        {"sent_at": "2015-9-2"},
    ),
    row(
        "POST", "/projects/{p}/rfis", 400, "Due date (2015-9-2) must be null or a datetime in ISO-8601 format.",
        {"due_at": "2015-9-2"},
    ),
    row(
        "POST", "/projects/{p}/rfis", 400, f"Assignees ([0, {GHOST}]) must be an array of UIDs of users on project.",
        {"assigned_to_uids": [0, GHOST]},
    ),
    row(
        "POST", "/projects/{p}/rfis", 400, f"Assignee ({GHOST}) is not on project ({{p}}).",
        {"assigned_to_uids": [GHOST]},
    ),
    row("GET", f"/projects/{{p}}/rfis/{GHOST}", 404, f"RFI ({GHOST}) does not exist on project ({{p}})."),
    *(
        row("GET", f"/projects/{{p}}/rfis/{GHOST}/{part}", 404, f"RFI ({GHOST}) does not exist on project ({{p}}).")
        for part in ("attachments", "photos", "snapshots", "comments", "history")
    ),
    row(
        "PATCH", f"/projects/{{p}}/rfis/{GHOST}", 404, f"RFI ({GHOST}) does not exist on project ({{p}}).",
        {"title": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/rfis/{r}", 400, "Sent date (2015-9-2) must be null or a datetime in ISO-8601 format.",
        {"sent_at": "2015-9-2"},
    ),
    row(
        "PATCH", "/projects/{p}/rfis/{l}", 400, "RFI ({l}) must be unlocked before it can be updated.", {"title": "a"},
    ),
    row(
        "POST", "/projects/{p}/rfis/{r}/attachments", 400, f"Attachment ({GHOST}) was not found in project ({{p}}).",
        {"attachment_uid": GHOST},
    ),
    row(
        "POST", "/projects/{p}/rfis/{l}/attachments", 400,
        "RFI ({l}) must be unlocked before attachments can be added.", {"attachment_uid": "{a}"},
    ),
    row(
        "POST", "/projects/{p}/rfis/{r}/photos", 400, f"Photo ({GHOST}) was not found in project ({{p}}).",
        {"photo_uid": GHOST},
    ),
    row(
        "POST", "/projects/{p}/rfis/{l}/photos", 400, "RFI ({l}) must be unlocked before attachments can be added.",
        {"photo_uid": "{ph}"},
    ),
    *(
        row(
            "DELETE", f"/projects/{{p}}/rfis/{{l}}/{part}/{GHOST}", 400,
            "RFI ({l}) must be unlocked before it can be updated.",
        )
        for part in ("attachments", "photos", "snapshots")
    ),
    *(
        row(
            "DELETE", f"/projects/{{p}}/rfis/{{r}}/{part}/{GHOST}", 404,
            f"{name} ({GHOST}) is not referenced on RFI ({{r}}).",
        )
        for part, name in (("attachments", "Attachment"), ("photos", "Photo"), ("snapshots", "Snapshot"))
    ),
    row(
        "PATCH", "/projects/{p}/rfis/statuses/4898bfd4", 400,
        "Label (2) must be null or a string at least one character long.", {"label": 2},
    ),
    row("GET", f"/projects/{{p}}/roles/{GHOST}", 404, f"Role ({GHOST}) was not found on project ({{p}})."),
    row(
        "POST", "/projects/{p}/sheets/uploads", 400, "Number of files (0) must be a positive integer.",
        {"num_files": 0, "version_name": "a"},
    ),
    row(
        "POST", "/projects/{p}/sheets/uploads", 400,
        "Version name (null) must be a string at least one character long.", {"num_files": 1},
    ),
]  # fmt: skip

STRANGER = [
    row("GET", "/projects/{p}", 403, "Access to project ({p}) prohibited."),
    row("GET", "/projects/{p}/annotations", 403, "Project ({p}) does not exist."),
    row("GET", "/projects/{p}/attachments", 403, "Access to project ({p}) prohibited."),
    row("DELETE", "/projects/{p}/attachments/{a}", 403, "Access to project ({p}) is prohibited."),
    row("GET", "/projects/{p}/comments", 403, "Access to project ({p}) is prohibited."),
    row("GET", "/projects/{p}/issues/{i}", 403, "Access to project ({p}) prohibited."),
    row("GET", "/projects/{p}/issues/{i}/comments", 403, "Access to project ({p}) is prohibited."),
    row("DELETE", "/projects/{p}/photos/{ph}", 403, "Access to project ({p}) is prohibited."),
    row("GET", "/projects/{p}/rfis/{r}/photos", 403, "Access to project ({p}) is prohibited."),
    row("POST", "/projects/{p}/rfis/{r}/photos", 403, "Access to project ({p}) prohibited.", {"photo_uid": "{ph}"}),
    row("DELETE", "/projects/{p}/rfis/{r}/attachments/{a}", 404, "Access to project ({p}) is prohibited."),
    row("DELETE", "/projects/{p}/rfis/{r}/photos/{ph}", 404, "Access to project ({p}) is prohibited."),
    row("DELETE", "/projects/{p}/rfis/{r}/snapshots/{a}", 404, "Access to project ({p}) is prohibited."),
    row("GET", "/projects/{p}/roles", 403, "Access to project ({p}) is prohibited."),
]

COLLABORATES = [
    row("PATCH", "/projects/{p}", 403, "Insufficient permissions to update project fields ({p}).", {"name": "a"}),
    row(
        "POST", "/projects/{p}/attachments/uploads", 403,
        "Insufficient permissions to upload attachments to project ({p}).", {"content_type": PDF, "name": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/attachments/{a}", 403,
        "Insufficient permissions to update attachment ({a}) in project ({p}).", {"name": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/photos/{ph}", 403, "Insufficient permissions to update photo ({ph}) in project ({p}).",
        {"title": "a"},
    ),
    row(
        "PATCH", "/projects/{p}/rfis/statuses/4898bfd4", 403,
        "Insufficient permissions to update RFI statuses on project ({p}).", {"label": "a"},
    ),
    row(
        "POST", "/projects/{p}/sheets/uploads", 403, "Insufficient permissions to upload sheets to project ({p}).",
        {"num_files": 1, "version_name": "a"},
    ),
]  # fmt: skip


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return value.format_map(names) if isinstance(value, str) and value.startswith(("{", "/")) else value


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    return shared_emulator


@pytest.fixture
def names(emulator: Emulator, project: str) -> dict[str, str]:
    view = emulator.plangrid
    rfis, attachments, photos = (view.records(name, project) for name in ("rfis", "attachments", "photos"))
    view.edit("attachments", project, attachments[1].uid, deleted=True)
    view.edit("photos", project, photos[1].uid, deleted=True)
    view.edit("attachments", project, attachments[0].uid, deleted=False)
    view.edit("photos", project, photos[0].uid, deleted=False)
    view.edit("rfis", project, rfis[0].uid, locked=False)
    view.edit("rfis", project, rfis[1].uid, locked=True)
    return {
        "p": project,
        "a": attachments[0].uid,
        "da": attachments[1].uid,
        "ph": photos[0].uid,
        "dp": photos[1].uid,
        "i": view.records("issues", project)[0].uid,
        "r": rfis[0].uid,
        "l": rfis[1].uid,
    }


def check(
    client: httpx.Client, names: dict[str, str], method: str, path: str, body: Any, status: int, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.request(method, filled(path, names), json=filled(body, names), headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (status, message.format_map(names))


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), MEMBER)
def test_what_a_member_may_get_wrong(
    api: httpx.Client, names: dict[str, str], method: str, path: str, body: Any, status: int, message: str
) -> None:
    check(api, names, method, path, body, status, message)


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), STRANGER)
def test_who_is_not_on_the_team(
    emulator: Emulator,
    connect: Any,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
    status: int,
    message: str,
) -> None:
    emulator.plangrid.add_key("stranger")
    check(connect("stranger"), names, method, path, body, status, message)


@pytest.mark.parametrize(("method", "path", "body", "status", "message"), COLLABORATES)
def test_whose_role_does_not_allow_it(
    emulator: Emulator,
    connect: Any,
    names: dict[str, str],
    method: str,
    path: str,
    body: Any,
    status: int,
    message: str,
) -> None:
    emulator.plangrid.add_key("helper", role=COLLABORATOR, projects=[names["p"]])
    check(connect("helper"), names, method, path, body, status, message)
