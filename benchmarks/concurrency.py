"""Does a load get slower when more uploads may run at once?

1 to 128 at once: this engine as a user sets it (it adapts below that number), held at that number, and rivals.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import clients
from .harness import plots
from .harness.job import PUT, Job
from .harness.loads import KIB, MIB, make_files
from .harness.runner import far_ends, in_turns
from .harness.table import save

QUICK = ["--scale", "0.1", "--repeats", "1", "--widths", "1", "8", "128"]
FIXED = f"{clients.OURS}, fixed"
RIVALS = ["obstore, lean", "aiohttp"]

# name: how many files of which size, in a run at full scale
_LOADS = {"64 KiB": (5000, 64 * KIB), "8 MiB": (512, 8 * MIB), "64 MiB": (128, 64 * MIB)}


def sag(points: list[tuple[int, float]]) -> tuple[float, int]:
    """The worst throughput at a width as a share of the best at any smaller one, and that width."""
    worst, at, best = 1.0, points[0][0], 0.0
    for width, rate in sorted(points):
        if best and rate / best < worst:
            worst, at = rate / best, width
        best = max(best, rate)
    return worst, at


def series(rows: Sequence[Mapping[str, Any]], load: str) -> dict[str, list[tuple[int, float]]]:
    """GB/s by width, for each client."""
    found: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if row["load"] == load and row.get("gb_per_second"):
            found.setdefault(row["client"], []).append((row["width"], row["gb_per_second"]))
    return found


def markdown(rows: list[dict[str, Any]]) -> str:
    """GB/s, a column for each width."""
    widths = sorted({row["width"] for row in rows})
    lines = [f"| load | client | {' | '.join(f'{width} at once' for width in widths)} | worst / best before |"]
    lines.append(f"|{'---|' * (len(widths) + 3)}")
    for load in dict.fromkeys(row["load"] for row in rows):
        for client, points in series(rows, load).items():
            by_width = dict(points)
            cells = [f"{by_width[width]:.2f}" if width in by_width else "" for width in widths]
            share, at = sag(points)
            lines.append(f"| {load} | {client} | {' | '.join(cells)} | {share:.2f} (at {at}) |")
    return "\n".join(lines)


def plot(rows: list[dict[str, Any]]) -> None:
    """Throughput against concurrency, one plot for each size of file."""
    for load in dict.fromkeys(row["load"] for row in rows):
        name = f"throughput_{load.lower().replace(' ', '_')}"
        plots.lines(name, series(rows, load), title=f"files of {load}, single PUT", x="uploads at once", y="GB/s")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks concurrency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the number of files")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--widths", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64, 128])
    parser.add_argument("--loads", nargs="+", default=list(_LOADS), choices=_LOADS)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--timeout", type=float, default=120.0)
    options = parser.parse_args()
    names = {clients.OURS: {}, FIXED: {"fixed": True}, **{name: {} for name in RIVALS}}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="concurrency-") as folder, far_ends([options.tls]) as sinks:
        sink = sinks[options.tls]
        for load in options.loads:
            count, size = _LOADS[load]
            sizes = [size] * max(128, int(count * options.scale))
            paths = make_files(Path(folder, load), sizes)
            files = [(str(path), size) for path in paths]
            ca_file = str(sink.ca_file) if sink.ca_file else None
            cases = []
            for width in options.widths:
                for name, given in names.items():
                    client = clients.OURS if name == FIXED else name
                    job = Job(client, sink.url, ca_file, PUT, width, files, options=given)
                    cases.append(({"load": load, "client": name, "width": width}, job, sink))
            rows += [each.as_json() for each in in_turns(cases, repeats=options.repeats, timeout=options.timeout)]
    text = markdown(rows)
    save("concurrency", {"scale": options.scale, "repeats": options.repeats, "tls": options.tls}, rows, text)
    plot(rows)
    print(text)


if __name__ == "__main__":
    main()
