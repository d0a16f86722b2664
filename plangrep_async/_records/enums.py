"""Enumerations that may grow."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

__all__ = ["OpenEnum"]


class OpenEnum(StrEnum):
    """An enumeration of strings that keeps values it does not know: a service may add some at any time.

    A value that is not listed becomes a member of its own, equal to its string, whose :attr:`is_known` is false.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this version of the package knows the value."""
        return self.value in type(self)._value2member_map_
