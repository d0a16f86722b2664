"""The uploads against a real S3 server: it verifies the policies that the emulator signs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, S3Storage
from plangrep_async.emulator.plangrid import PlangridSettings
from plangrep_async.emulator.plangrid.asset import blank_pdf
from plangrep_async.testing import SeaweedFS

pytestmark = pytest.mark.integration


@pytest.fixture
def emulator(storage: S3Storage) -> Iterator[Emulator]:
    settings = PlangridSettings(limits=())
    with Emulator(plangrid=settings, storage=storage) as running:
        yield running
        assert running.failures == []


def post(client: httpx.Client, slot: dict[str, Any], data: bytes) -> httpx.Response:
    form = slot["aws_post_form_arguments"]
    fields = {field["name"]: field["value"] for field in form["fields"]}
    return client.post(form["action"], data=fields, files={"file": ("data", data)}, timeout=30)


@pytest.mark.parametrize("version", [2, 4])
def test_three_steps(
    emulator: Emulator, seaweedfs: SeaweedFS, project: str, api: httpx.Client, bare: httpx.Client, version: int
) -> None:
    emulator.plangrid.settings.signature_version = version
    body = {"content_type": "application/pdf", "name": "Spec.pdf"}
    slot = api.post(f"/projects/{project}/attachments/uploads", json=body).json()
    assert slot["aws_post_form_arguments"]["action"].startswith(seaweedfs.endpoint)
    assert api.get(slot["webhook_url"]).status_code == 400
    data = os.urandom(100_000)
    stored = post(bare, slot, data)
    assert stored.status_code == 303, stored.text
    assert stored.headers["location"].startswith(emulator.plangrid_url)
    record = bare.get(stored.headers["location"]).json()
    assert record["uid"] == slot["uid"]
    assert bare.get(record["url"]).content == data
    assert emulator.plangrid.stored(slot["uid"]).sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("name", "value"), [("key", "elsewhere"), ("policy", "e30="), ("Content-Type", "text/html")])
@pytest.mark.parametrize("version", [2, 4])
def test_the_real_server_holds_to_the_policy(
    emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client, version: int, name: str, value: str
) -> None:
    emulator.plangrid.settings.signature_version = version
    body = {"content_type": "application/pdf", "name": "Spec.pdf"}
    slot = api.post(f"/projects/{project}/attachments/uploads", json=body).json()
    for field in slot["aws_post_form_arguments"]["fields"]:
        if field["name"] == name:
            field["value"] = value
    refused = post(bare, slot, b"x")
    assert refused.status_code in (400, 403)
    assert api.get(slot["webhook_url"]).status_code == 400


def test_too_large_a_file(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    emulator.plangrid.settings.max_file = 1000
    body = {"content_type": "image/png", "title": "a"}
    slot = api.post(f"/projects/{project}/photos/uploads", json=body).json()
    refused = post(bare, slot, b"x" * 1001)
    assert (refused.status_code, b"EntityTooLarge" in refused.content) == (400, True)


def test_a_version_of_sheets(emulator: Emulator, project: str, api: httpx.Client, bare: httpx.Client) -> None:
    body = {"num_files": 2, "version_name": "V2"}
    upload = api.post(f"/projects/{project}/sheets/uploads", json=body).json()
    for pages, request in enumerate(upload["file_upload_requests"], 1):
        slot = api.post(request["url"], json={"file_name": f"{pages}.pdf"}).json()
        assert post(bare, slot, blank_pdf(["page"] * pages)).status_code == 303
        assert api.get(slot["webhook_url"]).status_code == 201
    done = api.post(upload["complete_url"], headers={"Content-Type": "application/json"})
    assert done.json()["status"] == "complete"
    assert len(emulator.plangrid.publish(upload["uid"])) == 3
