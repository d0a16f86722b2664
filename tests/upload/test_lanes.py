"""Threads shared out among hosts: bounds, shares, order of leaving."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from plangrep_async.testing import ManualClock, settle
from plangrep_async.upload.adaptive import AdaptiveLimit
from plangrep_async.upload.lanes import Lanes
from plangrep_async.upload.netjob import NetworkJob
from plangrep_async.upload.ordering import LARGE
from plangrep_async.upload.wire.wait import Wait


class Bench:
    """Jobs that wait for a gate, and what they saw."""

    def __init__(self, lanes):
        self.lanes = lanes
        self.gate = threading.Event()
        self.running = {}
        self.most = {}
        self.order = []
        self.tasks = []
        self._lock = threading.Lock()

    def start(self, key, size=10, count=1, **options):
        for _ in range(count):
            number = len(self.tasks)
            job = NetworkJob(lambda job, n=number: self._steps(key, n), size=size, order=number, **options)
            self.tasks.append(asyncio.create_task(self.lanes.run(key, job)))

    def _steps(self, key, number):
        with self._lock:
            self.running[key] = self.running.get(key, 0) + 1
            self.most[key] = max(self.most.get(key, 0), self.running[key])
            self.order.append(number)
        try:
            while not self.gate.is_set():
                yield Wait(None, 0, time.monotonic() + 0.002)
            return number
        finally:
            with self._lock:
                self.running[key] -= 1

    @property
    def total(self):
        return sum(self.running.values())

    async def until(self, condition):
        for _ in range(2000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError((self.running, self.lanes.statistics()))

    async def finish(self):
        self.gate.set()
        return await asyncio.gather(*self.tasks)


@pytest.fixture
async def make():
    benches = []

    def make(max_on_wire=8, start=8, low=1, clock=None):
        lanes = Lanes(
            max_on_wire=max_on_wire,
            make_limit=lambda: AdaptiveLimit(low=low, start=start, high=max_on_wire),
            clock=clock or ManualClock(),
        )
        benches.append(Bench(lanes))
        return benches[-1]

    yield make
    for bench in benches:
        bench.gate.set()
        for task in bench.tasks:
            task.cancel()
        await asyncio.gather(*bench.tasks, return_exceptions=True)
        await bench.lanes.aclose()


@pytest.mark.parametrize("size", [10, LARGE])
async def test_a_host_gets_what_its_limit_says(make, size):
    bench = make(max_on_wire=8, start=3)
    bench.start("a", size, count=20)
    await bench.until(lambda: bench.total == 3)
    await asyncio.sleep(0.02)
    assert await bench.finish() == list(range(20))
    assert bench.most == {"a": 3}


async def test_hosts_share_what_there_is(make):
    bench = make(max_on_wire=6)
    bench.start("a", LARGE, count=10)
    await bench.until(lambda: bench.total == 6)
    bench.start("b", LARGE, count=10)
    await asyncio.sleep(0.02)
    assert bench.running == {"a": 6}  # the total is the total
    bench.gate.set()
    await asyncio.gather(*bench.tasks)
    assert bench.most["b"] <= 6
    assert bench.most["a"] == 6


async def test_two_busy_hosts_get_half_each(make):
    bench = make(max_on_wire=6)
    bench.start("a", LARGE, count=3)
    bench.start("b", LARGE, count=10)
    await bench.until(lambda: bench.total == 6)
    assert bench.running == {"a": 3, "b": 3}
    await bench.finish()


async def test_more_hosts_than_threads_all_get_their_turn(make):
    bench = make(max_on_wire=2)
    for number in range(10):
        bench.start(f"host{number}", 10 if number % 2 else LARGE, count=3)
    await bench.until(lambda: bench.total == 2)
    assert sorted(await bench.finish()) == list(range(30))


async def test_one_at_a_time_takes_turns_between_kinds(make):
    bench = make(max_on_wire=1, start=1)
    bench.start("a", LARGE, count=1)
    await bench.until(lambda: bench.total == 1)
    bench.start("a", LARGE, count=4)
    bench.start("a", 10, count=4)
    await settle()
    await bench.finish()
    assert bench.most == {"a": 1}
    kinds = ["large" if number < 5 else "small" for number in bench.order[:8]]
    assert 3 <= kinds.count("small") <= 5


async def test_small_jobs_keep_a_quarter(make):
    bench = make(max_on_wire=8)
    bench.start("a", 10, count=40, on_handed=lambda: None)
    bench.start("a", LARGE, count=20)
    await bench.until(lambda: bench.total == 8)
    bench.gate.set()
    await asyncio.gather(*bench.tasks)
    assert bench.most == {"a": 8}
    large_among_first = sum(number >= 40 for number in bench.order[:30])
    assert 5 <= large_among_first <= 25


async def test_what_may_block_gets_a_thread_of_its_own(make):
    bench = make()
    names = []

    def steps(_job):
        names.append(threading.current_thread())
        return 1
        yield

    for alone in (True, False):
        await bench.lanes.run("a", NetworkJob(steps, size=1, alone=alone))
    job = NetworkJob(steps, size=1, alone=True)
    assert job.alone
    assert not NetworkJob(steps, size=1).alone
    assert len(names) == 2


async def test_a_closed_host_waits_and_the_others_do_not(make):
    clock = ManualClock()
    bench = make(clock=clock)
    bench.gate.set()
    bench.start("a")
    await asyncio.gather(*bench.tasks)
    bench.lanes.complain("a", 0, retry_after=5.0)
    bench.start("a", 10)
    bench.start("a", LARGE)
    bench.start("b")
    await bench.tasks[3]
    await asyncio.sleep(0.01)
    assert not bench.tasks[1].done()
    await clock.advance(4.9)
    await asyncio.sleep(0.01)
    assert not bench.tasks[2].done()
    await clock.advance(0.1)
    assert await asyncio.gather(*bench.tasks) == [0, 1, 2, 3]


async def test_a_complaint_lowers_what_runs_next(make):
    bench = make(max_on_wire=8)
    bench.start("a", LARGE, count=20)
    await bench.until(lambda: bench.total == 8)
    bench.lanes.complain("a", 0)
    bench.lanes.complain("a", 0)  # of the same moment
    assert bench.lanes.statistics()["a"].limit == 4
    assert bench.lanes.statistics()["a"].complaints == 1
    bench.lanes.complain("nobody", 0)
    await bench.finish()


async def test_a_busy_host_gets_more_while_that_pays(make):
    clock = ManualClock()
    bench = make(max_on_wire=16, start=2, clock=clock)
    bench.start("a", LARGE, count=40)
    await bench.until(lambda: bench.total == 2)
    for expected in (4, 8, 16):
        for job in bench.lanes._lanes["a"].handed:
            job.sent += 1_000_000  # each transfer moves as much as before
        await clock.advance(0.5)
        await bench.until(lambda expected=expected: bench.total == expected)
    await bench.finish()


async def test_a_job_that_waits_is_dropped_at_once(make):
    bench = make(max_on_wire=1, start=1)
    bench.start("a", count=4)
    await bench.until(lambda: bench.total == 1)
    for number in (1, 2):  # one on the runway, one in the queue
        bench.tasks[number].cancel()
        with pytest.raises(asyncio.CancelledError):
            await bench.tasks[number]
    bench.gate.set()
    assert await bench.tasks[3] == 3
    assert bench.order == [0, 3]


async def test_an_error_of_a_job_is_its_own(make):
    bench = make()

    def broken(_job):
        raise LookupError("mine")
        yield

    for alone in (False, True):
        with pytest.raises(LookupError, match="mine"):
            await bench.lanes.run("a", NetworkJob(broken, size=1, alone=alone))
    bench.start("a")
    assert await bench.finish() == [0]


async def test_hosts_that_are_idle_are_forgotten(make):
    bench = make()
    bench.gate.set()
    for number in range(200):
        bench.start(f"host{number}")
        await bench.tasks[-1]
    assert len(bench.lanes.statistics()) <= 64
