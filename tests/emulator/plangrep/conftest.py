"""A client of the open API, and the steps that most tests take before theirs begin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator

DOCUMENTS = Path(__file__).parents[3] / "examples" / "documents"
BASE = "/api/open/v1"


class Api:
    """httpx with the key, and the usual steps. Every step asserts that it went well."""

    def __init__(self, emulator: Emulator, key: str | None = None) -> None:
        self.emulator = emulator
        headers = {"Authorization": f"Bearer {emulator.api_key if key is None else key}"}
        self.client = httpx.Client(base_url=f"{emulator.plangrep_url}{BASE}", headers=headers, trust_env=False)
        self.get = self.client.get
        self.post = self.client.post
        self.head = self.client.head

    def error(self, answer: httpx.Response) -> tuple[int, str]:
        """Status and code of an error answer."""
        error = answer.json()["error"]
        assert error["message"]
        return answer.status_code, error["code"]

    def new_project(self, name: str = "Tower", *, ready: bool = True) -> str:
        answer = self.post("/projects", json={"name": name})
        assert answer.status_code == 202, answer.text
        if ready:
            self.emulator.clock.advance(90)
        project_id: str = answer.json()["project"]["id"]
        return project_id

    def new_job(self, project: str | None = None, **body: Any) -> str:
        answer = self.post(f"/projects/{project or self.new_project()}/jobs", json=body)
        assert answer.status_code == 202, answer.text
        self.emulator.clock.advance(2)
        job_id: str = answer.json()["job"]["id"]
        return job_id

    def job(self, job: str) -> dict[str, Any]:
        answer = self.get(f"/jobs/{job}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["job"]
        return found

    def upload(self, job: str, *files: tuple[str, bytes] | tuple[str, bytes, str]) -> httpx.Response:
        """A form upload of (name, bytes[, classification])."""
        entries: list[dict[str, str]] = []
        form: list[tuple[str, Any]] = []
        for index, (name, data, *kind) in enumerate(files):
            entry = {"partName": f"file{index}", "fileName": name, "contentType": "application/pdf"}
            if kind:
                entry["classification"] = kind[0]
            entries.append(entry)
            form.append((f"file{index}", (name, data, "application/pdf")))
        metadata = ("metadata", (None, json.dumps({"files": entries})))
        return self.post(f"/jobs/{job}/files", files=[metadata, *form])

    def register(self, job: str, *files: tuple[str, bytes], **more: Any) -> list[dict[str, Any]]:
        """Upload instructions for (name, bytes)."""
        answer = self.post(f"/jobs/{job}/uploads", json={"files": [self.entry(*file, **more) for file in files]})
        assert answer.status_code == 200, answer.text
        uploads: list[dict[str, Any]] = answer.json()["uploads"]
        return uploads

    def entry(self, name: str, data: bytes, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        return {"fileName": name, "contentType": "application/pdf", "fileSize": len(data), "sha256": digest, **more}

    def complete(self, job: str, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.post(f"/jobs/{job}/uploads/complete", json=body, headers=headers)

    def run(self, job: str, **body: Any) -> dict[str, Any]:
        """Complete, and let time pass until the job rests."""
        answer = self.complete(job, **body)
        assert answer.status_code == 202, answer.text
        self.emulator.clock.advance(3600)
        return self.job(job)

    def result(self, job: str) -> dict[str, Any]:
        answer = self.get(f"/jobs/{job}/result")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


Connect = Callable[[str], Api]


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Clients with keys of their own."""
    made: list[Api] = []

    def make(key: str) -> Api:
        made.append(Api(emulator, key))
        return made[-1]

    yield make
    for item in made:
        item.client.close()


@pytest.fixture
def api(emulator: Emulator) -> Iterator[Api]:
    made = Api(emulator)
    yield made
    made.client.close()


@pytest.fixture(scope="session")
def sheet_set() -> bytes:
    """Five drawings."""
    return (DOCUMENTS / "sheet-set.pdf").read_bytes()


@pytest.fixture(scope="session")
def spec_book() -> bytes:
    """Four sections on eight pages."""
    return (DOCUMENTS / "spec-book.pdf").read_bytes()


@pytest.fixture
def done(api: Api, sheet_set: bytes, spec_book: bytes) -> dict[str, Any]:
    """A completed job with both documents."""
    job = api.new_job()
    answer = api.upload(job, ("sheet-set.pdf", sheet_set, "plans"), ("spec-book.pdf", spec_book))
    assert answer.status_code == 200, answer.text
    return api.run(job)
