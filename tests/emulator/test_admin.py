"""Driving an emulator from another process, over HTTP alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator


@pytest.fixture
def admin(emulator: Emulator, bare: httpx.Client) -> httpx.Client:
    bare.base_url = httpx.URL(f"{emulator.storage_url}/_emulator")
    return bare


def key_of(emulator: Emulator) -> dict[str, str]:
    return {"Authorization": f"Bearer {emulator.api_key}"}


def test_every_origin_serves_the_overview(emulator: Emulator, bare: httpx.Client) -> None:
    for url in (emulator.plangrep_url, emulator.plangrid_url, emulator.storage_url):
        overview = bare.get(f"{url}/_emulator/").json()
        assert overview["urls"]["plangrep"] == emulator.plangrep_url
        assert overview["apiKey"] == emulator.api_key
    assert emulator.requests.records() == []


def test_faults(emulator: Emulator, admin: httpx.Client) -> None:
    fault = {"kind": "answer", "status": 503, "body": "busy", "headers": {"Retry-After": "7"}}
    rule = {"route": "GET /api/open/v1/projects", "times": 1, "fault": fault}
    made = admin.post("/faults", json=rule)
    assert made.status_code == 201
    url = f"{emulator.plangrep_url}/api/open/v1/projects"
    first = admin.get(url, headers=key_of(emulator))
    assert (first.status_code, first.text, first.headers["retry-after"]) == (503, "busy", "7")
    assert admin.get(url, headers=key_of(emulator)).status_code == 200
    assert [(item["seen"], item["fired"]) for item in admin.get("/faults").json()["faults"]] == [(1, 1)]
    assert admin.delete(f"/faults/{made.json()['number']}").status_code == 204
    assert admin.delete(f"/faults/{made.json()['number']}").status_code == 404
    admin.post("/faults", json={"route": "*", "fault": {"kind": "cut"}})
    assert admin.delete("/faults").status_code == 204
    assert len(emulator.faults) == 0


@pytest.mark.parametrize(
    "rule",
    [
        {},
        [],
        {"route": "*"},
        {"route": "*", "fault": {"kind": "explode"}},
        {"route": "*", "fault": {"kind": "answer"}},
        {"route": "*", "fault": {"kind": "cut", "colour": "red"}},
        {"route": "*", "fault": {"kind": "cut"}, "colour": "red"},
        {"route": "no method", "fault": {"kind": "cut"}, "match": "("},
        {"route": "/nomethod", "fault": {"kind": "cut"}},
    ],
)
def test_rules_that_are_none(admin: httpx.Client, rule: Any) -> None:
    answer = admin.post("/faults", json=rule)
    assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_clock(emulator: Emulator, admin: httpx.Client) -> None:
    before = admin.get("/clock").json()
    after = admin.post("/clock", json={"advance": 90}).json()
    assert after["time"] == before["time"] + 90
    assert admin.post("/clock", json={"speed": 50}).json()["speed"] == 50 == emulator.clock.speed
    assert admin.post("/clock", json={"speed": -1}).status_code == 400
    assert admin.post("/clock", content=b"no json").status_code == 400


def test_requests_and_violations(emulator: Emulator, admin: httpx.Client) -> None:
    for _ in range(3):
        admin.get(f"{emulator.plangrep_url}/api/open/v1/projects")
    admin.put(f"{emulator.storage_url}/plangrep-uploads/k", headers=key_of(emulator))
    seen = admin.get("/requests", params={"service": "plangrep", "last": 2}).json()
    assert [item["status"] for item in seen["requests"]] == [401, 401]
    assert {
        "service": "plangrep",
        "method": "GET",
        "route": "/api/open/v1/projects",
        "status": 401,
        "count": 3,
    } in seen["counts"]
    assert [item["kind"] for item in admin.get("/violations").json()["violations"]] == ["credentials_at_storage"]
    assert admin.delete("/violations").status_code == 204
    assert admin.delete("/requests").status_code == 204
    assert not emulator.violations
    assert emulator.requests.count() == 0


def test_state_and_stored_bytes(emulator: Emulator, admin: httpx.Client) -> None:
    base = f"{emulator.plangrep_url}/api/open/v1"
    admin.post(f"{base}/projects", json={"name": "A"}, headers=key_of(emulator))
    admin.post("/clock", json={"advance": 90})
    project = admin.get("/state/plangrep").json()["projects"][0]
    assert project["status"] == "ready"
    job = admin.post(f"{base}/projects/{project['id']}/jobs", headers=key_of(emulator)).json()["job"]["id"]
    admin.post("/clock", json={"advance": 2})
    files = {"metadata": (None, "{}"), "file0": ("a.pdf", b"bytes")}
    admin.post(f"{base}/jobs/{job}/files", files=files, headers=key_of(emulator))
    [stored] = admin.get("/objects/plangrep").json()["objects"]
    assert (stored["size"], stored["kept"]) == (5, True)
    assert admin.get(f"/objects/plangrep/{stored['name']}").content == b"bytes"
    assert admin.get("/objects/plangrep/doc_none").status_code == 404
    assert admin.get("/objects/nothing").status_code == 404
    assert admin.get("/state/nothing").status_code == 404


def test_what_plangrep_adds(emulator: Emulator, admin: httpx.Client) -> None:
    assert admin.post("/plangrep/credits", json={"set": 10, "add": 5}).json()["available"] == 15
    key = admin.post("/plangrep/keys", json={"scopes": ["jobs:read"]}).json()["plaintextKey"]
    answer = admin.get(f"{emulator.plangrep_url}/api/open/v1/projects", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    assert admin.post("/plangrep/download-tokens", json={"jobId": "none", "path": "x"}).status_code == 404


def test_reset_and_unknown_routes(emulator: Emulator, admin: httpx.Client) -> None:
    admin.post("/plangrep/credits", json={"set": 10})
    assert admin.post("/reset").status_code == 204
    assert emulator.plangrep.credits == emulator.plangrep.settings.credits
    assert admin.get("/nothing").status_code == 404
    assert admin.get("/reset").status_code == 405
