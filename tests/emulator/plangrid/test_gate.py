"""What every request has to bring: credentials, version, content type, a body; and the limits."""

from __future__ import annotations

import email.utils

import httpx
import pytest

from plangrep_async.emulator import Emulator, EmulatorClock
from plangrep_async.emulator.plangrid import PlangridSettings, WindowLimit

JSON = {"Content-Type": "application/json"}


def test_a_missing_key_is_401_and_a_wrong_one_403(emulator: Emulator, project: str, connect: object) -> None:
    missing, wrong = connect(None), connect("nonsense")
    assert missing.get("/projects").status_code == 401
    assert missing.get("/projects").headers["www-authenticate"].startswith("Basic")
    assert wrong.get("/projects").status_code == 403
    emulator.plangrid.add_key("soon gone")
    assert connect("soon gone").get("/projects").status_code == 200
    emulator.plangrid.deactivate_key("soon gone")
    answers = [connect(key).get("/projects") for key in (None, "nonsense", "soon gone")]
    assert len({answer.json()["message"] for answer in answers}) == 3


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Basic Og==", "Digest x", ""])
def test_malformed_credentials_are_401(connect: object, value: str) -> None:
    assert connect(None, Authorization=value).get("/projects").status_code == 401


def test_the_version_is_required(emulator: Emulator, connect: object) -> None:
    assert connect(Accept="application/json").get("/projects").status_code == 406
    assert connect(Accept="application/vnd.plangrid+json; version=2").get("/projects").status_code == 406
    assert connect(Accept="text/html, application/vnd.plangrid+json;version=1").get("/projects").status_code == 200
    assert emulator.violations.kinds() == {"missing_accept"}


def test_a_version_in_the_path_stands_for_the_header(project: str, connect: object) -> None:
    client = connect(Accept="*/*")
    assert client.get("/v1/projects").json()["total_count"] == 1
    assert client.get(f"/v1/projects/{project}").json()["uid"] == project


def test_a_content_type_is_required_even_for_an_empty_post(emulator: Emulator, project: str, api: httpx.Client) -> None:
    upload = api.post(f"/projects/{project}/sheets/uploads", json={"num_files": 1, "version_name": "V"}).json()
    refused = api.post(upload["complete_url"])
    assert refused.status_code == 400
    assert "application/json" in refused.json()["message"]
    assert emulator.violations.kinds() == {"missing_content_type"}
    accepted = api.post(upload["complete_url"], headers={"Content-Type": "application/json; charset=utf-8"})
    assert "is missing" in accepted.json()["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Failed to decode JSON body."),
        (b"", "Fields must be in JSON body."),
        (b"[]", "Fields must be in JSON body."),
        (b"null", "Fields must be in JSON body."),
        (b"\xff", "Failed to decode JSON body."),
    ],
)
def test_bodies_that_are_no_objects(api: httpx.Client, body: bytes, message: str) -> None:
    answer = api.post("/projects", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_unknown_fields_are_refused_unless_the_settings_say_otherwise(emulator: Emulator, api: httpx.Client) -> None:
    body = {"name": "A", "colour": "red"}
    refused = api.post("/projects", json=body)
    assert refused.status_code == 400
    assert refused.json()["errors"] == {"colour": "Unexpected field: colour"}
    emulator.plangrid.settings.refuse_unknown_fields = False
    assert api.post("/projects", json=body).status_code == 201


def test_too_large_a_body_is_413(emulator: Emulator, api: httpx.Client) -> None:
    emulator.plangrid.settings.max_body = 100
    assert api.post("/batch", json=[{"method": "GET", "path": "/projects" + "/x" * 60}]).status_code == 413
    assert api.post("/batch", json=[{"method": "GET", "path": "/projects"}]).status_code == 200


class TestLimits:
    @pytest.fixture
    def plangrid_settings(self) -> PlangridSettings:
        return PlangridSettings(limits=(WindowLimit("all", 60, 5), WindowLimit("write", 360, 2)))

    @pytest.fixture
    def emulator(self, plangrid_settings: PlangridSettings) -> object:
        clock = EmulatorClock(speed=0, epoch=1_700_000_000)
        with Emulator(plangrid=plangrid_settings, clock=clock) as running:
            yield running

    def test_the_documented_429(self, emulator: Emulator, api: httpx.Client) -> None:
        for _ in range(5):
            assert api.get("/projects").status_code == 200
        refused = api.get("/projects")
        assert refused.status_code == 429
        assert refused.json()["message"].startswith("API rate limit exceeded for developer ")
        assert refused.json()["rate_limit"] == {
            "request_type": "all",
            "interval": 60,
            "limit": 5,
            "remaining": 0,
            "reset": "2023-11-14T22:14:00+00:00",
        }
        emulator.clock.advance(40)
        assert api.get("/projects").status_code == 200

    def test_limits_may_be_changed_while_it_runs(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.plangrid.settings.limits = [WindowLimit("all", 3600, 1)]
        assert [api.get("/projects").status_code for _ in range(2)] == [200, 429]
        emulator.plangrid.settings.limits = ()
        assert [api.get("/projects").status_code for _ in range(9)] == [200] * 9
        assert api.get("/rate_limits").json()["data"] == []

    def test_writes_have_a_window_of_their_own(self, api: httpx.Client) -> None:
        for name in "ab":
            assert api.post("/projects", json={"name": name}).status_code == 201
        refused = api.post("/projects", json={"name": "c"})
        assert (refused.status_code, refused.json()["rate_limit"]["request_type"]) == (429, "write")
        assert api.get("/projects").json()["total_count"] == 2

    def test_the_account_of_the_limits(self, emulator: Emulator, api: httpx.Client) -> None:
        listed = api.get("/rate_limits").json()
        assert [item["remaining"] for item in listed["data"]] == [4, 2]
        assert (listed["total_count"], listed["next_page_url"]) == (2, None)
        emulator.plangrid.settings.rate_limits_counts = False
        assert api.get("/rate_limits").json()["data"] == listed["data"]
        assert emulator.plangrid.rate_limits() == listed["data"]

    def test_keys_are_limited_apart_and_wrong_ones_not_at_all(self, emulator: Emulator, connect: object) -> None:
        emulator.plangrid.add_key("other")
        for _ in range(7):
            connect("wrong").get("/projects")
        assert [connect("other").get("/projects").status_code for _ in range(6)] == [200] * 5 + [429]
        assert connect().get("/projects").status_code == 200

    def test_a_skewed_clock_shows_in_the_date_and_in_resets(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.plangrid.settings.clock_skew = -600
        for _ in range(5):
            answer = api.get("/projects")
        date = email.utils.parsedate_to_datetime(answer.headers["date"])
        assert date.timestamp() == 1_700_000_000 - 600
        assert api.get("/projects").json()["rate_limit"]["reset"] == "2023-11-14T22:04:00+00:00"

    def test_sliding_windows(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.plangrid.settings.window_mode = "sliding"
        api.get("/projects")
        emulator.clock.advance(45)
        assert [api.get("/projects").status_code for _ in range(5)] == [200] * 4 + [429]
        emulator.clock.advance(15)
        assert [api.get("/projects").status_code for _ in range(2)] == [200, 429]
        emulator.plangrid.reset_rate_limits()
        assert api.get("/projects").status_code == 200
