import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.batch.entry import Entry
from plangrep_async.batch.queue import EntryQueue
from plangrep_async.batch.wire import BatchFormat
from plangrep_async.session import Call, CallOptions


@pytest.fixture
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def entry(loop, number, *, largest=50, json=None):
    call = Call("POST", f"/{number}", lambda answer: answer, json=json)
    return Entry(call, CallOptions(), f"/{number}", loop.create_future(), 0.0, largest)


def queue_of(entries, **bounds):
    queue = EntryQueue(BatchFormat(**bounds))
    for each in entries:
        queue.append(each)
    return queue


@given(
    largest=st.lists(st.integers(1, 6), min_size=1, max_size=20),
    sizes=st.lists(st.integers(0, 60), min_size=20, max_size=20),
    gone=st.sets(st.integers(0, 19)),
)
def test_every_group_keeps_order_and_bounds_and_the_queue_empties(largest, sizes, gone):
    loop = asyncio.new_event_loop()
    entries = [entry(loop, n, largest=most, json="x" * sizes[n]) for n, most in enumerate(largest)]
    queue = queue_of(entries, max_entries=5, max_bytes=200)
    for number in gone & set(range(len(entries))):
        entries[number].future.cancel()
    left = [each for each in entries if not each.future.done()]
    while group := queue.group():
        assert group[0] is left[0], "the first waits for nobody"
        assert group == [each for each in left if each in group], "order"
        assert len(group) <= min(5, *(each.largest for each in group)) or len(group) == 1
        if len(group) > 1:
            body = queue.format.join([each.packed or b"" for each in group])
            assert len(body) <= 200
        for each in group:
            queue.discard(each)
            left.remove(each)
    assert left == []
    loop.close()


def test_what_was_sent_before_goes_before_all_others(loop):
    a, b, c = (entry(loop, n) for n in range(3))
    queue = queue_of([c])
    queue.put_back([a, b])
    assert queue.group() == [a, b, c]


def test_halves_of_a_refused_batch_do_not_join_again(loop):
    entries = [entry(loop, n, largest=2) for n in range(4)]
    queue = queue_of([*entries, entry(loop, 9)])
    assert queue.group() == entries[:2]


def test_one_that_must_leave_alone_is_left_out_until_it_is_the_first(loop):
    a, b, c = entry(loop, 0), entry(loop, 1, largest=1), entry(loop, 2)
    queue = queue_of([a, b, c])
    assert queue.group() == [a, c]
    queue.discard(a)
    assert queue.group() == [b]


def test_what_cannot_be_written_leaves_alone(loop):
    broken = entry(loop, 1, json=float("nan"))
    queue = queue_of([entry(loop, 0), broken, entry(loop, 2)])
    assert [each.target for each in queue.group()] == ["/0", "/2"]
    assert broken.largest == 1


def test_one_that_is_too_large_for_any_batch_leaves_alone(loop):
    queue = queue_of([entry(loop, 0, json="x" * 300), entry(loop, 1)], max_bytes=200)
    assert [each.target for each in queue.group()] == ["/0"]
