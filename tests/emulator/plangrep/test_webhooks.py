from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from plangrep_async.emulator import Emulator, PlangrepSettings, WebhookSignature, sign_webhook


class Receiver:
    """Takes webhooks and answers with the statuses given, then 200."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    @property
    def statuses_told(self) -> list[str]:
        return [json.loads(body)["status"] for _, body in self.seen]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def new_job(api: Any, url: str, **body: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.post(f"/projects/{api.new_project()}/jobs", json={"webhookUrl": url, **body}).json()
    api.emulator.clock.advance(2)
    return answer


def test_every_change_of_the_status_is_told_in_order(emulator: Emulator, api: Any, receiver: Receiver) -> None:
    created = new_job(api, receiver.url, externalId="order-1")
    job = created["job"]["id"]
    api.upload(job, ("a.txt", b"a"))
    api.run(job)
    emulator.plangrep.wait_for_webhooks()
    assert receiver.statuses_told == [
        "provisioning",
        "awaiting_uploads",
        "uploading",
        "preflighting",
        "processing",
        "completed",
    ]
    headers, body = receiver.seen[-1]
    payload = json.loads(body)
    assert (payload["jobId"], payload["projectId"], payload["externalId"]) == (
        job,
        created["job"]["projectId"],
        "order-1",
    )
    assert all(delivery.delivered and delivery.attempts == 1 for delivery in emulator.plangrep.deliveries)
    assert headers["content-type"] == "application/json"
    secret = created["webhookSigningSecret"].encode()
    expected = hmac.new(secret, f"{headers['x-plangrep-timestamp']}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-plangrep-signature"] == f"sha256={expected}"


def test_refused_deliveries_are_tried_again(emulator: Emulator, api: Any, receiver: Receiver) -> None:
    receiver.statuses = [500, 503]
    new_job(api, receiver.url)
    end = time.monotonic() + 5
    while len(emulator.plangrep.deliveries) < 2 or not emulator.plangrep.deliveries[1].delivered:
        assert time.monotonic() < end
        emulator.clock.advance(0.5)
    assert receiver.statuses_told == ["provisioning", "provisioning", "provisioning", "awaiting_uploads"]
    assert emulator.plangrep.deliveries[0].attempts == 3


def test_a_receiver_that_is_gone_is_given_up(emulator: Emulator, api: Any) -> None:
    new_job(api, "http://127.0.0.1:1/hook")
    end = time.monotonic() + 5
    while emulator.plangrep.deliveries[0].attempts < 5:
        assert time.monotonic() < end
        emulator.clock.advance(4)
    first = emulator.plangrep.deliveries[0]
    assert (first.status, first.delivered) == (None, False)


def test_a_webhook_can_come_twice(emulator: Emulator, api: Any, receiver: Receiver) -> None:
    new_job(api, receiver.url)
    emulator.plangrep.wait_for_webhooks()
    emulator.plangrep.redeliver(emulator.plangrep.deliveries[0])
    emulator.plangrep.wait_for_webhooks()
    assert receiver.statuses_told == ["provisioning", "awaiting_uploads", "provisioning"]
    assert receiver.seen[0][1] == receiver.seen[2][1]


def test_without_a_url_nothing_is_sent(emulator: Emulator, api: Any) -> None:
    api.new_job()
    assert emulator.plangrep.deliveries == []


def test_the_secret_is_in_no_repr(emulator: Emulator, api: Any, receiver: Receiver) -> None:
    secret = new_job(api, receiver.url)["webhookSigningSecret"]
    assert secret not in repr(emulator.plangrep.jobs) + repr(emulator.plangrep.deliveries)
    emulator.plangrep.wait_for_webhooks()


@pytest.mark.parametrize(
    ("scheme", "secret", "signed"),
    [
        (WebhookSignature(signed="{body}", prefix="", bare_secret=True), b"abc", b"payload"),
        (WebhookSignature(signed="v1:{timestamp}:{body}"), b"wss_abc", b"v1:17:payload"),
    ],
)
def test_schemes(scheme: WebhookSignature, secret: bytes, signed: bytes) -> None:
    headers = sign_webhook(scheme, "wss_abc", b"payload", 17)
    assert headers[scheme.header] == scheme.prefix + hmac.new(secret, signed, hashlib.sha256).hexdigest()


def test_other_encodings_and_no_timestamp() -> None:
    scheme = WebhookSignature(encoding="base64", algorithm="sha512", prefix="", signed="{body}", timestamp_header=None)
    expected = base64.b64encode(hmac.new(b"wss_abc", b"payload", hashlib.sha512).digest()).decode()
    assert sign_webhook(scheme, "wss_abc", b"payload", 17) == {"X-Plangrep-Signature": expected}


class TestWithoutLoopback:
    @pytest.fixture
    def plangrep_settings(self) -> PlangrepSettings:
        return PlangrepSettings(webhook_loopback=False)

    def test_plain_http_is_refused(self, api: Any) -> None:
        answer = api.post(f"/projects/{api.new_project()}/jobs", json={"webhookUrl": "http://127.0.0.1/hook"})
        assert api.error(answer) == (400, "invalid_request")
