"""The emulator signs for a real S3 server, and the whole job runs over it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings, S3Storage
from plangrep_async.emulator.content import Blob, Content
from plangrep_async.emulator.storage.backend import Part
from plangrep_async.emulator.storage.errors import S3Error
from plangrep_async.testing import SeaweedFS

pytestmark = pytest.mark.integration

BUCKET = "plangrep-uploads"
SHEETS = Path(__file__).parents[3] / "examples" / "documents" / "sheet-set.pdf"


@pytest.fixture
def emulator(storage: S3Storage) -> Iterator[Emulator]:
    settings = PlangrepSettings.instant(multipart_threshold=6 << 20, part_size=5 << 20)
    with Emulator(plangrep=settings, storage=storage) as running:
        yield running
        assert running.failures == []


@pytest.fixture
def api(emulator: Emulator) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    with httpx.Client(base_url=f"{emulator.plangrep_url}/api/open/v1", headers=headers, timeout=30) as client:
        yield client


def test_a_job_over_a_real_server(
    emulator: Emulator, api: httpx.Client, bare: httpx.Client, seaweedfs: SeaweedFS
) -> None:
    large = b"%PDF-" + bytes(range(251)) * 50_000
    files = {"sheets.pdf": SHEETS.read_bytes(), "large.pdf": large}
    project = api.post("/projects", json={"name": "Tower"}).json()["project"]["id"]
    api.get(f"/projects/{project}")
    job = api.post(f"/projects/{project}/jobs", json={}).json()["job"]["id"]
    entries = [
        {
            "fileName": name,
            "contentType": "application/pdf",
            "fileSize": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        for name, data in files.items()
    ]
    direct, multipart = api.post(f"/jobs/{job}/uploads", json={"files": entries}).json()["uploads"]
    assert direct["uploadUrl"].startswith(seaweedfs.endpoint)
    assert bare.put(direct["uploadUrl"], content=b"!" + files["sheets.pdf"][1:], headers=direct["headers"]).is_error
    assert bare.put(direct["uploadUrl"], content=files["sheets.pdf"]).is_error
    assert bare.put(direct["uploadUrl"], content=files["sheets.pdf"], headers=direct["headers"]).status_code == 200
    for part in multipart["partUrls"]:
        start = (part["partNumber"] - 1) * multipart["partSize"]
        answer = bare.put(part["url"], content=large[start : start + multipart["partSize"]])
        assert answer.status_code == 200
    body = {
        "directUploads": [{name: direct[name] for name in ("documentId", "uploadToken")}],
        "multipartUploads": [{name: multipart[name] for name in ("documentId", "uploadToken", "uploadId")}],
    }
    assert api.post(f"/jobs/{job}/uploads/complete", json=body).status_code == 202
    for _ in range(500):
        found = api.get(f"/jobs/{job}").json()["job"]
        if found["status"] != "processing":
            break
    assert (found["status"], found["pageCount"]) == ("completed_with_errors", 6)
    for document in emulator.plangrep.documents:
        assert emulator.plangrep.stored(document.id).read() == files[document.file_name]


def test_the_backend_by_itself(storage: S3Storage) -> None:
    with Emulator(storage=storage) as emulator:
        loop = emulator._loop
        assert loop is not None

        def run(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(20)

        content = Content.of(Blob(5, hashlib.sha256(b"bytes").hexdigest(), data=b"bytes"))
        run(storage.put(BUCKET, "a key", content, "text/plain"))
        assert run(storage.size_of(BUCKET, "a key")) == 5
        assert run(storage.size_of(BUCKET, "none")) is None
        assert run(storage.find(BUCKET, "none")) is None
        found = run(storage.find(BUCKET, "a key"))
        assert (found.content.read(), found.content_type) == (b"bytes", "text/plain")
        with pytest.raises(S3Error) as caught:
            run(storage.list_parts(BUCKET, "a key", "none"))
        assert caught.value.code == "NoSuchUpload"
        upload = run(storage.create_multipart(BUCKET, "b", "text/plain"))
        assert run(storage.list_parts(BUCKET, "b", upload)) == []
        with pytest.raises(S3Error):
            run(storage.complete_multipart(BUCKET, "b", upload, [Part(1, 5, '"x"')]))
