from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator
from plangrep_async.emulator.plangrid import Oddities
from plangrep_async.emulator.plangrid.asset import blank_pdf

JSON = {"Content-Type": "application/json"}


def begin(api: httpx.Client, project: str, files: int = 2) -> dict[str, Any]:
    body = {"num_files": files, "version_name": "2016-02-18 ASI 02"}
    answer = api.post(f"/projects/{project}/sheets/uploads", json=body)
    assert answer.status_code == 201
    return answer.json()


def send(api: httpx.Client, bare: httpx.Client, request: dict[str, Any], name: str, data: bytes) -> httpx.Response:
    slot = api.post(request["url"], json={"file_name": name}).json()
    form = slot["aws_post_form_arguments"]
    fields = {field["name"]: field["value"] for field in form["fields"]}
    return bare.post(form["action"], data=fields, files={"file": data}, follow_redirects=True)


def test_the_four_steps_and_publishing(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    upload = begin(api, project)
    assert upload["status"] == "incomplete"
    assert [item["upload_status"] for item in upload["file_upload_requests"]] == ["issued", "issued"]
    first, second = upload["file_upload_requests"]
    three_pages = blank_pdf(["one", "two", "three"])
    assert send(api, bare, second, "b.pdf", three_pages).status_code == 201
    refused = api.post(upload["complete_url"], headers=JSON)
    assert refused.status_code == 400
    assert send(api, bare, first, "a.pdf", blank_pdf(["only"])).json()["upload_status"] == "consumed"
    done = api.post(upload["complete_url"], headers=JSON)
    assert (done.status_code, done.json()["status"]) == (200, "complete")
    assert "file_upload_requests" not in done.json()
    assert api.get(f"/projects/{project}/sheets").json()["total_count"] == 12

    sheets = emulator.plangrid.publish(upload["uid"])
    assert len(sheets) == 4
    page = api.get(f"/projects/{project}/sheets").json()
    assert page["total_count"] == 16
    assert {sheet["uid"] for sheet in page["data"][:4]} == set(sheets)
    assert {sheet["version_name"] for sheet in page["data"][:4]} == {"2016-02-18 ASI 02"}
    assert sorted(sheet["uploaded_file_name"] for sheet in page["data"][:4]) == ["a.pdf", "b.pdf", "b.pdf", "b.pdf"]
    assert api.get(f"/projects/{project}/version_sets").json()["data"][0]["version_name"] == "2016-02-18 ASI 02"
    stored = emulator.plangrid.stored(second["uid"])
    assert stored.sha256 == hashlib.sha256(three_pages).hexdigest()
    [state] = emulator.plangrid.version_uploads()
    assert (state.status, state.published, set(state.files.values())) == ("complete", True, {"a.pdf", "b.pdf"})
    with pytest.raises(ValueError, match="published: True"):
        emulator.plangrid.publish(upload["uid"])


def test_asking_again_gives_new_credentials_until_it_is_complete(
    project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    upload = begin(api, project, 1)
    [request] = upload["file_upload_requests"]
    slots = [api.post(request["url"], json={"file_name": "a.pdf"}).json() for _ in range(2)]
    assert slots[0]["webhook_url"] != slots[1]["webhook_url"]
    assert slots[0]["uid"] != slots[1]["uid"]
    assert send(api, bare, request, "a.pdf", b"first").status_code == 201
    assert send(api, bare, request, "b.pdf", b"second").status_code == 201
    assert api.post(upload["complete_url"], headers=JSON).status_code == 200
    assert api.post(upload["complete_url"], headers=JSON).json()["status"] == "complete"
    assert api.post(request["url"], json={"file_name": "a.pdf"}).status_code == 409


def test_the_last_file_of_a_request_counts(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    [request] = begin(api, project, 1)["file_upload_requests"]
    send(api, bare, request, "a.pdf", b"first")
    send(api, bare, request, "b.pdf", b"second")
    assert emulator.plangrid.stored(request["uid"]).content.read() == b"second"


@pytest.mark.parametrize("data", [b"", b"no PDF at all", blank_pdf(["one", "two"])[:400]])
def test_a_damaged_file_becomes_one_sheet(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, data: bytes
) -> None:
    upload = begin(api, project, 1)
    send(api, bare, upload["file_upload_requests"][0], "a.pdf", data)
    assert api.post(upload["complete_url"], headers=JSON).status_code == 200
    assert len(emulator.plangrid.publish(upload["uid"])) == 1


def test_a_version_is_published_when_it_is_complete(emulator: Emulator, project: str, api: httpx.Client) -> None:
    upload = begin(api, project, 1)
    with pytest.raises(ValueError, match="incomplete"):
        emulator.plangrid.publish(upload["uid"])


def test_both_forms_of_the_complete_url_are_understood(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    assert begin(api, project, 1)["complete_url"].count("/completions") == 0
    emulator.plangrid.settings.oddities = Oddities(["completions_suffix"])
    upload = begin(api, project, 1)
    assert upload["complete_url"].endswith("/completions")
    send(api, bare, upload["file_upload_requests"][0], "a.pdf", b"x")
    assert api.post(upload["complete_url"], headers=JSON).status_code == 200


def test_the_status_has_two_names(emulator: Emulator, project: str, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(["mixed_upload_status"])
    requests = begin(api, project, 40)["file_upload_requests"]
    assert {frozenset(item) for item in requests} == {
        frozenset({"uid", "url", "status"}),
        frozenset({"uid", "url", "upload_status"}),
    }


def test_what_does_not_exist(project: str, api: httpx.Client) -> None:
    upload = begin(api, project)
    base = f"/projects/{project}/sheets/uploads"
    assert api.post(f"{base}/none/files/none", json={"file_name": "a"}).status_code == 404
    assert api.post(f"{base}/{upload['uid']}/files/none", json={"file_name": "a"}).status_code == 404
    assert api.post(f"{base}/none/completions", headers=JSON).status_code == 404
    assert api.post(upload["file_upload_requests"][0]["url"], json={"file_name": ""}).status_code == 400
    token = f"{base}/files/completions/none"
    assert [api.get(token).status_code, api.post(token, headers=JSON).status_code] == [404, 404]


@pytest.mark.parametrize("files", [None, 0, -1, "2", 1.5, True])
def test_the_number_of_files_is_a_positive_integer(project: str, api: httpx.Client, files: Any) -> None:
    answer = api.post(f"/projects/{project}/sheets/uploads", json={"num_files": files, "version_name": "V"})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Number of files (")
