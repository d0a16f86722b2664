"""A shared allowance of bytes a second."""

from __future__ import annotations

__all__ = ["Pacer"]


class Pacer:
    """Holds the transfers that share it to ``rate`` bytes a second in all. Thread safe.

    ``rate`` may be set at any time and applies to what is sent from then on.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
