"""Runs the examples as a user does: as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def documents() -> list[Path]:
    """The small real PDFs that come with the examples."""
    return sorted((ROOT / "examples" / "documents").glob("*.pdf"))


@pytest.fixture
def environment() -> dict[str, str]:
    """Without an account: whoever runs the tests may have one in the environment."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PLANGREP_", "PLANGRID_"))}


@pytest.fixture
def example() -> Callable[[str], list[str]]:
    """The command of an example."""
    return lambda name: [sys.executable, "-W", "error", str(ROOT / "examples" / name)]


@pytest.fixture
def run(
    example: Callable[[str], list[str]], environment: dict[str, str], tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run an example to its end, in an empty folder."""

    def run(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*example(name), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    return run
