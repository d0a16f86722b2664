"""What a terminal of a common width shows while files go: every figure, whole."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from attrs import evolve
from rich.console import Console

from plangrep_async.cli.display import TerminalDisplay
from plangrep_async.cli.migrate_display import TerminalMigrationDisplay
from plangrep_async.migrate import Progress
from plangrep_async.upload import UploadProgress
from plangrep_async.upload.progress import FileProgress

MIGRATION = Progress(
    documents=130_000,
    arrived=100_000,
    failed=12,
    skipped=1_000,
    bytes_total=5_000_000_000,
    bytes_confirmed=2_500_000_000,
    rate=12_500_000.0,
    limiter_waiters=3,
    groups=400,
    seconds=100.0,
    seconds_left=3_700.0,
)
UPLOADS = UploadProgress(
    uploads_done=1_200,
    uploads_failed=3,
    uploads_known=1_300,
    all_known=True,
    bytes_known=5_000_000_000,
    bytes_sent=2_000_000_000,
    bytes_confirmed=1_900_000_000,
    seconds=100.0,
    rate=12_500_000.0,
    active=(FileProgress("the drawings of the second floor of the tower, revised.pdf", 150_000_000, 75_000_000, 0),),
)


def migration(console: Console) -> Callable[[], None]:
    display = TerminalMigrationDisplay(console)
    display.event(MIGRATION)
    return display.close


def submission(console: Console) -> Callable[[], None]:
    display = TerminalDisplay(console)
    display.progress(UPLOADS)
    return display.close


def shown(show: Callable[[Console], Callable[[], None]], width: int) -> list[str]:
    """The lines of what was drawn, without what colours them."""
    out = io.StringIO()
    show(Console(file=out, force_terminal=True, width=width, legacy_windows=False))()
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain(out)) if line.strip()]


def plain(out: io.StringIO) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_migration_has_a_bar_and_below_it_every_figure(width: int) -> None:
    lines = shown(migration, width)
    bar, *figures = lines[: next(place for place, line in enumerate(lines) if line.endswith("left")) + 1]
    assert set(bar) <= set("━╸╺ ")
    assert all(len(line) <= width for line in lines)
    assert " ".join(figures) == (
        "100,000 of 129,000 files, 2.5 GB of 5.0 GB confirmed, 12 failed, 1,000 left out, 400 batches, 12.5 MB/s, "
        "3 calls wait for the rate limit, about 1 h 01 min left"
    )


@pytest.mark.parametrize("width", [80, 120, 200])
def test_uploads_have_bars_and_below_them_every_figure(width: int) -> None:
    lines = shown(submission, width)
    place = max(place for place, line in enumerate(lines) if line.startswith("uploaded"))  # of the last drawing
    *_, first = (line for line in lines if line.startswith("all files"))
    assert "━" in first
    assert "1.9/5.0 GB" in first
    assert any(line.startswith("the drawings…") and "75.0/150.0 MB" in line for line in lines)
    assert all(len(line) <= width for line in lines)
    told = " ".join(lines[place : place + 2])
    assert "uploaded 1200 of 1300 files, 1.9 GB confirmed, 3 failed, 12.5 MB/s, about 4 min 00 s left" in told


def test_the_last_figures_stay_and_the_bars_go() -> None:
    out = io.StringIO()
    display = TerminalDisplay(Console(file=out, force_terminal=True, width=80, legacy_windows=False))
    display.progress(UPLOADS)
    display.progress(evolve(UPLOADS, final=True, active=()))
    assert plain(out).rstrip().endswith("3 failed, in 1 min 40 s")
