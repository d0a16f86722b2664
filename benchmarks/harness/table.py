"""Results on disk, and in tables."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["Columns", "RESULTS", "load", "load_all", "save", "table", "with_spread"]

RESULTS = Path(__file__).parents[1] / "results"
Row = Mapping[str, Any]
Columns = Mapping[str, str | Callable[[Row], str]]  # title -> key of the row, or what makes a cell of it


def save(question: str, options: Mapping[str, Any], rows: Sequence[Row], markdown: str) -> None:
    """``results/<question>.json`` and ``.md``."""
    RESULTS.mkdir(exist_ok=True)
    content = {"question": question, "python": platform.python_version(), "options": dict(options), "rows": list(rows)}
    (RESULTS / f"{question}.json").write_text(json.dumps(content, indent=1))
    (RESULTS / f"{question}.md").write_text(markdown + "\n")


def load(question: str) -> dict[str, Any] | None:
    """What :func:`save` wrote last."""
    path = RESULTS / f"{question}.json"
    return json.loads(path.read_text()) if path.exists() else None


def load_all(question: str) -> dict[str, Any]:
    """The same, with the rows of ``<question>_<anything>`` joined: runs that were saved apart."""
    names = sorted(path.stem for path in RESULTS.glob(f"{question}*.json"))
    found = [content for name in names if (content := load(name)) is not None]
    rows = [{**row, "scale": content["options"]["scale"]} for content in found for row in content["rows"]]
    scales = sorted({content["options"]["scale"] for content in found}, reverse=True)
    return {"rows": rows, "scales": scales}


def with_spread(figure: str, digits: int) -> Callable[[Row], str]:
    """The median, and least to most where there was more than one run."""

    def cell(row: Row) -> str:
        if row.get(figure) is None:
            return ""
        low, high = row[f"{figure}_min_max"]
        text = f"{row[figure]:,.{digits}f}"
        return text if len(row["runs"]) < 2 else f"{text} ({low:,.{digits}f} to {high:,.{digits}f})"

    return cell


def table(rows: Sequence[Row], columns: Columns) -> str:
    """Markdown; each column a title and either a key or a function of the row."""
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for row in rows:
        cells = [str(row.get(cell, "")) if isinstance(cell, str) else cell(row) for cell in columns.values()]
        if row.get("error"):
            cells[-1] = f"{cells[-1]} {row['error']}".strip()
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
