"""What is shown of a run's events, and what is not."""

from __future__ import annotations

import io
import json

import pytest

from plangrep_async.cli.migrate_display import JsonMigrationDisplay, LineMigrationDisplay, progress_line
from plangrep_async.migrate import DocumentEnded, Event, GroupEnded, Problem, Progress, Resumed, Scanned, State, Waiting

PROGRESS = Progress(
    documents=1_300,
    arrived=1_000,
    failed=2,
    skipped=100,
    bytes_total=5_000_000_000,
    bytes_confirmed=2_000_000_000,
    rate=12_500_000.0,
    limiter_waiters=3,
    groups=4,
    seconds=100.0,
    seconds_left=3_700.0,
)


def test_progress_in_a_line() -> None:
    assert progress_line(PROGRESS) == (
        "1,000 of 1,200 files, 2.0 GB of 5.0 GB confirmed, 2 failed, 100 left out, 4 batches, 12.5 MB/s, "
        "3 calls wait for the rate limit, about 1 h 01 min left"
    )
    ended = Progress(10, 10, 0, 0, 999, 999, 5.0, seconds=61.0, seconds_left=0.0, final=True)
    assert progress_line(ended) == "10 of 10 files, 999 B confirmed, in 1 min 01 s"


@pytest.mark.parametrize(
    ("event", "line", "when_quiet"),
    [
        (Scanned(7, 3), None, False),
        (Scanned(1_007, 3, final=True), "Found 1,007 documents, 3 of them new", False),
        (DocumentEnded("a.pdf", State.COMPLETED, "uid"), None, False),
        (DocumentEnded("a.pdf", State.DISCOVERED, error="503"), None, False),
        (DocumentEnded("a.pdf", State.FAILED, problem=Problem.REFUSED, error="422"), "a.pdf: 422", True),
        (
            DocumentEnded("floor 1/a.pdf", State.FAILED, error="a.pdf: only PDFs are taken"),
            "floor 1/a.pdf: only PDFs are taken",
            True,
        ),
        (GroupEnded("job_1", "completed", 100), "job_1: completed, 100 files", False),
        (GroupEnded("job_1", "failed", 100, "no pages"), "job_1: failed, 100 files: no pages", True),
        (Waiting("out of reach", 60.0), "out of reach; next try in 1 min 00 s", True),
        (Resumed(3_600.0), "It is there again after 1 h 00 min", False),
    ],
)
def test_events_in_lines(event: Event, line: str | None, when_quiet: bool) -> None:
    for quiet in (False, True):
        err = io.StringIO()
        LineMigrationDisplay(err, quiet=quiet).event(event)
        assert err.getvalue() == ("" if line is None or (quiet and not when_quiet) else f"{line}\n")


def test_every_event_is_an_object_in_ascii() -> None:
    out = io.StringIO()
    display = JsonMigrationDisplay(out)
    for event in (DocumentEnded("grüße\n☃.pdf", State.FAILED, problem=Problem.EMPTY), Resumed(1.0), PROGRESS, PROGRESS):
        display.event(event)
    display.say("text")
    assert out.getvalue().isascii()
    seen = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in seen] == ["document_ended", "resumed", "progress", "step"]
    assert (seen[0]["key"], seen[0]["state"], seen[0]["problem"]) == ("grüße\n☃.pdf", "failed", "empty")
