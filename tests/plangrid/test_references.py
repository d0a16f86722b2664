from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from plangrep_async.errors import DecodeError, InvalidInputError
from plangrep_async.plangrid import (
    ENDPOINTS,
    Annotation,
    Attachment,
    CollectionReference,
    Comment,
    Issue,
    Packet,
    Photo,
    PlanGridClient,
    Project,
    Record,
    RecordReference,
    Rfi,
    RfiChange,
    RfiStatus,
    Role,
    Sheet,
    Snapshot,
    User,
    UserReference,
)
from plangrep_async.plangrid.routes import Route, route_of

API = "https://api.test"


@pytest.mark.parametrize(
    ("path", "kind", "collection"),
    [
        ("/projects", Project, True),
        ("/projects/p", Project, False),
        ("/v1/projects/p", Project, False),
        ("/projects/p?x=1", Project, False),
        ("/projects/p/annotations", Annotation, True),
        ("/projects/p/attachments/a", Attachment, False),
        ("/projects/p/comments", Comment, True),
        ("/projects/p/issues", Issue, True),
        ("/projects/p/issues/i", Issue, False),
        ("/projects/p/issues/i/comments", Comment, True),
        ("/projects/p/issues/i/photos", Photo, True),
        ("/projects/p/photos/x", Photo, False),
        ("/projects/p/rfis/r", Rfi, False),
        ("/projects/p/rfis/r/attachments", Attachment, True),
        ("/projects/p/rfis/r/history", RfiChange, True),
        ("/projects/p/rfis/r/snapshots?skip=2", Snapshot, True),
        ("/projects/p/rfis/statuses", RfiStatus, True),
        ("/projects/p/rfis/statuses/s", RfiStatus, False),
        ("/projects/p/roles/r", Role, False),
        ("/projects/p/sheets/s", Sheet, False),
        ("/projects/p/sheets/packets/k", Packet, False),
        ("/projects/p/users/54ab24c10d1c74ff22ae4874", User, False),
    ],
)
def test_urls_lead_to_types(path: str, kind: type[Record], collection: bool) -> None:
    assert route_of(path) == Route(kind, collection)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/rate_limits",
        "/projects/p/unknown/x",
        "/projects/p/sheets/packets",
        "/projects/p/sheets/uploads",
        "/projects/p/attachments/uploads",
        "/projects/p/attachments/uploads/completions/t",
        "/projects/p/users/invites",
        "/projects/p/issues/i/secrets",
        "/v1/v1/projects/p",
        "/admin/projects/p",
    ],
)
def test_other_paths_are_not_guessed(path: str) -> None:
    assert route_of(path) is None


def test_every_get_of_the_table_that_gives_records_has_a_route() -> None:
    without = {
        "/projects/{project_uid}/attachments/uploads/completions/{upload_token}",
        "/projects/{project_uid}/photos/uploads/completions/{upload_token}",
        "/projects/{project_uid}/sheets/uploads/files/completions/{upload_token}",
        "/rate_limits",
    }
    paths = {endpoint.path for endpoint in ENDPOINTS if endpoint.method == "GET"}

    assert {path for path in paths if route_of(path) is None} == without


async def test_following_references_to_one_record(
    client: PlanGridClient, wire: Any, sample: Callable[[str], bytes]
) -> None:
    def named(name: str, uid: str) -> dict[str, Any]:
        return {**json.loads(sample(name)), "uid": uid}

    wire.answer("GET", "/projects/p/users/u", named("user.json", "u"))
    wire.answer("GET", "/projects/p/sheets/s", named("73_the_sheet_object.json", "s"))
    wire.answer("GET", "/projects/p/roles/r", named("70_the_role_object.json", "r"))

    user = await client.follow(UserReference("other", f"{API}/projects/p/users/u", "bob"))
    sheet = await client.follow(RecordReference[Sheet]("s", f"{API}/projects/p/sheets/s"))
    role = await client.follow(RecordReference[Role]("r", f"{API}/projects/p/roles/r"))

    assert (type(user), user.email) == (User, "alfred@architect.com")
    assert (type(sheet), sheet.name) == (Sheet, "A-501")
    assert type(role) is Role
    assert all("authorization" in request.headers for request in wire.requests)
    wire.answer("GET", "/projects/p/roles/r", named("70_the_role_object.json", "of another call"))
    with pytest.raises(DecodeError, match=r"Role\.uid is not the one that was asked for"):
        await client.follow(RecordReference[Role]("r", f"{API}/projects/p/roles/r"))


async def test_following_a_collection_reads_all_its_pages(
    client: PlanGridClient, wire: Any, sample: Callable[[str], bytes]
) -> None:
    path = "/projects/p/issues/i/photos"
    following = f"{API}{path}?skip=1"
    wire.answer("GET", path, {"data": [{"uid": "a"}], "total_count": 2, "next_page_url": following})
    wire.answer("GET", f"{path}?skip=1", {"data": [{"uid": "b"}], "total_count": 2, "next_page_url": None})
    reference = CollectionReference[Photo](2, f"{API}{path}")

    photos = await client.follow(reference)

    assert [(type(photo), photo.uid) for photo in photos] == [(Photo, "a"), (Photo, "b")]
    assert [photo.uid async for photo in client.iterate(reference)] == ["a", "b"]


async def test_an_empty_collection_needs_no_request(client: PlanGridClient, wire: Any) -> None:
    assert await client.follow(CollectionReference[Photo](0, None)) == []
    assert [photo async for photo in client.iterate(CollectionReference[Photo]())] == []
    assert await client.follow(CollectionReference[Photo](0, "")) == []
    assert wire.requests == []


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (None, "no reference"),
        (UserReference(None, None, "richard@subcontractor.com"), "no URL"),
        (CollectionReference(3, None), "no URL"),
        (RecordReference("s", "https://elsewhere.test/projects/p/sheets/s?token=hush"), "another origin"),
        (RecordReference("s", "http://api.test/projects/p/sheets/s"), "another origin"),
        (RecordReference("s", f"{API}/projects/p/unknown/s?token=hush"), "not known here"),
        (RecordReference("s", f"{API}/projects/p/sheets"), "leads to a collection"),
        (CollectionReference(1, f"{API}/projects/p/sheets/s"), "leads to one record"),
        (RecordReference("s", "no url"), "another origin"),
    ],
)
async def test_what_cannot_be_followed_sends_nothing(
    reference: Any, message: str, client: PlanGridClient, wire: Any
) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        await client.follow(reference)

    assert "hush" not in str(caught.value)
    assert wire.requests == []
