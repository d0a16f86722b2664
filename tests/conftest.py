"""What every test gets: no blocking call on an event loop goes unseen. And a real S3 server, for those that ask."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import hypothesis
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from plangrep_async.testing import ManualClock, SeaweedFS, settle

# A busy machine is no failure: examples have no time limit of their own, each test has one.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster]:
    """A blocking call of the package on the event loop raises ``BlockingError``."""
    with blockbuster_ctx("plangrep_async") as blockbuster:
        # coverage takes a lock of its own wherever it looks, also on the loop of a thread.
        blockbuster.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield blockbuster


Finish: TypeAlias = Callable[[ManualClock, Awaitable[Any]], Awaitable[Any]]


@pytest.fixture
async def finish(monkeypatch: pytest.MonkeyPatch) -> Finish:
    """Awaits to the end what works on the disk, too: the clock jumps from timer to timer while no thread is at work."""
    loop = asyncio.get_running_loop()
    run_in_executor = loop.run_in_executor
    begun: list[asyncio.Future[Any]] = []

    def watched(*arguments: Any) -> asyncio.Future[Any]:
        begun.append(run_in_executor(*arguments))
        return begun[-1]

    monkeypatch.setattr(loop, "run_in_executor", watched)

    async def to_the_end(clock: ManualClock, awaitable: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(awaitable)
        while True:
            await settle(100)
            if task.done():
                return await task
            if begun:
                await asyncio.wait([begun.pop()])  # and let those go on who have waited for it
                continue
            wait = clock.next_timer()
            assert wait is not None, "it waits for nothing"
            clock.tick(max(0.0, wait))

    return to_the_end


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A real S3 server."""
    with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server
