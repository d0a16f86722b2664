"""What a run tells of its progress while it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plangrep_async.migrate import Event, FolderTree, Migration, MigrationOptions, PlanGridTarget, Progress, Target
from plangrep_async.migrate.run import Run
from plangrep_async.migrate.targets.job import JobFiller
from plangrep_async.testing import ScaledClock


class Watched:
    """Progress events of a run, and a wait for one that says that the target has every byte."""

    def __init__(self) -> None:
        self.seen: list[Progress] = []
        self.whole = asyncio.Event()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.seen.append(event)
            if event.bytes_confirmed == event.bytes_total > 0:
                self.whole.set()

    def hold(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, that does nothing before."""

        async def held(*arguments: Any, **options: Any) -> Any:
            async with asyncio.timeout(20):
                await self.whole.wait()
            return await function(*arguments, **options)

        return held


# Where documents get their end, once all their bytes are stored.
ENDS = {"plangrep": (JobFiller, "_complete"), "plangrid": (Run, "completed"), "sheets": (Run, "arrived")}


@pytest.fixture(params=[*ENDS])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def target(kind: str, request: pytest.FixtureRequest) -> Target:
    if kind == "sheets":
        client, project = request.getfixturevalue("plangrid"), request.getfixturevalue("empty_project")
        return PlanGridTarget(client, project, options=MigrationOptions(pdfs="sheets"))
    found: Target = request.getfixturevalue(f"to_{kind}")
    return found


async def test_what_is_stored_is_confirmed_before_it_is_complete(
    kind: str, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    for number in range(6):
        (root / f"plan {number}.pdf").write_bytes(b"%PDF-1.4\n" + bytes([number]) * 1_000 * (number + 1))
    watched = Watched()
    owner, name = ENDS[kind]
    # Nothing is completed until a progress has told of every byte.
    monkeypatch.setattr(owner, name, watched.hold(getattr(owner, name)))
    migration = Migration(FolderTree(root), target, journal=tmp_path / "journal.db", clock=ScaledClock(20.0))
    status = await migration.run(watched)
    assert status.open == 0
    confirmed = [progress.bytes_confirmed for progress in watched.seen]
    assert confirmed == sorted(confirmed), "it never runs backwards"
    whole = next(progress for progress in watched.seen if progress.bytes_confirmed == progress.bytes_total)
    assert whole.arrived == 0
    assert (watched.seen[-1].arrived, watched.seen[-1].bytes_confirmed) == (6, whole.bytes_total)
