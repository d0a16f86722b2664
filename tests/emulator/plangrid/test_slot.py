"""The three steps of an upload: slot, S3 form, completion; and what may go wrong in each."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from plangrep_async.emulator import Emulator, EmulatorClock, Fault
from plangrep_async.emulator.plangrid import Oddities, PlangridSettings

PDF = b"%PDF-1.4 not a real one \r\n--\r\n" * 40
ATTACHMENT = {"content_type": "application/pdf", "name": "Spec 1.pdf", "folder": "Submittals"}

Slot = dict[str, Any]


def ask(api: httpx.Client, project: str, **changes: Any) -> Slot:
    answer = api.post(f"/projects/{project}/attachments/uploads", json={**ATTACHMENT, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


def post(client: httpx.Client, slot: Slot, data: bytes = PDF, **options: Any) -> httpx.Response:
    form = slot["aws_post_form_arguments"]
    fields = {field["name"]: field["value"] for field in form["fields"]}
    return client.post(form["action"], data=fields, files={"file": ("data", data, "application/pdf")}, **options)


def names(slot: Slot) -> list[str]:
    return [field["name"] for field in slot["aws_post_form_arguments"]["fields"]]


def change(slot: Slot, name: str, value: str | None) -> Slot:
    fields = slot["aws_post_form_arguments"]["fields"]
    kept = [item if item["name"] != name else {"name": name, "value": value} for item in fields]
    if value is None:
        kept = [item for item in kept if item["name"] != name]
    elif name not in names(slot):
        kept.append({"name": name, "value": value})
    return {**slot, "aws_post_form_arguments": {**slot["aws_post_form_arguments"], "fields": kept}}


@pytest.mark.parametrize("version", [2, 4])
def test_the_redirect_completes_without_credentials(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, version: int
) -> None:
    emulator.plangrid.settings.signature_version = version
    slot = ask(api, project)
    answer = post(bare, slot, follow_redirects=True)
    assert [item.status_code for item in (*answer.history, answer)] == [303, 201]
    assert set(parse_qs(urlsplit(answer.history[0].headers["location"]).query)) == {"bucket", "key", "etag"}
    record = answer.json()
    assert record["uid"] == slot["uid"]
    assert (record["name"], record["folder"], record["deleted"]) == ("Spec 1.pdf", "Submittals", False)
    assert record["created_by"]["uid"] == api.get("/me").json()["uid"]
    assert api.get(f"/projects/{project}/attachments/{slot['uid']}").json() == record
    stored = emulator.plangrid.stored(slot["uid"])
    assert (stored.size, stored.sha256) == (len(PDF), hashlib.sha256(PDF).hexdigest())
    assert stored.content.read() == bare.get(record["url"]).content == PDF
    assert [item.uid for item in emulator.plangrid.created("attachment")] == [slot["uid"]]
    assert not emulator.violations


def test_the_webhook_url_completes_with_credentials(project: str, api: httpx.Client, bare: httpx.Client) -> None:
    slot = ask(api, project)
    assert post(bare, slot).status_code == 303
    assert bare.get(slot["webhook_url"]).status_code == 401
    assert api.get(slot["webhook_url"]).status_code == 201


def test_photos(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    body = {"content_type": "image/png", "title": "Selfie"}
    slot = api.post(f"/projects/{project}/photos/uploads", json=body).json()
    record = post(bare, slot, b"\x89PNG", follow_redirects=True).json()
    assert (record["uid"], record["title"]) == (slot["uid"], "Selfie")
    assert bare.get(record["url"]).content == b"\x89PNG"
    page = api.get(f"/projects/{project}/photos", params={"skip": 25}).json()
    assert page["data"] == [record]


def test_the_fields_come_in_the_documented_order(emulator: Emulator, project: str, api: httpx.Client) -> None:
    settings = emulator.plangrid.settings
    settings.signature_version = 2
    assert names(ask(api, project)) == [
        "key",
        "AWSAccessKeyId",
        "success_action_redirect",
        "policy",
        "signature",
        "Content-Type",
        "x-amz-storage-class",
        "x-amz-server-side-encryption",
    ]
    settings.signature_version = 4
    settings.form_fields = (("x-amz-meta-anything", "ünïcödé"),)
    slot = ask(api, project)
    assert "AWSAccessKeyId" not in names(slot)
    assert names(slot)[-1] == "x-amz-meta-anything"
    assert slot["webhook_url"].startswith(
        f"{emulator.plangrid_url}/projects/{project}/attachments/uploads/completions/"
    )
    redirect = next(f["value"] for f in slot["aws_post_form_arguments"]["fields"] if "redirect" in f["name"])
    assert redirect == slot["webhook_url"].replace("/projects", "/v1/projects", 1)


@pytest.mark.parametrize(("status", "body"), [("201", True), ("200", False), ("204", False)])
def test_a_status_instead_of_a_redirect(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, status: str, body: bool
) -> None:
    emulator.plangrid.settings.redirect = False
    emulator.plangrid.settings.success_status = status
    slot = ask(api, project)
    answer = post(bare, slot)
    assert answer.status_code == int(status)
    assert (b"<PostResponse>" in answer.content) == body
    assert api.get(slot["webhook_url"]).status_code == 201


def test_a_completion_without_a_file_leaves_the_token_good(project: str, api: httpx.Client, bare: httpx.Client) -> None:
    slot = ask(api, project)
    token = slot["webhook_url"].rpartition("/")[2]
    early = api.get(slot["webhook_url"])
    assert (early.status_code, early.json()["message"]) == (
        400,
        f"File associated with upload token ({token}) is missing.",
    )
    post(bare, slot)
    assert api.get(slot["webhook_url"]).status_code == 201


def test_a_token_is_good_once(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    slot = ask(api, project)
    assert post(bare, slot, follow_redirects=True).status_code == 201
    assert not emulator.violations
    again = api.get(slot["webhook_url"])
    assert again.status_code == 409
    assert again.json()["message"].endswith(" consumed.")
    assert emulator.violations.kinds() == {"token_used_again"}
    assert len(emulator.plangrid.created("attachment")) == 1


def test_asking_again_after_a_lost_answer_is_no_violation(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    slot = ask(api, project)
    post(bare, slot)
    route = "GET /projects/{project_uid}/attachments/uploads/completions/{upload_token}"
    emulator.faults.add(route, Fault.cut("after"), times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        api.get(slot["webhook_url"])
    assert api.get(slot["webhook_url"]).status_code == 409
    assert api.get(f"/projects/{project}/attachments/{slot['uid']}").status_code == 200
    assert not emulator.violations


def test_completions_in_a_batch(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    entries = [
        {"method": "POST", "path": f"/projects/{project}/attachments/uploads", "body": json.dumps(ATTACHMENT)}
        for _ in range(3)
    ]
    slots = [json.loads(entry["body"]) for entry in api.post("/batch", json=entries).json()["data"]]
    for slot in slots[:2]:
        post(bare, slot)
    completions = [{"method": "GET", "path": urlsplit(slot["webhook_url"]).path} for slot in slots]
    answers = api.post("/batch", json=[*completions, completions[0]]).json()["data"]
    assert [answer["status_code"] for answer in answers] == [201, 201, 400, 409]
    assert [json.loads(answer["body"])["uid"] for answer in answers[:2]] == [slot["uid"] for slot in slots[:2]]


def test_completions_at_the_same_time_make_one_record(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    slot = ask(api, project)
    post(bare, slot)
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(lambda _: api.get(slot["webhook_url"]).status_code, range(8)))
    assert statuses == [201] + [409] * 7
    assert len(emulator.plangrid.created("attachment")) == 1


def test_a_failed_completion_names_the_url_to_try(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    slot = ask(api, project)
    post(bare, slot)
    emulator.plangrid.fail_completions()
    failed = api.get(slot["webhook_url"])
    assert failed.status_code == 500
    assert failed.json()["url"] == slot["webhook_url"].replace("/projects", "/v1/projects", 1)
    assert bare.get(failed.json()["url"]).status_code == 201


def test_the_body_of_that_failure_may_be_broken_as_documented(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    slot = ask(api, project)
    post(bare, slot)
    emulator.plangrid.settings.oddities = Oddities(["broken_error_json"])
    emulator.plangrid.fail_completions()
    text = api.get(slot["webhook_url"]).text
    with pytest.raises(ValueError):
        json.loads(text)
    assert slot["webhook_url"].replace("/projects", "/v1/projects", 1) in text


def test_two_tokens_are_one(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(["two_upload_tokens"])
    slot = ask(api, project)
    answer = post(bare, slot)
    assert slot["webhook_url"].rpartition("/")[2] not in answer.headers["location"]
    assert bare.get(answer.headers["location"]).status_code == 201
    assert api.get(slot["webhook_url"]).status_code == 409


def test_a_token_belongs_to_its_kind_and_its_project(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    slot = ask(api, project)
    post(bare, slot)
    [other] = emulator.plangrid.seed(seed=8)
    assert api.get(slot["webhook_url"].replace("attachments", "photos")).status_code == 404
    assert api.get(slot["webhook_url"].replace(project, other)).status_code == 404


def test_a_deleted_record_stays_readable_and_deleting_is_repeatable(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
) -> None:
    url = f"/projects/{project}/attachments/{post(bare, ask(api, project), follow_redirects=True).json()['uid']}"
    assert [api.delete(url).status_code for _ in range(2)] == [204, 204]
    assert api.delete(url).content == b""
    assert api.get(url).json()["deleted"] is True
    assert api.patch(url, json={"name": "b"}).status_code == 400


class TestExpiry:
    @pytest.fixture
    def emulator(self) -> Iterator[Emulator]:
        settings = PlangridSettings(limits=(), slot_seconds=600)
        with Emulator(plangrid=settings, clock=EmulatorClock(speed=0, epoch=1_700_000_000)) as running:
            yield running

    def test_policies_and_tokens_run_out(
        self, emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
    ) -> None:
        slot, stored = ask(api, project), ask(api, project)
        post(bare, stored)
        emulator.clock.advance(599)
        assert post(bare, slot).status_code == 303
        emulator.clock.advance(1)
        refused = post(bare, slot)
        assert refused.status_code == 403
        assert b"<Code>AccessDenied</Code>" in refused.content
        assert b"Policy expired." in refused.content
        late = api.get(stored["webhook_url"])
        assert (late.status_code, late.json()["message"].endswith(" expired.")) == (410, True)

    def test_slots_can_be_expired_by_hand(
        self, emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
    ) -> None:
        slot = ask(api, project)
        assert emulator.plangrid.expire_slots() == 1
        assert api.get(slot["webhook_url"]).status_code == 410

    def test_signed_file_urls_run_out(
        self, emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client
    ) -> None:
        emulator.plangrid.settings.oddities = Oddities(["signed_file_urls"])
        url = post(bare, ask(api, project), follow_redirects=True).json()["url"]
        assert {"Signature", "Expires", "AWSAccessKeyId"} <= parse_qs(urlsplit(url).query).keys()
        assert bare.get(url).content == PDF
        assert bare.get(url.replace("Signature=", "Signature=x")).status_code == 403
        assert bare.get(url.partition("?")[0]).status_code == 403
        emulator.clock.advance(900)
        assert bare.get(url).status_code == 403


class TestForm:
    """What S3 refuses."""

    @pytest.fixture(params=[2, 4])
    def slot(self, emulator: Emulator, project: str, api: httpx.Client, request: pytest.FixtureRequest) -> Slot:
        emulator.plangrid.settings.signature_version = request.param
        return ask(api, project)

    @pytest.mark.parametrize(
        ("name", "value", "code"),
        [
            ("key", "elsewhere", "AccessDenied"),
            ("Content-Type", "text/html", "AccessDenied"),
            ("Content-Type", None, "AccessDenied"),
            ("success_action_redirect", "http://127.0.0.1:1/", "AccessDenied"),
            ("acl", "public-read", "AccessDenied"),
            ("policy", None, "AccessDenied"),
            ("policy", base64.b64encode(b"{}").decode(), "SignatureDoesNotMatch"),
            ("key", None, "InvalidArgument"),
        ],
    )
    def test_changed_fields(
        self, slot: Slot, bare: httpx.Client, api: httpx.Client, name: str, value: str | None, code: str
    ) -> None:
        answer = post(bare, change(slot, name, value))
        assert f"<Code>{code}</Code>" in answer.text
        assert answer.status_code in (400, 403)
        assert api.get(slot["webhook_url"]).status_code == 400

    def test_fields_of_no_account_are_ignored(self, slot: Slot, bare: httpx.Client) -> None:
        assert post(bare, change(slot, "x-ignore-me", "1")).status_code == 303

    def test_credentials_do_not_belong_to_storage(self, emulator: Emulator, slot: Slot, api: httpx.Client) -> None:
        assert post(api, slot).status_code == 400
        assert "credentials_at_storage" in emulator.violations.kinds()


def test_files_may_be_limited(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    emulator.plangrid.settings.max_file = 100
    refused = post(bare, ask(api, project), b"x" * 101)
    assert refused.status_code == 400
    assert b"<Code>EntityTooLarge</Code>" in refused.content
    assert post(bare, ask(api, project), b"x" * 100).status_code == 303


def test_credentials_do_not_belong_to_files_either(emulator: Emulator, project: str, api: httpx.Client) -> None:
    url = api.get(f"/projects/{project}/photos").json()["data"][0]["url"]
    assert api.get(url).content.startswith(b"\x89PNG")
    assert emulator.violations.kinds() == {"credentials_at_assets"}


def test_seeded_files_are_real_pdfs(project: str, api: httpx.Client, bare: httpx.Client) -> None:
    url = api.get(f"/projects/{project}/attachments").json()["data"][0]["url"]
    answer = bare.get(url)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-1.4")
    assert bare.get(url.replace("plangrid-assets/", "plangrid-assets/0")).status_code == 404
