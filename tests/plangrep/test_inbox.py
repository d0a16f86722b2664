from __future__ import annotations

import asyncio
import hmac
import json
from typing import Any

import pytest

from plangrep_async.errors import ConfigurationError, WebhookSignatureError
from plangrep_async.plangrep import JobCreated, WebhookInbox, WebhookVerifier, WireNames
from plangrep_async.testing import ManualClock, settle


def created(job_id: str = "job_1", secret: str = "wss_1") -> JobCreated:
    job = {"id": job_id, "projectId": "p", "status": "provisioning"}
    return JobCreated.from_dict({"job": job, "webhookSigningSecret": secret})


@pytest.mark.parametrize(
    "payload",
    [
        {"jobId": "job_1"},
        {"job": {"id": "job_1"}},
        {"data": {"job": {"id": "job_1"}}},
        {"event": "x", "job_id": "job_1"},
    ],
)
def test_the_job_is_found_in_whatever_comes(payload: Any) -> None:
    inbox = WebhookInbox()
    with inbox.listen("job_1"), inbox.listen("job_2"):
        assert inbox.receive({}, json.dumps(payload).encode()) == "job_1"
        assert inbox.wake("job_1") == 1


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b"{}", b'{"jobId": 7}', b"\xff\xfe"])
async def test_what_names_no_job_wakes_everybody(body: bytes, clock: ManualClock) -> None:
    inbox = WebhookInbox()
    with inbox.listen("job_1") as first, inbox.listen("job_2") as second:
        assert inbox.receive({}, body) is None
        assert await first.wait(clock, 100) is True
        assert await second.wait(clock, 100) is True


def test_a_name_of_the_users_own() -> None:
    inbox = WebhookInbox(names=WireNames({"webhook.job_id": "detail.number"}))
    assert inbox.receive({}, b'{"detail": {"number": "job_9"}}') == "job_9"


def test_a_signature_is_checked_with_the_jobs_own_secret() -> None:
    inbox = WebhookInbox(WebhookVerifier(header="X-Sig"))
    body = b'{"jobId": "job_1"}'
    good = {"X-Sig": hmac.new(b"wss_1", body, "sha256").hexdigest()}
    with pytest.raises(ConfigurationError, match="no signing secret"):
        inbox.receive(good, body)
    inbox.remember(created())
    with inbox.listen("job_1"):
        assert inbox.receive(good, body) == "job_1"
        with pytest.raises(WebhookSignatureError):
            inbox.receive({"X-Sig": "00" * 32}, body)
        with pytest.raises(WebhookSignatureError):
            inbox.receive(good, body, secret="another")
    assert inbox.receive(good, body, job_id="job_7", secret="wss_1") == "job_7"


async def test_a_forged_webhook_wakes_nobody(clock: ManualClock) -> None:
    inbox = WebhookInbox(WebhookVerifier(header="X-Sig"))
    inbox.remember(created())
    with inbox.listen("job_1") as alarm:
        with pytest.raises(WebhookSignatureError):
            inbox.receive({"X-Sig": "00" * 32}, b'{"jobId": "job_1"}')
        waiting = asyncio.ensure_future(alarm.wait(clock, 10))
        await clock.advance(10)
        assert await waiting is False


def test_secrets_are_forgotten_in_the_end() -> None:
    inbox = WebhookInbox(WebhookVerifier(header="X-Sig"))
    for number in range(10_001):
        inbox.remember(created(f"job_{number}"))
    with pytest.raises(ConfigurationError):
        inbox.receive({"X-Sig": "00"}, b"{}", job_id="job_0")
    with pytest.raises(WebhookSignatureError):
        inbox.receive({"X-Sig": "00"}, b"{}", job_id="job_1")


def test_a_body_without_end_is_not_read() -> None:
    with pytest.raises(WebhookSignatureError, match="1 MiB"):
        WebhookInbox().receive({}, b" " * ((1 << 20) + 1))


async def test_an_alarm_keeps_a_ring_for_the_next_wait(clock: ManualClock) -> None:
    inbox = WebhookInbox()
    with inbox.listen("j") as alarm:
        alarm.ring()
        assert await alarm.wait(clock, 10) is True
        waiting = asyncio.ensure_future(alarm.wait(clock, 10))
        await settle()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert clock.next_timer() is None


def test_a_body_that_is_nested_too_deep_wakes_nobody_and_breaks_nothing() -> None:
    assert WebhookInbox().receive({}, b"[" * 100_000) is None
