"""The client of the Plangrep open API."""

from __future__ import annotations

import contextlib
import os
import random as _random
import ssl
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Literal, Self, Unpack

import httpx

from .._checks import check_kinds
from .._clock import Clock, SystemClock
from ..config import RetryPolicy, Timeouts
from ..errors import ClientClosedError, ConfigurationError, InvalidInputError, PlangrepAsyncError
from ..ratelimit import RateLimit, RateLimiter
from ..session.call import CallOptions
from ..session.credentials import BearerCredentials
from ..session.deadline import countdown
from ..session.hooks import Hooks
from ..session.secret import Secret
from ..session.session import Session
from ..upload import UploadProgress, UploadScheduler, UploadSettings
from ._codec import Codec
from ._context import Context, WireKeywords
from .models.job import Job, JobCreated
from .resources.artifacts import Artifacts
from .resources.jobs import Jobs
from .resources.pace import MIN_INTERVAL, Pace
from .resources.polling import check_waiting
from .resources.projects import Projects
from .resources.uploads import FORM_BELOW, Uploads
from .scope import ProjectScope
from .submission import SubmitResult, check_report
from .unverified import WireNames
from .uploads.files import Files, as_files
from .uploads.form_route import Forms
from .webhooks import WebhookInbox, WebhookVerifier

__all__ = ["DEFAULT_BASE_URL", "PlangrepClient"]

DEFAULT_BASE_URL = "https://plangrep.com"


class PlangrepClient:
    """Plangrep: construction documents in, what they say out.

    ::

        async with PlangrepClient() as client:
            created = await client.projects.create("My Construction Project")
            project = await client.projects.wait_until_ready(created.project.id)
            result = await client.submit(project.id, ["floor-plan.pdf"])

    Nothing is opened before the first call. A client belongs to the process and the event loop that first use it.

    Args:
        api_key: default: the environment's ``PLANGREP_API_KEY``. It is sent to the origin of ``base_url`` and nowhere
            else, and is in no repr, log or error.
        base_url: default: the environment's ``PLANGREP_BASE_URL``, then ``https://plangrep.com``.
        rate_limits: your own; the service documents none. Without any, calls leave at once, and a 429 makes all of them
            wait.
        limiter: one that several clients share; instead of ``rate_limits``.
        retry: when a call is repeated.
        timeouts: how long the wire may be silent.
        deadline: seconds for a whole small call, where the call itself says nothing; 600 otherwise.
        headers: sent with every call to the service itself.
        transport: any ``httpx.AsyncBaseTransport`` for the small calls.
        ssl_context, proxy, trust_env: for small calls and for transfers.
        max_connections: for small calls.
        hooks: told of each attempt of a small call.
        uploads: bounds of the transfers.
        webhook_verifier: how webhooks are signed; the service does not document it.
        wire_names: spellings of what the service does not document.
        clock, random: for tests.
        allow_insecure: permits a plain ``http://`` base URL that is not loopback.

    Attributes:
        projects, jobs, uploads, artifacts: what the service offers.
        webhooks: where a web application hands in the webhooks it received.
        limiter: paces the calls.
        scheduler: runs uploads that were made as values (``uploads.registered_route``); closed with the client.

    Raises:
        ConfigurationError: no key, a base URL that cannot be used, both ``limiter`` and ``rate_limits``, or another
            argument that cannot be.
    """

    projects: Projects
    jobs: Jobs
    uploads: Uploads
    artifacts: Artifacts
    webhooks: WebhookInbox

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        base_url: str | None = None,
        rate_limits: Iterable[RateLimit] = (),
        limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        max_connections: int = 50,
        hooks: Hooks | None = None,
        uploads: UploadSettings | None = None,
        webhook_verifier: WebhookVerifier | None = None,
        wire_names: WireNames | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
        allow_insecure: bool = False,
    ) -> None:
        check_kinds(
            api_key=(api_key, str | Secret | None),
            base_url=(base_url, str | None),
            rate_limits=(rate_limits, Iterable),
            headers=(headers, Mapping | None),
            uploads=(uploads, UploadSettings | None),
            webhook_verifier=(webhook_verifier, WebhookVerifier | None),
            wire_names=(wire_names, WireNames | None),
        )
        key = Secret(api_key if api_key is not None else os.environ.get("PLANGREP_API_KEY", ""))
        if not key:
            raise ConfigurationError("no API key: pass api_key=, or set PLANGREP_API_KEY in the environment")
        limits = tuple(rate_limits)
        if limiter is not None and limits:
            raise ConfigurationError("give rate_limits=, or a limiter= that has its own, not both")
        names = wire_names or WireNames()
        clock = clock or SystemClock()
        self._own_limiter = RateLimiter(limits, clock=clock, random=random) if limiter is None else None
        self._session = session = Session(
            base_url=base_url or os.environ.get("PLANGREP_BASE_URL") or DEFAULT_BASE_URL,
            credentials=BearerCredentials(key),
            limiter=limiter or self._own_limiter,
            retry=retry,
            timeouts=timeouts,
            headers={"Accept": "application/json", **(headers or {})},
            transport=transport,
            ssl_context=ssl_context,
            proxy=proxy,
            trust_env=trust_env,
            max_connections=max_connections,
            hooks=hooks,
            options=CallOptions(deadline=deadline),
            clock=clock,
            random=random,
            allow_insecure=allow_insecure,
            owner=type(self).__name__,
        )
        self.scheduler = UploadScheduler(
            uploads, ssl_context=ssl_context, trust_env=trust_env, proxy=proxy, clock=clock, random=random
        )
        self.webhooks = WebhookInbox(webhook_verifier, names)
        self._pace = Pace(clock)
        self._bind(
            Context(session, codec=Codec(names), clock=clock, random=random, on_loopback=session.origin.is_loopback)
        )

    def _bind(self, context: Context) -> None:
        self._context = context
        self.projects = Projects(context)
        self.jobs = Jobs(context, self.webhooks, self._pace)
        self.uploads = Uploads(context, self._session, self.scheduler, Forms(self._session), self.jobs)
        self.artifacts = Artifacts(context, self._session)

    def __repr__(self) -> str:
        return f"<PlangrepClient {self._session.base_url}>"

    @property
    def base_url(self) -> str:
        """The service, without a trailing slash."""
        return self._session.base_url

    @property
    def limiter(self) -> RateLimiter:
        """What paces the calls; ``limiter.statistics()`` tells how it went."""
        return self._session.limiter

    def with_options(
        self,
        *,
        timeout: float | Timeouts | None = None,
        deadline: float | None = None,
        max_attempts: int | None = None,
    ) -> PlangrepClient:
        """A client with other defaults for its calls. Session, limiter, transfers and webhooks are shared with this
        one, and closing one of the two closes both.

        Args:
            timeout: how long the wire may be silent, in seconds.
            deadline: seconds for a whole small call.
            max_attempts: of a small call, the first included.
        """
        copy = object.__new__(PlangrepClient)
        copy._own_limiter = self._own_limiter
        copy._session = self._session
        copy.scheduler = self.scheduler
        copy.webhooks = self.webhooks
        copy._pace = self._pace
        copy._bind(self._context.replace(CallOptions(timeout=timeout, deadline=deadline, max_attempts=max_attempts)))
        return copy

    def project(self, project_id: str) -> ProjectScope:
        """Everything below one project; makes no request. Raises ``InvalidInputError`` for an id that cannot be."""
        return ProjectScope(self._context, project_id)

    async def submit(
        self,
        project_id: str,
        files: Files,
        *,
        external_id: str | None = None,
        webhook_url: str | None = None,
        idempotency_key: str | None = None,
        route: Literal["auto", "form", "registered"] = "auto",
        form_below: int = FORM_BELOW,
        interval: float = 15.0,
        deadline: float | None = None,
        on_created: Callable[[JobCreated], None] | None = None,
        on_progress: Callable[[UploadProgress], None] | None = None,
        on_update: Callable[[Job], None] | None = None,
        **keywords: Unpack[WireKeywords],
    ) -> SubmitResult:
        """A whole job: create it, upload, complete, wait, and get the result.

        A file that is bad itself (missing, changed, refused) is left out and stands in ``result.report.failed``. When
        the network or the service keeps files out, the job is not started, so that they can be sent again.

        Args:
            files, route, form_below, on_progress: see ``uploads.send``.
            external_id, webhook_url, idempotency_key: see ``jobs.create``.
            interval, on_update: see ``jobs.wait``.
            deadline: seconds for all. Without one, an upload ends when its retries do, and the job is waited for up to
                an hour.
            on_created: told of the job as soon as there is one. Its webhook secret is in there, and nowhere else.

        Raises:
            InvalidInputError: an argument that cannot be.
            UploadIncompleteError: files are not confirmed; the error names them. ``UploadDeadlineExceededError`` when
                the deadline has passed while they were sent.
            JobBlockedError, JobFailedError, WaitTimeoutError: see ``jobs.wait``.

        Cancelled: transfers are stopped; the job stays at the service as it is.
        """
        check_waiting(interval, deadline, least=MIN_INTERVAL)
        found = as_files(files)
        if not found:
            raise InvalidInputError("files: there is none; give at least one")
        left = countdown(self._context.clock, deadline)
        created = await self.jobs.create(
            project_id,
            external_id=external_id,
            webhook_url=webhook_url,
            idempotency_key=idempotency_key,
            deadline=left(),
            **keywords,
        )
        job_id = created.job.id
        self.webhooks.remember(created)
        if on_created is not None:
            on_created(created)
        try:
            report = await self.uploads.send(
                job_id,
                found,
                route=route,
                form_below=form_below,
                job=created.job,
                on_progress=on_progress,
                deadline=left(),
                **keywords,
            )
        except InvalidInputError:
            # Nothing was sent, and nothing will be: the job would wait for files until it expires.
            with contextlib.suppress(PlangrepAsyncError):
                await self.jobs.cancel(job_id, deadline=left(), **keywords)
            raise
        check_report(report)
        await self.uploads.complete(job_id, report, deadline=left(), **keywords)
        job = await self.jobs.wait(
            job_id, interval=interval, deadline=left() or 3600.0, on_update=on_update, **keywords
        )
        return SubmitResult.of(await self.jobs.result(job_id, deadline=left(), **keywords), job, report)

    async def aclose(self) -> None:
        """Stop the transfers, close the connections. Calls that wait raise ``ClientClosedError``."""
        try:
            await self.scheduler.aclose()
        finally:
            if self._own_limiter is not None:
                self._own_limiter.close(ClientClosedError("the client was closed while the call waited"))
            await self._session.aclose()

    async def __aenter__(self) -> Self:
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
