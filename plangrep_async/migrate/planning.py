"""A dry run: what there is, what it will cost, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import aclosing

from attrs import field, frozen

from .document import Problem
from .sources import Source
from .targets import Estimate, Target

__all__ = ["Plan", "make_plan"]

_SHOWN = 20


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
        source_calls: calls that reading and fetching take of the source, at least.
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


async def make_plan(source: Source, target: Target) -> Plan:
    """Go through the source once. Memory does not grow with the number of documents."""
    kinds: Counter[str] = Counter()
    problems: Counter[Problem] = Counter()
    examples: dict[Problem, list[str]] = {}
    size = largest = 0
    async with aclosing(source.scan()) as batches:
        async for batch in batches:
            for found in map(target.adopt, batch):
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
    calls = 0
    if source.is_remote:
        # Pages of fifty; a record is read before its file is fetched; a sheet is printed, asked for and read.
        calls = -(-documents // 50) + kinds["attachment"] + kinds["photo"] + 3 * kinds["sheet"]
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
    )
