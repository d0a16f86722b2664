"""The session over a scripted transport: what goes out, what is repeated, what is raised."""

from __future__ import annotations

import asyncio
import gc
import gzip
import logging
import os
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from plangrep_async import errors
from plangrep_async.config import RetryPolicy, Timeouts
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.session import (
    Answer,
    BasicCredentials,
    BearerCredentials,
    Call,
    CallOptions,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    ScopedSender,
    Session,
)
from plangrep_async.testing import ManualClock, settle

BASE = "https://api.example.com"
KEY = "pgk_live_very_secret_key"

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script(httpx.AsyncBaseTransport):
    """Plays its steps, one a request, and the last one for ever; keeps the requests."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []
        self.closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        if isinstance(step, Exception):
            raise step
        return (
            step(request)
            if callable(step)
            else httpx.Response(step.status_code, headers=step.headers, stream=httpx.ByteStream(step.content))
        )

    async def aclose(self) -> None:
        self.closed = True


def make(*steps: Step, **settings: Any) -> tuple[Session, Script, ManualClock]:
    script, clock = Script(*steps), ManualClock()
    settings.setdefault("credentials", BearerCredentials(KEY))
    session = Session(base_url=BASE, transport=script, clock=clock, random=lambda: 0.5, **settings)
    return session, script, clock


async def finish(clock: ManualClock, awaitable: Any, limit: float = 10_000.0) -> Any:
    """Run to the end while the clock jumps from timer to timer."""
    task = asyncio.ensure_future(awaitable)
    await clock.run_until_idle(limit)
    return await task


def as_json(answer: Answer) -> Any:
    return answer.json()


GET = Call("GET", "/things/1", as_json)
POST = Call("POST", "/things", as_json, json={"name": "x"})
OK = httpx.Response(200, json={"id": 1})


async def test_a_call_is_sent_and_decoded() -> None:
    session, script, _ = make(OK, headers={"Accept": "application/json"})
    async with session:
        assert await session.send(POST.replace(query=(("a", "b c"),), headers=(("X-One", "1"),))) == {"id": 1}
    (request,) = script.requests
    assert str(request.url) == BASE + "/things?a=b%20c"
    assert request.content == b'{"name":"x"}'
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == "12"
    assert request.headers["accept"] == "application/json"
    assert request.headers["x-one"] == "1"
    assert request.headers["user-agent"].startswith("plangrep-async/")
    assert request.headers["host"] == "api.example.com"
    assert script.closed


@pytest.mark.parametrize("failure", [httpx.Response(503), httpx.ReadError("cut"), httpx.ReadTimeout("slow")])
async def test_a_repeatable_call_survives_passing_failures(failure: Step) -> None:
    session, script, clock = make(failure, failure, OK)
    assert await finish(clock, session.send(GET)) == {"id": 1}
    assert len(script.requests) == 3


@pytest.mark.parametrize("failure", [httpx.Response(503, json={"message": "busy"}), httpx.ReadError("cut")])
async def test_a_write_without_a_key_is_sent_once(failure: Step) -> None:
    session, script, clock = make(failure, OK)
    with pytest.raises(errors.PlangrepAsyncError, match="Idempotency-Key") as caught:
        await finish(clock, session.send(POST))
    assert len(script.requests) == 1
    assert caught.value.attempts == 1


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), httpx.ConnectTimeout("syn"), httpx.Response(429)])
async def test_a_write_that_did_not_arrive_is_sent_again(failure: Step) -> None:
    session, script, clock = make(failure, OK)
    assert await finish(clock, session.send(POST)) == {"id": 1}
    assert len(script.requests) == 2


async def test_the_idempotency_key_is_the_same_on_every_attempt() -> None:
    session, script, clock = make(httpx.ReadError("cut"), httpx.Response(500), OK)
    await finish(clock, session.send(POST.replace(idempotency_key="key-1")))
    assert [request.headers["idempotency-key"] for request in script.requests] == ["key-1"] * 3


async def test_attempts_are_bounded_and_the_error_says_so() -> None:
    session, script, clock = make(httpx.Response(502), retry=RetryPolicy(max_attempts=3))
    with pytest.raises(errors.ServerError, match=r"after 3 attempts.*all 3 attempts were used") as caught:
        await finish(clock, session.send(GET))
    assert caught.value.attempts == len(script.requests) == 3
    with pytest.raises(errors.ServerError) as caught:
        await finish(clock, session.send(GET, CallOptions(max_attempts=1)))
    assert caught.value.attempts == 1


async def test_retry_after_is_a_lower_bound() -> None:
    session, _, clock = make(httpx.Response(503, headers={"Retry-After": "40"}), OK)
    began = clock.monotonic()
    await finish(clock, session.send(GET))
    assert 40.0 <= clock.monotonic() - began <= 44.0


async def test_retry_after_past_the_cap_ends_the_call() -> None:
    session, script, clock = make(httpx.Response(503, headers={"Retry-After": "3600"}))
    with pytest.raises(errors.ServerError, match=r"asked to wait 3600 s.*max_retry_after"):
        await finish(clock, session.send(GET))
    assert len(script.requests) == 1


async def test_a_429_closes_the_gate_for_every_call() -> None:
    session, script, clock = make(httpx.Response(429, headers={"Retry-After": "30"}), OK)
    first = asyncio.create_task(session.send(GET))
    await settle()
    second = asyncio.create_task(session.send(GET))
    await clock.advance(29.0)
    assert len(script.requests) == 1
    await clock.run_until_idle()
    assert await first == await second == {"id": 1}


async def test_a_429_that_does_not_pass_is_a_rate_limit_error() -> None:
    session, _, clock = make(httpx.Response(429, headers={"Retry-After": "7"}, json={"message": "slow down"}))
    with pytest.raises(errors.RateLimitError, match="slow down") as caught:
        await finish(clock, session.send(GET, CallOptions(max_attempts=2, deadline=1000)))
    assert caught.value.retry_after == 7.0
    assert caught.value.attempts == 2


async def test_the_deadline_covers_backoff_and_says_where_the_time_went() -> None:
    session, _, clock = make(httpx.Response(503, headers={"Retry-After": "100"}))
    with pytest.raises(errors.DeadlineExceededError) as caught:
        await finish(clock, session.send(GET, CallOptions(deadline=150.0)))
    assert caught.value.spent["backoff"] == pytest.approx(105.0)
    assert caught.value.elapsed == pytest.approx(105.0), "the second wait would end after the deadline"
    assert "backoff 105.00 s" in str(caught.value)
    assert "cannot end within its deadline of 150 s: after an answer with 503 it would be sent again in 105.0 s" in str(
        caught.value
    )


async def test_a_failure_that_the_deadline_leaves_no_time_for_is_the_cause() -> None:
    session, _, clock = make(httpx.ReadError("cut"), retry=RetryPolicy(base=100.0, max_backoff=100.0))
    with pytest.raises(errors.DeadlineExceededError, match="after ReadError") as caught:
        await finish(clock, session.send(GET, CallOptions(deadline=5.0)))
    assert caught.value.elapsed == 0.0
    assert isinstance(caught.value.__cause__, httpx.ReadError)


async def test_after_a_retry_after_past_the_cap_nobody_waits_at_the_gate() -> None:
    limiter_clock = ManualClock()
    limiter = RateLimiter([RateLimit(1, 10.0)], clock=limiter_clock)
    script = Script(httpx.Response(429, headers={"Retry-After": "80000"}), OK)
    session = Session(base_url=BASE, transport=script, clock=limiter_clock, limiter=limiter)
    calls = [asyncio.ensure_future(session.send(GET)) for _ in range(3)]
    await settle()
    calls.append(asyncio.ensure_future(session.send(POST)))
    await settle()
    first, *others = [call.exception() for call in calls]
    assert isinstance(first, errors.RateLimitError)
    assert "asked to wait 80000 s, more than max_retry_after (400 s) allows" in str(first)
    for other in others:
        assert isinstance(other, errors.RateLimitError)
        assert (other.status, other.attempts, other.elapsed) == (429, 0, 0.0)
        assert other.retry_after == pytest.approx(80_000.0)
        assert "things" in str(other.url)
        assert "was not sent: after a 429 the service asks for 80000 s more without calls" in str(other)
        assert "400 s is the longest wait that max_retry_after allows" in str(other)
    assert len(script.requests) == 1
    assert limiter.statistics().waiters == 0
    await limiter_clock.advance(79_750.0)
    assert await finish(limiter_clock, session.send(GET)) == {"id": 1}, "what is left is a wait like any other"
    await session.aclose()


@pytest.mark.parametrize("value", ["99999999999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_an_absurd_retry_after_is_remembered_for_a_day(value: str) -> None:
    session, script, clock = make(httpx.Response(429, headers={"Retry-After": value}), OK)
    for _ in range(2):
        with pytest.raises(errors.RateLimitError):
            await finish(clock, session.send(GET))
    assert len(script.requests) == 1, "the gate is closed"
    await clock.advance(86_400.0 + 5.0)
    assert await finish(clock, session.send(GET)) == {"id": 1}
    await session.aclose()


async def test_a_deadline_before_the_gate_opens_is_told_at_once() -> None:
    session, script, clock = make(httpx.Response(429, headers={"Retry-After": "100"}), OK)
    patient = asyncio.ensure_future(session.send(GET))
    await settle()
    began = clock.monotonic()
    with pytest.raises(
        errors.DeadlineExceededError, match=r"cannot .* 50 s: .* in 10\d.\d s at the earliest"
    ) as caught:
        await session.send(GET, CallOptions(deadline=50.0))
    assert caught.value.elapsed == 0.0
    assert clock.monotonic() == began
    await clock.run_until_idle()
    assert await patient == {"id": 1}
    assert len(script.requests) == 2


async def test_timeouts_reach_the_wire() -> None:
    session, script, _ = make(OK)
    await session.send(GET, CallOptions(timeout=Timeouts(connect=1, read=2, write=3)))
    await session.send(GET, CallOptions(timeout=4))
    assert script.requests[0].extensions["timeout"] == {"connect": 1, "read": 2, "write": 3, "pool": None}
    assert script.requests[1].extensions["timeout"]["read"] == 4


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (410, errors.GoneError),
        (413, errors.PayloadTooLargeError),
        (418, errors.APIStatusError),
        (422, errors.UnprocessableEntityError),
        (501, errors.ServerError),
    ],
)
async def test_each_status_has_its_error(status: int, kind: type[errors.APIStatusError]) -> None:
    session, _, _ = make(httpx.Response(status, json={"error": {"code": "oops", "message": "It broke."}}))
    with pytest.raises(kind) as caught:
        await session.send(GET)
    error = caught.value
    assert type(error) is kind
    assert (error.method, error.url, error.status) == ("GET", BASE + "/things/1", status)
    assert (error.code, error.service_message, error.attempts) == ("oops", "It broke.", 1)
    assert error.body == b'{"error":{"code":"oops","message":"It broke."}}'
    assert error.response is not None
    assert error.response.json()["error"]["code"] == "oops"
    assert error.elapsed is not None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message": "No such issue."}', "No such issue."),
        (b'{"error": "invalid_grant", "error_description": "expired"}', "expired"),
        (b"<html><head><title>404 Not&nbsp;Found</title></head><body>nginx</body></html>", "404 Not Found"),
        (b"<html><body>Gate <b>closed</b></body></html>", "Gate closed"),
        (b'{"message": "No such', '{"message": "No such'),
        (b"", "no message"),
        (b"   ", "no message"),
        (b"[1, 2]", "[1, 2]"),
        (b'{"error": {"code": 7}}', "[7]"),
        (b"\xff\xfe\x00garbage", "garbage"),
        (b"null", "null"),
    ],
)
async def test_any_error_body_gives_a_useful_error(body: bytes, message: str) -> None:
    session, _, _ = make(httpx.Response(404, content=body))
    with pytest.raises(errors.NotFoundError) as caught:
        await session.send(GET)
    assert message in str(caught.value)
    assert caught.value.body == body


async def test_an_answer_that_is_not_as_documented() -> None:
    session, _, _ = make(httpx.Response(200, content=b"<html>maintenance"))
    with pytest.raises(errors.DecodeError, match=r"not as documented: it is no JSON \(.*char 0\)") as caught:
        await session.send(GET)
    assert caught.value.body == b"<html>maintenance"
    assert caught.value.status == 200


async def test_a_compressed_answer_that_is_broken() -> None:
    session, _, clock = make(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no")))
    session.transport.steps = [  # type: ignore[attr-defined]
        lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip"))
    ]
    with pytest.raises(errors.DecodeError, match="compressed"):
        await finish(clock, session.send(GET, CallOptions(max_attempts=1)))


async def test_a_large_answer_is_decoded_off_the_event_loop() -> None:
    import threading

    session, _, _ = make(httpx.Response(200, content=b'"' + b"x" * (2 << 20) + b'"'))

    def decode(answer: Answer) -> int:
        return threading.get_ident()

    assert await session.send(GET.replace(decode=decode)) != threading.get_ident()


# Credentials


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.example.net/key?X-Amz-Signature=abc",
        "http://api.example.com/things",
        "https://api.example.com:8443/things",
        "https://api.example.com.evil.example/things",
        "https://api.example.com@evil.example/things",
    ],
)
async def test_credentials_stay_on_their_origin(url: str) -> None:
    session, script, _ = make(OK, headers={"Accept": "application/vnd.plangrid+json"})
    await session.send(GET.replace(path=url))
    assert "authorization" not in script.requests[0].headers
    assert "accept" not in script.requests[0].headers
    await session.send(GET.replace(path="https://API.example.com:443/things"))
    assert script.requests[1].headers["authorization"] == f"Bearer {KEY}"


async def test_a_call_that_must_not_be_authenticated() -> None:
    session, script, _ = make(OK)
    await session.send(GET.replace(authenticated=False))
    assert "authorization" not in script.requests[0].headers


async def test_a_record_is_read_at_the_service_itself_however_it_redirects() -> None:
    session, script, _ = make(
        httpx.Response(302, headers={"Location": "/things/2"}),
        httpx.Response(302, headers={"Location": "https://storage.example.net/o?sig=1"}),
        OK,
    )
    with pytest.raises(errors.APIStatusError, match=r"a redirect to https://storage\.example\.net/o.* not followed"):
        await session.send(GET)
    assert [request.url.path for request in script.requests] == ["/things/1", "/things/2"]


async def test_a_download_follows_redirects_and_leaves_the_credentials_behind() -> None:
    session, script, _ = make(
        httpx.Response(302, headers={"Location": "/things/2"}),
        httpx.Response(302, headers={"Location": "https://storage.example.net/o?sig=1"}),
        httpx.Response(200, content=b"bytes"),
    )
    async with session.stream(GET) as answer:
        assert b"".join([chunk async for chunk in answer.aiter_bytes()]) == b"bytes"
    assert ["authorization" in request.headers for request in script.requests] == [True, True, False]


@pytest.mark.parametrize("credentials", [BearerCredentials(KEY), BasicCredentials(KEY)])
async def test_a_service_that_repeats_the_key_does_not_make_us_show_it(credentials: Any) -> None:
    words = f"bad key {KEY} ({credentials.authorization()})"
    session, _, _ = make(httpx.Response(400, json={"error": {"message": words}}), credentials=credentials)
    with pytest.raises(errors.BadRequestError) as caught:
        await session.send(GET)
    shown = f"{caught.value} {caught.value!r} {caught.value.service_message}"
    assert "bad key [redacted]" in shown
    assert KEY not in shown
    assert credentials.authorization().split()[1] not in shown


@pytest.mark.parametrize(
    ("call", "location"),
    [
        (POST, "/things/2"),
        (GET, "http://api.example.com/things/1"),
        (GET, "ftp://api.example.com/"),
        (GET, None),
    ],
)
async def test_other_redirects_are_errors(call: Call[Any], location: str | None) -> None:
    headers = {"Location": location} if location else {}
    session, script, _ = make(httpx.Response(307, headers=headers))
    with pytest.raises(errors.APIStatusError, match="redirect") as caught:
        await session.send(call)
    assert caught.value.status == 307
    assert len(script.requests) == 1


async def test_redirects_in_a_circle_end() -> None:
    session, script, _ = make(httpx.Response(302, headers={"Location": "/things/1"}))
    with pytest.raises(errors.APIStatusError, match=r"not followed because there were too many \(5 were followed\)"):
        await session.send(GET)
    assert len(script.requests) == 6


async def test_a_304_is_no_redirect() -> None:
    session, script, _ = make(httpx.Response(304))
    with pytest.raises(errors.APIStatusError, match=r"Not Modified \(though the request set no condition\)") as caught:
        await session.send(GET)
    assert "redirect" not in str(caught.value)
    assert len(script.requests) == 1


async def test_one_refresh_serves_all_calls_that_met_a_401() -> None:
    refreshed: list[int] = []

    async def refresh() -> str:
        refreshed.append(1)
        await asyncio.sleep(0)
        return "token-2"

    def answer(request: httpx.Request) -> httpx.Response:
        good = request.headers["authorization"] == "Bearer token-2"
        return httpx.Response(200 if good else 401, json={"id": 1})

    session, _, _ = make(answer, credentials=BearerCredentials("token-1", refresh=refresh))
    assert await asyncio.gather(*(session.send(POST) for _ in range(10))) == [{"id": 1}] * 10
    assert len(refreshed) == 1


async def test_a_refresh_that_does_not_help_is_an_authentication_error() -> None:
    session, script, _ = make(httpx.Response(401), credentials=BearerCredentials("a", refresh=lambda: "b"))
    with pytest.raises(errors.AuthenticationError):
        await session.send(GET)
    assert len(script.requests) == 2


@pytest.mark.parametrize("key", ["", "  ", "qwzx\n", "qwzx\r\nX: y", " qwzx", "qwzxé"])
def test_keys_that_cannot_be_sent(key: str) -> None:
    for kind in (BasicCredentials, BearerCredentials):
        with pytest.raises(errors.ConfigurationError) as caught:
            kind(key)
        assert not key.strip() or key.strip() not in str(caught.value)


def test_basic_credentials_have_an_empty_password() -> None:
    assert BasicCredentials("key").authorization() == "Basic a2V5Og=="


@pytest.mark.parametrize("status", [200, 401, 500, 503])
async def test_no_secret_shows_anywhere(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session, _, clock = make(
        httpx.Response(status, content=f"no: https://s3/x?X-Amz-Signature={KEY} Authorization: Bearer {KEY}".encode()),
        credentials=BearerCredentials(KEY),
    )
    call = GET.replace(path=f"/artifact-downloads/{KEY}", query=(("token", KEY),))
    with pytest.raises(errors.PlangrepAsyncError) as caught:
        await finish(clock, session.send(call))
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(error.response) + caplog.text
    shown += repr(session) + repr(session.credentials) + str(error.url)
    assert KEY not in shown
    if status != 200:
        assert error.response is not None
        assert "authorization" not in error.response.headers


# What cannot be written, and what comes back spoilt


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "/a\nb"},
        {"path": "/" + "a" * 70_000},
        {"json": float("nan")},
        {"json": object()},
        {"json": "\ud800"},
        {"headers": (("X-One", "é"),)},
        {"idempotency_key": "é"},
    ],
)
async def test_a_call_that_cannot_be_written_is_the_callers_error_and_costs_no_token(changes: dict[str, Any]) -> None:
    limiter = RateLimiter([RateLimit(1, 60.0)], clock=ManualClock())
    session, script, _ = make(OK, limiter=limiter)
    with pytest.raises(errors.InvalidInputError, match="cannot be sent"):
        await session.send(POST.replace(**changes))
    assert script.requests == []
    assert limiter.available() == 1


async def test_a_factory_of_bodies_is_asked_anew_for_each_attempt() -> None:
    bodies = iter([b"one", b"two"])
    session, script, clock = make(httpx.Response(503), OK)
    await finish(clock, session.send(GET.replace(method="PUT", body=lambda: next(bodies), content_type="text/plain")))
    assert [request.content for request in script.requests] == [b"one", b"two"]


class Cut(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"message": "too'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


async def test_an_error_body_that_breaks_off_leaves_the_status() -> None:
    session, script, _ = make(lambda _: httpx.Response(422, headers={"Content-Length": "100"}, stream=Cut()))
    with pytest.raises(errors.UnprocessableEntityError) as caught:
        await session.send(POST)
    assert caught.value.body == b'{"message": "too'
    assert len(script.requests) == 1


async def test_a_good_body_that_breaks_off_is_a_connection_error() -> None:
    session, script, clock = make(lambda _: httpx.Response(200, headers={"Content-Length": "100"}, stream=Cut()), OK)
    with pytest.raises(errors.APIConnectionError, match="complete message body"):
        await session.send(POST)
    assert await finish(clock, session.send(GET)) == {"id": 1}
    assert len(script.requests) == 2


async def test_an_answer_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plangrep_async.session.exchange._LARGEST", 1000)
    packed = gzip.compress(b"0" * 1001)
    session, script, _ = make(
        lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(packed))
    )
    with pytest.raises(errors.DecodeError, match="more than 1,000 bytes"):
        await session.send(GET)
    assert len(script.requests) == 1


async def test_headers_of_any_bytes_do_no_harm() -> None:
    session, _, _ = make(httpx.Response(404, headers=[(b"X-Name", "Türschild".encode("latin-1")), (b"X", b"\xff\xfe")]))
    with pytest.raises(errors.NotFoundError) as caught:
        await session.send(GET)
    assert caught.value.response is not None


async def test_an_error_body_of_brackets_is_shown_as_text() -> None:
    session, _, _ = make(httpx.Response(404, content=b"[" * 200_000))
    with pytest.raises(errors.NotFoundError, match=r"\[\[\["):
        await session.send(GET)


@pytest.mark.parametrize("location", [b"/a\x7fb", b"/" + b"a" * 70_000, b"http://api.example.com:99999/", b"http://[/"])
async def test_a_redirect_that_cannot_be_a_url_is_an_error_with_its_status(location: bytes) -> None:
    session, script, _ = make(httpx.Response(302, headers=[(b"Location", location)]))
    with pytest.raises(errors.APIStatusError) as caught:
        await session.send(GET)
    assert (caught.value.status, len(script.requests)) == (302, 1)


async def test_another_hosts_429_is_its_own_affair() -> None:
    limiter = RateLimiter([RateLimit(10, 60.0)], clock=ManualClock())
    session, script, clock = make(
        httpx.Response(302, headers={"Location": "https://files.example.net/f?sig=1"}),
        httpx.Response(429, headers={"Retry-After": "9"}),
        httpx.Response(200, content=b"file"),
        limiter=limiter,
    )

    async def read() -> list[bytes]:
        async with session.stream(GET) as answer:
            return [chunk async for chunk in answer.aiter_bytes()]

    assert await finish(clock, read()) == [b"file"]
    assert [request.url.host for request in script.requests] == ["api.example.com"] + ["files.example.net"] * 2
    assert limiter.statistics().refusals == 0
    assert limiter.available() == 9, "one token, for the one call to the service"


async def test_the_calls_own_headers_replace_those_of_the_client_whatever_their_case() -> None:
    session, script, _ = make(OK, headers={"accept": "a/b", "X-Tenant": "t", "user-agent": "mine"})
    await session.send(GET.replace(headers=(("Accept", "c/d"),)))
    sent = [(name.lower(), value) for name, value in script.requests[0].headers.raw]
    assert [value for name, value in sent if name == b"accept"] == [b"c/d"]
    assert [value for name, value in sent if name == b"user-agent"] == [b"mine"]
    assert (b"x-tenant", b"t") in sent


# The life of a session


async def test_nothing_is_opened_by_construction() -> None:
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    session = Session(base_url=BASE, credentials=BearerCredentials(KEY))
    if before:
        assert len(os.listdir("/proc/self/fd")) == before
    await session.aclose()


async def test_use_after_close() -> None:
    session, script, _ = make(OK)
    async with session:
        pass
    with pytest.raises(errors.ClientClosedError, match="closed"):
        await session.send(GET)
    await session.aclose()
    assert script.requests == []


async def test_closing_fails_what_waits() -> None:
    session, _, clock = make(httpx.Response(429, headers={"Retry-After": "60"}), OK)
    waiting = asyncio.create_task(session.send(GET))
    await settle()
    await session.aclose()
    with pytest.raises(errors.ClientClosedError):
        await waiting
    backing_off = make(httpx.Response(503, headers={"Retry-After": "60"}), OK)
    waiting = asyncio.create_task(backing_off[0].send(GET))
    await settle()
    await backing_off[0].aclose()
    with pytest.raises(errors.ClientClosedError, match="sent again"):
        await waiting
    assert clock.next_timer() is None
    assert backing_off[2].next_timer() is None


async def test_closing_gives_back_the_tokens_of_calls_that_came_too_late() -> None:
    clock = ManualClock()
    limiter = RateLimiter([RateLimit(1, 10.0)], clock=clock)
    session = Session(base_url=BASE, transport=Script(OK), clock=clock, limiter=limiter)
    await session.send(GET)
    waiting = asyncio.ensure_future(session.send(GET))
    await settle()
    await session.aclose()
    await clock.run_until_idle()
    with pytest.raises(errors.ClientClosedError):
        await waiting
    assert limiter.available() == 1


def test_closing_belongs_to_the_loop_of_the_calls() -> None:
    session, _, _ = make(OK)
    asyncio.run(session.send(GET))
    with pytest.raises(errors.WrongEventLoopError):
        asyncio.run(session.aclose())


async def test_a_refresh_that_fails_after_all_who_waited_are_gone_is_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    fail = asyncio.Event()

    async def refresh() -> str:
        await fail.wait()
        raise RuntimeError("no token")

    session, _, _ = make(httpx.Response(401), credentials=BearerCredentials("token-1", refresh=refresh))
    task = asyncio.ensure_future(session.send(GET))
    await settle()
    task.cancel()
    await settle()
    fail.set()
    await settle()
    del task, session
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_another_event_loop() -> None:
    session, _, _ = make(OK)
    asyncio.run(session.send(GET))
    with pytest.raises(errors.WrongEventLoopError, match="event loop"):
        asyncio.run(session.send(GET))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_after_a_fork() -> None:
    """Neither used nor closed: what the child takes off its copy of the selector, the parent's would miss."""
    session, script, _ = make(OK)
    await session.send(GET)
    pid = os.fork()
    if pid == 0:
        refused = 0
        for use in (session.send(GET), session.aclose()):
            try:
                use.send(None)
            except errors.ClientForkedError:
                refused += 1
        os._exit(17 if refused == 2 and not script.closed else 1)
    _, status = await asyncio.to_thread(os.waitpid, pid, 0)
    assert os.waitstatus_to_exitcode(status) == 17


@pytest.mark.parametrize("stage", ["limiter", "request", "body", "backoff"])
async def test_cancelling_at_each_await_leaves_nothing(stage: str) -> None:
    closed: list[str] = []

    class Hang(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.get_running_loop().create_future()

        async def aclose(self) -> None:
            closed.append("body")

    class Transport(Script):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            if stage == "body":
                return httpx.Response(200, stream=Hang())
            if stage == "backoff":
                return httpx.Response(503, headers={"Retry-After": "60"}, stream=httpx.ByteStream(b""))
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    clock = ManualClock()
    session = Session(base_url=BASE, transport=Transport(), clock=clock)
    if stage == "limiter":
        session.limiter.throttled(retry_after=60.0)
    before = asyncio.all_tasks()
    task = asyncio.create_task(session.send(GET))
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settle()
    assert asyncio.all_tasks() == before
    assert closed == (["body"] if stage == "body" else [])
    assert session.limiter.statistics().waiters == 0
    await session.aclose()


async def test_certificates_that_do_not_verify_are_not_tried_again() -> None:
    failure = httpx.ConnectError("verify failed")
    failure.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    session, script, _ = make(failure)
    with pytest.raises(errors.APIConnectionError, match="verify failed"):
        await session.send(GET)
    assert len(script.requests) == 1


async def test_a_header_that_cannot_be_sent_is_the_callers_error() -> None:
    session, _, _ = make(httpx.LocalProtocolError("Illegal header value b'a\\nb'"))
    with pytest.raises(errors.InvalidInputError, match="Illegal header"):
        await session.send(GET)


# Hooks and logs


async def test_hooks_are_told_of_each_attempt() -> None:
    events: list[RequestEvent | ResponseEvent | RetryEvent] = []
    hooks = Hooks(on_request=events.append, on_response=events.append, on_retry=events.append)
    session, _, clock = make(httpx.Response(503), httpx.ReadError("cut"), OK, hooks=hooks)
    await finish(clock, session.send(GET))
    assert [type(event).__name__ for event in events] == ["RequestEvent", "ResponseEvent", "RetryEvent"] * 2 + [
        "RequestEvent",
        "ResponseEvent",
    ]
    assert [event.attempt for event in events] == [1, 1, 1, 2, 2, 2, 3, 3]
    responses = [event for event in events if isinstance(event, ResponseEvent)]
    assert [(event.status, event.error) for event in responses] == [(503, None), (None, "ReadError"), (200, None)]


async def test_a_hook_that_fails_harms_no_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: RequestEvent) -> None:
        raise RuntimeError("metrics are down")

    session, _, _ = make(OK, hooks=Hooks(on_request=broken))
    assert await session.send(GET) == {"id": 1}
    assert "metrics are down" in caplog.text


async def test_one_line_a_request(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "plangrep_async")
    session, _, clock = make(httpx.Response(503), OK)
    await finish(clock, session.send(GET))
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "GET https://api.example.com/things/1 -> 503 in 0 ms (attempt 1)",
        "GET https://api.example.com/things/1 -> 200 in 0 ms (attempt 2)",
    ]


async def test_a_scope_has_its_own_defaults() -> None:
    session, script, clock = make(httpx.Response(502))
    scoped = ScopedSender(session, CallOptions(max_attempts=2))
    with pytest.raises(errors.ServerError):
        await finish(clock, scoped.send(GET))
    assert len(script.requests) == 2
    with pytest.raises(errors.ServerError):
        await finish(clock, scoped.send(GET, CallOptions(max_attempts=3)))
    assert len(script.requests) == 5
