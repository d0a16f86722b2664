"""Repeatable choices for seeded records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .uid import mix

__all__ = ["Dice"]

T = TypeVar("T")


class Dice:
    """A stream of choices that depends on its seed alone; much cheaper to make than ``random.Random``."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = mix(seed & 0xFFFFFFFFFFFFFFFF)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit - 1``."""
        self._state = mix(self._state ^ 0xD1B54A32D192ED03)
        return (self._state >> 11) % limit

    def one_in(self, n: int) -> bool:
        """True for one of ``n`` on average."""
        return self.below(n) == 0

    def share(self, share: float) -> bool:
        """True for that share of all throws."""
        return self.below(1_000_000) < share * 1_000_000

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.below(len(choices))]
