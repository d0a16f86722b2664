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
        source_calls: calls that reading and fetching take of the source at least, when they travel together; for an
            export those for its other records, too.
        source_calls_most: when each travels alone; retries and waiting for packets of sheets may take more.
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
        """That the calls need at least, under the documented limits of both ends, when a day's allowance is spread
        over the day."""
        return self.estimate.days + _days(self.source_calls)

    @property
    def days_most(self) -> float:
        """That they need when each travels alone."""
        return self.estimate.days_most + _days(self.source_calls_most)


def _days(calls: int) -> float:
    everything = (window for window in DOCUMENTED_LIMITS if window.kind == "all")
    return max(calls * window.interval / window.limit / _DAY for window in everything)


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
    estimate = target.estimate(documents, size, kinds)
    calls, calls_most = await source.calls(kinds, records=estimate.records)
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
        estimate=estimate,
        source_calls=calls,
        source_calls_most=calls_most,
    )
