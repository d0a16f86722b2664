from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async import UploadFile
from plangrep_async.errors import InvalidInputError
from plangrep_async.plangrid import (
    CommentRecordType,
    Issue,
    IssueStatus,
    PlanGridClient,
    ProjectScope,
    ProjectType,
    Rfi,
    User,
)
from plangrep_async.plangrid._rules import check_money

P = "/projects/p"
NOON = datetime(2016, 2, 3, 14, 5, 6, 700, tzinfo=timezone(timedelta(hours=2)))
NOON_SENT = "2016-02-03T12:05:06+00:00"
USER = "d4c0bab2-cd1c-4c9d-b4b3-022a5a52cc7b"
ATTACHMENT = "147a420e-a182-4312-8fa5-4d10064d2f1a"
PHOTO = "baa813cf-fd44-4a9c-be2b-62669958cc9a"


@pytest.fixture
def project(client: PlanGridClient) -> ProjectScope:
    return client.project("p")


async def test_an_rfi_is_created_with_exactly_what_was_given(
    project: ProjectScope, wire: Any, sample: Callable[[str], bytes]
) -> None:
    wire.answer("POST", f"{P}/rfis", sample("53_create_rfi_in_a_project.json"))

    rfi = await project.rfis.create(
        title="Door heights do not match.", assigned_to_uids=["u1"], due_at=NOON, question=None, locked=False
    )

    assert isinstance(rfi, Rfi)
    assert rfi.status is not None
    assert rfi.status.label == "closed"
    assert wire.bodies() == [
        {
            "title": "Door heights do not match.",
            "assigned_to_uids": ["u1"],
            "due_at": NOON_SENT,
            "question": None,
            "locked": False,
        }
    ]


async def test_null_is_not_left_as_it_is(project: ProjectScope, wire: Any, sample: Callable[[str], bytes]) -> None:
    uid = "22f3530a-a00b-42f9-8139-3a7554c77c27"
    wire.answer("PATCH", f"{P}/rfis/{uid}", sample("61_update_rfi_in_a_project.json"))

    await project.rfis.update(uid, answer=None)
    await project.rfis.update(uid, status="4898bfd4", sent_at=None, assigned_to_uids=[])

    assert [request.content for request in wire.requests] == [
        b'{"answer":null}',
        b'{"status":"4898bfd4","sent_at":null,"assigned_to_uids":[]}',
    ]


async def test_issues_are_written_with_exact_money(project: ProjectScope, wire: Any) -> None:
    wire.answer("POST", f"{P}/issues", {"uid": "i"})
    wire.answer("PATCH", f"{P}/issues/i", {"uid": "i", "status": "closed"})

    await project.issues.create(
        title="Wall",
        status=IssueStatus.OPEN,
        type="planned_work",
        start_date=date(2016, 2, 3),
        cost_impact=Decimal("25850.10"),
        has_cost_impact=True,
        schedule_impact=86400,
        issue_list_uid="l",
    )
    issue = await project.issues.update("i", status=IssueStatus.CLOSED, cost_impact=None)

    assert wire.requests[0].content == (
        b'{"title":"Wall","status":"open","type":"planned_work","start_date":"2016-02-03","has_cost_impact":true,'
        b'"cost_impact":25850.1,"schedule_impact":86400,"issue_list_uid":"l"}'
    )
    assert wire.bodies()[1] == {"status": "closed", "cost_impact": None}
    assert isinstance(issue, Issue)


@given(st.decimals(min_value=-(10**10), max_value=10**10, places=4))
def test_amounts_lose_nothing_on_the_way(amount: Decimal) -> None:
    assert json.loads(json.dumps(check_money(amount, "cost_impact")), parse_float=Decimal) == amount


@pytest.mark.parametrize(
    "amount",
    [
        0.1,
        True,
        "12.50",
        Decimal("0.00001"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal(10**12) + Decimal("0.0001"),
        10**15,
    ],
)
async def test_amounts_that_cannot_be_exact_are_refused(amount: Any, project: ProjectScope, wire: Any) -> None:
    with pytest.raises(InvalidInputError, match="cost_impact"):
        await project.issues.create(cost_impact=amount)
    assert wire.requests == []


async def test_projects_have_properties(client: PlanGridClient, wire: Any) -> None:
    wire.answer("POST", "/projects", httpx.Response(201, json={"uid": "p", "name": "Museum", "type": "other"}))
    wire.answer("PATCH", P, {"uid": "p"})

    project = await client.projects.create(
        "Museum", type=ProjectType.OTHER, start_date=date(2020, 1, 2), country="US", add_to_organization=True
    )
    await client.projects.update("p", name="New", end_date=None, city="")

    assert project.type is ProjectType.OTHER
    assert wire.bodies() == [
        {"name": "Museum", "type": "other", "start_date": "2020-01-02", "country": "US", "add_to_organization": True},
        {"name": "New", "end_date": None, "city": ""},
    ]


async def test_queries_of_lists(client: PlanGridClient, project: ProjectScope, wire: Any) -> None:
    empty = {"data": [], "total_count": 0, "next_page_url": None}
    for name in ("attachments", "comments", "issues", "sheets", "field_reports", "issues/i/photos", "rfis/r/history"):
        wire.answer("GET", f"{P}/{name}", empty)
    wire.answer("GET", "/projects", empty)

    await client.projects.list(updated_after=NOON)
    await project.attachments.list(folder="")
    await project.attachments.page(folder="A & B/ü", skip=3, limit=7)
    await project.comments.list(record_types=[CommentRecordType.ISSUE, "rfi"])
    await project.issues.list(include_annotationless=True)
    await project.sheets.list(version_set="v")
    await project.field_reports.list(report_date_min=date(2020, 1, 2), sort_order="desc")
    await project.issues.photos("i").list(updated_after=NOON)
    await project.rfis.history("r").page(updated_after=NOON, limit=1)

    assert [target.removeprefix("GET ") for target in wire.seen] == [
        "/projects?limit=50&updated_after=2016-02-03T12%3A05%3A06%2B00%3A00",
        f"{P}/attachments?limit=50&folder=",
        f"{P}/attachments?skip=3&limit=7&folder=A%20%26%20B%2F%C3%BC",
        f"{P}/comments?limit=50&record_types=issue%2Crfi",
        f"{P}/issues?limit=50&include_annotationless=true",
        f"{P}/sheets?limit=50&version_set=v",
        f"{P}/field_reports?limit=50&report_date_min=2020-01-02&sort_order=desc",
        f"{P}/issues/i/photos?limit=50&updated_after=2016-02-03T12%3A05%3A06%2B00%3A00",
        f"{P}/rfis/r/history?limit=1&updated_after=2016-02-03T12%3A05%3A06%2B00%3A00",
    ]


async def test_other_writes(project: ProjectScope, wire: Any, sample: Callable[[str], bytes]) -> None:
    wire.answer("POST", f"{P}/users/invites", sample("user.json"))
    wire.answer("PATCH", f"{P}/users/{USER}", sample("user.json"))
    wire.answer("PATCH", f"{P}/rfis/statuses/4898bfd4", sample("69_update_rfi_status_in_a_project.json"))
    wire.answer("PATCH", f"{P}/attachments/{ATTACHMENT}", sample("34_update_attachment_in_a_project.json"))
    wire.answer("POST", f"{P}/rfis/r/photos", sample("64_reference_photo_in_rfi.json"))
    wire.answer("POST", f"{P}/sheets/packets", sample("18_the_shareable_object.json"))
    wire.answer("POST", f"{P}/issue_lists", {"uid": "l", "name": "Punch"})
    wire.answer("POST", f"{P}/field_reports/export", sample("export.json"))

    user = await project.users.invite("alfred@architect.com", role_uid="r", first_name="")
    await project.users.update(USER, role_uid="r")
    await project.rfi_statuses.update("4898bfd4", label=None)
    await project.attachments.update(ATTACHMENT, folder=None)
    photo = await project.rfis.photos("r").add(PHOTO)
    await project.sheets.create_packet(["s1", "s2"], include_annotations=False)
    await project.issue_lists.create("Punch")
    await project.field_reports.export(["f"], timezone="UTC", file_type="xlsx")

    assert isinstance(user, User)
    assert photo.title == "Bongo Drums"
    assert wire.bodies() == [
        {"email": "alfred@architect.com", "role_uid": "r", "first_name": ""},
        {"role_uid": "r"},
        {"label": None},
        {"folder": None},
        {"photo_uid": PHOTO},
        {"sheet_uids": ["s1", "s2"], "include_annotations": False},
        {"name": "Punch"},
        {"field_report_uids": ["f"], "timezone": "UTC", "file_type": "xlsx"},
    ]


async def test_removing_gives_nothing(project: ProjectScope, wire: Any) -> None:
    wire.answer("DELETE", f"{P}/photos/ph", httpx.Response(204))
    wire.answer("DELETE", f"{P}/rfis/r/snapshots/s", httpx.Response(200, json={}))
    wire.answer("DELETE", f"{P}/issue_lists/l", httpx.Response(204))

    assert await project.photos.remove("ph") is None  # type: ignore[func-returns-value]
    assert await project.rfis.snapshots("r").remove("s") is None  # type: ignore[func-returns-value]
    assert await project.issue_lists.remove("l") is None  # type: ignore[func-returns-value]


Bad = Callable[[PlanGridClient, ProjectScope], Awaitable[Any] | Any]
BAD: dict[str, Bad] = {
    "title: 201 characters, and 200": lambda c, p: p.rfis.create(title="x" * 201),
    "question: 10,001 characters, and 10,000": lambda c, p: p.rfis.update("r", question="x" * 10_001),
    "answer: 10,001": lambda c, p: p.rfis.update("r", answer="x" * 10_001),
    "rfis.create: no field": lambda c, p: p.rfis.create(),
    "rfis.update: no field": lambda c, p: p.rfis.update("r"),
    "issues.update: no field": lambda c, p: p.issues.update("i"),
    "projects.update: no field": lambda c, p: c.projects.update("p"),
    "attachments.update: no field": lambda c, p: p.attachments.update("a"),
    "locked: 1 is neither": lambda c, p: p.rfis.create(locked=1),  # type: ignore[arg-type]
    "due_at: .* no timezone": lambda c, p: p.rfis.create(due_at=datetime(2020, 1, 1)),
    "sent_at: .* no datetime": lambda c, p: p.rfis.create(sent_at="2015-9-2"),  # type: ignore[arg-type]
    "updated_after: .* no timezone": lambda c, p: p.issues.list(updated_after=datetime(2020, 1, 1)),
    "assigned_to_uids: 'u' is no list": lambda c, p: p.rfis.create(assigned_to_uids="u"),
    r"assigned_to_uids\[1\]": lambda c, p: p.rfis.create(assigned_to_uids=["u", 3]),  # type: ignore[list-item]
    "status: ''": lambda c, p: p.rfis.create(status=""),
    "name: the text is empty": lambda c, p: c.projects.create(""),
    "name: 0 is no string": lambda c, p: c.projects.update("p", name=0),  # type: ignore[arg-type]
    "folder: the text is empty": lambda c, p: p.attachments.update("a", folder=""),
    "title: the text is empty": lambda c, p: p.photos.update("ph", title=""),
    "label: the text is empty": lambda c, p: p.rfi_statuses.update("s", label=""),
    "email: the text is empty": lambda c, p: p.users.invite(""),
    "sheet_uids: give at least 1": lambda c, p: p.sheets.create_packet([]),
    "num_files: 0 must be at least 1": lambda c, p: p.sheets.request_version("v", 0),
    "version_name: the text is empty": lambda c, p: p.sheets.request_version("", 1),
    "record_types: 'issue' is a string": lambda c, p: p.comments.list(record_types="issue"),
    "record_types: 'a,b' holds a comma": lambda c, p: p.comments.list(record_types=["a,b"]),
    "start_date: .* no date": lambda c, p: c.projects.create("n", start_date="2020-01-02"),  # type: ignore[arg-type]
    "schedule_impact: 1.5": lambda c, p: p.issues.create(schedule_impact=1.5),  # type: ignore[arg-type]
    "uid: None is no string": lambda c, p: p.issues.get(None),  # type: ignore[arg-type]
    "uid: '' is no uid": lambda c, p: p.issues.get(""),
    "uid: '..' is no uid": lambda c, p: p.issues.get(".."),
    "project uid: ''": lambda c, p: c.project(""),
    "rfi_uid: ''": lambda c, p: p.rfis.photos(""),
    "file_type: 'doc'": lambda c, p: p.field_reports.export(["f"], timezone="UTC", file_type="doc"),  # type: ignore[arg-type]
    "sort_by: 'size'": lambda c, p: p.field_reports.list(sort_by="size"),  # type: ignore[arg-type]
    "path: 'projects'": lambda c, p: c.request("GET", "projects"),
    "path: None": lambda c, p: c.request("GET", None),  # type: ignore[arg-type]
    "path: it holds white space": lambda c, p: c.request("GET", "/projects\r\nX: y"),
    "method: 'get'": lambda c, p: c.request("get", "/projects"),
    "json: .* cannot be written": lambda c, p: c.request("POST", "/projects", json={"a": {1}}),
    "json: .* not JSON compliant": lambda c, p: c.request("POST", "/projects", json=float("nan")),
    "title: the character .* half a character": lambda c, p: p.rfis.create(title="a\ud800"),
    "uid: the character": lambda c, p: p.issues.get("\udcff"),
    "schedule_impact: the number must be": lambda c, p: p.issues.create(schedule_impact=10**5000),
    "cost_impact: the amount has more than 15": lambda c, p: p.issues.create(cost_impact=10**5000),
    "timeout must be": lambda c, p: p.issues.get("i", timeout=0),
    "deadline must be .* '5'": lambda c, p: p.issues.get("i", deadline="5"),  # type: ignore[arg-type]
    "deadline must be .* nan": lambda c, p: p.issues.list(deadline=float("nan")),
    "max_attempts must be .* 0": lambda c, p: p.issues.get("i", max_attempts=0),
    "coalesce must be .* 'no'": lambda c, p: c.with_options(coalesce="no"),  # type: ignore[arg-type]
    "folder: 5 is no string": lambda c, p: p.attachments.list(folder=5),  # type: ignore[arg-type]
    "reference: a Issue is none;": lambda c, p: c.follow(Issue("i")),  # type: ignore[call-overload]
    "reference: a str is none to a collection": lambda c, p: c.iterate("/projects"),  # type: ignore[arg-type]
    "files: 'a.pdf' is one file": lambda c, p: p.attachments.upload_many("a.pdf"),
    "files: 'b.pdf' is one file": lambda c, p: p.sheets.upload_version("v", "b.pdf"),
    "files: a int is no list": lambda c, p: p.photos.upload_many(5),  # type: ignore[arg-type]
    "a NoneType has no file name": lambda c, p: p.attachments.upload_many([UploadFile(b"%PDF", name="a.pdf"), None]),  # type: ignore[list-item]
    "name: 5 is no string": lambda c, p: p.attachments.upload(b"%PDF", name=5),  # type: ignore[arg-type]
    "content_type: 'image/gif' is neither": lambda c, p: p.photos.request_upload("t", content_type="image/gif"),
    "content_type: None is neither": lambda c, p: p.photos.request_upload("t", content_type=None),  # type: ignore[arg-type]
    "interval=-1": lambda c, p: p.sheets.wait_for_packet("p", interval=-1),
}


@pytest.mark.parametrize("message", BAD)
async def test_documented_limits_are_checked_before_anything_is_sent(
    message: str, client: PlanGridClient, project: ProjectScope, wire: Any
) -> None:
    async def make() -> None:
        made = BAD[message](client, project)
        if isinstance(made, Awaitable):
            await made

    with pytest.raises(InvalidInputError, match=message):
        await make()

    assert wire.requests == []


UNKNOWN: dict[str, Bad] = {
    "get": lambda c, p: p.issues.get("i", page_size=5),  # type: ignore[call-arg]
    "list": lambda c, p: p.issues.list(include_delete=False),  # type: ignore[call-arg]
    "with_options": lambda c, p: c.with_options(page_size=5),  # type: ignore[call-arg]
    "download": lambda c, p: p.photos.download("ph", "to.png", page_size=5),  # type: ignore[call-arg]
    "upload_many": lambda c, p: p.photos.upload_many([UploadFile(b"", name="a.png")], page_size=5),  # type: ignore[call-arg]
    "upload_version": lambda c, p: p.sheets.upload_version("v", [UploadFile(b"%PDF-", name="a.pdf")], page_size=5),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("method", UNKNOWN)
async def test_an_argument_that_a_method_does_not_have_is_named_before_anything_is_sent(
    method: str, client: PlanGridClient, project: ProjectScope, wire: Any
) -> None:
    with pytest.raises(TypeError, match=r"' is no argument of this method: .* takes timeout, .*, coalesce$"):
        await cast("Awaitable[Any]", UNKNOWN[method](client, project))

    assert wire.requests == []


async def test_deleted_photos_of_an_issue_are_left_out_where_that_is_wished(project: ProjectScope, wire: Any) -> None:
    photos = [{"uid": "a", "deleted": True}, {"uid": "b", "deleted": False}]
    wire.answer("GET", f"{P}/issues/i/photos", {"data": photos, "total_count": 2, "next_page_url": None})
    on_issue = project.issues.photos("i")

    assert [photo.uid async for photo in on_issue.list()] == ["a", "b"]
    assert [photo.uid async for photo in on_issue.list(include_deleted=False, updated_after=NOON)] == ["b"]


async def test_the_longest_texts_are_allowed(project: ProjectScope, wire: Any) -> None:
    wire.answer("POST", f"{P}/rfis", {"uid": "r"})

    await project.rfis.create(title="ü" * 200, question="x" * 10_000, answer="y" * 10_000)

    assert len(wire.bodies()[0]["title"]) == 200
