from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import APIStatusError, GoneError, RateLimitError, status_error_class
from plangrep_async.plangrid import PlanGridClient, RateLimitStatus, RequestType
from plangrep_async.plangrid.failures import completion_url, read_plangrid_error
from plangrep_async.ratelimit import WindowSnapshot
from plangrep_async.session import Answer

ERRORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "samples" / "plangrid" / "errors.json").read_text()
)
RESET = datetime(2013, 5, 17, 4, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"page {error['page']}: {error['status']}")
async def test_documented_errors_carry_their_message_and_the_whole_body(
    error: dict[str, Any], client: PlanGridClient, wire: Any
) -> None:
    body = error["body"].encode()
    wire.answer("GET", "/projects/p", httpx.Response(error["status"], content=body))

    with pytest.raises(APIStatusError) as caught:
        await client.projects.get("p", max_attempts=1)

    assert type(caught.value) is status_error_class(error["status"])
    assert caught.value.body == body
    assert caught.value.status == error["status"]
    try:
        message = json.loads(body)["message"]
    except ValueError:  # the documented 500 of completions lacks a comma
        assert error["page"] in (31, 46)
    else:
        assert caught.value.service_message == message
        assert message in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<html><title>Bad Gateway</title></html>", b"plain", b"[]", b'{"message": 3}', b"\xff"]
)
async def test_bodies_that_are_none_of_plangrid_s_are_kept(body: bytes, client: PlanGridClient, wire: Any) -> None:
    wire.answer("GET", "/projects/p", httpx.Response(404, content=body))

    with pytest.raises(APIStatusError) as caught:
        await client.projects.get("p")

    assert caught.value.body == body


async def test_a_429_carries_the_limit_that_was_hit(
    client: PlanGridClient, wire: Any, sample: Callable[[str], bytes]
) -> None:
    body = sample("14_rate_limiting_2.json")
    wire.answer("POST", "/projects", httpx.Response(429, content=body))

    with pytest.raises(RateLimitError) as caught:
        await client.projects.create("n", max_attempts=1)

    assert caught.value.rate_limit == RateLimitStatus(RequestType.WRITE, 360, 2000, 102, RESET)
    assert caught.value.service_message == (
        "API rate limit exceeded for developer cffe0ebb-2017-44d6-98d0-ddb0d48a3da8."
    )


def snapshot(body: bytes, date: str | None) -> WindowSnapshot:
    (found,) = read_plangrid_error(Answer(429, {} if date is None else {"date": date}, body)).snapshots
    return found


@given(skew=st.integers(-(10**7), 10**7), left=st.integers(0, 360))
def test_the_time_of_a_reset_is_told_by_the_server_s_own_clock(skew: int, left: int) -> None:
    now = RESET - timedelta(seconds=left) + timedelta(seconds=skew)
    limit = {"request_type": "write", "interval": 360, "limit": 2000, "remaining": 102}
    reset = (RESET + timedelta(seconds=skew)).isoformat()
    body = json.dumps({"message": "m", "rate_limit": {**limit, "reset": reset}}).encode()

    assert snapshot(body, format_datetime(now, usegmt=True)) == WindowSnapshot("write", 360.0, 2000, 0, float(left))


def test_a_reset_beyond_the_window_or_without_a_date_is_not_believed(sample: Callable[[str], bytes]) -> None:
    body = sample("14_rate_limiting_2.json")

    assert snapshot(body, "Fri, 17 May 2013 00:00:00 GMT").resets_in == 360.0
    assert snapshot(body, "Fri, 17 May 2013 05:00:00 GMT").resets_in == -1778.0
    assert snapshot(body, None).resets_in is None
    assert snapshot(body, "yesterday").resets_in is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b'{"rate_limit": null}', b'{"rate_limit": {"interval": 1}}', b'{"rate_limit": []}', b"[]", b"<html>"],
)
def test_a_429_without_a_limit_is_still_one(body: bytes) -> None:
    detail = read_plangrid_error(Answer(429, {}, body))

    assert (detail.rate_limit, detail.snapshots) == (None, ())


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b'{"message": "Sorry."\n  "url": "https://io.plangrid.com/v1/x"}', "https://io.plangrid.com/v1/x"),
        (b'{"message": "Sorry.", "url": "https:\\/\\/io.plangrid.com\\/v1\\/x"}', "https://io.plangrid.com/v1/x"),
        (b'{"url" : "https://a/\\u0041"}', "https://a/A"),
        (b'{"message": "no"}', None),
        (b'{"url": ""}', None),
        (b'{"url": null}', None),
        (b'{"url": "\\x"}', None),
        (b"", None),
        (None, None),
    ],
)
def test_the_url_to_try_again_with_is_found_even_in_broken_json(body: bytes | None, url: str | None) -> None:
    assert completion_url(body) == url


def test_the_documented_failure_of_a_completion_holds_such_a_url() -> None:
    found = [completion_url(e["body"].encode()) for e in ERRORS if e["status"] == 500]

    assert len(found) == 2
    assert all(url and url.startswith("https://io.plangrid.com/v1/projects/") for url in found)


async def test_the_token_that_the_message_repeats_is_not_shown(client: PlanGridClient, wire: Any) -> None:
    token = "98704e73555f441956d24f9f1f03560f"
    path = f"/projects/p/attachments/uploads/completions/{token}"
    wire.answer("GET", path, httpx.Response(410, json={"message": f"Upload token ({token}) expired."}))

    with pytest.raises(GoneError) as caught:
        await client.project("p").attachments.complete_upload(token)

    assert caught.value.service_message == "Upload token ([redacted]) expired."
    assert token not in f"{caught.value} {caught.value!r}"
    assert token.encode() in (caught.value.body or b"")
