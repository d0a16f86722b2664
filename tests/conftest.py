"""What every test gets: no blocking call on an event loop goes unseen. And a real S3 server, for those that ask."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from blockbuster import BlockBuster, blockbuster_ctx

from plangrep_async.testing import SeaweedFS

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


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    """A real S3 server."""
    with SeaweedFS(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server
