from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from plangrep_async.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceededError,
    DecodeError,
    NotFoundError,
)
from plangrep_async.plangrid import Issue, PlanGridClient, Project
from plangrep_async.session import Secret
from plangrep_async.testing import ManualClock

Make = Callable[..., PlanGridClient]


async def test_the_key_is_the_user_name_and_the_password_is_empty(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", "/projects/p", {"uid": "p", "name": "Museum"})

    project = await client.projects.get("p")

    assert project == Project("p", "Museum")
    (request,) = wire.requests
    assert request.headers["authorization"] == "Basic " + base64.b64encode(b"key-of-the-test:").decode()
    assert request.headers["accept"] == "application/vnd.plangrid+json; version=1"
    assert "content-type" not in request.headers


async def test_key_and_address_come_from_the_environment(wire: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANGRID_API_KEY", "from-the-environment")
    monkeypatch.setenv("PLANGRID_BASE_URL", "https://env.test")
    wire.answer("GET", "https://env.test/projects/p", {"uid": "p"})

    async with PlanGridClient(transport=wire, learn_limits="never") as client:
        await client.projects.get("p")

    assert base64.b64decode(wire.requests[0].headers["authorization"][6:]) == b"from-the-environment:"


def test_the_default_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANGRID_BASE_URL", raising=False)

    assert repr(PlanGridClient("key")) == "<PlanGridClient https://io.plangrid.com>"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is no API key"),
        ({"api_key": ""}, "there is no API key"),
        ({"api_key": "k", "access_token": "t"}, "both given"),
        ({"api_key": "k", "refresh": lambda: "t"}, "without an access_token"),
        ({"api_key": "k", "base_url": "http://api.test"}, "plain http"),
        ({"api_key": "k", "base_url": "api.test"}, "absolute"),
        ({"api_key": "k\n"}, "line break"),
    ],
)
def test_settings_that_cannot_work(options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANGRID_API_KEY", raising=False)

    with pytest.raises(ConfigurationError, match=message):
        PlanGridClient(**options)


async def test_credentials_are_in_no_repr(make_client: Make) -> None:
    for client in (make_client(api_key=Secret("hush-hush")), make_client(access_token="hush-hush")):
        assert "hush" not in f"{client!r}{vars(client)!r}{client.project('p')!r}"


async def test_a_token_is_refreshed_once_for_all_calls_that_met_a_401(make_client: Make, wire: Any) -> None:
    asked = 0

    async def refresh() -> str:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        return "new"

    def answer(request: httpx.Request) -> httpx.Response:
        good = request.headers["authorization"] == "Bearer new"
        return httpx.Response(200, json={"uid": "p"}) if good else httpx.Response(401, json={"message": "expired"})

    wire.answer("GET", "/projects/p", answer)
    wire.answer("POST", "/projects", answer)
    client = make_client(access_token="old", refresh=refresh, coalesce=False)

    await asyncio.gather(*[client.projects.get("p") for _ in range(5)], client.projects.create("n"))

    assert asked == 1


async def test_a_batch_refreshes_its_token_too(make_client: Make, wire: Any) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != "Bearer new":
            return httpx.Response(401, json={"message": "expired"})
        return batch_of(request)

    wire.answer("POST", "/batch", answer)
    client = make_client(access_token="old", refresh=lambda: "new")

    projects = await asyncio.gather(client.projects.get("a"), client.projects.get("b"))

    assert [project.uid for project in projects] == ["a", "b"]
    assert wire.seen == ["POST /batch"] * 2


async def test_a_token_without_a_hook_is_refused_once(make_client: Make, wire: Any) -> None:
    wire.answer("GET", "/projects/p", httpx.Response(401, json={"message": "expired"}))

    with pytest.raises(AuthenticationError):
        await make_client(access_token="old").projects.get("p")

    assert len(wire.requests) == 1


def batch_of(request: httpx.Request) -> httpx.Response:
    """Answers each entry with its own path as uid; paths that end in ``missing`` are 404."""
    data = []
    for entry in json.loads(request.content):
        uid = entry["path"].rsplit("/", 1)[-1]
        status, body = (404, {"message": "gone"}) if uid == "missing" else (200, {"uid": uid})
        data.append({"status_code": status, "headers": [], "body": json.dumps(body)})
    return httpx.Response(200, json={"data": data})


async def test_awaits_that_wait_together_leave_as_one_batch(client: PlanGridClient, wire: Any) -> None:
    wire.answer("POST", "/batch", batch_of)
    project = client.project("p")

    first, second, third = await asyncio.gather(
        project.issues.get("a"), project.rfis.get("missing"), project.issues.get("b"), return_exceptions=True
    )

    assert first == Issue("a")
    assert isinstance(second, NotFoundError)
    assert third == Issue("b")
    assert wire.seen == ["POST /batch"]
    assert wire.bodies()[0][0] == {"method": "GET", "path": "/projects/p/issues/a"}


async def test_a_batch_that_is_answered_in_another_order_gives_no_record_for_another(
    client: PlanGridClient, wire: Any
) -> None:
    def reverse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": batch_of(request).json()["data"][::-1]})

    wire.answer("POST", "/batch", reverse)
    issues = client.project("p").issues

    first, middle, last = await client.batch([issues.get(uid) for uid in "abc"])

    assert isinstance(first, DecodeError)
    assert isinstance(last, DecodeError)
    assert "Issue.uid is not the one that was asked for" in str(first)
    assert middle == Issue("b")


async def test_changes_that_are_answered_in_another_order_give_no_record_for_another(
    client: PlanGridClient, wire: Any
) -> None:
    def reverse(request: httpx.Request) -> httpx.Response:
        uids = [(entry["path"].split("/")[-1], json.loads(entry["body"])) for entry in json.loads(request.content)]
        parts = [{"status_code": 200, "body": json.dumps({"uid": body.get("photo_uid", uid)})} for uid, body in uids]
        return httpx.Response(200, json={"data": parts[::-1]})

    wire.answer("POST", "/batch", reverse)
    project = client.project("p")
    photos = project.rfis.photos("r")

    for change in (
        lambda uid: project.issues.update(uid, title="t"),
        lambda uid: project.rfis.update(uid, title="t"),
        lambda uid: project.photos.update(uid, title="t"),
        lambda uid: project.attachments.update(uid, name="n"),
        lambda uid: project.users.update(uid, role_uid="r"),
        lambda uid: client.projects.update(uid, name="n"),
        photos.add,
    ):
        wire.requests.clear()
        first, middle, last = await client.batch([change(uid) for uid in "abc"])

        assert isinstance(first, DecodeError)
        assert isinstance(last, DecodeError)
        assert getattr(middle, "uid", None) == "b"
        assert wire.seen == ["POST /batch"]  # what was carried out is not sent again


async def test_a_uid_may_be_spelled_in_another_way(client: PlanGridClient, wire: Any) -> None:
    spelled = "10DD6D24CBE246399647F9D0CC4AAEE8"
    wire.answer("GET", f"/projects/p/issues/{spelled}", {"uid": "10dd6d24-cbe2-4639-9647-f9d0cc4aaee8"})
    assert (await client.project("p").issues.get(spelled)).uid == "10dd6d24-cbe2-4639-9647-f9d0cc4aaee8"


async def test_coalescing_can_be_switched_off_for_a_client_and_for_a_call(make_client: Make, wire: Any) -> None:
    wire.answer("GET", "/projects/p", {"uid": "p"})
    wire.answer("POST", "/batch", batch_of)

    await asyncio.gather(*[make_client(coalesce=False).projects.get("p") for _ in range(3)])
    client = make_client()
    await asyncio.gather(*[client.projects.get("p", coalesce=False) for _ in range(2)])

    assert wire.seen == ["GET /projects/p"] * 5


async def test_an_explicit_batch_gives_results_and_errors_in_order(make_client: Make, wire: Any) -> None:
    wire.answer("POST", "/batch", batch_of)
    client = make_client(coalesce=False)
    project = client.project("p")

    results = await client.batch([project.issues.get("a"), project.issues.get("missing"), project.issues.get("b")])

    assert results[0] == Issue("a")
    assert isinstance(results[1], NotFoundError)
    assert results[2] == Issue("b")
    assert wire.seen == ["POST /batch"]


async def test_with_options_shares_everything_but_the_defaults(make_client: Make, wire: Any) -> None:
    clock = ManualClock()
    client = make_client(clock=clock)
    wire.answer("GET", "/projects/p", lambda _: asyncio.get_running_loop().create_future())
    quick = client.with_options(deadline=5.0)

    call = asyncio.ensure_future(quick.project("p").get())
    await clock.advance(6.0)
    with pytest.raises(DeadlineExceededError):
        await call

    again = asyncio.ensure_future(quick.with_options(max_attempts=1).projects.get("p", deadline=100.0))
    await clock.advance(50.0)
    assert not again.done()
    await quick.aclose()
    with pytest.raises(ClientClosedError):
        await client.projects.get("p")
    again.cancel()
    await asyncio.wait([again])


async def test_a_closed_client_says_so(client: PlanGridClient) -> None:
    listing = client.projects.list()
    await client.aclose()
    await client.aclose()

    with pytest.raises(ClientClosedError):
        await client.projects.get("p")
    with pytest.raises(ClientClosedError):
        await anext(listing)
    with pytest.raises(ClientClosedError):
        await client.project("p").photos.upload(b"\x89PNG\r\n\x1a\n", name="a.png")
    with pytest.raises(ClientClosedError):
        async with client:
            pass


async def test_nothing_is_opened_before_the_first_call(wire: Any) -> None:
    before = asyncio.all_tasks()

    client = PlanGridClient("key", transport=wire, base_url="https://api.test")
    client.project("p").issues.list()
    client.project("p").photos  # noqa: B018

    assert wire.requests == []
    assert asyncio.all_tasks() == before
    await client.aclose()


async def test_endpoints_without_a_method_can_be_called(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", "/projects/p/rfis2", b'{"data": [1.10], "total_count": 1}')
    wire.answer("POST", "/projects/p/rfis2", httpx.Response(204))

    found = await client.request("GET", "/projects/p/rfis2", query={"skip": 1, "all": True})
    nothing = await client.request("POST", "/projects/p/rfis2", json={"title": None})

    assert str(found["data"][0]) == "1.10"
    assert nothing is None
    assert wire.seen[0] == "GET /projects/p/rfis2?skip=1&all=true"
    assert wire.requests[1].content == b'{"title":null}'


async def test_me(client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", "/me", {"uid": "u", "email": "e", "company": "c"})

    profile = await client.me()

    assert (profile.uid, profile.email, profile.extra) == ("u", "e", {"company": "c"})
