from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plangrep_async.plangrid import (
    Annotation,
    Attachment,
    CollectionReference,
    Comment,
    CommentRecordType,
    FileUpload,
    FileUploadRequest,
    FileUploadStatus,
    Issue,
    IssueStatus,
    Packet,
    PacketStatus,
    Photo,
    Project,
    ProjectType,
    RateLimitStatus,
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
    VersionUpload,
    VersionUploadStatus,
)
from plangrep_async.plangrid._codec import loads, structure
from plangrep_async.plangrid.pages import Page, page_of
from plangrep_async.plangrid.timestamps import parse_timestamp
from plangrep_async.session import Answer

SAMPLES = Path(__file__).parent.parent / "samples" / "plangrid"

RECORDS: dict[str, type[Record]] = {
    "06_basics.json": Issue,
    "10_file_uploads.json": Attachment,
    "17_the_file_upload_object.json": FileUpload,
    "18_the_shareable_object.json": Packet,
    "22_the_project_object.json": Project,
    "23_create_project.json": Project,
    "25_retrieve_a_project.json": Project,
    "26_update_project.json": Project,
    "27_the_annotation_object.json": Annotation,
    "29_the_attachment_object.json": Attachment,
    "30_upload_attachment_to_project.json": FileUpload,
    "31_complete_attachment_upload_to_project.json": Attachment,
    "33_retrieve_attachment_in_a_project.json": Attachment,
    "34_update_attachment_in_a_project.json": Attachment,
    "36_the_comment_object.json": Comment,
    "39_the_issue_object.json": Issue,
    "41_retrieve_issue_in_a_project.json": Issue,
    "44_the_photo_object.json": Photo,
    "45_upload_photo_to_project.json": FileUpload,
    "46_complete_photo_upload_to_project.json": Photo,
    "48_retrieve_photo_in_a_project.json": Photo,
    "49_update_photo_in_a_project.json": Photo,
    "51_the_rfi_object.json": Rfi,
    "52_the_rfi_history_object.json": RfiChange,
    "53_create_rfi_in_a_project.json": Rfi,
    "55_retrieve_rfi_in_a_project.json": Rfi,
    "61_update_rfi_in_a_project.json": Rfi,
    "62_reference_attachment_in_rfi.json": Attachment,
    "64_reference_photo_in_rfi.json": Photo,
    "67_the_rfi_status_object.json": RfiStatus,
    "69_update_rfi_status_in_a_project.json": RfiStatus,
    "70_the_role_object.json": Role,
    "72_retrieve_role_on_a_project.json": Role,
    "73_the_sheet_object.json": Sheet,
    "75_the_version_upload_object.json": VersionUpload,
    "76_the_file_upload_request_object.json": FileUploadRequest,
    "77_upload_version_to_project.json": VersionUpload,
    "export.json": Packet,
    "snapshot.json": Snapshot,
    "user.json": User,
    "version_completed.json": VersionUpload,
}
PAGES: dict[str, type[Record]] = {
    "14_rate_limiting.json": RateLimitStatus,
    "24_list_all_projects.json": Project,
    "28_retrieve_annotations_in_a_project.json": Annotation,
    "32_retrieve_attachments_in_a_project.json": Attachment,
    "37_retrieve_comments_in_a_project.json": Comment,
    "40_retrieve_issues_in_a_project.json": Issue,
    "40_retrieve_issues_in_a_project_2.json": Issue,
    "42_retrieve_comments_on_an_issue.json": Comment,
    "43_retrieve_photos_on_an_issue.json": Photo,
    "47_retrieve_photos_in_a_project.json": Photo,
    "54_retrieve_rfis_in_a_project.json": Rfi,
    "56_retrieve_attachments_referenced_in_rfi.json": Attachment,
    "57_retrieve_photos_referenced_in_rfi.json": Photo,
    "58_retrieve_snapshots_referenced_in_rfi.json": Snapshot,
    "59_retrieve_comments_on_an_rfi.json": Comment,
    "60_retrieve_rfi_history.json": RfiChange,
    "68_retrieve_rfi_statuses_in_a_project.json": RfiStatus,
    "71_retrieve_roles_on_a_project.json": Role,
    "sheets.json": Sheet,
}
NO_RECORDS = {"06_basics_2.json", "14_rate_limiting_2.json", "21_send_batch_request.json", "errors.json"}


def read_page(name: str) -> Page[Any]:
    return page_of(PAGES[name])(Answer(200, {}, (SAMPLES / name).read_bytes()))


def test_no_sample_is_left_out() -> None:
    assert {path.name for path in SAMPLES.glob("*.json")} == {*RECORDS, *PAGES, *NO_RECORDS}


@pytest.mark.parametrize("name", RECORDS)
def test_documented_records_decode_without_a_field_that_is_not_known(name: str) -> None:
    data = loads((SAMPLES / name).read_bytes())

    record = structure(data, RECORDS[name])

    assert set(record.extra) == ({"resource_url"} if name == "export.json" else set())
    assert RECORDS[name].from_dict(record.to_dict()) == record
    assert _same(written_by(record), data), name


@pytest.mark.parametrize("name", PAGES)
def test_documented_pages_decode_without_a_field_that_is_not_known(name: str) -> None:
    raw = loads((SAMPLES / name).read_bytes())

    page = read_page(name)

    assert (len(page.data), page.total_count, page.next_page_url) == (
        len(raw["data"]),
        raw["total_count"],
        raw["next_page_url"],
    )
    for record, data in zip(page.data, raw["data"], strict=True):
        assert type(record) is PAGES[name]
        assert record.extra == {}
        assert _same(written_by(record), data)


def written_by(record: Record) -> Any:
    """What stands in the text that a record is written as."""
    return loads(json.dumps(record.to_dict()).encode())


def _same(written: Any, came: Any) -> bool:
    """Whether everything that came is in what is written; timestamps may be written in another form."""
    if isinstance(came, dict):
        return all(
            _same(written.get("status" if key == "upload_status" else key), value) for key, value in came.items()
        )
    if isinstance(came, list):
        return len(written or ()) == len(came) and all(map(_same, written, came))
    if came is False and written is None:
        return True  # due_at
    if isinstance(came, str) and written != came:
        return parse_timestamp(written) == parse_timestamp(came)
    return bool((written or None) == (came or None) if came in (None, []) else written == came)


def test_an_issue_in_full(sample: Callable[[str], bytes]) -> None:
    issue = Issue.from_dict(loads(sample("39_the_issue_object.json")))

    assert issue.status is IssueStatus.OPEN
    assert issue.cost_impact == Decimal("25850.10")
    assert str(issue.cost_impact) == "25850.10"
    assert issue.schedule_impact == 186400
    assert issue.due_at == datetime(2016, 10, 31, 15, 32, 26, tzinfo=UTC)
    assert issue.photos == CollectionReference(
        1,
        "https://io.plangrid.com/projects/bafce976-8f33-437f-9c52-fb274456940f/issues/"
        "22f3530a-a00b-42f9-8139-3a7554c77c27/photos",
    )
    assert issue.comments == CollectionReference(0, None)
    assert issue.created_by == UserReference(None, None, "alfred@architect.com")
    assert issue.current_annotation is not None
    assert isinstance(issue.current_annotation.sheet, RecordReference)
    assert not issue.archived


def test_the_oddities_of_the_documented_examples() -> None:
    archived = read_page("40_retrieve_issues_in_a_project_2.json").data[0]
    assert archived.archived
    assert archived.deleted is False
    assert (archived.has_cost_impact, archived.cost_impact, archived.due_at) == (None, None, None)

    due_false = Issue.from_dict(loads((SAMPLES / "41_retrieve_issue_in_a_project.json").read_bytes()))
    assert due_false.due_at is None

    basics = Issue.from_dict(loads((SAMPLES / "06_basics.json").read_bytes()))
    assert basics.assigned_to == ()
    assert basics.photos is None
    assert basics.created_by == UserReference(email="alfred@architect.com")

    second = read_page("54_retrieve_rfis_in_a_project.json").data[1]
    assert second.locked is None
    assert second.sent_at == datetime(2015, 9, 12, 19, 22, 56, tzinfo=UTC)
    assert second.assigned_to[0].uid not in second.assigned_to[0].url

    changes = read_page("60_retrieve_rfi_history.json").data
    assert isinstance(changes[0].old_value, str)
    assert isinstance(changes[1].new_value, list)
    assert changes[2].new_value[0]["title"] == "Bongo Drums"

    assert read_page("68_retrieve_rfi_statuses_in_a_project.json").data[4].label == ""
    assert read_page("37_retrieve_comments_in_a_project.json").data[2].record_type is CommentRecordType.RFI


def test_both_names_of_an_upload_request_s_status(sample: Callable[[str], bytes]) -> None:
    version = VersionUpload.from_dict(loads(sample("75_the_version_upload_object.json")))
    single = FileUploadRequest.from_dict(loads(sample("76_the_file_upload_request_object.json")))

    assert len(version.file_upload_requests) == 7
    assert {request.status for request in version.file_upload_requests} == {FileUploadStatus.ISSUED}
    assert single.status is FileUploadStatus.ISSUED
    both = FileUploadRequest.from_dict({"uid": "u", "url": "x", "status": "consumed", "upload_status": "issued"})
    assert both.status is FileUploadStatus.CONSUMED
    assert both.extra == {"upload_status": "issued"}


def test_a_completed_version_has_no_requests(sample: Callable[[str], bytes]) -> None:
    version = VersionUpload.from_dict(loads(sample("version_completed.json")))

    assert version.status is VersionUploadStatus.COMPLETE
    assert version.file_upload_requests == ()


def test_the_form_keeps_the_order_of_its_fields_and_undoes_escapes(sample: Callable[[str], bytes]) -> None:
    upload = FileUpload.from_dict(loads(sample("17_the_file_upload_object.json")))

    fields = upload.aws_post_form_arguments.fields
    assert [field.name for field in fields][:3] == ["key", "AWSAccessKeyId", "success_action_redirect"]
    assert fields[4].value == "CztWq/9IU4hCaEiaw0P5IRYmh0g="


NUMBERS = st.decimals(-(10**9), 10**9, places=5) | st.floats(allow_nan=False, allow_infinity=False).map(
    lambda number: Decimal(repr(number))
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | NUMBERS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(), JSON))
def test_unknown_fields_and_odd_values_survive_a_round_trip(extra: dict[str, Any]) -> None:
    data = {**extra, "uid": "u"}

    issue = Issue.from_dict(data)
    written = written_by(issue)

    assert Issue.from_dict(issue.to_dict()) == issue
    assert Issue.from_dict(json.loads(json.dumps(issue.to_dict()))) == issue
    assert {key: written[key] for key in issue.extra} == dict(issue.extra)


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost_where_a_number_has_more_than_a_float_keeps(number: Decimal) -> None:
    change = RfiChange.from_dict({"uid": "u", "new_value": [{"sum": number}], "other": number})

    written = json.loads(json.dumps(change.to_dict(), allow_nan=False), parse_float=Decimal)

    assert [Decimal(written["new_value"][0]["sum"]), Decimal(written["other"])] == [number, number]


@pytest.mark.parametrize(
    ("came", "written"),
    [
        (b"25850.10", 25850.1),
        (b"1800.00", 1800),
        (b"-0.0001", -0.0001),
        (b"1E+20", 10**20),
        (b"12345678901234567.0001", "12345678901234567.0001"),
    ],
)
def test_amounts_are_written_as_numbers(came: bytes, written: Any) -> None:
    issue = Issue.from_dict(loads(b'{"uid": "u", "cost_impact": %b}' % came))

    amount = issue.to_dict()["cost_impact"]

    assert (amount, type(amount)) == (written, type(written))
    assert Issue.from_dict(json.loads(json.dumps(issue.to_dict()))).cost_impact == Decimal(came.decode())


def test_one_odd_field_does_not_cost_the_record() -> None:
    issue = Issue.from_dict(
        {
            "uid": "u",
            "due_at": "next week",
            "cost_impact": {"amount": 3},
            "number": "12",
            "assigned_to": "bob",
            "deleted": 0,
        }
    )

    assert (issue.due_at, issue.cost_impact, issue.number, issue.assigned_to, issue.deleted) == (
        None,
        None,
        12,
        (),
        None,
    )
    assert issue.extra == {"due_at": "next week", "cost_impact": {"amount": 3}, "assigned_to": "bob", "deleted": 0}
    assert issue.to_dict()["due_at"] == "next week"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "Issue lacks uid"),
        ({"uid": None}, "Issue lacks uid"),
        ({"uid": {"secret": "value"}}, "Issue.uid: should be a string, not dict"),
        ([], "Issue should be an object, not list"),
    ],
)
def test_what_identifies_a_record_must_be_there(data: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        structure(data, Issue)

    assert str(caught.value) == message


def test_the_place_of_a_bad_record_in_a_page_is_named() -> None:
    with pytest.raises(ValueError, match=r"^\[1\]: Role lacks uid$"):
        page_of(Role)(
            Answer(200, {}, b'{"data": [{"uid": "a"}, {"label": "b"}], "total_count": 2, "next_page_url": null}')
        )


def test_enums_are_open() -> None:
    status = Issue.from_dict({"uid": "u", "status": "on_hold"}).status

    assert status == "on_hold"
    assert isinstance(status, IssueStatus)
    assert not status.is_known
    assert IssueStatus.OPEN.is_known
    assert pickle.loads(pickle.dumps(status)) == status
    assert copy.deepcopy(status) == status
    assert json.dumps([status]) == '["on_hold"]'
    assert Project.from_dict({"uid": "u", "type": "gov-federal"}).type is ProjectType.GOV_FEDERAL
    assert Packet.from_dict({"uid": "u", "status": "errored"}).status is PacketStatus.ERRORED


@pytest.mark.parametrize("number", ["25850.10", "0.0001", "1e2", "12345678901234567890.1234"])
def test_money_is_exact(number: str) -> None:
    issue = Issue.from_dict(loads(f'{{"uid": "u", "cost_impact": {number}}}'.encode()))

    assert issue.cost_impact == Decimal(number)
    assert issue.extra == {}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_not_json_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        loads(f'{{"uid": "u", "cost_impact": {number}}}'.encode())


def test_records_are_values() -> None:
    data = {"uid": "u", "title": "Door", "unknown": [1, 2]}

    assert Issue.from_dict(data) == Issue.from_dict(data)
    assert len({Issue.from_dict(data), Issue.from_dict(data)}) == 1
    assert pickle.loads(pickle.dumps(Issue.from_dict(data))) == Issue.from_dict(data)
    with pytest.raises(AttributeError):
        Issue.from_dict(data).title = "Window"  # type: ignore[misc]


def test_nothing_secret_is_shown(sample: Callable[[str], bytes]) -> None:
    upload = FileUpload.from_dict(loads(sample("17_the_file_upload_object.json")))
    attachment = Attachment.from_dict(loads(sample("10_file_uploads.json")))

    shown = f"{upload!r}{attachment!r}{Issue.from_dict({'uid': 'u', 'token': 'hush-hush'})!r}"

    for secret in ("8392cd3fbf2dfbf9fc539c8423a21201", "CztWq", "eyJleHBp", "Signature=xc10", "hush-hush"):
        assert secret not in shown
    assert "attachments.s3.amazonaws.com" in shown
