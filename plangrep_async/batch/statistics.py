"""What a coalescer has done so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from attrs import Factory, define, frozen

__all__ = ["CoalescerStatistics", "Tally"]


@frozen
class CoalescerStatistics:
    """A moment's view of a coalescer; all but the last three count since its start.

    Attributes:
        calls: calls that were handed in.
        bypassed: of these, calls that cannot or must not be in a batch and went straight to the session.
        shared: of these, calls that took part in the answer to an identical one under way.
        alone: requests that left with a single call.
        batches: batches that left.
        sizes: how many batches left with how many calls.
        retried: calls that were sent again after an answer that allows it, or none.
        refused: batches that the service refused as a whole, so that their calls left again in smaller ones.
        cancelled: calls that nobody waited for any more, deadlines included.
        waiting: calls in the queue.
        resting: calls that wait to be sent again.
        under_way: requests under way, batches and single calls.
    """

    calls: int = 0
    bypassed: int = 0
    shared: int = 0
    alone: int = 0
    batches: int = 0
    sizes: Mapping[int, int] = Factory(dict)
    retried: int = 0
    refused: int = 0
    cancelled: int = 0
    waiting: int = 0
    resting: int = 0
    under_way: int = 0

    @property
    def entries(self) -> int:
        """Calls that left in batches, each as often as it left."""
        return sum(size * times for size, times in self.sizes.items())

    @property
    def mean_size(self) -> float:
        """Calls in a batch on average; 0.0 before the first."""
        return self.entries / self.batches if self.batches else 0.0

    @property
    def requests(self) -> int:
        """Requests that left: batches and single calls. A repetition inside the session is not counted."""
        return self.batches + self.alone


@define
class Tally:
    """The counters behind :class:`CoalescerStatistics`."""

    calls: int = 0
    bypassed: int = 0
    shared: int = 0
    alone: int = 0
    retried: int = 0
    refused: int = 0
    cancelled: int = 0
    sizes: Counter[int] = Factory(Counter)

    def snapshot(self, *, waiting: int, resting: int, under_way: int) -> CoalescerStatistics:
        """The counters, frozen."""
        return CoalescerStatistics(
            calls=self.calls,
            bypassed=self.bypassed,
            shared=self.shared,
            alone=self.alone,
            batches=self.sizes.total(),
            sizes=dict(self.sizes),
            retried=self.retried,
            refused=self.refused,
            cancelled=self.cancelled,
            waiting=waiting,
            resting=resting,
            under_way=under_way,
        )
