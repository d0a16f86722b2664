from __future__ import annotations

import asyncio

from plangrep_async.testing import settle
from plangrep_async.upload.admission import Admission
from plangrep_async.upload.ordering import LARGE


async def enter_all(admission, sizes):
    """Tasks that wait for a ticket; those that have one."""
    tasks = [asyncio.create_task(admission.enter(size, order)) for order, size in enumerate(sizes)]
    await settle()
    return tasks


def inside(tasks):
    return [number for number, task in enumerate(tasks) if task.done() and not task.cancelled()]


async def test_two_large_ones_are_always_let_in():
    admission = Admission(uploads=10, size=1)
    tasks = await enter_all(admission, [100 * LARGE, 50 * LARGE, 70 * LARGE])
    assert inside(tasks) == [0, 1]
    tasks[0].result().release()
    await settle()
    assert inside(tasks) == [0, 1, 2]


async def test_bytes_are_bounded_and_neither_kind_waits_for_the_other():
    admission = Admission(uploads=10, size=4 * LARGE)
    tasks = await enter_all(admission, [2 * LARGE] * 4 + [1000] * 3)
    assert inside(tasks) == [0, 1, 4, 5, 6]


async def test_the_number_of_small_ones_is_bounded():
    admission = Admission(uploads=3, size=10 * LARGE)
    tasks = await enter_all(admission, [1] * 5)
    assert inside(tasks) == [0, 1, 2]
    tasks[1].result().release()
    tasks[1].result().release()  # twice is once
    await settle()
    assert inside(tasks) == [0, 1, 2, 3]


async def test_the_largest_that_waits_goes_first():
    admission = Admission(uploads=10, size=1)
    tasks = await enter_all(admission, [LARGE, LARGE, 2 * LARGE, 9 * LARGE, 3 * LARGE])
    tasks[0].result().release()
    await settle()
    assert inside(tasks) == [0, 1, 3]


async def test_who_leaves_the_queue_takes_no_ticket():
    admission = Admission(uploads=1, size=LARGE)
    tasks = await enter_all(admission, [1, 1, 1])
    tasks[1].cancel()
    await settle()
    tasks[0].result().release()
    await settle()
    assert inside(tasks) == [0, 2]


async def test_a_ticket_given_at_the_moment_of_leaving_comes_back():
    admission = Admission(uploads=1, size=LARGE)
    tasks = await enter_all(admission, [1, 1, 1])
    tasks[0].result().release()  # the next one has it now, and has not run yet
    tasks[1].cancel()
    await settle()
    assert inside(tasks) == [0, 2]
