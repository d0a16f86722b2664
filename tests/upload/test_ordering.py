from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plangrep_async.upload.ordering import LARGE, ReadyQueue

uploads = st.lists(st.integers(0, 4 * LARGE), max_size=200)


def fill(sizes):
    queue = ReadyQueue()
    for order, size in enumerate(sizes):
        queue.push((order, size), size=size, order=order)
    return queue


@given(uploads)
def test_each_item_leaves_once(sizes):
    queue = fill(sizes)
    left = [queue.pop_small() for _ in range(queue.small)] + [queue.pop_large() for _ in range(queue.large)]
    assert sorted(left) == list(enumerate(sizes))
    assert len(queue) == 0
    for pop in (queue.pop_small, queue.pop_large):
        with pytest.raises(IndexError):
            pop()


@given(uploads)
def test_small_ones_keep_their_order(sizes):
    queue = fill(sizes)
    left = [queue.pop_small()[0] for _ in range(queue.small)]
    assert left == sorted(left)


def test_large_ones_leave_as_largest_and_oldest_in_turn():
    queue = fill([LARGE, 5 * LARGE, 3 * LARGE, 2 * LARGE, 4 * LARGE])
    assert [queue.pop_large()[0] for _ in range(5)] == [1, 0, 4, 2, 3]


@given(st.integers(1, 50), st.integers(2, 20))
def test_nothing_starves_behind_ever_larger_files(waiting, factor):
    queue = fill([LARGE] * waiting)
    first = 0
    for step in range(2 * waiting):  # a larger one comes for each that leaves
        queue.push((1000 + step, 0), size=factor * LARGE + step, order=1000 + step)
        first += queue.pop_large()[0] < waiting
    assert first == waiting


def test_parts_of_one_file_leave_in_order():
    queue = ReadyQueue()
    for number in range(10):
        queue.push(number, size=9 * LARGE, order=3)
    assert [queue.pop_large() for _ in range(10)] == list(range(10))


@given(st.lists(st.tuples(st.booleans(), st.integers(LARGE, 9 * LARGE)), max_size=400))
def test_what_was_taken_does_not_pile_up(steps):
    queue = ReadyQueue()
    for order, (push, size) in enumerate(steps):
        if push or not queue.large:
            queue.push(order, size=size, order=order)
        else:
            queue.pop_large()
        assert len(queue._by_size) + len(queue._by_age) <= 4 * queue.large + 70
