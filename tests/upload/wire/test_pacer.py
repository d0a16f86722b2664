"""The shared allowance."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import ConfigurationError, TransferCancelledError, TransferConnectionError
from plangrep_async.upload.wire import CancelToken, Pacer

_TAKES = st.lists(
    st.tuples(st.integers(1, 1 << 20), st.floats(0, 2), st.sampled_from([0.0, 0.0, 0.3, 1.0])), min_size=1, max_size=60
)


@given(st.floats(1.0, 1e9), _TAKES)
def test_no_window_holds_more_than_rate_and_burst(rate, takes):
    """Who obeys the turns sends, in any window, at most its share, a tenth of a second's burst, the piece in hand."""
    pacer, now, sent, given_up = Pacer(rate), 0.0, [], []
    for count, pause, unused in takes:
        now += pause
        for turn, share in given_up:
            if share == 1 or turn.begins <= now:
                pacer.give_back(turn, share)
        given_up = [(turn, share) for turn, share in given_up if share < 1 and turn.begins > now]
        turn = pacer.take(count, now)
        sent.append((max(now, turn.begins), count * (1 - unused)))
        if unused:
            given_up.append((turn, unused))
    sent.sort()
    largest = max(count for count, _, _ in takes)
    for i, (start, _) in enumerate(sent):
        for j in range(i, len(sent)):
            window = sum(count for _, count in sent[i : j + 1])
            assert window <= (sent[j][0] - start + 0.1) * rate * (1 + 1e-6) + largest + 1e-3


def test_first_come_first_served_and_no_time_is_lost():
    pacer = Pacer(1000.0)
    assert [pacer.take(1000, 50.0).begins for _ in range(3)] == pytest.approx([49.9, 50.9, 51.9])
    assert pacer.take(1000, 52.9).begins == pytest.approx(52.9)


def test_what_was_not_used_serves_others():
    pacer = Pacer(1000.0)
    first, second, third, last = (pacer.take(1000, 50.0) for _ in range(4))
    pacer.give_back(last, 1.0)
    assert pacer.take(1000, 50.0) == last, "nobody waits for one that gave up"
    pacer.give_back(second, 1.0)
    pacer.give_back(first, 0.5)
    assert pacer.take(2000, 50.0).begins == last.ends, "there is no room for that among those who wait"
    assert pacer.take(1500, 50.0).begins == pytest.approx(50.4)
    pacer.give_back(third, 1.0)
    assert pacer.take(1000, 60.0).begins == pytest.approx(59.9), "what has passed is nobody's"


def test_a_new_rate_holds_at_once():
    pacer = Pacer(1000.0)
    pacer.take(1000, 0.0)
    pacer.rate = 100_000.0
    assert pacer.take(1000, 0.9).begins == pytest.approx(0.9)
    assert pacer.take(1000, 0.9).begins == pytest.approx(0.91)
    assert pacer.piece == 16384
    pacer.rate = 1e9
    assert pacer.piece == 100_000_000


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_cannot_work(rate):
    with pytest.raises(ConfigurationError):
        Pacer(rate)


class Watched(Pacer):
    """``took`` is set with each turn; ``turns`` and ``returned`` hold them."""

    def __init__(self, rate):
        super().__init__(rate)
        self.took, self.turns, self.returned = threading.Event(), [], []

    def take(self, count, now):
        self.turns.append(super().take(count, now))
        self.took.set()
        return self.turns[-1]

    def give_back(self, turn, share):
        super().give_back(turn, share)
        self.returned.append((turn, share))


def test_who_is_cancelled_while_waiting_gives_its_turn_back(far_end, make_pool, send, put):
    pacer, token = Watched(1000.0), CancelToken()
    pool, far = make_pool(pacer=pacer), far_end(lambda line: line.wait_for_close())
    pacer.take(1_000_000, time.monotonic())
    pacer.took.clear()
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(send, pool, put(far, zeros=1 << 20), cancel=token)
        assert pacer.took.wait(5)
        token.cancel()
        with pytest.raises(TransferCancelledError):
            future.result(5)
    assert pacer.returned == [(pacer.turns[1], 1.0)]


def test_who_breaks_off_gives_the_rest_of_its_turn_back(start, make_pool, send, put):
    def script(line):
        line.read(10_000)
        line.reset()

    pacer = Watched(1e9)
    pool, far = make_pool(pacer=pacer, block_size=1 << 26), start(script, receive_buffer=4096)
    with pytest.raises(TransferConnectionError) as caught:
        send(pool, put(far, zeros=1 << 26))
    [(turn, share)] = pacer.returned
    assert turn == pacer.turns[-1]
    assert share == pytest.approx(1 - caught.value.bytes_sent / (1 << 26), abs=0.001)
    assert 0 < share < 1


def test_transfers_share_it(far_end, make_pool, put):
    def script(line):
        while True:
            line.read_request()
            line.answer()

    pool, far = make_pool(pacer=Pacer(10_000_000)), far_end(script)
    before = time.monotonic()
    with ThreadPoolExecutor(4) as executor:
        answers = list(executor.map(pool.send, [put(far, zeros=1_000_000)] * 4))
    elapsed = time.monotonic() - before
    assert all(answer.sent == 1_000_000 for answer in answers)
    assert elapsed >= 0.2  # 4 MB less the burst at 10 MB/s
