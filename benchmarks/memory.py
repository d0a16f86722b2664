"""How much memory do uploads need: 32 large ones at once, a long queue of small ones, files of any size?

*Large*: 32 uploads of 1 GiB at once; the growth above what the program had before. *Queue*: a million uploads of 4 KiB,
made as they are asked for; the peak of the process. *Size*: one file, for this engine and the rivals.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from . import clients
from .harness import plots
from .harness.job import MULTIPART, PUT, Job
from .harness.loads import GIB, MIB, make_files
from .harness.runner import far_ends, in_turns
from .harness.table import Columns, save, table

QUICK = ["--scale", "0.05"]
BUDGET = 64 * MIB

COLUMNS: Columns = {
    "case": "case",
    "client": "client",
    "way": "way",
    "peak, MB": lambda row: f"{row['peak_mb']:,.1f}" if "peak_mb" in row else "",
    "growth, MB": lambda row: f"{row['growth_mb']:,.1f}" if "growth_mb" in row else "",
    "seconds": lambda row: f"{row['seconds']:,.1f}" if "seconds" in row else "",
    "": lambda row: "",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks memory", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the sizes and of the queue")
    parser.add_argument("--parts", nargs="+", default=["large", "queue", "size"], choices=["large", "queue", "size"])
    parser.add_argument("--timeout", type=float, default=1200.0)
    parser.add_argument("--save-as", default="memory", help="name of the results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="memory-") as folder, far_ends([False]) as sinks:
        cases = list(_cases(Path(folder), sinks[False].url, options))
        with_sink = [(about, job, sinks[False]) for about, job in cases]
        rows = [each.as_json() for each in in_turns(with_sink, repeats=1, timeout=options.timeout)]
    text = table(rows, COLUMNS)
    save(options.save_as, {"scale": options.scale, "budget": BUDGET}, rows, text)
    _plot(rows)
    print(text)


def _cases(folder: Path, url: str, options: argparse.Namespace) -> list[tuple[dict[str, Any], Job]]:
    cases: list[tuple[dict[str, Any], Job]] = []

    def add(
        part: str, case: str, client: str, way: str, at_once: int, files: list[tuple[str, int]], **given: Any
    ) -> None:
        about = {"part": part, "case": case, "client": client, "way": way}
        cases.append((about, Job(client, url, None, way, at_once, files, options=given)))

    if "large" in options.parts:
        size = int(GIB * options.scale)
        (path,) = make_files(folder / "large", [size])
        words = f"32 x {size // MIB} MiB at once"
        for way in (PUT, MULTIPART):
            add("large", words, clients.OURS, way, 32, [(str(path), size)] * 32, memory=BUDGET, fixed=True)
    if "queue" in options.parts:
        count = int(1_000_000 * options.scale)
        (path,) = make_files(folder / "queue", [4096])
        # One file stands for the bytes that must arrive; the uploads themselves are made in the client.
        add("queue", f"{count:,} x 4 KiB", clients.OURS, PUT, 16, [(str(path), 4096 * count)], generated=count)
    if "size" in options.parts:
        for size in (16 * MIB, 64 * MIB, 256 * MIB, GIB, 4 * GIB):
            size = max(MIB, int(size * options.scale))
            (path,) = make_files(folder / str(size), [size])
            for name, client in clients.CLIENTS.items():
                way = MULTIPART if MULTIPART in client.ways else PUT
                add("size", f"one of {size / MIB:g} MiB", name, way, 1, [(str(path), size)])
    return cases


def _plot(rows: list[dict[str, Any]]) -> None:
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row["part"] == "size" and "peak_mb" in row:
            lines.setdefault(f"{row['client']}, {row['way']}", []).append((row["bytes"] / MIB, row["peak_mb"]))
    if lines:
        plots.lines("memory", lines, title="one file, plain", x="size of the file, MiB", y="peak memory, MB")


if __name__ == "__main__":
    main()
