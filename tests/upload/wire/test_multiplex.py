"""Many transfers in one thread."""

from __future__ import annotations

import random
import threading
import time

import pytest

from plangrep_async.errors import TransferCancelledError, TransferConnectionError, TransferStalledError
from plangrep_async.upload.wire import CancelToken, Errand, Multiplexer


class Outcomes(dict):
    def errand(self, pool, key, request, token=None):
        token = token or CancelToken()
        return Errand(pool.steps(request, cancel=token), token, lambda *outcome: self.__setitem__(key, outcome))


def test_many_requests_few_connections_each_answer_to_its_own(far_end, make_pool, put):
    chance = random.Random(7)
    contents = {f"k{i}": bytes([i % 251]) * chance.choice([0, 1, 1000, 70_000, 300_000]) for i in range(200)}

    def script(line):
        while True:
            head, body = line.read_request()
            key = head.split(b" ")[1].decode().removeprefix("/")
            assert body == contents[key]
            line.answer(content=key.encode())

    far, pool, outcomes = far_end(script), make_pool(), Outcomes()
    errands = iter([outcomes.errand(pool, key, put(f"{far.url}/{key}", body)) for key, body in contents.items()])
    with Multiplexer(lambda: next(errands, None), width=8) as multiplexer:
        multiplexer.run()
    assert {key: answer.content.decode() for key, (answer, _) in outcomes.items()} == {key: key for key in contents}
    assert far.connections <= 8


def test_one_that_fails_or_hangs_does_not_hold_up_the_others(far_end, make_pool, put, free_port):
    def script(line):
        head, _ = line.read_request()
        if b"/hang" in head:
            far.release.wait(5)
        line.reset() if b"/cut" in head else line.answer()

    far, pool, outcomes = far_end(script), make_pool(answer_timeout=0.2), Outcomes()
    urls = {key: f"{far.url}/{key}" for key in ("hang", "cut", "fine", "good")} | {
        "closed": f"http://127.0.0.1:{free_port}"
    }
    errands = [outcomes.errand(pool, key, put(url, b"x")) for key, url in urls.items()]
    with Multiplexer(lambda: errands.pop() if errands else None) as multiplexer:
        multiplexer.run()
    assert [type(outcomes[key][1]) for key in ("hang", "cut", "closed")] == [
        TransferStalledError,
        TransferConnectionError,
        TransferConnectionError,
    ]
    assert outcomes["fine"][0].status == outcomes["good"][0].status == 200
    assert list(outcomes)[-1] == "hang"


def test_never_more_than_its_width_at_once(start, make_pool, put):
    open_now, most = 0, 0
    lock = threading.Lock()

    def script(line):
        nonlocal open_now, most
        while True:
            line.read_request()
            with lock:
                open_now += 1
                most = max(most, open_now)
            time.sleep(0.001)
            with lock:
                open_now -= 1
            line.answer()

    far, pool, outcomes = start(script), make_pool(), Outcomes()
    errands = [outcomes.errand(pool, i, put(far, b"x")) for i in range(40)]
    with Multiplexer(lambda: errands.pop() if errands else None, width=3) as multiplexer:
        multiplexer.run()
    assert len(outcomes) == 40
    assert most == far.connections == 3


def test_no_wake_is_lost(start, make_pool, put):
    """While nothing else happens, each errand that is announced is taken, however the rings fall."""

    def script(line):
        while True:
            head, _ = line.read_request()
            if b"/slow" in head:
                assert far.release.wait(10)
            line.answer()

    far, pool, outcomes = start(script), make_pool(), Outcomes()
    waiting = [outcomes.errand(pool, "slow", put(f"{far.url}/slow", b"x"))]
    with Multiplexer(lambda: waiting.pop() if waiting else None) as multiplexer:
        thread = threading.Thread(target=multiplexer.run)
        thread.start()
        ringing = threading.Event()

        def ring():
            while not ringing.is_set():
                multiplexer.wake()

        ringer = threading.Thread(target=ring)
        ringer.start()
        for number in range(40):
            if number == 20:
                ringing.set()
                ringer.join()
            waiting.append(outcomes.errand(pool, number, put(f"{far.url}/quick", b"x")))
            multiplexer.wake()
            deadline = time.monotonic() + 2
            while number not in outcomes:
                assert time.monotonic() < deadline
                time.sleep(0)
        assert "slow" not in outcomes
        far.release.set()
        thread.join(5)
    assert len(outcomes) == 41


def test_cancelling_one_of_many(start, make_pool, put):
    def script(line):
        head, _ = line.read_request()
        if b"/doomed" in head:
            arrived.set()
            line.wait_for_close()
        else:
            assert far.release.wait(5)
            line.answer()

    arrived, token = threading.Event(), CancelToken()
    far, pool, outcomes = start(script), make_pool(), Outcomes()
    late = CancelToken()
    late.cancel()
    errands = [
        outcomes.errand(pool, "too late", put(far, b"x"), late),
        outcomes.errand(pool, "doomed", put(f"{far.url}/doomed", b"x"), token),
        outcomes.errand(pool, "spared", put(f"{far.url}/spared", b"x")),
    ]
    with Multiplexer(lambda: errands.pop() if errands else None) as multiplexer:
        thread = threading.Thread(target=multiplexer.run)
        thread.start()
        assert arrived.wait(5)
        token.cancel()
        while "doomed" not in outcomes:
            time.sleep(0.001)
        far.release.set()
        thread.join(5)
    assert isinstance(outcomes["doomed"][1], TransferCancelledError)
    assert isinstance(outcomes["too late"][1], TransferCancelledError)
    assert outcomes["spared"][0].status == 200


def test_a_callback_that_raises_leaves_nothing_open(start, make_pool, put):
    """A bug of the caller's: it comes out of run(), and the others are closed."""

    def script(line):
        head, _ = line.read_request()
        if b"/first" in head:
            line.answer()
        line.wait_for_close()

    def broken(answer, error):
        raise RuntimeError("a bug")

    far, pool, token = start(script), make_pool(), CancelToken()
    errands = [
        Errand(pool.steps(put(f"{far.url}/first", b"x"), cancel=token), token, broken),
        Errand(pool.steps(put(f"{far.url}/second", b"x"), cancel=token), token, broken),
    ]
    with (
        Multiplexer(lambda: errands.pop() if errands else None) as multiplexer,
        pytest.raises(RuntimeError, match="a bug"),
    ):
        multiplexer.run()
    pool.close()
    far.wait_until_served(2)
    token.cancel()  # nothing hangs on it any more


def test_an_errand_may_do_more_than_one_request(start, make_pool, put):
    """Whoever schedules can wrap the steps: open the file before, look at the answer after."""

    def script(line):
        for status in ("503 Slow Down", "200 OK"):
            line.read_request()
            line.answer(status)
        line.wait_for_close()

    far, pool, token, got = start(script), make_pool(), CancelToken(), []

    def twice():
        first = yield from pool.steps(put(far, b"x"), cancel=token)
        second = yield from pool.steps(put(far, b"x"), cancel=token)
        return first.status, second.status

    errands = [Errand(twice(), token, lambda result, error: got.append((result, error)))]
    with Multiplexer(lambda: errands.pop() if errands else None) as multiplexer:
        multiplexer.run()
    assert got == [((503, 200), None)]
