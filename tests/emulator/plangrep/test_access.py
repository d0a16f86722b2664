from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, PlangrepRateLimit, PlangrepSettings


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic cGdrOg==", "Bearer", ""])
def test_keys_that_are_refused(emulator: Emulator, bare: httpx.Client, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "projects"), ("POST", "projects"), ("GET", "jobs/job_1"), ("POST", "jobs/j/files")):
        answer = bare.request(method, f"{emulator.plangrep_url}/api/open/v1/{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
    assert emulator.plangrep.projects == []


def test_revoked_and_expired_keys(emulator: Emulator, connect: Any) -> None:
    key = emulator.plangrep.create_key()
    brief = connect(emulator.plangrep.create_key(expires_at=emulator.clock.time() + 60))
    api = connect(key)
    assert api.get("/projects").status_code == brief.get("/projects").status_code == 200
    emulator.plangrep.revoke_key(key)
    assert api.get("/projects").status_code == 401
    emulator.clock.advance(60)
    assert brief.get("/projects").status_code == 401


def test_scopes(emulator: Emulator, api: Any, connect: Any) -> None:
    job = api.new_job()
    project = emulator.plangrep.projects[0].id
    reader = connect(emulator.plangrep.create_key(("jobs:read",)))
    writer = connect(emulator.plangrep.create_key(("jobs:write",)))
    assert reader.get(f"/jobs/{job}").status_code == 200
    assert reader.error(reader.post(f"/projects/{project}/jobs")) == (403, "insufficient_scope")
    assert reader.error(reader.upload(job, ("a", b"a"))) == (403, "insufficient_scope")
    assert writer.error(writer.get(f"/jobs/{job}")) == (403, "insufficient_scope")
    assert writer.upload(job, ("a", b"a")).status_code == 200
    assert writer.get("/projects").status_code == 200


def test_a_body_of_the_wrong_type_is_noted(emulator: Emulator, api: Any) -> None:
    assert api.post("/projects", content=b'{"name": "A"}').status_code == 202
    [violation] = emulator.violations
    assert violation.kind == "wrong_content_type"
    assert "no Content-Type" in violation.detail
    job = api.new_job()
    api.upload(job, ("a", b"a"))
    api.complete(job)
    api.post(f"/jobs/{job}/cancel")
    assert len(emulator.violations) == 1


def test_workspace_keys(emulator: Emulator, bare: httpx.Client, connect: Any) -> None:
    keys = f"{emulator.plangrep_url}/api/open-api/keys"
    assert bare.get(keys).status_code == 401
    assert bare.get(keys, headers={"Authorization": f"Bearer {emulator.api_key}"}).status_code == 401
    bare.cookies.set("plangrep_session", emulator.plangrep.settings.session_cookie)
    listed = bare.get(keys).json()
    assert [key["label"] for key in listed["keys"]] == ["emulator"]
    assert listed["profile"]["drawingCreditsPerPage"] == 10
    made = bare.post(keys, json={"label": "ci", "scopes": ["jobs:read"], "expiresAt": "2099-01-01T00:00:00Z"})
    assert made.status_code == 201
    key, secret = made.json()["key"], made.json()["plaintextKey"]
    assert secret.startswith(key["keyPrefix"])
    assert (key["scopes"], key["revokedAt"], key["lastUsedAt"]) == (["jobs:read"], None, None)
    api = connect(secret)
    assert api.get("/projects").status_code == 200
    assert bare.get(keys).json()["keys"][-1]["lastUsedIp"] == "127.0.0.1"
    assert bare.post(f"{keys}/{key['id']}/revoke").json()["key"]["revokedAt"] is not None
    assert api.get("/projects").status_code == 401
    assert bare.post(f"{keys}/key_none/revoke").status_code == 404
    assert all(item["revokedAt"] for item in bare.post(f"{keys}/revoke-all").json()["keys"])
    assert connect(emulator.api_key).get("/projects").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"label": "x" * 121, "scopes": ["jobs:read"]},
        {"label": "x", "scopes": []},
        {"label": "x", "scopes": ["everything"]},
        {"label": "x", "scopes": ["jobs:read"], "expiresAt": "soon"},
        {"label": "x", "scopes": ["jobs:read"], "expiresAt": "2001-01-01T00:00:00Z"},
    ],
)
def test_workspace_keys_that_are_refused(emulator: Emulator, bare: httpx.Client, body: dict[str, Any]) -> None:
    bare.cookies.set("plangrep_session", emulator.plangrep.settings.session_cookie)
    assert bare.post(f"{emulator.plangrep_url}/api/open-api/keys", json=body).status_code == 400


class TestRateLimits:
    @pytest.fixture(params=["seconds", "date", None])
    def plangrep_settings(self, request: pytest.FixtureRequest) -> PlangrepSettings:
        return PlangrepSettings(rate_limits=(PlangrepRateLimit(3, 60.0, request.param), PlangrepRateLimit(5, 3600.0)))

    def test_a_limit_answers_429_until_its_window_ends(self, emulator: Emulator, api: Any, connect: Any) -> None:
        emulator.clock.advance(3600 - emulator.clock.time() % 3600 + 10)
        assert [api.get("/projects").status_code for _ in range(4)] == [200, 200, 200, 429]
        answer = api.get("/projects")
        assert api.error(answer) == (429, "rate_limited")
        kind = emulator.plangrep.settings.rate_limits[0].retry_after
        told = answer.headers.get("retry-after")
        if kind == "seconds":
            assert told == "50"
        elif kind == "date":
            now = parsedate_to_datetime(answer.headers["date"])
            assert (parsedate_to_datetime(told) - now).total_seconds() == 50
        else:
            assert told is None
        other = connect(emulator.plangrep.create_key())
        assert other.get("/projects").status_code == 200
        emulator.clock.advance(50)
        assert [api.get("/projects").status_code for _ in range(3)] == [200, 200, 429]
        # What was refused was counted in neither window.
        assert api.get("/projects").headers["retry-after"] == "3540"
