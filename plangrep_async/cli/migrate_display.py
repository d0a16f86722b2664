"""What a migration shows: a few lines that are redrawn calmly, plain lines for logs, JSON for machines."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Protocol, TextIO

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text

from ..migrate import DocumentEnded, Event, GroupEnded, Omitted, Progress, Resumed, Scanned, State, Waiting
from .display import size_text, time_text

__all__ = ["MigrationDisplay", "choose_migration_display", "progress_line", "write_json", "write_text"]


class MigrationDisplay(Protocol):
    """Told of each event. Reports for people go to stderr, JSON and results to stdout."""

    def event(self, event: Event) -> None: ...

    def say(self, text: str, **facts: Any) -> None: ...

    def problem(self, text: str, **facts: Any) -> None: ...

    def close(self) -> None: ...


def progress_line(now: Progress) -> str:
    """One line of progress."""
    text = f"{now.arrived:,} of {now.documents - now.skipped:,} files, {size_text(now.bytes_confirmed)}"
    if now.bytes_total > now.bytes_confirmed:
        text += f" of {size_text(now.bytes_total)}"
    text += " confirmed"
    if now.failed:
        text += f", {now.failed:,} failed"
    if now.skipped:
        text += f", {now.skipped:,} left out"
    if now.groups:
        text += f", {now.groups:,} batches"
    if now.final:
        return f"{text}, in {time_text(now.seconds)}"
    text += f", {size_text(now.rate)}/s"
    if now.limiter_waiters:
        text += f", {now.limiter_waiters} calls wait for the rate limit"
    return text if now.seconds_left is None else f"{text}, about {time_text(now.seconds_left)} left"


def event_line(event: Event) -> str | None:
    """A line for what is worth one."""
    match event:
        case Scanned(documents, new, True):
            return f"Found {documents:,} documents, {new:,} of them new"
        case DocumentEnded(key, State.FAILED, _, _, error):
            return f"{key}: {(error or '').removeprefix(f'{PurePosixPath(key).name}: ')}"
        case GroupEnded(target_id, state, documents, error):
            return f"{target_id}: {state}, {documents} files" + (f": {error}" if error else "")
        case Waiting(reason, seconds):
            return f"{reason}; next try in {time_text(seconds)}"
        case Omitted(kind, error):
            return f"The export is without records of the kind {kind!r}: {error}"
        case Resumed(seconds):
            return f"It is there again after {time_text(seconds)}"
        case _:
            return None


def write_json(out: TextIO, event: str, facts: Mapping[str, Any]) -> None:
    """One object, one line; ASCII, so that no name and no terminal's character set breaks it."""
    write_text(out, json.dumps({"event": event, **facts}, default=str) + "\n")


def write_text(out: TextIO, text: str) -> None:
    """Whoever reads it may have gone (``| head``): then the rest goes nowhere, and the work goes on.

    Raises:
        OSError: it cannot be written for another reason; what comes later goes nowhere, too.
    """
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
        if not isinstance(error, BrokenPipeError):
            raise


class LineMigrationDisplay:
    """Plain lines; progress at most every five seconds."""

    INTERVAL = 5.0

    def __init__(self, err: TextIO, *, quiet: bool = False) -> None:
        self._err = err
        self._quiet = quiet
        self._last = time.monotonic()

    def event(self, event: Event) -> None:
        if isinstance(event, Progress):
            now = time.monotonic()
            if not self._quiet and (event.final or now - self._last >= self.INTERVAL):
                self._last = now
                self.problem(progress_line(event))
            return
        line = event_line(event)
        troubled = isinstance(event, DocumentEnded | Waiting | Omitted) or (
            isinstance(event, GroupEnded) and event.error
        )
        if line is not None and (troubled or not self._quiet):
            self.problem(line)

    def say(self, text: str, **facts: Any) -> None:
        if not self._quiet:
            self.problem(text)

    def problem(self, text: str, **facts: Any) -> None:
        write_text(self._err, text + "\n")

    def close(self) -> None:
        pass


class JsonMigrationDisplay:
    """One JSON object a line on stdout; progress at most once a second."""

    INTERVAL = 1.0

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._last = float("-inf")

    def event(self, event: Event) -> None:
        if isinstance(event, Progress) and not event.final:
            if time.monotonic() - self._last < self.INTERVAL:
                return
            self._last = time.monotonic()
        self._write(re.sub("(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower(), attrs.asdict(event))

    def say(self, text: str, **facts: Any) -> None:
        self._write("step", {"text": text, **facts})

    def problem(self, text: str, **facts: Any) -> None:
        self._write("problem", {"text": text, **facts})

    def close(self) -> None:
        pass

    def _write(self, name: str, facts: Mapping[str, Any]) -> None:
        write_json(self._out, name, facts)


class TerminalMigrationDisplay:
    """A bar and below it the figures, redrawn twice a second; what is worth a line scrolls by above."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._live: Live | None = None

    def event(self, event: Event) -> None:
        if isinstance(event, Progress):
            if event.final:
                self.close()
                self._console.print(progress_line(event), markup=False)
            else:
                self._draw(event)
        elif isinstance(event, Scanned) and not event.final:
            self._show(Text(f"looking for documents: {event.documents:,}"))
        elif (line := event_line(event)) is not None:
            failed = isinstance(event, DocumentEnded) or (isinstance(event, GroupEnded) and event.error)
            style = "bold red" if failed else "yellow" if isinstance(event, Waiting) else ""
            self._console.print(line, markup=False, style=style)

    def _draw(self, now: Progress) -> None:
        # By bytes where sizes are known, else by files.
        ended = now.arrived + now.failed
        wanted = now.documents - now.skipped
        by_bytes = now.bytes_total > 0 and now.bytes_confirmed < now.bytes_total
        total, done = (now.bytes_total, now.bytes_confirmed) if by_bytes else (wanted, ended)
        bar = ProgressBar(total=max(total, 1), completed=done, width=60)
        # Padding ends the bar's line, which a bar by itself does not.
        self._show(Group(Padding(bar, 0), Text(progress_line(now))))

    def _show(self, content: Group | Text) -> None:
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(content, refresh=True)

    def say(self, text: str, **facts: Any) -> None:
        self._console.print(text, markup=False)

    def problem(self, text: str, **facts: Any) -> None:
        self._console.print(text, markup=False, style="bold red")

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def choose_migration_display(*, as_json: bool, quiet: bool) -> MigrationDisplay:
    """The display for the options and for what stderr is."""
    if as_json:
        return JsonMigrationDisplay(sys.stdout)
    if quiet or not sys.stderr.isatty():
        return LineMigrationDisplay(sys.stderr, quiet=quiet)
    return TerminalMigrationDisplay()
