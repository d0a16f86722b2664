"""Webhooks: one signed POST for each change of a job's status, in order, tried several times."""

from __future__ import annotations

import base64
import hmac
import json
from collections import deque
from typing import Any

import httpx
from attrs import define, field

from .job import Job
from .settings import WebhookSignature
from .state import State
from .timestamps import iso

__all__ = ["Delivery", "WebhookSender", "sign_webhook"]

FIRST_WAIT = 1.0
LOG_SIZE = 10_000


@define(eq=False)
class Delivery:
    """One webhook.

    Attributes:
        body: exactly as sent.
        attempts: made so far.
        status: of the last answer; None when there was none.
        delivered: answered with 2xx.
    """

    id: str
    job: str
    url: str
    body: bytes
    secret: str = field(repr=False)
    attempts: int = 0
    status: int | None = None
    delivered: bool = False


def sign_webhook(scheme: WebhookSignature, secret: str, body: bytes, timestamp: int) -> dict[str, str]:
    """The headers that prove where a webhook comes from."""
    key = secret.removeprefix("wss_") if scheme.bare_secret else secret
    signed = scheme.signed.encode().replace(b"{timestamp}", str(timestamp).encode()).replace(b"{body}", body)
    digest = hmac.digest(key.encode(), signed, scheme.algorithm)
    text = digest.hex() if scheme.encoding == "hex" else base64.b64encode(digest).decode()
    headers = {scheme.header: f"{scheme.prefix}{text}"}
    if scheme.timestamp_header is not None:
        headers[scheme.timestamp_header] = str(timestamp)
    return headers


class WebhookSender:
    """Sends the webhooks of all jobs; those of one job one after another."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._queues: dict[str, deque[Delivery]] = {}
        self._busy: set[str] = set()
        self._client: httpx.AsyncClient | None = None
        self.deliveries: deque[Delivery] = deque(maxlen=LOG_SIZE)

    @property
    def idle(self) -> bool:
        """Nothing waits to be delivered."""
        return not any(self._queues.values())

    def notify(self, job: Job) -> None:
        """The job's status changed."""
        if job.webhook_url is None:
            return
        delivery_id = self._state.new_id("whd")
        payload: dict[str, Any] = {
            "id": delivery_id,
            "type": "job.status_changed",
            "jobId": job.id,
            "projectId": job.project,
            "externalId": job.external_id,
            "status": job.status,
            "occurredAt": iso(job.updated_at),
        }
        body = json.dumps(payload, separators=(",", ":")).encode()
        delivery = Delivery(delivery_id, job.id, job.webhook_url, body, job.secret)
        self.deliveries.append(delivery)
        self._enqueue(delivery)

    def redeliver(self, delivery: Delivery) -> None:
        """Send one again, as services do on request or by mistake."""
        self._enqueue(Delivery(delivery.id, delivery.job, delivery.url, delivery.body, delivery.secret))

    def resume(self) -> None:
        """Go on after a restart."""
        for job_id in self._queues:
            self._work(job_id)

    def clear(self) -> None:
        """Forget all, also what waits."""
        for queue in self._queues.values():
            queue.clear()
        self.deliveries.clear()

    async def close(self) -> None:
        """Close the client; what waits stays in its queue."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _enqueue(self, delivery: Delivery) -> None:
        self._queues.setdefault(delivery.job, deque()).append(delivery)
        self._work(delivery.job)

    def _work(self, job_id: str) -> None:
        if job_id not in self._busy and self._queues[job_id]:
            self._busy.add(job_id)
            self._state.context.spawn(self._drain(job_id))

    async def _drain(self, job_id: str) -> None:
        queue = self._queues[job_id]
        try:
            while queue:
                await self._deliver(delivery := queue[0])
                if queue and queue[0] is delivery:
                    queue.popleft()
        finally:
            self._busy.discard(job_id)

    async def _deliver(self, delivery: Delivery) -> None:
        settings = self._state.settings
        wait = FIRST_WAIT
        while delivery.attempts < settings.webhook_attempts:
            if delivery.attempts:
                await self._state.context.clock.sleep(wait)
                wait *= 2
            delivery.attempts += 1
            headers = sign_webhook(settings.webhook_signature, delivery.secret, delivery.body, int(self._state.now()))
            try:
                answer = await self._http().post(
                    delivery.url, content=delivery.body, headers={"Content-Type": "application/json", **headers}
                )
            except httpx.HTTPError:
                delivery.status = None
                continue
            delivery.status = answer.status_code
            if answer.is_success:
                delivery.delivered = True
                return

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            # Any certificate will do: receivers under test sign their own.
            timeout = self._state.settings.webhook_timeout
            self._client = httpx.AsyncClient(verify=False, trust_env=False, timeout=timeout)
        return self._client
