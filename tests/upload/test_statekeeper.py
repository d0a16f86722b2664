from __future__ import annotations

import asyncio

import pytest

from plangrep_async.upload import Fingerprint, UploadState
from plangrep_async.upload.statekeeper import StateKeeper


def state(number):
    return UploadState(file_name=str(number), fingerprint=Fingerprint("", 1), kind="put")


async def test_states_that_become_old_meanwhile_are_skipped():
    told = []
    go = asyncio.Event()

    async def callback(one):
        told.append(one.file_name)
        await go.wait()

    keeper = StateKeeper(callback)
    tasks = [asyncio.create_task(keeper.tell(state(number))) for number in range(5)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks)
    assert told == ["0", "4"]


async def test_nobody_goes_on_before_his_state_was_told():
    told = []
    go = asyncio.Event()

    async def callback(one):
        await go.wait()
        told.append(one.file_name)

    keeper = StateKeeper(callback)
    task = asyncio.create_task(keeper.tell(state(1)))
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    await task
    assert told == ["1"]


async def test_a_callback_that_fails_fails_all_who_wait_for_it():
    def callback(_state):
        raise OSError("disk full")

    keeper = StateKeeper(callback)
    for result in await asyncio.gather(keeper.tell(state(1)), keeper.tell(state(2)), return_exceptions=True):
        assert isinstance(result, OSError)


async def test_a_plain_function_will_do():
    told = []
    keeper = StateKeeper(told.append)
    await keeper.tell(state(1))
    assert [one.file_name for one in told] == ["1"]


async def test_cancelling_one_who_waits_does_not_stop_the_others():
    go = asyncio.Event()
    told = []

    async def callback(one):
        await go.wait()
        told.append(one.file_name)

    keeper = StateKeeper(callback)
    first = asyncio.create_task(keeper.tell(state(1)))
    await asyncio.sleep(0)
    second = asyncio.create_task(keeper.tell(state(2)))
    await asyncio.sleep(0)
    first.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert told == ["2"]
