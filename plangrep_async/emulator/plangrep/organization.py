"""An organization and its credits."""

from __future__ import annotations

from attrs import define

__all__ = ["Organization"]


@define(eq=False)
class Organization:
    """Attributes:
    available: credits that nothing has reserved.
    debited: credits spent so far.
    """

    id: str
    available: int
    debited: int = 0

    def take(self, amount: int) -> bool:
        """Take credits from the balance, all or none."""
        if amount > self.available:
            return False
        self.available -= amount
        return True
