"""How fast and how dear are uploads, beside the rivals'?

Five loads, plain and over TLS, as single PUT, as multipart and as form, against a far end that drops the bytes. Every
client runs in a process of its own, in turns with the others.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import clients
from .harness import plots
from .harness.job import WAYS, Job
from .harness.loads import LOADS, make_files
from .harness.runner import Figures, far_ends, in_turns
from .harness.table import Columns, save, table, with_spread
from .sink import Sink

QUICK = ["--scale", "0.05", "--repeats", "1", "--timeout", "30"]

COLUMNS: Columns = {
    "client": "client",
    "GB/s": with_spread("gb_per_second", 2),
    "CPU s/GB": with_spread("cpu_per_gb", 2),
    "files/s": with_spread("files_per_second", 1),
    "CPU ms/file": with_spread("cpu_ms_per_file", 2),
    "peak memory, MB": lambda row: f"{row['peak_mb']:,.0f}" if "peak_mb" in row else "",
    "sink, CPU s/GB": lambda row: f"{row['sink_cpu_per_gb']:.2f}" if "sink_cpu_per_gb" in row else "",
    "": lambda row: "",
}


def wire(tls: bool) -> str:
    """As tables call it."""
    return "TLS" if tls else "plain"


def cases(
    sinks: dict[bool, Sink], folder: Path, options: argparse.Namespace, load: str
) -> Iterator[tuple[dict[str, Any], Job, Sink]]:
    """One load in all ways, every client beside its rivals."""
    chosen = LOADS[load]
    sizes = chosen.sizes(options.scale)
    files = [(str(path), size) for path, size in zip(make_files(folder / load, sizes), sizes, strict=True)]
    for tls, sink in sinks.items():
        for way in options.ways:
            for name, client in clients.CLIENTS.items():
                if way in client.ways and name in options.clients:
                    about = {"load": chosen.words(options.scale), "wire": wire(tls), "way": way, "client": name}
                    ca_file = str(sink.ca_file) if sink.ca_file else None
                    yield {**about, "name": load}, Job(name, sink.url, ca_file, way, chosen.at_once, files), sink


def markdown(rows: list[dict[str, Any]]) -> str:
    """A table for each load, wire and way."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["load"], row["wire"], row["way"]), []).append(row)
    return "\n\n".join(f"### {', '.join(key)}\n\n{table(group, COLUMNS)}" for key, group in groups.items())


def plot(rows: list[dict[str, Any]]) -> None:
    """CPU per GB of each client, for each load."""
    for tls in ("plain", "TLS"):
        groups: dict[str, dict[str, float]] = {}
        for row in rows:
            if row["wire"] == tls and row["way"] == "put" and row.get("cpu_per_gb") and row["name"] != "small":
                groups.setdefault(row["load"], {})[row["client"]] = row["cpu_per_gb"]
        if groups:
            plots.bars(f"cpu_per_gb_{tls.lower()}", groups, title=f"single PUT, {tls}", y="CPU seconds per GB")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks uploads", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of each load")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--loads", nargs="+", default=list(LOADS), choices=LOADS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--wires", nargs="+", default=["plain", "TLS"], choices=["plain", "TLS"])
    parser.add_argument("--clients", nargs="+", default=list(clients.CLIENTS), choices=clients.CLIENTS)
    parser.add_argument("--patience", type=float, default=20.0, help="a run longer than this is not repeated")
    parser.add_argument("--timeout", type=float, default=300.0, help="a run longer than this is given up")
    parser.add_argument("--save-as", default="uploads", help="name of the results")
    options = parser.parse_args()
    figures: list[Figures] = []
    with (
        tempfile.TemporaryDirectory(prefix="uploads-") as folder,
        far_ends([kind == "TLS" for kind in options.wires]) as sinks,
    ):
        for load in options.loads:
            figures += in_turns(
                list(cases(sinks, Path(folder), options, load)),
                repeats=options.repeats,
                patience=options.patience,
                timeout=options.timeout,
            )
    rows = [each.as_json() for each in figures]
    text = markdown(rows)
    save(options.save_as, {"scale": options.scale, "repeats": options.repeats}, rows, text)
    plot(rows)
    print(text)


if __name__ == "__main__":
    main()
