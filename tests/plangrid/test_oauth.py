from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from plangrep_async.errors import BadRequestError, InvalidInputError
from plangrep_async.plangrid import OAuthApp, OAuthToken, PlanGridClient, Unverified

API = "https://api.test"


@pytest.fixture
def app(wire: Any) -> OAuthApp:
    return OAuthApp("id", "hush-secret", "https://me.test/back?a=b", API, transport=wire)


def test_where_a_browser_is_sent(app: OAuthApp) -> None:
    parts = urlsplit(app.authorization_url("st&te", scopes=["write:projects", "read:profile"]))

    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{API}/oauth/authorize"
    assert parse_qs(parts.query) == {
        "response_type": ["code"],
        "client_id": ["id"],
        "redirect_uri": ["https://me.test/back?a=b"],
        "state": ["st&te"],
        "scope": ["write:projects read:profile"],
    }
    assert "scope=write%3Aprojects%20read%3Aprofile" in parts.query
    with pytest.raises(InvalidInputError, match="state"):
        app.authorization_url("")


async def test_a_code_is_exchanged_by_a_form_without_credentials(app: OAuthApp, wire: Any) -> None:
    wire.answer(
        "POST", "/oauth/token", {"access_token": "hush-a", "refresh_token": "hush-r", "expires_in": 3600, "new": 1}
    )

    token = await app.exchange_code("c+de")

    assert (token.access_token, token.refresh_token, token.expires_in, token.extra) == (
        "hush-a",
        "hush-r",
        3600,
        {"new": 1},
    )
    (request,) = wire.requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert parse_qs(request.content.decode()) == {
        "client_id": ["id"],
        "client_secret": ["hush-secret"],
        "redirect_uri": ["https://me.test/back?a=b"],
        "grant_type": ["authorization_code"],
        "code": ["c+de"],
    }
    assert "hush" not in f"{app!r}{token!r}"


async def test_a_refused_code_is_sent_once_and_its_error_shows_no_secret(app: OAuthApp, wire: Any) -> None:
    wire.answer("POST", "/oauth/token", httpx.Response(400, json={"error": "invalid_grant"}))

    with pytest.raises(BadRequestError) as caught:
        await app.exchange_code("hush-code")

    assert caught.value.code == "invalid_grant" or "invalid_grant" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert len(wire.requests) == 1


async def test_the_client_renews_its_token_by_itself_and_tells_of_it(
    app: OAuthApp, wire: Any, make_client: Callable[..., PlanGridClient]
) -> None:
    saved: list[OAuthToken] = []
    wire.answer(
        "POST",
        "/oauth/token",
        {"access_token": "second", "refresh_token": "r2"},
        {"access_token": "third"},
    )
    good = iter(["second", "third", "third"])
    valid = "first"

    def answer(request: httpx.Request) -> httpx.Response:
        ok = request.headers["authorization"] == f"Bearer {valid}"
        return httpx.Response(200 if ok else 401, json={"uid": "p"})

    wire.answer("GET", "/projects/p", answer)
    token = OAuthToken("first", "r1")
    client = make_client(access_token="first", refresh=app.refresher(token, on_token=saved.append), transport=wire)

    await client.projects.get("p")
    for _ in range(2):
        valid = next(good)
        await client.projects.get("p")

    forms = [parse_qs(r.content.decode())["refresh_token"] for r in wire.requests if r.method == "POST"]
    assert forms == [["r1"], ["r2"]]
    assert [(t.access_token, t.refresh_token) for t in saved] == [("second", "r2"), ("third", "r2")]


async def test_the_paths_can_be_corrected(wire: Any) -> None:
    app = OAuthApp(
        "id", "s", "https://me.test", API, transport=wire, unverified=Unverified(token_path="/t", authorize_path="/a")
    )
    wire.answer("POST", "/t", {"access_token": "x"})

    assert (await app.refresh("r")).access_token == "x"
    assert app.authorization_url("s").startswith(f"{API}/a?")


def test_a_lone_scope_is_no_list_of_letters(app: OAuthApp) -> None:
    with pytest.raises(InvalidInputError, match="scopes: 'read:profile' is a string"):
        app.authorization_url("state", scopes="read:profile")
