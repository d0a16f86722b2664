from __future__ import annotations

import asyncio
import time

import pytest

from plangrep_async.emulator import Emulator, EmulatorClock

EPOCH = 1_700_000_000.0


def test_time_stands_still_at_speed_zero() -> None:
    clock = EmulatorClock(speed=0, epoch=EPOCH)
    assert clock.time() == clock.time() == EPOCH
    clock.advance(12.5)
    assert clock.time() == EPOCH + 12.5


def test_time_runs_faster() -> None:
    clock = EmulatorClock(speed=1000, epoch=EPOCH)
    began = time.monotonic()
    while time.monotonic() - began < 0.01:
        pass
    assert 10 <= clock.time() - EPOCH < 1000


def test_a_change_of_speed_keeps_the_time() -> None:
    clock = EmulatorClock(speed=0, epoch=EPOCH)
    clock.advance(100)
    clock.set_speed(0.001)
    assert clock.speed == 0.001
    assert EPOCH + 100 <= clock.time() < EPOCH + 101


@pytest.mark.parametrize("speed", [-1, -0.1])
def test_a_negative_speed_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        EmulatorClock(speed=speed)
    with pytest.raises(ValueError, match="speed"):
        EmulatorClock().set_speed(speed)


async def test_timers_fire_in_order_at_their_own_times() -> None:
    clock = EmulatorClock(speed=0, epoch=EPOCH)
    clock.attach(asyncio.get_running_loop())
    seen: list[tuple[str, float]] = []
    clock.call_later(20, lambda: seen.append(("late", clock.time())))
    clock.call_later(10, lambda: seen.append(("early", clock.time())))
    clock.call_later(15, lambda: seen.append(("cancelled", clock.time()))).cancel()
    clock.call_later(30, lambda: seen.append(("never", clock.time())))
    await clock.advance_async(20)
    assert seen == [("early", EPOCH + 10), ("late", EPOCH + 20)]
    assert clock.time() == EPOCH + 20
    clock.detach()


async def test_a_timer_set_by_a_timer_fires_on_the_way() -> None:
    clock = EmulatorClock(speed=0, epoch=EPOCH)
    clock.attach(asyncio.get_running_loop())
    seen: list[float] = []
    clock.call_later(1, lambda: clock.call_later(1, lambda: seen.append(clock.time())))
    await clock.advance_async(5)
    assert seen == [EPOCH + 2]
    clock.detach()


async def test_sleepers_wake_and_cancelled_ones_leave_no_timer() -> None:
    clock = EmulatorClock(speed=0, epoch=EPOCH)
    clock.attach(asyncio.get_running_loop())
    sleeper = asyncio.create_task(clock.sleep(60))
    other = asyncio.create_task(clock.sleep(3600))
    await asyncio.sleep(0)
    await clock.advance_async(60)
    await asyncio.wait_for(sleeper, 1)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    await clock.advance_async(3600)
    assert clock._due() is None
    clock.detach()


async def test_scaled_timers_fire_by_themselves() -> None:
    clock = EmulatorClock(speed=1000)
    clock.attach(asyncio.get_running_loop())
    await asyncio.wait_for(clock.sleep(20), 1)
    clock.detach()


async def test_setting_the_speed_wakes_what_stood_still() -> None:
    clock = EmulatorClock(speed=0)
    clock.attach(asyncio.get_running_loop())
    sleeper = asyncio.create_task(clock.sleep(20))
    await asyncio.sleep(0)
    clock.set_speed(10_000)
    await asyncio.wait_for(sleeper, 1)
    clock.detach()


def test_advance_from_another_thread_returns_when_all_is_done(emulator: Emulator) -> None:
    seen: list[float] = []
    start = emulator.clock.time()
    emulator.run(lambda: emulator.clock.call_later(5, lambda: seen.append(emulator.clock.time())))
    emulator.clock.advance(4.999)
    assert seen == []
    emulator.clock.advance(10)
    assert seen == [start + 5]


async def test_advance_from_another_loop() -> None:
    async with Emulator(speed=0) as emulator:
        before = emulator.clock.time()
        await emulator.clock.advance_async(60)
        assert emulator.clock.time() == before + 60
