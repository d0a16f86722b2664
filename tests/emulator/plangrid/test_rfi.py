from __future__ import annotations

from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import Oddities


@pytest.fixture
def rfi(project: str, api: httpx.Client) -> dict[str, Any]:
    users = [user["uid"] for user in api.get(f"/projects/{project}/users").json()["data"] if not user["removed"]]
    body = {
        "title": "Door heights do not match.",
        "question": "Why?",
        "status": "0a83939c",
        "sent_at": "2015-10-20T20:04:02+02:00",
        "due_at": None,
        "assigned_to_uids": users[:2],
    }
    answer = api.post(f"/projects/{project}/rfis", json=body)
    assert answer.status_code == 200
    return answer.json()


def url(project: str, rfi: dict[str, Any], tail: str = "") -> str:
    return f"/projects/{project}/rfis/{rfi['uid']}{tail}"


def test_a_new_rfi(emulator: Emulator, project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    assert rfi["number"] == 31
    assert rfi["status"] == {"uid": "0a83939c", "label": "open", "color": "#4d77cb"}
    assert (rfi["sent_at"], rfi["due_at"], rfi["answer"]) == ("2015-10-20T18:04:02+00:00", None, None)
    assert len(rfi["assigned_to"]) == 2
    assert rfi["photos"] == rfi["comments"] == {"total_count": 0, "url": None}
    assert api.get(url(project, rfi)).json() == rfi
    assert api.get(f"/projects/{project}/rfis", params={"skip": 30}).json()["data"] == [rfi]
    assert len(emulator.plangrid.created("rfi")) == 1


def test_the_first_status_is_the_default(project: str, api: httpx.Client) -> None:
    assert api.post(f"/projects/{project}/rfis", json={"title": None}).json()["status"]["uid"] == "4898bfd4"


def test_null_is_not_absent(project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    changed = api.patch(url(project, rfi), json={"question": None, "answer": "So."}).json()
    assert (changed["title"], changed["question"], changed["answer"]) == (rfi["title"], None, "So.")
    assert len(changed["assigned_to"]) == 2
    assert api.patch(url(project, rfi), json={"assigned_to_uids": None}).json()["assigned_to"] == []


def test_a_failed_update_changes_nothing(project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    assert api.patch(url(project, rfi), json={"answer": "So.", "title": "x" * 201}).status_code == 400
    assert api.get(url(project, rfi)).json() == rfi


def test_the_history_tells_all(emulator: Emulator, project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    api.patch(url(project, rfi), json={"title": "New", "status": "19d0eace", "sent_at": None})
    photo = api.get(f"/projects/{project}/photos").json()["data"][0]
    api.post(url(project, rfi, "/photos"), json={"photo_uid": photo["uid"]})
    api.patch(url(project, rfi), json={"assigned_to_uids": []})
    page = api.get(url(project, rfi, "/history")).json()
    changes = {change["field"]: (change["old_value"], change["new_value"]) for change in page["data"]}
    assert changes == {
        "title": (rfi["title"], "New"),
        "status": (rfi["status"], {"uid": "19d0eace", "label": "closed", "color": "#dbdb57"}),
        "sent_at": (rfi["sent_at"], None),
        "photos": ([], [photo]),
        "assigned_to": (rfi["assigned_to"], []),
    }
    assert page["data"][0]["field"] == "assigned_to"
    emulator.plangrid.settings.oddities = Oddities(["pointers_in_history"])
    page = api.get(url(project, rfi, "/history")).json()
    [change] = [change for change in page["data"] if change["field"] == "photos"]
    assert change["new_value"][0].keys() == {"uid", "url"}


def test_seeded_histories_show_every_kind_of_value(project: str, api: httpx.Client) -> None:
    fields = set()
    for seeded in api.get(f"/projects/{project}/rfis").json()["data"]:
        fields |= {change["field"] for change in api.get(url(project, seeded, "/history")).json()["data"]}
    assert fields == {"title", "answer", "status", "assigned_to", "photos"}


@pytest.mark.parametrize(("kind", "name"), [("attachments", "attachment_uid"), ("photos", "photo_uid")])
def test_references_come_and_go(project: str, api: httpx.Client, rfi: dict[str, Any], kind: str, name: str) -> None:
    record = api.get(f"/projects/{project}/{kind}").json()["data"][3]
    for _ in range(2):  # the second time changes nothing
        answer = api.post(url(project, rfi, f"/{kind}"), json={name: record["uid"]})
        assert (answer.status_code, answer.json()) == (200, record)
    reference = api.get(url(project, rfi)).json()[kind]
    assert reference["total_count"] == 1
    assert api.get(reference["url"]).json()["data"] == [record]
    assert api.delete(url(project, rfi, f"/{kind}/{record['uid']}")).status_code == 204
    assert api.delete(url(project, rfi, f"/{kind}/{record['uid']}")).status_code == 404
    assert api.get(f"/projects/{project}/{kind}/{record['uid']}").json() == record


def test_snapshots_lose_their_sheet_in_an_rfi(project: str, api: httpx.Client) -> None:
    rfis = api.get(f"/projects/{project}/rfis").json()["data"]
    seeded = next(rfi for rfi in rfis if rfi["snapshots"]["total_count"] and not rfi["locked"])
    snapshot = api.get(seeded["snapshots"]["url"]).json()["data"][0]
    assert "sheet" not in snapshot
    assert "sheet" in api.get(f"/projects/{project}/snapshots/{snapshot['uid']}").json()
    assert api.delete(url(project, seeded, f"/snapshots/{snapshot['uid']}")).status_code == 204


def test_a_locked_rfi_can_only_be_unlocked(project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    assert api.patch(url(project, rfi), json={"locked": True}).json()["locked"] is True
    assert api.patch(url(project, rfi), json={"title": "x"}).status_code == 400
    assert api.patch(url(project, rfi), json={"locked": True, "title": "x"}).status_code == 400
    assert api.patch(url(project, rfi), json={"locked": False, "title": "x"}).json()["title"] == "x"


def test_status_labels_may_be_changed(project: str, api: httpx.Client, rfi: dict[str, Any]) -> None:
    path = f"/projects/{project}/rfis/statuses/0a83939c"
    assert api.patch(path, json={"label": "ongoing"}).json()["label"] == "ongoing"
    assert api.get(url(project, rfi)).json()["status"]["label"] == "ongoing"
    assert api.patch(path, json={"label": None}).json()["label"] is None
    assert api.patch(f"/projects/{project}/rfis/statuses/none", json={"label": "x"}).status_code == 404
