"""What became of a migration: Markdown for people, CSV for tables, a chart of its course."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .chart import draw_chart
from .document import ARRIVED, FINDINGS, Document, Problem, State
from .journal import Group, Journal, Sample
from .status import Status, read_status

__all__ = ["write_report"]

_SHOWN = 50
_PAGE = 500
_COLUMNS: tuple[str, ...] = (
    "key",
    "kind",
    "name",
    "folder",
    "title",
    "classification",
    "size",
    "sha256",
    "state",
    "problem",
    "target_id",
    "group",
    "attempts",
    "error",
    "duplicate_of",
    "created_at",
    "created_by",
    "other",
)
"""Columns of ``documents.csv``; ``other`` has what else is kept of a document, as JSON."""


async def write_report(journal: Journal, folder: Path) -> tuple[Path, ...]:
    """Write ``report.md``, ``documents.csv`` (one line a document) and ``course.png`` into ``folder``.

    Memory does not grow with the number of documents. Raises ``OSError`` where they cannot be written, and
    :class:`~plangrep_async.errors.ConfigurationError` where matplotlib is not installed; the other two are there then.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    paths = tuple(folder / name for name in ("report.md", "documents.csv", "course.png"))
    status, samples = await read_status(journal), await journal.samples()
    groups = {group.id: group for group in await journal.groups()}
    table = await asyncio.to_thread(_Table, paths[1])
    try:
        page: list[Document] = []
        async for document in journal.documents():
            page.append(document)
            if len(page) == _PAGE:
                await asyncio.to_thread(table.write, await _rows(journal, page, groups))
                page = []
        await asyncio.to_thread(table.write, await _rows(journal, page, groups))
    finally:
        await asyncio.to_thread(table.close)
    wrong = {
        finding: [document async for document in _first(journal, *ARRIVED, problem=finding)] for finding in FINDINGS
    }
    failed = [document async for document in _first(journal, State.FAILED)]
    skipped = [document async for document in _first(journal, State.SKIPPED)]
    keys = await _twins(journal, skipped)
    bad_groups = [(group.target_id, group.state, group.error) for group in groups.values() if group.error]
    text = _markdown(status, samples, wrong, failed, skipped, keys, bad_groups)
    await asyncio.to_thread(paths[0].write_text, text, encoding="utf-8", errors="backslashreplace")
    await asyncio.to_thread(draw_chart, samples, paths[2])
    return paths


class _Table:
    """The CSV while it is written. Blocks on the disk."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.DictWriter(self._file, _COLUMNS)
        self._writer.writeheader()
        self.close = self._file.close

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._writer.writerows(rows)


async def _first(journal: Journal, *states: State, problem: Problem | None = None) -> AsyncGenerator[Document, None]:
    number = 0
    async for document in journal.documents(*states, problem=problem):
        yield document
        number += 1
        if number == _SHOWN:
            return


async def _twins(journal: Journal, documents: Sequence[Document]) -> Mapping[int, str]:
    """The keys of the documents that went instead of duplicates."""
    return await journal.keys({twin for document in documents if (twin := document.duplicate_of) is not None})


async def _rows(journal: Journal, page: Sequence[Document], groups: Mapping[int, Group]) -> list[dict[str, Any]]:
    keys = await _twins(journal, page)
    rows: list[dict[str, Any]] = []
    for document in page:
        values = {name: getattr(document, name, None) for name in _COLUMNS}
        group = groups.get(document.group_id or 0)
        values["group"] = group and group.target_id
        values["duplicate_of"] = keys.get(document.duplicate_of or 0)
        kept = dict(document.attributes)
        values["created_at"] = kept.pop("created_at", None) or kept.pop("published_at", None)
        values["created_by"] = kept.pop("created_by", None) or kept.pop("published_by", None)
        values["other"] = json.dumps(kept, ensure_ascii=False, default=str) if kept else None
        rows.append(values)
    return rows


def _code(text: str | None) -> str:
    """A name in Markdown's type for code; it may hold backticks, or break the line."""
    line = " ".join((text or "?").split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence} {line} {fence}" if "`" in line else f"`{line}`"


def _line(text: str | None) -> str:
    return " ".join((text or "no reason is known").split())


def _markdown(
    status: Status,
    samples: Sequence[Sample],
    wrong: Mapping[Problem, Sequence[Document]],
    failed: Sequence[Document],
    skipped: Sequence[Document],
    keys: Mapping[int, str],
    bad_groups: Sequence[tuple[str | None, str, str | None]],
) -> str:
    tally = status.tally
    lines = ["# Migration", "", f"From {_code(status.source)} to {_code(status.target)}.", ""]
    lines += ["| state | documents | bytes |", "| --- | ---: | ---: |"]
    lines += [f"| {state} | {tally.count(state):,} | {tally.size(state):,} |" for state in State if tally.count(state)]
    lines += [f"| all | {tally.total:,} | {sum(tally.bytes.values()):,} |", ""]
    if tally.problems:
        lines += ["| problem | documents |", "| --- | ---: |"]
        lines += [f"| {problem} | {number:,} |" for problem, number in sorted(tally.problems.items())]
        lines.append("")
    if status.groups:
        lines += ["| jobs or versions | number |", "| --- | ---: |"]
        lines += [f"| {state} | {number:,} |" for state, number in sorted(status.groups.items())]
        lines.append("")
    lines += _course(samples)
    for finding, found in wrong.items():
        if found:
            number = tally.problems[finding]
            lines += [f"## {finding.capitalize()} at the target ({number:,})", ""]
            lines += [f"* {_code(document.key)}: {_line(document.error)}" for document in found]
            lines += ["* … all of them stand in documents.csv", ""] if number > _SHOWN else [""]
    if failed:
        lines += [f"## Failed ({tally.count(State.FAILED):,})", ""]
        lines += [f"* {_code(document.key)}: {_line(document.error)}" for document in failed]
        lines += ["* … all of them stand in documents.csv", ""] if tally.count(State.FAILED) > _SHOWN else [""]
    if skipped:
        lines += [f"## Left out ({tally.count(State.SKIPPED):,})", ""]
        for document in skipped:
            text = f"* {_code(document.key)}: {document.problem}"
            if document.problem is Problem.DUPLICATE:
                text += f" of {_code(keys.get(document.duplicate_of or 0))}"
            lines.append(text)
        lines += ["* … all of them stand in documents.csv", ""] if tally.count(State.SKIPPED) > _SHOWN else [""]
    if bad_groups:
        lines += ["## Jobs and versions with a problem", ""]
        lines += [f"* {_code(target_id)} ({state}): {_line(error)}" for target_id, state, error in bad_groups[:_SHOWN]]
        lines.append("")
    lines += ["![Throughput and errors over time](course.png)", ""]
    return "\n".join(lines)


def _course(samples: Sequence[Sample]) -> list[str]:
    if len(samples) < 2:
        return []
    first, last = samples[0], samples[-1]
    seconds = max(last.time - first.time, 0.001)
    began, ended = (
        datetime.fromtimestamp(sample.time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") for sample in (first, last)
    )
    return [
        f"Runs from {began} to {ended}: {last.documents - first.documents:,} documents and "
        f"{last.bytes - first.bytes:,} bytes arrived, {(last.bytes - first.bytes) / seconds / 1e6:.2f} MB/s over all.",
        "",
    ]
