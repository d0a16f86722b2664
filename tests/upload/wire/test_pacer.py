"""The shared allowance."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.errors import ConfigurationError
from plangrep_async.upload.wire import Pacer


@given(st.floats(1.0, 1e9), st.lists(st.tuples(st.integers(1, 1 << 20), st.floats(0, 2)), min_size=1, max_size=60))
def test_no_window_holds_more_than_rate_and_burst(rate, takes):
    """Who obeys the waits sends, in any window, at most its share, a tenth of a second's burst, the piece in hand."""
    pacer, now, sent = Pacer(rate), 0.0, []
    for count, pause in takes:
        now += pause
        now += pacer.take(count, now)
        sent.append((now, count))
    for i, (start, _) in enumerate(sent):
        for j in range(i, len(sent)):
            window = sum(count for _, count in sent[i:j])
            assert window <= (sent[j][0] - start + 0.1) * rate * (1 + 1e-6) + 1e-3


def test_first_come_first_served_and_no_time_is_lost():
    pacer = Pacer(1000.0)
    assert pacer.take(1000, 50.0) == 0.0
    assert pacer.take(1000, 50.0) == pytest.approx(0.9)
    assert pacer.take(1000, 50.0) == pytest.approx(1.9)
    assert pacer.take(1000, 52.9) == 0.0


def test_a_new_rate_holds_at_once():
    pacer = Pacer(1000.0)
    pacer.take(1000, 0.0)
    pacer.rate = 100_000.0
    assert pacer.take(1000, 0.9) == 0.0
    assert pacer.take(1000, 0.9) == pytest.approx(0.01, abs=0.1)
    assert pacer.piece == 16384
    pacer.rate = 1e9
    assert pacer.piece == 100_000_000


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_cannot_work(rate):
    with pytest.raises(ConfigurationError):
        Pacer(rate)


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
