import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.batch.wire import BatchFormat, relative_target
from plangrep_async.session import Answer, Call

FORMAT = BatchFormat()


def call(method="GET", path="/projects", **changes):
    return Call(method, path, lambda answer: answer, **changes)


def answer_of(entries, **headers):
    return Answer(200, headers, json.dumps({"data": entries}).encode())


def test_requests_are_written_as_documented():
    # "Why Batch Requests?": two of its three examples.
    packed = [
        FORMAT.pack(call(), "/projects/43b198bb-d4f9-c302-9173-271050e424b7"),
        FORMAT.pack(
            call("POST", headers=(("Content-Type", "application/json"),), json={"name": "test_create"}), "/projects"
        ),
    ]
    assert json.loads(FORMAT.join(packed)) == [
        {"method": "GET", "path": "/projects/43b198bb-d4f9-c302-9173-271050e424b7"},
        {
            "method": "POST",
            "path": "/projects",
            "headers": [{"name": "Content-Type", "value": "application/json"}],
            "body": '{"name":"test_create"}',
        },
    ]


def test_an_idempotency_key_travels_as_a_header_of_the_entry():
    packed = json.loads(FORMAT.pack(call("POST", idempotency_key="k-1"), "/projects"))
    assert packed["headers"] == [{"name": "Idempotency-Key", "value": "k-1"}]
    assert "body" not in packed


def test_json_null_is_a_body_and_no_body_is_none():
    assert json.loads(FORMAT.pack(call("POST", json=None), "/x"))["body"] == "null"
    assert "body" not in json.loads(FORMAT.pack(call("POST"), "/x"))


def test_the_documented_answer_is_read():
    message = "Sorry, PlanGrid's system had an error and the team has been notified."
    entries = [
        {
            "status_code": 200,
            "headers": [{"name": "Connection", "value": "close"}],
            "body": '{"uid": "43b198bb-d4f9-c302-9173-271050e424b7", "name": "1000 Issues"}',
        },
        {"status_code": 500, "headers": [], "body": json.dumps({"message": message})},
        {"status_code": 204, "headers": []},
    ]
    first, second, third = FORMAT.unpack(answer_of(entries), 3)
    assert first is not None
    assert second is not None
    assert (first.status, first.headers["connection"], first.json()["name"]) == (200, "close", "1000 Issues")
    assert (second.status, second.json()) == (500, {"message": message})
    assert third == Answer(204, {}, b"")


def test_the_servers_clock_reaches_each_entry():
    date = "Fri, 17 May 2013 02:30:00 GMT"
    entry = {"status_code": 429, "headers": [], "body": "{}"}
    own = {"status_code": 429, "headers": [{"name": "Date", "value": "later"}], "body": "{}"}
    first, second = FORMAT.unpack(answer_of([entry, own], date=date), 2)
    assert first is not None
    assert second is not None
    assert first.headers["date"] == date
    assert second.headers["date"] == "later"


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "ok",
        {},
        {"status_code": "200"},
        {"status_code": True},
        {"status_code": 99},
        {"status_code": 600},
        {"status_code": 200, "body": "\ud800"},
    ],
)
def test_an_entry_that_is_not_as_documented_does_not_harm_the_others(entry):
    good = {"status_code": 200, "headers": [], "body": "{}"}
    assert FORMAT.unpack(answer_of([good, entry, good]), 3) == [Answer(200, {}, b"{}"), None, Answer(200, {}, b"{}")]


@pytest.mark.parametrize("headers", [None, "none", [None], [{"name": "A"}], {"a": "b"}])
def test_odd_headers_do_no_harm(headers):
    (answer,) = FORMAT.unpack(answer_of([{"status_code": 200, "headers": headers, "body": "1"}]), 1)
    assert answer is not None
    assert answer.content == b"1"


def test_a_body_that_was_not_wrapped_in_a_string_means_the_same():
    (answer,) = FORMAT.unpack(answer_of([{"status_code": 200, "headers": [], "body": {"uid": "é"}}]), 1)
    assert answer is not None
    assert answer.json() == {"uid": "é"}


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": []}', b'{"data": [{}]}', b'{"data": [{},{},{}]}'],
)
def test_an_answer_that_cannot_be_assigned_is_refused_as_a_whole(content):
    with pytest.raises(ValueError):
        FORMAT.unpack(Answer(200, {}, content), 2)


@given(st.lists(st.text(), max_size=5))
def test_the_size_is_known_before_joining(bodies):
    packed = [FORMAT.pack(call("POST", json=body), "/x") for body in bodies]
    joined = FORMAT.join(packed)
    assert len(joined) == FORMAT.size(len(packed), sum(map(len, packed)))
    assert [json.loads(entry["body"]) for entry in json.loads(joined)] == bodies


def test_what_json_cannot_say_is_not_packed():
    with pytest.raises(ValueError):
        FORMAT.pack(call("POST", json=float("nan")), "/x")
    with pytest.raises(TypeError):
        FORMAT.pack(call("POST", json=object()), "/x")


@pytest.mark.parametrize(
    ("changes", "takes"),
    [
        ({}, True),
        ({"method": "DELETE"}, True),
        ({"method": "HEAD"}, False),
        ({"coalescable": False}, False),
        ({"authenticated": False}, False),
        ({"body": lambda: b"x", "content_type": "text/plain"}, False),
        ({"body": lambda: b"{}", "content_type": "application/json"}, True),
    ],
)
def test_what_a_batch_can_express(changes, takes):
    assert FORMAT.takes(call(**changes)) is takes


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/projects/a%2Fb?limit=5", "/projects/a%2Fb?limit=5"),
        ("//elsewhere.example/x", None),
        ("/x#y", None),
        ("https://io.plangrid.com/v1/projects?skip=50&limit=50", "/projects?skip=50&limit=50"),
        ("https://IO.plangrid.com:443/v1/projects", "/projects"),
        ("https://io.plangrid.com/other/projects", None),
        ("https://io.plangrid.com/v1", None),
        ("https://io.plangrid.com/v1//evil.example/x", None),
        ("https://io.plangrid.com:444/v1/projects", None),
        ("https://io.plangrid.com:99999/v1/projects", None),
        ("http://io.plangrid.com/v1/projects", None),
        ("https://io.plangrid.com.evil.example/v1/projects", None),
        ("https://user@io.plangrid.com/v1/projects", None),
        ("https://plangrid-attachments.s3.amazonaws.com/v1/x", None),
    ],
)
def test_only_what_is_below_the_base_url_is_relative_to_it(path, target):
    assert relative_target(call(path=path), "https://io.plangrid.com/v1") == target


def test_the_query_of_a_call_stays():
    listed = call(query=(("limit", "50"), ("folder", "")))
    assert relative_target(listed, "http://localhost") == "/projects?limit=50&folder="


@pytest.mark.parametrize("bad", [{"max_entries": 1}, {"max_bytes": 0}])
def test_bounds_that_cannot_work_are_refused(bad):
    with pytest.raises(ValueError):
        BatchFormat(**bad)
