"""Wakes the waits of one process when a webhook comes in."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from ..._clock import Clock
from ...errors import ConfigurationError, WebhookSignatureError
from ...session.secret import Secret
from .._codec import find_field
from ..models.job import JobCreated
from ..unverified import WireNames
from .verifier import WebhookVerifier

__all__ = ["Alarm", "WebhookInbox"]

_MAX_SECRETS = 10_000
_MAX_BODY = 1 << 20


class Alarm:
    """Can be rung at any time; a ring is kept until the next wait."""

    __slots__ = ("_rung",)

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the wait, or the next one."""
        self._rung.set()

    async def wait(self, clock: Clock, seconds: float) -> bool:
        """Wait for a ring, ``seconds`` at most. Whether it rang."""
        timed_out = False

        def time_out() -> None:
            nonlocal timed_out
            timed_out = not self._rung.is_set()
            self._rung.set()

        timer = clock.call_later(seconds, time_out)
        try:
            await self._rung.wait()
        finally:
            timer.cancel()
            self._rung.clear()
        return not timed_out


class WebhookInbox:
    """Where a web application hands in the webhooks that it received: ``client.webhooks``.

    Nothing in a webhook is believed. It wakes ``jobs.wait``, which reads the job from the service. Use it from the
    client's event loop.

    Args:
        verifier: how webhooks are signed; without one, none is checked. The service does not document its scheme.
        names: where the payload holds the job's id (unverified).
    """

    def __init__(self, verifier: WebhookVerifier | None = None, names: WireNames | None = None) -> None:
        self.verifier = verifier
        self._names = names or WireNames()
        self._alarms: dict[str, set[Alarm]] = {}
        self._secrets: OrderedDict[str, Secret] = OrderedDict()

    def remember(self, created: JobCreated) -> None:
        """Keep the signing secret of a new job in memory, for :meth:`receive`; the oldest of 10,000 is forgotten."""
        if created.webhook_signing_secret is not None:
            self._secrets[created.job.id] = created.webhook_signing_secret
            self._secrets.move_to_end(created.job.id)
            if len(self._secrets) > _MAX_SECRETS:
                self._secrets.popitem(last=False)

    def receive(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        job_id: str | None = None,
        secret: Secret | str | None = None,
    ) -> str | None:
        """Take a webhook: check it when there is a verifier, and wake whoever waits for its job.

        Args:
            headers: of the request; names in any case.
            body: of the request, exactly as it came.
            job_id: when you know it (from the URL that you registered); otherwise it is looked for in the body, and
                when it is not found there all waits are woken, which costs each of them one reading.
            secret: the job's signing secret; otherwise the one that :meth:`remember` was told.

        Returns:
            The job's id, or ``None`` when it is not known.

        Raises:
            WebhookSignatureError: it is not signed as the verifier expects.
            ConfigurationError: there is a verifier and no secret for this job.
        """
        if len(body) > _MAX_BODY:
            raise WebhookSignatureError(f"a webhook of {len(body)} bytes is refused; 1 MiB is more than any needs")
        job_id = job_id or self._job_id(body)
        if self.verifier is not None:
            found = Secret(secret) if secret is not None else self._secrets.get(job_id or "")
            if found is None:
                raise ConfigurationError(
                    "no signing secret is known for this webhook's job; pass secret=, or remember() the created job"
                )
            self.verifier.verify(found, headers, body)
        self.wake(job_id)
        return job_id

    def wake(self, job_id: str | None = None) -> int:
        """Let the waits for this job (for all, without one) read it now. Returns how many were woken."""
        alarms = (
            set(self._alarms.get(job_id, ()))
            if job_id is not None
            else {alarm for waiting in self._alarms.values() for alarm in waiting}
        )
        for alarm in alarms:
            alarm.ring()
        return len(alarms)

    @contextmanager
    def listen(self, job_id: str) -> Generator[Alarm]:
        """An alarm that rings when this job is woken, while the block runs."""
        alarm = Alarm()
        self._alarms.setdefault(job_id, set()).add(alarm)
        try:
            yield alarm
        finally:
            waiting = self._alarms[job_id]
            waiting.discard(alarm)
            if not waiting:
                del self._alarms[job_id]

    def _job_id(self, body: bytes) -> str | None:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):  # RecursionError: nested so deep that no service wrote it
            return None
        if not isinstance(data, dict):
            return None
        found = find_field(cast("dict[str, Any]", data), *(self._names.find("webhook.job_id") or ()))
        return found if isinstance(found, str) else None
