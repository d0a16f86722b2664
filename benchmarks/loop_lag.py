"""How long does the event loop of the program wait while 8 large uploads run?

Each client runs in an asyncio program that also wakes up every millisecond and notes how late it was. ``curl``, another
process, shows how late such a program is on this machine when it does nothing itself.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from . import clients
from .harness.job import MULTIPART, PUT, Job
from .harness.loads import LOADS, make_files
from .harness.runner import far_ends, in_turns
from .harness.table import Columns, save, table, with_spread
from .uploads import wire

QUICK = ["--scale", "0.05", "--repeats", "1"]

COLUMNS: Columns = {
    "wire": "wire",
    "client": "client",
    "way": "way",
    "bytes are moved by": lambda row: {"loop": "the loop", "threads": "threads", "process": "a process"}[row["where"]],
    "median, ms": with_spread("lag_median_ms", 2),
    "p99, ms": with_spread("lag_p99_ms", 2),
    "worst, ms": with_spread("lag_worst_ms", 1),
    "GB/s": with_spread("gb_per_second", 2),
    "": lambda row: "",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks loop_lag", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of 8 x 1 GiB")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clients", nargs="+", default=list(clients.CLIENTS), choices=clients.CLIENTS)
    parser.add_argument("--timeout", type=float, default=300.0)
    options = parser.parse_args()
    load = LOADS["eight"]
    sizes = load.sizes(options.scale)
    with tempfile.TemporaryDirectory(prefix="lag-") as folder, far_ends() as sinks:
        files = [(str(path), size) for path, size in zip(make_files(Path(folder), sizes), sizes, strict=True)]
        cases = []
        for tls, sink in sinks.items():
            for name in options.clients:
                client = clients.CLIENTS[name]
                way = PUT if PUT in client.ways else MULTIPART
                ca_file = str(sink.ca_file) if sink.ca_file else None
                about = {"wire": wire(tls), "client": name, "way": way, "where": client.where}
                cases.append((about, Job(name, sink.url, ca_file, way, load.at_once, files, watch=True), sink))
        figures = in_turns(cases, repeats=options.repeats, timeout=options.timeout)
    rows: list[dict[str, Any]] = [each.as_json() for each in figures]
    text = table(rows, COLUMNS)
    settings = {"scale": options.scale, "repeats": options.repeats, "load": load.words(options.scale)}
    save("loop_lag", settings, rows, text)
    print(text)


if __name__ == "__main__":
    main()
