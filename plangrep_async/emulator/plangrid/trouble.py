"""Faults that only PlanGrid has: completions that fail with a URL, batches whose answers do not fit.

Everything else that can go wrong (statuses, delays, lost answers, also for single entries of a batch) is a rule in the
emulator's fault table.
"""

from __future__ import annotations

from random import Random
from typing import Any, Literal

from attrs import define, field

__all__ = ["BatchTampering", "Trouble"]

BatchTampering = Literal["drop", "add", "swap", "not a list"]


@define
class Trouble:
    """What goes wrong on demand.

    Attributes:
        completions: how many of the next completions of uploads answer 500 with a URL to try again.
        completion_share: the share of completions that do so, besides.
        batches: what happens to the answers of the next batches, first come first served: an entry is dropped at the
            end (``"drop"``), one is added (``"add"``), the first two change places (``"swap"``, which no client can
            notice by counting), or ``data`` is no array at all (``"not a list"``).
    """

    random: Random
    completions: int = 0
    completion_share: float = 0.0
    batches: list[BatchTampering] = field(factory=list)

    def completion_fails(self) -> bool:
        """Whether this completion fails; counts."""
        if self.completions:
            self.completions -= 1
            return True
        return self.completion_share > 0 and self.random.random() < self.completion_share

    def tamper(self, entries: list[dict[str, Any]]) -> Any:
        """The ``data`` of a batch's answer."""
        if not self.batches:
            return entries
        change = self.batches.pop(0)
        if change == "drop":
            return entries[:-1]
        if change == "add":
            return [*entries, entries[-1]]
        if change == "swap":
            return [*reversed(entries[:2]), *entries[2:]]
        return {str(position): entry for position, entry in enumerate(entries)}
