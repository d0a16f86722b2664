"""Arguments that are checked when they are given, whatever their types promise: not every user has a type checker.

Each check raises :class:`~plangrep_async.ConfigurationError`, which names the argument and the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import ConfigurationError

__all__ = ["check_kinds", "check_number", "is_number", "kind", "number"]

_NUMBERS = (int, float)


def is_number(value: object) -> bool:
    """Whether it is one: NaN, which is not equal to itself, is none, and ``True`` is a mistake."""
    return isinstance(value, _NUMBERS) and value is not True and value is not False and value == value


def check_number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    whole: bool = False,
) -> None:
    """A number in a range."""
    if is_number(value):
        given: Any = value
        low = (least is not None and given < least) or (above is not None and given <= above)
        if not low and (most is None or given <= most) and (not whole or isinstance(given, int)):
            return
    bounds = [f"{word} {bound:g}" for word, bound in (("of at least", least), ("above", above)) if bound is not None]
    bounds += [] if most is None else [f"of at most {most:g}"]
    rule = " ".join(["a whole number" if whole else "a number", " and ".join(bounds)]).strip()
    raise ConfigurationError(f"{name} must be {rule}, not {value!r:.100}")


def check_kinds(**given: tuple[object, Any]) -> None:
    """Each argument, by its name, is of its kind. Values are not shown, since some are secrets."""
    for name, (value, expected) in given.items():
        if not isinstance(value, expected):
            kinds = [expected] if isinstance(expected, type) else expected.__args__
            words = " or ".join("None" if each is type(None) else each.__name__ for each in kinds)
            default = "; leave it out for the default" if isinstance(None, expected) else ""
            raise ConfigurationError(f"{name} must be {words}, not {type(value).__name__}{default}")


# The same as validators of attrs' fields. They name the class too.


def number(
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    whole: bool = False,
    or_none: bool = False,
) -> Callable[[Any, Any, Any], None]:
    """A number in a range."""

    def validate(instance: Any, attribute: Any, value: Any) -> None:
        if value is not None or not or_none:
            name = f"{type(instance).__name__}.{attribute.name}"
            check_number(name, value, least=least, above=above, most=most, whole=whole)

    return validate


def kind(expected: Any) -> Callable[[Any, Any, Any], None]:
    """A value of this kind."""

    def validate(instance: Any, attribute: Any, value: Any) -> None:
        check_kinds(**{f"{type(instance).__name__}.{attribute.name}": (value, expected)})

    return validate
