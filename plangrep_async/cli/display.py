"""What the command shows while it works: bars on a terminal, lines in a log, JSON for machines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TextIO, TypeAlias

from rich.console import Console, RenderableType
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from ..upload import UploadProgress

__all__ = ["Display", "JsonDisplay", "LineDisplay", "QuietDisplay", "TerminalDisplay", "choose_display", "size_text"]


Rows: TypeAlias = Iterable[Iterable[str]]


class Display(Protocol):
    """Told of each step. Reports for people go to stderr; a table, or JSON, to stdout."""

    def step(self, text: str, **facts: Any) -> None:
        """Something was done, or its state changed. ``facts`` are for machines."""
        ...

    def problem(self, text: str, **facts: Any) -> None:
        """Something failed; the command may go on."""
        ...

    def progress(self, progress: UploadProgress) -> None:
        """How far the uploads have come."""
        ...

    def table(self, title: str, columns: Iterable[str], rows: Rows, facts: Mapping[str, Any]) -> None:
        """The result, once, at the end."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


def size_text(size: float) -> str:
    """Bytes for people, in decimal units as the services count."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def time_text(seconds: float) -> str:
    """Seconds for people."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return (
        f"{whole // 60} min {whole % 60:02d} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    )


class QuietDisplay:
    """Shows problems only."""

    def __init__(self, err: TextIO) -> None:
        self._err = err

    def step(self, text: str, **facts: Any) -> None:
        pass

    def problem(self, text: str, **facts: Any) -> None:
        self._err.write(text + "\n")
        self._err.flush()

    def progress(self, progress: UploadProgress) -> None:
        pass

    def table(self, title: str, columns: Iterable[str], rows: Rows, facts: Mapping[str, Any]) -> None:
        pass

    def close(self) -> None:
        pass


class LineDisplay(QuietDisplay):
    """Plain lines, for logs and pipes; progress at most every five seconds."""

    INTERVAL = 5.0

    def __init__(self, out: TextIO, err: TextIO) -> None:
        super().__init__(err)
        self._out = out
        self._last = time.monotonic()

    def step(self, text: str, **facts: Any) -> None:
        self._err.write(text + "\n")
        self._err.flush()

    def progress(self, progress: UploadProgress) -> None:
        now = time.monotonic()
        if now - self._last < self.INTERVAL and not progress.final:
            return
        self._last = now
        self.step(progress_text(progress))

    def table(self, title: str, columns: Iterable[str], rows: Rows, facts: Mapping[str, Any]) -> None:
        lines = [list(columns), *(list(row) for row in rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        self._out.write(title + "\n")
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self._out.write("  ".join(cells).rstrip() + "\n")
        self._out.flush()


def progress_text(progress: UploadProgress) -> str:
    """One line of progress."""
    known = str(progress.uploads_known) if progress.all_known else f"{progress.uploads_known}+"
    text = f"uploaded {progress.uploads_done} of {known} files, {size_text(progress.bytes_confirmed)} confirmed"
    if progress.uploads_failed:
        text += f", {progress.uploads_failed} failed"
    if progress.final:
        return f"{text}, in {time_text(progress.seconds)}"
    text += f", {size_text(progress.rate)}/s"
    left = progress.seconds_left
    return text if left is None else f"{text}, about {time_text(left)} left"


class JsonDisplay(QuietDisplay):
    """One JSON object a line on stdout; the last one is the result."""

    INTERVAL = 1.0

    def __init__(self, out: TextIO, err: TextIO) -> None:
        super().__init__(err)
        self._out = out
        self._last = float("-inf")

    def _write(self, event: str, facts: Mapping[str, Any]) -> None:
        # ASCII: a file name that is not UTF-8 on disk must not end the command, nor break the line.
        self._out.write(json.dumps({"event": event, **facts}, default=str) + "\n")
        self._out.flush()

    def step(self, text: str, **facts: Any) -> None:
        self._write("step", {"text": text, **facts})

    def problem(self, text: str, **facts: Any) -> None:
        self._write("problem", {"text": text, **facts})

    def progress(self, progress: UploadProgress) -> None:
        now = time.monotonic()
        if now - self._last < self.INTERVAL and not progress.final:
            return
        self._last = now
        self._write(
            "progress",
            {
                "files_done": progress.uploads_done,
                "files_failed": progress.uploads_failed,
                "files": progress.uploads_known,
                "bytes": progress.bytes_known,
                "bytes_sent": progress.bytes_sent,
                "bytes_confirmed": progress.bytes_confirmed,
                "bytes_per_second": round(progress.rate),
                "seconds": round(progress.seconds, 3),
                "final": progress.final,
            },
        )

    def table(self, title: str, columns: Iterable[str], rows: Rows, facts: Mapping[str, Any]) -> None:
        self._write("result", facts)


class _Bars(Progress):
    """Bars, and below them a text, which a narrow terminal wraps."""

    text = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        yield Text(self.text)


class TerminalDisplay(QuietDisplay):
    """Bars that are redrawn calmly: one for the whole, one for each of the largest files on their way."""

    BARS = 5

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(sys.stderr)
        self._console = console or Console(stderr=True, highlight=False)
        self._progress: _Bars | None = None
        self._total: TaskID | None = None
        self._bars: dict[str, TaskID] = {}

    def step(self, text: str, **facts: Any) -> None:
        self._console.print(text, markup=False)

    def problem(self, text: str, **facts: Any) -> None:
        self._console.print(text, markup=False, style="bold red")

    def progress(self, progress: UploadProgress) -> None:
        if self._progress is None:
            self._progress = _Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=16),
                DownloadColumn(),
                TransferSpeedColumn(),
                console=self._console,
                refresh_per_second=5,
                transient=True,
            )
            self._progress.start()
            self._total = self._progress.add_task("all files", total=None)
        assert self._total is not None
        self._progress.text = progress_text(progress)
        self._progress.update(self._total, completed=progress.bytes_confirmed, total=progress.bytes_known or None)
        largest = sorted(progress.active, key=lambda file: -file.size)[: self.BARS]
        for name in self._bars.keys() - {file.name for file in largest}:
            self._progress.remove_task(self._bars.pop(name))
        for file in largest:
            if file.name not in self._bars:
                shown = file.name if len(file.name) <= 30 else file.name[:12] + "…" + file.name[-17:]
                self._bars[file.name] = self._progress.add_task(shown, total=file.size)
            self._progress.update(self._bars[file.name], completed=file.bytes_sent)
        if progress.final:
            self.close()
            self.step(progress_text(progress))

    def table(self, title: str, columns: Iterable[str], rows: Rows, facts: Mapping[str, Any]) -> None:
        table = Table(title=title, title_justify="left", highlight=False)
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        Console(highlight=False, markup=False).print(table)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress, self._total = None, None
            self._bars.clear()


def choose_display(*, as_json: bool, quiet: bool) -> Display:
    """The display for the options and for what stderr is."""
    if as_json:
        return JsonDisplay(sys.stdout, sys.stderr)
    if quiet:
        return QuietDisplay(sys.stderr)
    return TerminalDisplay() if sys.stderr.isatty() else LineDisplay(sys.stdout, sys.stderr)
