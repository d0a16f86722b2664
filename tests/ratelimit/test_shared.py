"""A limiter over a store that has the last word: order, cancellation, failure and closing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from plangrep_async import errors
from plangrep_async.ratelimit import Ask, MemoryStore, RateLimit, RateLimiter, Verdict, WindowSnapshot
from plangrep_async.testing import ManualClock, settle

WRITE = frozenset({"all", "write"})
READ = frozenset({"all"})


class ScriptedStore(MemoryStore):
    """Answers when told to, with what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Sequence[Ask], asyncio.Future[Sequence[Verdict]]]] = []
        self.refunds: list[tuple[frozenset[str], int]] = []
        self.gates: list[tuple[str, float]] = []
        self.unsent = 0

    async def ask(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        self.unsent = 0
        answer: asyncio.Future[Sequence[Verdict]] = asyncio.get_running_loop().create_future()
        self.asked.append((asks, answer))
        return await answer

    async def answer(self, *waits: float, gate: str | None = None) -> None:
        asks, future = self.asked[-1]
        assert len(asks) == len(waits)
        future.set_result([Verdict(wait, gate if wait else None) for wait in waits])
        await settle()

    def note_refund(self, kinds: frozenset[str], cost: int, age: float) -> None:
        self.refunds.append((kinds, cost))
        self.unsent += 1

    def note_gate(self, kind: str, seconds: float) -> None:
        self.gates.append((kind, seconds))
        self.unsent += 1

    @property
    def notes(self) -> int:
        return self.unsent


@pytest.fixture
def store() -> ScriptedStore:
    return ScriptedStore()


@pytest.fixture
def limiter(clock: ManualClock, store: ScriptedStore) -> RateLimiter:
    return RateLimiter([RateLimit(3, 1.0)], store=store, clock=clock, random=lambda: 0.0)


async def waiting(limiter: RateLimiter, number: int, kinds: frozenset[str] = READ) -> list[asyncio.Task[float]]:
    tasks = [asyncio.create_task(limiter.acquire(kinds)) for _ in range(number)]
    await settle()
    return tasks


async def test_calls_that_come_together_share_a_question(limiter: RateLimiter, store: ScriptedStore) -> None:
    tasks = await waiting(limiter, 1)
    tasks += await waiting(limiter, 4)
    assert [len(asks) for asks, _ in store.asked] == [1]
    assert limiter.statistics().waiters == 5
    await store.answer(0.0)
    assert tasks[0].done()
    assert [len(asks) for asks, _ in store.asked] == [1, 2]  # this process alone may let go three
    await store.answer(0.0, 0.0)
    assert [task.done() for task in tasks] == [True, True, True, False, False]


async def test_nothing_leaves_without_asking(limiter: RateLimiter, store: ScriptedStore) -> None:
    assert not limiter.try_acquire()
    assert store.asked == []
    with pytest.raises(errors.InvalidInputError):
        limiter.try_acquire(cost=4)


async def test_those_who_are_sent_back_keep_their_order(
    limiter: RateLimiter, store: ScriptedStore, clock: ManualClock
) -> None:
    tasks = await waiting(limiter, 1)
    tasks += await waiting(limiter, 4)
    await store.answer(0.0)
    await store.answer(0.5, 0.5)
    assert not any(task.done() for task in tasks[1:])
    assert len(store.asked) == 2
    await clock.advance(0.4)
    assert len(store.asked) == 2
    await clock.advance(0.2)
    await store.answer(0.0, 0.5)
    assert [task.done() for task in tasks] == [True, True, False, False, False]
    assert limiter.statistics().waiters == 3


async def test_reads_go_on_while_the_store_holds_the_writes(
    limiter: RateLimiter, store: ScriptedStore, clock: ManualClock
) -> None:
    write = await waiting(limiter, 1, WRITE)
    await store.answer(300.0)
    read = await waiting(limiter, 1)
    await store.answer(0.0)
    assert (read[0].done(), write[0].done()) == (True, False)
    await clock.advance(301.0)
    await store.answer(0.0)
    assert write[0].done()


async def test_a_call_that_is_cancelled_while_it_is_asked_for_gives_its_tokens_back(
    limiter: RateLimiter, store: ScriptedStore
) -> None:
    first, second = await waiting(limiter, 2)
    first.cancel()
    await settle()
    assert first.cancelled()
    await store.answer(0.0)
    assert store.refunds == [(READ, 1)]
    await store.answer(0.0)
    assert second.done()
    assert limiter.available() == 2


async def test_a_call_that_is_cancelled_and_sent_back_is_gone(
    limiter: RateLimiter, store: ScriptedStore, clock: ManualClock
) -> None:
    (task,) = await waiting(limiter, 1)
    task.cancel()
    await store.answer(0.5)
    assert (store.refunds, limiter.statistics().waiters) == ([], 0)
    await clock.run_until_idle()
    assert len(store.asked) == 1


async def test_a_gate_that_another_process_has_closed_is_met_with_care_here_too(
    limiter: RateLimiter, store: ScriptedStore, clock: ManualClock
) -> None:
    tasks = await waiting(limiter, 1)
    await store.answer(5.0, gate="*")
    assert limiter.statistics().closed_for == {"*": 5.0}
    await clock.advance(5.1)
    await store.answer(0.0)
    assert tasks[0].done()
    assert limiter.statistics().pace["*"] < 3.0


async def test_a_429_and_a_refund_are_passed_on_without_anyone_waiting(
    limiter: RateLimiter, store: ScriptedStore
) -> None:
    limiter.throttled(retry_after=2.0)
    assert store.gates == [("*", 2.0)]
    await settle()
    await store.answer()
    limiter.refund()
    await settle()
    assert len(store.asked) == 2
    await store.answer()
    assert len(store.asked) == 2
    limiter.observe([WindowSnapshot("all", 1.0, 2, 2, None)])
    assert limiter.statistics().windows[0].limit == 2


async def test_a_defect_of_the_store_reaches_those_who_wait(limiter: RateLimiter, store: ScriptedStore) -> None:
    (task,) = await waiting(limiter, 1)
    store.asked[-1][1].set_exception(RuntimeError("broken"))
    with pytest.raises(RuntimeError, match="broken"):
        await task


async def test_closing_ends_the_question(limiter: RateLimiter, store: ScriptedStore) -> None:
    tasks = await waiting(limiter, 1)
    tasks += await waiting(limiter, 1)
    limiter.close(errors.ClientClosedError("closed"))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [errors.ClientClosedError] * 2
    await settle()
    assert store.asked[-1][1].cancelled()
    with pytest.raises(errors.ClientClosedError):
        await limiter.acquire()
