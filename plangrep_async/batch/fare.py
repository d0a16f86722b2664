"""What a departure costs in the limiter's tokens, and the arithmetic between two prices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from attrs import frozen

__all__ = ["Fare", "difference", "fare_of"]


@frozen
class Fare:
    """``cost`` tokens of each of ``kinds``."""

    kinds: frozenset[str]
    cost: int = 1

    def of(self, kind: str) -> int:
        """Tokens of one kind."""
        return self.cost if kind in self.kinds else 0


@lru_cache(maxsize=256)
def fare_of(kinds: frozenset[str]) -> Fare:
    """What a call alone costs."""
    return Fare(kinds)


def difference(more: Fare, less: Fare) -> Iterator[Fare]:
    """What ``more`` takes beyond ``less``, as fares of one cost each."""
    by_cost: dict[int, set[str]] = {}
    for kind in more.kinds:
        missing = more.cost - less.of(kind)
        if missing > 0:
            by_cost.setdefault(missing, set()).add(kind)
    for cost, kinds in by_cost.items():
        yield Fare(frozenset(kinds), cost)
