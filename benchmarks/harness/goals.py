"""The goals, and how far each was reached. Ratios are taken round by round, between runs that followed one another."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from attrs import frozen

from ..clients import CLIENTS, OURS
from ..concurrency import FIXED, sag, series

__all__ = ["Goal", "concurrency_goals", "lag_goals", "memory_goals", "upload_goals"]

Row = dict[str, Any]

_NOISE = 0.9  # less than this share of what was reached before counts as slower


@frozen
class Goal:
    """One goal in one case: what is wanted, what was found, whether less is better, and whether the rival was lean."""

    what: str
    where: str
    wanted: float
    found: float
    spread: tuple[float, float] | None = None
    less: bool = False
    unit: str = ""
    lean: bool = False

    @property
    def met(self) -> bool:
        return self.found <= self.wanted if self.less else self.found >= self.wanted

    def cells(self) -> tuple[str, ...]:
        """What, where, wanted, found, met."""
        if self.met:
            verdict = "met"
        else:
            off = self.found / self.wanted - 1 if self.less else 1 - self.found / self.wanted
            verdict = f"**missed** by {off:.0%}"
        sign = "at most" if self.less else "at least"
        found = f"{self.found:.2f}{self.unit}"
        if self.spread and self.spread[0] != self.spread[1]:
            found += f" ({self.spread[0]:.2f} to {self.spread[1]:.2f})"
        return (self.what, self.where, f"{sign} {self.wanted:g}{self.unit}", found, verdict)


def _value(run: Row, figure: str) -> float:
    seconds, cpu = float(run["seconds"]), float(run["cpu"])
    return {"speed": 1 / seconds, "cpu": cpu, "thrift": 1 / cpu}[figure]


def _ratio(ours: Row, theirs: Row, figure: str) -> tuple[float, tuple[float, float]] | None:
    ratios = [_value(a, figure) / _value(b, figure) for a, b in zip(ours["runs"], theirs["runs"], strict=False)]
    return (statistics.median(ratios), (min(ratios), max(ratios))) if ratios else None


# wire (None: both), loads, way (None: each), rival, figure, wanted, less is better
_RATIOS = [
    ("throughput, of curl's", "TLS", ("one", "eight"), "put", "curl", "speed", 1.0, False),
    ("throughput, of obstore's", "TLS", ("one", "eight"), None, "obstore", "speed", 1.5, False),
    ("CPU per GB, of obstore's", "TLS", ("one", "eight"), None, "obstore", "cpu", 0.5, True),
    ("throughput, of obstore's", "plain", ("one", "eight"), None, "obstore", "speed", 2.5, False),
    ("throughput, of boto3's", "plain", ("one", "eight"), None, "boto3", "speed", 10.0, False),
    ("files a second, of obstore's", None, ("small",), "put", "obstore", "speed", 1.0, False),
    ("files per CPU second, of aiohttp's", None, ("small",), "put", "aiohttp", "thrift", 2.0, False),
]


def upload_goals(rows: Sequence[Row]) -> Iterator[Goal]:
    """Large and small files; beside a rival that hashes more than the protocol needs, its lean run too."""
    found = {(row["name"], row["load"], row["wire"], row["way"], row["client"]): row for row in rows}
    for what, wire, loads, way, rival, figure, wanted, less in _RATIOS:
        for (name, load, on, by, client), ours in found.items():
            if client != OURS or name not in loads or wire not in (None, on) or way not in (None, by):
                continue
            for who in (rival, f"{rival}, lean"):
                theirs = found.get((name, load, on, by, who))
                ratio = theirs and _ratio(ours, theirs, figure)
                if ratio:
                    title = what if who == rival else what.replace(f"{rival}'s", f"lean {rival}'s")
                    yield Goal(title, f"{load}, {on}, {by}", wanted, *ratio, less, lean=who != rival)


def lag_goals(rows: Sequence[Row]) -> Iterator[Goal]:
    """Below 5 ms, and below every rival on the loop; beside it, how late an idle program is."""
    for wire in ("plain", "TLS"):
        by_client = {row["client"]: row for row in rows if row["wire"] == wire and row.get("lag_p99_ms")}
        ours = by_client.pop(OURS, None)
        if ours is None:
            continue
        idle = by_client.get("curl")
        where = wire if idle is None else f"{wire} (an idle program on this machine: {idle['lag_p99_ms']:.1f} ms)"
        lag = ours["lag_p99_ms"]
        yield Goal("event-loop lag, p99", where, 5.0, lag, tuple(ours["lag_p99_ms_min_max"]), True, " ms")
        on_loop = {name: row for name, row in by_client.items() if CLIENTS[name].where == "loop"}
        if on_loop:
            best = min(on_loop, key=lambda name: float(on_loop[name]["lag_p99_ms"]))
            yield Goal(
                f"the same, beside the best on the loop ({best})", wire, on_loop[best]["lag_p99_ms"], lag, None, True
            )


def memory_goals(rows: Sequence[Row], budget: int) -> Iterator[Goal]:
    """Growth of many large uploads, and the peak of a long queue."""
    for row in rows:
        if row["part"] == "large" and "growth_mb" in row:
            limit = (budget + (16 << 20)) / 1e6
            yield Goal(
                "growth below the budget and 16 MiB",
                f"{row['case']}, {row['way']}",
                round(limit, 1),
                row["growth_mb"],
                None,
                True,
                " MB",
            )
        if row["part"] == "queue" and "peak_mb" in row:
            yield Goal("peak of the process", row["case"], 150.0, row["peak_mb"], None, True, " MB")


def concurrency_goals(rows: Sequence[Row]) -> Iterator[Goal]:
    """The worst throughput at any width, as a share of the best at a smaller one."""
    for load in dict.fromkeys(row["load"] for row in rows):
        for client, points in series(rows, load).items():
            if client in (OURS, FIXED):
                share, at = sag(points)
                kind = "held at the number" if client == FIXED else "adapting"
                yield Goal(
                    "throughput, of the best with fewer at once",
                    f"files of {load}, {kind}, worst at {at}",
                    _NOISE,
                    share,
                )
