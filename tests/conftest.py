"""What every test gets: no blocking call on an event loop goes unseen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from blockbuster import BlockBuster, blockbuster_ctx


@pytest.fixture(autouse=True)
def no_blocking_calls() -> Iterator[BlockBuster]:
    """A blocking call of the package on the event loop raises ``BlockingError``."""
    with blockbuster_ctx("plangrep_async") as blockbuster:
        # coverage takes a lock of its own wherever it looks, also on the loop of a thread.
        blockbuster.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
        yield blockbuster
