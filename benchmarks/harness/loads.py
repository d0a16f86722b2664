"""What is uploaded: sizes of files, and sparse files of these sizes, read once so that the page cache holds them."""

from __future__ import annotations

import math
import random
from pathlib import Path

from attrs import frozen

__all__ = ["LOADS", "Load", "make_files"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_READ = 8 * MIB


@frozen
class Load:
    """``count`` files of ``size`` bytes; ``size`` 0 for the mix. ``at_once``: uploads at once, for every client."""

    name: str
    title: str
    count: int
    size: int
    at_once: int

    def sizes(self, scale: float = 1.0) -> list[int]:
        """Bytes of each file. Up to 8 files shrink; of more there are fewer (16 at least)."""
        if self.count <= 8:
            return [max(MIB, int(self.size * scale))] * self.count
        count = max(16, int(self.count * scale))
        return [self.size] * count if self.size else _mix(count)

    def words(self, scale: float = 1.0) -> str:
        """The load as it was run."""
        sizes = self.sizes(scale)
        if not self.size:
            return f"mix: {len(sizes)} files, {sum(sizes) / 1e9:.1f} GB"
        one = f"{self.size // KIB} KiB" if self.size < MIB else f"{sizes[0] // MIB} MiB"
        return f"{len(sizes)} x {one}"


def _mix(count: int) -> list[int]:
    """Log-normal, as files in real projects are: median 3 MB, 20 KB to 2 GB; the same at every run."""
    chance = random.Random(4)
    return [int(min(2e9, max(2e4, chance.lognormvariate(math.log(3e6), 2.0)))) for _ in range(count)]


LOADS = {
    load.name: load
    for load in (
        Load("one", "one file of 4 GiB", 1, 4 * GIB, 1),
        Load("eight", "8 files of 1 GiB", 8, GIB, 8),
        Load("medium", "200 files of 8 MiB", 200, 8 * MIB, 16),
        Load("small", "5,000 files of 64 KiB", 5000, 64 * KIB, 16),
        Load("mix", "a mix, log-normal, 20 KB to 2 GB", 200, 0, 16),
    )
}


def make_files(folder: Path, sizes: list[int]) -> list[Path]:
    """A sparse file for each size. Equal sizes above 64 MiB share one file, so that all fit into the page cache."""
    folder.mkdir(parents=True, exist_ok=True)
    shared: dict[int, Path] = {}
    paths: list[Path] = []
    for number, size in enumerate(sizes):
        path = shared.get(size)
        if path is None:
            path = folder / f"{number}.pdf"
            with path.open("wb") as file:
                file.truncate(size)
            _warm(path)
            if size > 64 * MIB:
                shared[size] = path
        paths.append(path)
    return paths


def _warm(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(_READ):
            pass
