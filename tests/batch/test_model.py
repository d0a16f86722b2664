"""Random arrivals, cancellations, deadlines, limits and failures, against a model of what may have happened.

Whatever the service and the callers do: every call ends exactly once, with its own answer or its own error; what may
not be repeated is carried out at most once; nothing stays behind.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from attrs import Factory, define, field, frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plangrep_async.batch import BatchFormat, Coalescer
from plangrep_async.config import RetryPolicy
from plangrep_async.errors import ClientClosedError, DeadlineExceededError, PlangrepAsyncError
from plangrep_async.ratelimit import RateLimit, RateLimiter
from plangrep_async.session import Call, CallOptions, Session
from plangrep_async.testing import ManualClock, settle

LONG = 86_400.0
AT_ONCE = -1.0  # in the turn of the event loop in which the call was made
ENTRY_FAULTS = [None, None, None, 404, 429, 500, 503, "carried out, then 500", "unreadable"]
BATCH_FAULTS = [
    None,
    None,
    None,
    "never",
    "lost",
    "hang",
    "short",
    "long",
    "garbage",
    400,
    413,
    404,
    429,
    403,
    500,
    503,
]
SINGLE_FAULTS = [None, None, None, "never", "lost", 429, 503]


@frozen
class Arrival:
    after: float
    method: str
    keyed: bool
    deadline: float | None
    cancelled_after: float | None
    max_attempts: int | None
    same_as_before: bool


arrivals = st.builds(
    Arrival,
    after=st.sampled_from([0.0, 0.0, 0.0, 0.01, 0.3, 2.0]),
    method=st.sampled_from(["GET", "GET", "POST", "POST", "DELETE"]),
    keyed=st.sampled_from([False, False, True]),
    deadline=st.sampled_from([None, None, 0.0, 0.2, 3.0, 30.0]),
    cancelled_after=st.sampled_from([None, None, None, None, AT_ONCE, 0.0, 0.005, 0.5, 4.0]),
    max_attempts=st.sampled_from([None, None, 1, 2]),
    same_as_before=st.booleans(),
)


@frozen
class Setting:
    concurrency: int
    max_entries: int
    max_bytes: int
    linger: float
    batch_cost: int
    patience: float
    share: bool
    limits: list
    closing: str | None


plans = st.builds(
    Setting,
    concurrency=st.integers(1, 4),
    max_entries=st.integers(2, 5),
    max_bytes=st.sampled_from([120, 10_000]),
    linger=st.sampled_from([0.0, 0.0, 0.05]),
    batch_cost=st.integers(1, 3),
    patience=st.sampled_from([0.0, 0.5, float("inf")]),
    share=st.booleans(),
    limits=st.sampled_from(
        [
            [],
            [RateLimit(3, 1.0)],
            [RateLimit(5, 1.0), RateLimit(3, 7.0, "write")],
            [RateLimit(20, 5.0), RateLimit(4, 60.0)],
        ]
    ),
    closing=st.sampled_from([None, None, "drain", "at once"]),
)


@frozen
class Weather:
    """What goes wrong, in order; then nothing does any more."""

    batches: Iterator = field(converter=iter)
    entries: Iterator = field(converter=iter)
    singles: Iterator = field(converter=iter)
    latencies: Iterator = field(converter=iter)
    bad: bool = True


def weather_of(batches, entries, singles, latencies):
    return Weather(batches, entries, singles, latencies, any([*batches, *entries, *singles]))


def few_or_many(strategy, most):
    """Left to itself, hypothesis mostly tries few; it takes many for much to happen at the same time."""
    return st.lists(strategy, max_size=3) | st.lists(strategy, min_size=6, max_size=most)


weathers = st.builds(
    weather_of,
    batches=few_or_many(st.sampled_from(BATCH_FAULTS), 12),
    entries=few_or_many(st.sampled_from(ENTRY_FAULTS), 30),
    singles=few_or_many(st.sampled_from(SINGLE_FAULTS), 12),
    latencies=few_or_many(st.sampled_from([0.0, 0.01, 1.0]), 20),
)


class CountingLimiter(RateLimiter):
    """Keeps account of what was taken and not given back, by kind."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.taken = Counter()

    def try_acquire(self, kinds=("all",), cost=1):
        taken = super().try_acquire(kinds, cost)
        self.taken.update(dict.fromkeys(kinds, cost * taken))
        return taken

    async def acquire(self, kinds=("all",), cost=1, **bounds):
        if self.try_acquire(kinds, cost):
            return 0.0
        waited = await super().acquire(kinds, cost, **bounds)
        self.taken.update(dict.fromkeys(kinds, cost))
        return waited

    def refund(self, kinds=("all",), cost=1, *, age=0.0):
        super().refund(kinds, cost, age=age)
        self.taken.subtract(dict.fromkeys(kinds, cost))


@define(eq=False)
class ModelService(httpx.AsyncBaseTransport):
    """Fails as it is told, and remembers what it carried out."""

    clock: ManualClock
    weather: Weather
    max_entries: int
    batch_cost: int
    carried_out: Counter = Factory(Counter)
    came: Counter = Factory(Counter)

    async def handle_async_request(self, request):
        content = await request.aread()
        batch = request.url.path == "/batch"
        fault = next(self.weather.batches if batch else self.weather.singles, None)
        if fault == "never":
            raise httpx.ConnectError("refused", request=request)
        cost = self.batch_cost if batch else 1
        self.came["all"] += cost
        self.came["write"] += cost * (request.method != "GET")
        await self.clock.sleep(next(self.weather.latencies, 0.01))
        if isinstance(fault, int):
            return httpx.Response(fault, json={"message": "refused"})
        if not batch:
            self.carried_out[request.url.path] += 1
            if fault == "lost":
                raise httpx.ReadError("reset", request=request)
            return httpx.Response(200, json={"path": request.url.path})
        entries = httpx.Response(200, content=content).json()
        assert 2 <= len(entries) <= self.max_entries
        answers = [self.answer(entry["path"]) for entry in entries]
        if fault == "lost":
            raise httpx.ReadError("reset", request=request)
        if fault == "hang":
            await self.clock.sleep(20.0)
            raise httpx.ReadTimeout("silence", request=request)
        if fault == "short":
            answers.pop()
        if fault == "long":
            answers.append(answers[0])
        if fault == "garbage":
            return httpx.Response(200, content=b'{"data": [')
        return httpx.Response(200, json={"data": answers})

    def answer(self, path):
        fault = next(self.weather.entries, None)
        if isinstance(fault, int):
            return {"status_code": fault, "headers": [], "body": '{"message": "no"}'}
        self.carried_out[path] += 1
        if fault == "unreadable":
            return {"status": 200}
        if fault is not None:
            return {"status_code": 500, "headers": [], "body": "oops"}
        return {"status_code": 200, "headers": [], "body": '{"path": "' + path + '"}'}


@pytest.mark.timeout(180)
@given(plan=plans, crowd=few_or_many(arrivals, 25), weather=weathers)
@settings(
    max_examples=200,
    # What fails is told at once, and kept for the next run: to shrink it takes minutes, which the time limit would cut.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_every_call_ends_once_with_its_own_answer(plan, crowd, weather):
    asyncio.run(run(plan, crowd, weather))


async def run(plan, crowd, weather):
    clock = ManualClock()
    service = ModelService(clock, weather, plan.max_entries, plan.batch_cost)
    session = Session(
        base_url="http://localhost",
        limiter=CountingLimiter(plan.limits, clock=clock, random=lambda: 0.5),
        retry=RetryPolicy(base=0.4, max_throttled=100),
        transport=service,
        clock=clock,
        random=lambda: 0.5,
        options=CallOptions(deadline=LONG),
    )
    coalescer = Coalescer(
        session,
        BatchFormat(max_entries=plan.max_entries, max_bytes=plan.max_bytes),
        concurrency=plan.concurrency,
        linger=plan.linger,
        batch_cost=plan.batch_cost,
        patience=plan.patience,
        share_identical=plan.share,
        random=lambda: 0.5,
    )
    ends = Counter()
    began = {}

    async def caller(number, path, arrival):
        call = Call(
            arrival.method,
            path,
            lambda answer: answer.json()["path"],
            idempotency_key=f"k{number}" if arrival.keyed and arrival.method == "POST" else None,
        )
        began[number] = clock.monotonic()
        try:
            return await coalescer.send(call, CallOptions(deadline=arrival.deadline, max_attempts=arrival.max_attempts))
        finally:
            ends[number] += 1

    tasks, paths, reached, path = [], [], Counter(), ""
    for number, arrival in enumerate(crowd):
        await clock.advance(arrival.after) if arrival.after else await asyncio.sleep(0)
        reuse = arrival.same_as_before and arrival.method == "GET" and crowd[number - 1].method == "GET" and number > 0
        path = path if reuse else f"/{number}"
        paths.append(path)
        reached[path] += 1
        task = asyncio.ensure_future(caller(number, path, arrival))
        tasks.append(task)
        if arrival.cancelled_after == AT_ONCE:
            asyncio.get_running_loop().call_soon(task.cancel)
        elif arrival.cancelled_after is not None:
            clock.call_later(arrival.cancelled_after, task.cancel)
    closing = None
    if plan.closing is not None:
        closing = asyncio.ensure_future(coalescer.aclose(drain=plan.closing == "drain"))
    await settle(100)
    while not all(task.done() for task in tasks) and (wait := clock.next_timer()) is not None:
        clock.tick(max(0.0, wait))
        await settle(100)
    assert all(task.done() for task in tasks), f"hangs: {coalescer!r} {coalescer.statistics()}"
    if closing is not None:
        assert closing.done()

    for number, (task, arrival) in enumerate(zip(tasks, crowd, strict=True)):
        path = paths[number]
        assert ends[number] == (number in began)
        repeatable = arrival.method in ("GET", "DELETE") or arrival.keyed
        if not repeatable:
            assert service.carried_out[path] <= 1, "carried out twice"
        if task.cancelled():
            assert arrival.cancelled_after is not None
        elif (error := task.exception()) is None:
            assert task.result() == path
            assert service.carried_out[path] >= 1
        else:
            assert isinstance(error, PlangrepAsyncError)
            assert error.url in (None, f"http://localhost{path}")
            if isinstance(error, ClientClosedError):
                assert plan.closing is not None
            elif not isinstance(error, DeadlineExceededError):
                assert weather.bad, "nothing went wrong, and yet"
            if error.attempts is not None and reached[path] == 1 and arrival.max_attempts is not None:
                assert error.attempts <= arrival.max_attempts
            if isinstance(error, DeadlineExceededError):
                assert error.deadline == arrival.deadline, "nothing waits for ever"
                assert sum(error.spent.values()) <= error.deadline + 0.01
    errors = [task.exception() for task in tasks if not task.cancelled() and task.exception()]
    assert len({id(error) for error in errors}) == len(errors)

    statistics = coalescer.statistics()
    assert (statistics.waiting, statistics.resting, statistics.under_way) == (0, 0, 0)
    await coalescer.aclose()
    await session.aclose()
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert session.limiter.statistics().waiters == 0
    assert {kind: session.limiter.taken[kind] for kind in ("all", "write")} == {
        kind: service.came[kind] for kind in ("all", "write")
    }, "tokens are paid for what left, and for nothing else"
