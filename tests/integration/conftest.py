"""A proxy in front of a real storage service that breaks connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plangrep_async.testing import FaultProxy, SeaweedFS


@pytest.fixture
def proxy(seaweedfs: SeaweedFS) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweedfs.port) as proxy:
        yield proxy


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-matrix", metavar="FILE", help="write the table of test_fault_matrix.py to FILE")


@pytest.fixture(scope="session")
def fault_table(request: pytest.FixtureRequest) -> Iterator[dict[str, dict[str, str]]]:
    """Fault -> path -> outcome."""
    table: dict[str, dict[str, str]] = {}
    yield table
    target = request.config.getoption("--fault-matrix", default=None)
    if target:
        paths = list(dict.fromkeys(path for row in table.values() for path in row))
        lines = ["| fault | " + " | ".join(paths) + " |", "|---" * (len(paths) + 1) + "|"]
        lines += [
            f"| {fault} | " + " | ".join(row.get(path, "-") for path in paths) + " |" for fault, row in table.items()
        ]
        Path(target).write_text("\n".join(lines) + "\n")


@pytest.fixture
def record_fault(fault_table: dict[str, dict[str, str]]) -> Callable[[str, str, str], None]:
    def record(path: str, fault: str, outcome: str) -> None:
        fault_table.setdefault(fault, {})[path] = outcome

    return record
