"""A dry run: what there is, what it will cost, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing

from attrs import field, frozen

from ..plangrid.limits import DOCUMENTED_LIMITS
from .document import Problem
from .own_files import OwnFiles
from .sources import Source
from .sources.source import FETCHES
from .targets import Estimate, Target

__all__ = ["Plan", "make_plan"]

_SHOWN = 20
_DAY = 86_400.0


@frozen(kw_only=True)
class Plan:
    """What a migration would do. Nothing was sent, fetched or written for it.

    Attributes:
        source, target: locations.
        documents: that would go.
        bytes: of these; 0 for a source that does not tell sizes.
        sizes_known: whether the source tells them.
        largest: bytes of the largest.
        kinds: documents by kind.
        problems: documents that would not go, by problem.
        examples: a few keys of each problem.
        estimate: what is asked of the target.
        source_calls: calls that reading and fetching take of the source at least, when they travel together.
        source_calls_most: when each travels alone; waiting for packets of sheets may take more.
    """

    source: str
    target: str
    documents: int
    bytes: int
    sizes_known: bool
    largest: int
    kinds: Mapping[str, int]
    problems: Mapping[Problem, int]
    examples: Mapping[Problem, tuple[str, ...]] = field(factory=dict)
    estimate: Estimate
    source_calls: int = 0
    source_calls_most: int = 0

    @property
    def days(self) -> float:
        """That the calls need at least, under the documented limits of both ends."""
        everything = (window for window in DOCUMENTED_LIMITS if window.kind == "all")
        return self.estimate.days + max(
            self.source_calls * window.interval / window.limit / _DAY for window in everything
        )


async def make_plan(source: Source, target: Target, own: OwnFiles) -> Plan:
    """Go through the source once. Memory does not grow with the number of documents."""
    kinds: Counter[str] = Counter()
    problems: Counter[Problem] = Counter()
    examples: dict[Problem, list[str]] = {}
    size = largest = 0
    await own.look()
    async with aclosing(source.scan()) as batches:
        async for batch in batches:
            for found in (target.adopt(found) for found in batch if not own.holds(found)):
                if found.problem is None:
                    kinds[found.kind] += 1
                    size += found.size
                    largest = max(largest, found.size)
                    continue
                problems[found.problem] += 1
                shown = examples.setdefault(found.problem, [])
                if len(shown) < _SHOWN:
                    shown.append(found.key)
    documents = kinds.total()
    calls = calls_most = 0
    if source.is_remote:
        # Pages of fifty; a record is read before its file is fetched; a sheet is printed, asked for and read. Those of
        # files that are fetched at once may share a batch.
        pages = -(-documents // 50)
        reads = kinds["attachment"] + kinds["photo"] + 3 * kinds["sheet"]
        calls, calls_most = pages + -(-reads // FETCHES), pages + reads
    return Plan(
        source=source.location,
        target=target.location,
        documents=documents,
        bytes=size,
        sizes_known=not source.is_remote,
        largest=largest,
        kinds=kinds,
        problems=problems,
        examples={problem: tuple(keys) for problem, keys in examples.items()},
        estimate=target.estimate(documents, size, kinds),
        source_calls=calls,
        source_calls_most=calls_most,
    )
