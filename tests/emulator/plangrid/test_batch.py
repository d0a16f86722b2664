from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from plangrep_async.emulator import Emulator, Fault
from plangrep_async.emulator.plangrid import Oddities, WindowLimit

GET_PROJECTS = {"method": "GET", "path": "/projects"}


def send(client: httpx.Client, *entries: Any) -> list[tuple[int, Any]]:
    answer = client.post("/batch", json=list(entries))
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"data"}
    return [(entry["status_code"], json.loads(entry["body"] or "null")) for entry in answer.json()["data"]]


def test_entries_are_answered_in_order_as_they_would_be_alone(project: str, api: httpx.Client) -> None:
    paths = ["/projects", f"/projects/{project}", f"/projects/{project}/issues?limit=3", "/nowhere", "/me"]
    alone = [(answer.status_code, answer.json()) for answer in (api.get(path) for path in paths)]
    assert send(api, *({"method": "GET", "path": path} for path in paths)) == alone


def test_the_documented_example(project: str, api: httpx.Client) -> None:
    headers = [{"name": "Content-Type", "value": "application/json"}]
    answers = send(
        api,
        {"method": "GET", "path": f"/projects/{project}"},
        {"method": "POST", "path": "/projects", "headers": headers, "body": '{"name": "test_create"}'},
        {"method": "POST", "path": "/projects", "headers": headers, "body": "{}"},
    )
    assert answers[0][1]["uid"] == project
    assert (answers[1][0], answers[1][1]["name"]) == (201, "test_create")
    assert answers[2] == (400, {"message": "Fields must be in JSON body."})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**GET_PROJECTS, "body": {"name": "a"}}, "Request body must be a JSON encoded string."),
        ({**GET_PROJECTS, "body": "{"}, "Request body must be a JSON encoded string."),
        ({}, "Request must contain at least one field."),
        ("GET /projects", "Request must contain at least one field."),
        ({**GET_PROJECTS, "url": "x"}, "Unsupported fields are not allowed in request."),
        ({"path": "/projects"}, "Method required to send batch request."),
        ({"method": "GET"}, "Path required to send batch request."),
        ({"method": "GET", "path": "projects"}, "Path must begin with a '/'."),
        ({"method": "GET", "path": "https://io.plangrid.com/projects"}, "Path must begin with a '/'."),
        ({**GET_PROJECTS, "headers": {"Accept": "x"}}, "Headers must be an array of objects with 'name' and 'value'."),
        ({**GET_PROJECTS, "headers": [{"name": "x"}]}, "Headers must be an array of objects with 'name' and 'value'."),
        (
            {**GET_PROJECTS, "headers": [{"name": "x", "value": "y", "z": 1}]},
            "Unsupported fields are not allowed in headers.",
        ),
    ],
)
def test_the_documented_messages_of_entries(api: httpx.Client, entry: Any, message: str) -> None:
    answers = send(api, GET_PROJECTS, entry, GET_PROJECTS)
    assert answers[1] == (400, {"message": message})
    assert answers[0][0] == answers[2][0] == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "There must be at least one batch request."),
        ([GET_PROJECTS] * 51, "The number of batch requests (51) must be less than or equal to 50."),
        ({"method": "GET"}, "JSON body must be an array."),
        ("text", "JSON body must be an array."),
    ],
)
def test_the_documented_messages_of_batches(api: httpx.Client, body: Any, message: str) -> None:
    answer = api.post("/batch", json=body)
    assert (answer.status_code, answer.json()) == (400, {"message": message})


def test_headers_of_an_entry_override_those_of_the_batch(emulator: Emulator, api: httpx.Client) -> None:
    answers = send(
        api,
        {**GET_PROJECTS, "headers": [{"name": "Authorization", "value": "Basic bm9ib2R5Og=="}]},
        {**GET_PROJECTS, "headers": [{"name": "accept", "value": "text/html"}]},
        {"method": "POST", "path": "/projects", "headers": [{"name": "content-type", "value": "text/plain"}]},
    )
    assert [status for status, _ in answers] == [403, 406, 400]


def test_batches_do_not_nest(api: httpx.Client) -> None:
    assert send(api, {"method": "POST", "path": "/batch", "body": "[]"})[0][0] == 400
    assert send(api, {"method": "GET", "path": "/oauth/authorize"})[0][0] == 400


def test_a_deletion_has_an_empty_body(emulator: Emulator, project: str, api: httpx.Client) -> None:
    uid = emulator.plangrid.records("photos", project)[0].uid
    [entry] = api.post("/batch", json=[{"method": "DELETE", "path": f"/projects/{project}/photos/{uid}"}]).json()[
        "data"
    ]
    assert (entry["status_code"], entry["body"]) == (204, "")
    assert entry["headers"] == [
        {"name": "connection", "value": "close"},
        {"name": "content-type", "value": "application/json"},
    ]


def test_created_records_may_show_200(emulator: Emulator, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(["batch_created_200"])
    assert send(api, {"method": "POST", "path": "/projects", "body": '{"name": "a"}'})[0][0] == 200


def test_entries_are_counted_apart_from_requests(emulator: Emulator, project: str, api: httpx.Client) -> None:
    send(api, *[{"method": "GET", "path": f"/projects/{project}"}] * 7, {"method": "GET", "path": "/projects/none"})
    assert emulator.plangrid.entry_count("GET /projects/{project_uid}") == 8
    assert emulator.plangrid.entry_count("GET /projects/{project_uid}", status=404) == 1
    emulator.run(lambda: None)
    assert emulator.requests.count(service="plangrid") == emulator.requests.count("POST /batch") == 1


def test_entries_show_oddities_as_answers_do(emulator: Emulator, project: str, api: httpx.Client) -> None:
    emulator.plangrid.settings.oddities = Oddities(True)
    path = f"/projects/{project}/issues?limit=7"
    alone = api.get(path).json()
    assert send(api, {"method": "GET", "path": path}) == [(200, alone)]


class TestCounting:
    def limits(self, emulator: Emulator, counting: str) -> None:
        emulator.plangrid.settings.batch_counting = counting
        emulator.plangrid.settings.limits = (WindowLimit("all", 86_400, 10), WindowLimit("write", 86_400, 3))

    def left(self, emulator: Emulator) -> list[int]:
        return [limit["remaining"] for limit in emulator.plangrid.rate_limits()]

    def test_as_one_write(self, emulator: Emulator, api: httpx.Client) -> None:
        self.limits(emulator, "one")
        assert send(api, *[GET_PROJECTS] * 50)
        assert self.left(emulator) == [9, 2]

    def test_as_its_entries_or_not_at_all(self, emulator: Emulator, api: httpx.Client) -> None:
        self.limits(emulator, "entries")
        assert send(api, *[GET_PROJECTS] * 5, {"method": "DELETE", "path": "/projects"})
        assert self.left(emulator) == [4, 2]
        assert api.post("/batch", json=[GET_PROJECTS] * 5).status_code == 429
        assert self.left(emulator) == [4, 2]

    def test_each_entry_for_itself(self, emulator: Emulator, api: httpx.Client) -> None:
        self.limits(emulator, "each")
        statuses = [status for status, _ in send(api, *[GET_PROJECTS] * 12)]
        assert statuses == [200] * 9 + [429] * 3
        assert send_status(api) == 429


def send_status(api: httpx.Client) -> int:
    return api.post("/batch", json=[GET_PROJECTS]).status_code


class TestFaults:
    def test_a_rule_without_a_service_befalls_requests_and_entries(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.faults.add("GET /projects", Fault.answer(503, b'{"message": "later"}'), times=2)
        assert api.get("/projects").status_code == 503
        assert send(api, GET_PROJECTS, GET_PROJECTS) == [
            (503, {"message": "later"}),
            (200, api.get("/projects").json()),
        ]

    def test_a_rule_for_entries_befalls_entries_only(self, emulator: Emulator, project: str, api: httpx.Client) -> None:
        rule = emulator.faults.add("*", Fault.answer(500, b"{}"), service="plangrid.batch", probability=0.5)
        statuses = [status for status, _ in send(api, *[GET_PROJECTS] * 50)]
        assert api.get("/projects").status_code == 200
        assert statuses.count(500) == rule.fired
        assert 10 < rule.fired < 40

    @pytest.mark.parametrize(("fault", "created"), [(Fault.cut("before"), 0), (Fault.cut("after"), 1)])
    def test_a_lost_answer_of_an_entry_is_a_server_error(
        self, emulator: Emulator, api: httpx.Client, fault: Fault, created: int
    ) -> None:
        emulator.faults.add("POST /projects", fault)
        create = {"method": "POST", "path": "/projects", "body": '{"name": "a"}'}
        [(status, body)] = send(api, create)
        assert status == 500
        assert body["message"].startswith("Sorry, PlanGrid's system had an error")
        assert len(emulator.plangrid.created("project")) == created

    def test_the_answer_of_a_whole_batch_is_lost(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.faults.add("POST /batch", Fault.cut("after"), times=1)
        with pytest.raises(httpx.RemoteProtocolError):
            api.post("/batch", json=[{"method": "POST", "path": "/projects", "body": '{"name": "a"}'}])
        assert len(emulator.plangrid.created("project")) == 1

    def test_broken_json_in_an_entry(self, emulator: Emulator, api: httpx.Client) -> None:
        emulator.faults.add("GET /projects", Fault.truncated_json(), times=1)
        [entry] = api.post("/batch", json=[GET_PROJECTS]).json()["data"]
        assert entry["status_code"] == 200
        with pytest.raises(ValueError):
            json.loads(entry["body"])

    def test_answers_that_do_not_fit(self, emulator: Emulator, project: str, api: httpx.Client) -> None:
        emulator.plangrid.tamper_batches("drop", "add", "swap", "not a list")
        entries = [GET_PROJECTS, {"method": "GET", "path": "/none"}, GET_PROJECTS]

        def data() -> Any:
            return api.post("/batch", json=entries).json()["data"]

        assert [item["status_code"] for item in data()] == [200, 404]
        assert [item["status_code"] for item in data()] == [200, 404, 200, 200]
        assert [item["status_code"] for item in data()] == [404, 200, 200]
        assert isinstance(data(), dict)
        assert [item["status_code"] for item in data()] == [200, 404, 200]
