from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import ODDITIES, Oddities
from plangrep_async.emulator.plangrid.message import dump

RECORDS = [
    {
        "uid": f"record-{number}",
        "number": number,
        "title": "Door",
        "current_annotation": None,
        "status": "open",
        "created_at": "2015-09-03T08:01:02+00:00",
        "created_by": {"uid": "u", "url": "http://x/projects/p/users/u", "email": "a@b.example"},
        "photos": {"total_count": 0, "url": None},
        "due_at": None,
        "has_cost_impact": True,
        "cost_impact": Decimal("25850.10"),
        "currency_code": "USD",
        "has_schedule_impact": False,
        "schedule_impact": None,
        "deleted": False,
    }
    for number in range(60)
]


def applied(*names: str) -> list[dict[str, Any]]:
    before = copy.deepcopy(RECORDS)
    result: list[dict[str, Any]] = Oddities(names).apply(RECORDS)
    assert before == RECORDS
    return result


def values(records: list[dict[str, Any]], key: str) -> set[Any]:
    return {record.get(key, "missing") for record in records}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("unpadded_dates", "2015-9-3T08:01:02+00:00"),
        ("lower_case_timestamps", "2015-09-03t08:01:02z"),
        ("one_digit_hours", "2015-09-03T8:01:02+00:00"),
        ("zulu_timestamps", "2015-09-03T08:01:02Z"),
    ],
)
def test_both_forms_of_a_timestamp_occur(name: str, text: str) -> None:
    assert values(applied(name), "created_at") == {"2015-09-03T08:01:02+00:00", text}


def test_microseconds() -> None:
    lengths = {len(text) for text in values(applied("microseconds"), "created_at")}
    assert lengths == {25, 32}


def test_false_for_null() -> None:
    assert values(applied("false_due_at"), "due_at") == {None, False}


def test_fields_are_left_out() -> None:
    assert values(applied("missing_fields"), "has_cost_impact") == {True, "missing"}


def test_numbers_as_decimals() -> None:
    texts = {dump(record["number"]) for record in applied("decimal_integers")}
    assert {text.endswith(".0") for text in texts} == {True, False}


def test_users_lose_their_uids_and_addresses() -> None:
    users = [r["created_by"] for r in applied("nameless_users", "invalid_emails", "foreign_user_urls")]
    assert any(user["uid"] is None and user["url"] is None for user in users)
    assert any("@" not in user["email"] for user in users)
    assert any(user["url"] and not user["url"].endswith("/u") for user in users)
    assert any(user == RECORDS[0]["created_by"] for user in users)


def test_empty_collections_get_a_url_and_enums_a_new_value() -> None:
    records = applied("empty_collection_urls", "unknown_enums", "unknown_fields")
    assert {record["photos"]["url"] for record in records} == {None, ""}
    assert values(records, "status") == {"open", "on_hold"}
    assert any("x_later_version" in record for record in records)


def test_none_by_default_and_the_same_on_every_run() -> None:
    assert Oddities().apply(RECORDS) is RECORDS
    assert applied(*ODDITIES) == applied(*ODDITIES)


def test_an_unknown_oddity_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown oddities"):
        Oddities(["no_such_thing"])


def test_money_is_exact_on_the_wire() -> None:
    assert (
        dump({"cost": Decimal("25850.1000"), "text": 'a "\0" b'}) == '{"cost": 25850.1000, "text": "a \\"\\u0000\\" b"}'
    )


def test_a_service_with_all_oddities_still_answers_json(emulator: Emulator, project: str, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(True)
    for collection in ("issues", "rfis", "photos", "attachments", "snapshots", "comments", "users", "sheets"):
        first = api.get(f"/projects/{project}/{collection}", params={"limit": "5"})
        assert first.status_code == 200
        assert "\\/projects" in first.text
        following = first.json()["next_page_url"]
        assert "limit=5&skip=5" in following
        assert api.get(following).json()["total_count"] == first.json()["total_count"]


def test_the_extra_page_is_empty_and_the_last(emulator: Emulator, project: str, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(["extra_empty_page"])
    last = api.get(f"/projects/{project}/roles").json()
    assert len(last["data"]) == last["total_count"] == 3
    assert api.get(last["next_page_url"]).json() == {"data": [], "total_count": 3, "next_page_url": None}
