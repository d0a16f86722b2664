"""The client of the PlanGrid API."""

from __future__ import annotations

import random as _random
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack, overload

import httpx
from attrs import evolve

from .._checks import check_kinds, check_number
from .._clock import Clock, SystemClock
from ..batch import Batchable, Coalescer, CoalescerStatistics, send_batch
from ..config import RetryPolicy, Timeouts
from ..errors import InvalidInputError
from ..ratelimit import LimiterStatistics, RateLimit, RateLimiter
from ..session import Call, CallOptions, Hooks, ScopedSender, Secret, Session, query_of
from ..session.call import NOT_GIVEN
from ..upload import UploadScheduler, UploadSettings
from ._codec import loads, record_of
from ._context import CallArguments, Context, options_of
from ._links import own_target
from ._opened import Opened
from ._rules import check_json, check_method, check_path
from .failures import read_plangrid_error
from .limits import DOCUMENTED_LIMITS, LearnLimits, LimitLearner
from .models import CollectionReference, Profile, Record, RecordReference, User, UserReference
from .pages import Listing, page_of
from .resources.projects import Projects
from .resources.rate_limits import RateLimits
from .routes import Route, route_of
from .scope import ProjectScope
from .settings import ACCEPT, base_url_of, credentials_of
from .unverified import Unverified
from .uploads.together import Together

__all__ = ["PlanGridClient"]

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class PlanGridClient:
    """PlanGrid, as one account.

    ::

        async with PlanGridClient() as client:
            async for project in client.projects.list():
                print(project.uid, project.name)

    Nothing is opened before the first call. A client belongs to the process and the event loop that first use it.

    Every call takes ``timeout=`` (seconds that the wire may be silent), ``deadline=`` (seconds in all, waiting for the
    rate limit and repetitions included; 600 by default), ``max_attempts=`` and ``coalesce=``. It raises

    - :class:`~plangrep_async.errors.InvalidInputError` before anything is sent, where an argument breaks a documented
      rule;
    - :class:`~plangrep_async.errors.APIStatusError`, one class a status, with PlanGrid's message and the whole body;
      for 429 :class:`~plangrep_async.errors.RateLimitError` with the limit that was hit;
    - :class:`~plangrep_async.errors.APIConnectionError`, :class:`~plangrep_async.errors.APITimeoutError`,
      :class:`~plangrep_async.errors.DeadlineExceededError`, :class:`~plangrep_async.errors.DecodeError`.

    Reads and removals are repeated when they fail; creating and updating is only where nothing can have happened.
    Cancelling a call that has left leaves open whether it was carried out.

    Attributes:
        projects, rate_limits: what belongs to the account; all else is in ``client.project(uid)``.
        scheduler: runs uploads that were made as values (``project.attachments.make_upload``,
            ``project.photos.make_upload``); closed with the client.

    Args:
        api_key: PlanGrid's key; by default ``PLANGRID_API_KEY`` from the environment.
        access_token: an OAuth token in place of a key.
        refresh: called after a 401, once for all calls that met it; gives a new access token
            (:meth:`OAuthApp.refresher`).
        base_url: by default ``PLANGRID_BASE_URL``, or ``https://io.plangrid.com``. Credentials go to its scheme, host
            and port and nowhere else.
        limits: limits of your own, below those of the service.
        limiter: a limiter that several clients of one key share; it is not closed with this one, and ``limits`` must
            not be given.
        learn_limits: ``"first-call"``: before the first call the service is asked for the key's rate limits.
            ``"lazily"``: it is asked beside it. ``"never"``. Without its account the documented limits hold (40 a
            second, 10,000 a day, 2,000 writes in 6 minutes), and every 429 corrects them.
        coalesce: whether calls that wait at the same moment leave as one ``POST /batch``; each call can say otherwise.
        share_identical: whether equal GETs under way at the same time share one answer.
        linger: seconds that a call waits for others; 0 adds no wait.
        upload_linger: seconds that slots and completions of many uploads wait for one another; no single call waits.
        batch_cost: what a batch takes from the rate limits, in calls that write. Not documented (unverified).
        retry: when calls are repeated.
        timeouts: how long the wire may be silent.
        options: defaults of every call (``deadline``, ``max_attempts``, ``coalesce``).
        uploads: bounds of the upload engine.
        unverified: conventions that no page confirms.
        max_connections: to the API.
        transport: any ``httpx.AsyncBaseTransport`` for the API's calls; closed with the client.
        ssl_context, proxy, trust_env: of all connections, those to storage too.
        hooks: told of each attempt.
        clock, random: time and chance, for tests.
        allow_insecure: permits a plain ``http://`` base URL that is not loopback.

    Raises:
        ConfigurationError: no credentials or two kinds of them, a base URL that cannot be used, or a setting that
            makes no sense.
    """

    def __init__(
        self,
        api_key: str | Secret | None = None,
        *,
        access_token: str | Secret | None = None,
        refresh: Callable[[], Awaitable[str | Secret] | str | Secret] | None = None,
        base_url: str | None = None,
        limits: Iterable[RateLimit] | None = None,
        limiter: RateLimiter | None = None,
        learn_limits: LearnLimits = "first-call",
        coalesce: bool = True,
        share_identical: bool = False,
        linger: float = 0.0,
        upload_linger: float = 0.1,
        batch_cost: int = 1,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        options: CallOptions | None = None,
        uploads: UploadSettings | None = None,
        unverified: Unverified | None = None,
        max_connections: int = 100,
        transport: httpx.AsyncBaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        hooks: Hooks | None = None,
        clock: Clock | None = None,
        random: Callable[[], float] = _random.random,
        allow_insecure: bool = False,
    ) -> None:
        check_kinds(
            api_key=(api_key, str | Secret | None),
            access_token=(access_token, str | Secret | None),
            refresh=(refresh, Callable | None),
            base_url=(base_url, str | None),
            limits=(limits, Iterable | None),
            coalesce=(coalesce, bool),
            uploads=(uploads, UploadSettings | None),
            unverified=(unverified, Unverified | None),
        )
        check_number("upload_linger", upload_linger, least=0)
        clock = clock or SystemClock()
        retry = retry or RetryPolicy()
        session = Session(
            base_url=base_url_of(base_url),
            credentials=credentials_of(api_key, access_token, refresh),
            limiter=_limiter(limits, limiter, clock, random),
            retry=retry,
            timeouts=timeouts,
            headers={"Accept": ACCEPT},
            transport=transport,
            ssl_context=ssl_context,
            proxy=proxy,
            trust_env=trust_env,
            max_connections=max_connections,
            hooks=hooks,
            options=options,
            error_reader=read_plangrid_error,
            clock=clock,
            random=random,
            allow_insecure=allow_insecure,
            owner=type(self).__name__,
        )
        coalescer = Coalescer(
            session,
            enabled=coalesce,
            linger=linger,
            batch_cost=batch_cost,
            share_identical=share_identical,
            random=random,
        )
        learner = LimitLearner(coalescer, session, learn_limits)
        scheduler = UploadScheduler(
            uploads, ssl_context=ssl_context, trust_env=trust_env, proxy=proxy, clock=clock, random=random
        )
        self._opened = Opened(session, coalescer, learner, scheduler, owns_limiter=limiter is None)
        gathering = Together(learner, clock, upload_linger if coalesce else 0.0)
        self._use(Context(learner, gathering, session, scheduler, unverified or Unverified(), retry, random))

    def _use(self, context: Context) -> None:
        self._context = context
        self.scheduler = context.scheduler
        self.projects = Projects(context)
        self.rate_limits = RateLimits(context)

    def __repr__(self) -> str:
        return f"<PlanGridClient {self._context.base_url}>"

    async def __aenter__(self) -> Self:
        self._opened.session.check_usable()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self, *, drain: bool = False) -> None:
        """Close it, with all that :meth:`with_options` made of it. May be called more than once.

        Args:
            drain: wait for the calls that were made before. Otherwise those that wait raise
                :class:`~plangrep_async.errors.ClientClosedError`. Uploads are cancelled in any case.
        """
        await self._opened.aclose(drain=drain)

    def with_options(self, **options: Unpack[CallArguments]) -> PlanGridClient:
        """A client that shares everything with this one, with other defaults for its calls.

        ::

            quick = client.with_options(deadline=5.0, max_attempts=1)
        """
        other = object.__new__(type(self))
        other._opened = self._opened
        given = options_of(options) or CallOptions()
        context = self._context
        sender, gathering = ScopedSender(context.sender, given), ScopedSender(context.gathering, given)
        other._use(evolve(context, sender=sender, gathering=gathering, options=given.over(context.options)))
        return other

    def project(self, project_uid: str) -> ProjectScope:
        """One project's resources; makes no request.

        Raises:
            InvalidInputError: it is no uid.
        """
        return ProjectScope(self._context, project_uid)

    async def me(self, **options: Unpack[CallArguments]) -> Profile:
        """The account behind the credentials (later versions: "Get User Profile"). A token needs ``read:profile``."""
        call = Call("GET", self._context.unverified.profile_path, record_of(Profile))
        return await self._context.sender.send(call, options_of(options))

    async def batch(self, calls: Iterable[Batchable[T]]) -> list[T | BaseException]:
        """Make calls at the same moment, so that they leave as one ``POST /batch`` of at most 50 each.

        ::

            a, b = await client.batch([project.issues.get(uid_a), project.rfis.get(uid_b)])

        Args:
            calls: awaitables that are not awaited yet, or :class:`~plangrep_async.session.Call` values.

        Returns:
            In the same order, for each its result, or its error as a value. PlanGrid promises its answers in the order
            of the requests ("Send Batch Request"); where a record that was asked for by its uid is not the one that
            came, that is a :class:`~plangrep_async.errors.DecodeError`.

        Cancelled: all of them are.
        """
        return await send_batch(self._context.sender, calls)

    @overload
    async def follow(self, reference: UserReference | None, **options: Unpack[CallArguments]) -> User: ...
    @overload
    async def follow(self, reference: RecordReference[R], **options: Unpack[CallArguments]) -> R: ...
    @overload
    async def follow(self, reference: CollectionReference[R], **options: Unpack[CallArguments]) -> list[R]: ...
    async def follow(
        self,
        reference: UserReference | RecordReference[Any] | CollectionReference[Any] | None,
        **options: Unpack[CallArguments],
    ) -> Any:
        """What a reference points to: a record, or all records of a collection as a list ("Foreign Keys").

        The type follows from the URL. An empty collection needs no request.

        Raises:
            InvalidInputError: there is no reference, it has no URL (a user without an account), its URL leads to
                another origin than the API's (nothing is sent there), or to something that this package does not know.
            DecodeError: the answer is another record than the URL names.
        """
        if reference is None:
            raise InvalidInputError("there is no reference to follow: the record's field is empty")
        if isinstance(reference, CollectionReference):
            return await self.iterate(reference, **options)
        if not isinstance(reference, UserReference | RecordReference):
            raise InvalidInputError(
                f"reference: a {type(reference).__name__} is none; give a field such as issue.created_by"
            )
        target, route = self._route(reference.url)
        if route.collection:
            raise InvalidInputError("the reference is to one record, and its URL leads to a collection")
        uid = target.partition("?")[0].rpartition("/")[2]
        return await self._context.sender.send(Call("GET", target, record_of(route.type, uid)), options_of(options))

    def iterate(self, reference: CollectionReference[R], **options: Unpack[CallArguments]) -> Listing[R]:
        """The records of a collection one after the other, page by page; see :meth:`follow`."""
        if not isinstance(reference, CollectionReference):
            raise InvalidInputError(
                f"reference: a {type(reference).__name__} is none to a collection; give a field such as issue.photos"
            )
        if not reference.url and reference.total_count == 0:
            return Listing(self._context, None)
        target, route = self._route(reference.url)
        if not route.collection:
            raise InvalidInputError("the reference is to a collection, and its URL leads to one record")
        call: Call[Any] = Call("GET", target, page_of(route.type))
        return Listing(self._context, call, options_of(options))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool] | None = None,
        json: Any = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Any:
        """Call an endpoint that this package has no method for; gives the answer's JSON, or ``None`` without content.

        Args:
            method: in capitals.
            path: begins with ``/``, percent-encoded.
            query: of the URL.
            json: the body.
            **options: of this call.

        Raises:
            InvalidInputError: the method or the path cannot be sent, or the body cannot be written as JSON.
        """
        check_method(method)
        check_path(path)
        check_json(json)
        call: Call[Any] = Call(
            method,
            path,
            lambda answer: loads(answer.content) if answer.content else None,
            query=query_of(**(query or {})),
            json=json,
            content_type="application/json" if method == "POST" else None,
        )
        return await self._context.sender.send(call, options_of(options))

    def statistics(self) -> tuple[LimiterStatistics, CoalescerStatistics]:
        """What the rate limiter and the coalescer have done so far."""
        return self._opened.session.limiter.statistics(), self._opened.coalescer.statistics()

    def _route(self, url: str | None) -> tuple[str, Route]:
        if not url:
            raise InvalidInputError("the reference has no URL: there is nothing to read, for example no account")
        target = own_target(self._context.base_url, url)
        if target is None:
            raise InvalidInputError("the reference leads to another origin than the API's; nothing was sent there")
        route = route_of(target) if target.startswith("/") else None
        if route is None:
            raise InvalidInputError(f"the reference leads to {target.partition('?')[0]}, which is not known here")
        return target, route


def _limiter(
    limits: Iterable[RateLimit] | None, limiter: RateLimiter | None, clock: Clock, random: Callable[[], float]
) -> RateLimiter:
    own: Sequence[RateLimit] = () if limits is None else tuple(limits)
    if limiter is not None:
        if own:
            raise InvalidInputError("limits and limiter were both given; give the limits to the limiter")
        return limiter
    made = RateLimiter(own, clock=clock, random=random)
    # As the service's account, not as a wish of the user's: what it says later may be higher.
    made.observe(DOCUMENTED_LIMITS)
    return made
