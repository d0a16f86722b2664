"""The first test of the project: requests that are cancelled at random leave the transport whole."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import Any

import httpx

from plangrep_async.session import SlotTransport

SLOTS = 10
CALLERS = 20
CALLS = 150


async def get(transport: SlotTransport, url: str) -> int:
    response = await transport.handle_async_request(httpx.Request("GET", url))
    try:
        await response.aread()
    finally:
        await response.aclose()
    return response.status_code


async def test_random_cancellations_lose_no_slot(rough_server: Any) -> None:
    before = asyncio.all_tasks()
    transport = SlotTransport(max_connections=SLOTS)
    dice = random.Random(20)
    outcomes = {"ok": 0, "cancelled": 0, "cut": 0}

    async def caller() -> None:
        for _ in range(CALLS):
            task = asyncio.create_task(get(transport, rough_server.url))
            if dice.random() < 0.5:
                # From "has not even started" to "reads the body": the server takes 0 to 4.5 ms.
                loop = asyncio.get_running_loop()
                loop.call_later(dice.random() * 0.005, task.cancel)
            try:
                await task
                outcomes["ok"] += 1
            except asyncio.CancelledError:
                outcomes["cancelled"] += 1
            except httpx.TransportError:
                outcomes["cut"] += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))

    assert sum(outcomes.values()) == CALLERS * CALLS
    assert min(outcomes.values()) > 50, outcomes
    statistics = transport.statistics()
    assert (statistics.busy, statistics.waiting) == (0, 0)
    assert statistics.idle <= SLOTS

    # All slots are there: as many requests as slots are under way at once, and every call succeeds.
    rough_server.behave()
    rough_server.delay = 0.05
    requests = [asyncio.create_task(get(transport, rough_server.url)) for _ in range(SLOTS)]
    while transport.statistics().busy < SLOTS:
        await asyncio.sleep(0)
    assert transport.statistics().waiting == 0
    assert await asyncio.gather(*requests) == [200] * SLOTS
    assert await asyncio.gather(*(get(transport, rough_server.url) for _ in range(200))) == [200] * 200

    await transport.aclose()
    while rough_server.open:
        await asyncio.sleep(0.001)
    assert asyncio.all_tasks() - before - rough_server._handlers <= {asyncio.current_task()}
    gc.collect()  # an unclosed socket or transport warns here, and warnings are errors
