"""A string that does not print itself."""

from __future__ import annotations

import hmac

from .._checks import check_kinds

__all__ = ["Secret"]


class Secret:
    """A key, token or signing secret. ``repr``, ``str`` and ``format`` hide it; :meth:`reveal` gives it.

    Two secrets compare in constant time; a secret never equals a plain string.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        check_kinds(**{"a key, token or secret": (value, str | Secret)})
        self._value: str = value._value if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """The secret itself. Do not log it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret('[redacted]')"

    def __str__(self) -> str:
        return "[redacted]"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)
