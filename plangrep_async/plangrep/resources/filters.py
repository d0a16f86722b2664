"""What reads and searches can be narrowed by: checked, and put into wire form. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from ...errors import InvalidInputError
from ...session.call import CallKeywords, query_of
from .._codec import camel_case
from ..limits import check_classification, check_range

__all__ = ["filters_json", "filters_query", "split_keywords"]

_KEYWORDS = frozenset(CallKeywords.__annotations__)
_FROM_ONE = frozenset({"page_number", "page_start", "page_end"})


def split_keywords(filters: Mapping[str, Any], allowed: Collection[str]) -> tuple[dict[str, Any], CallKeywords]:
    """What was given, as wire names and checked values; and apart, how the call is to be sent.

    Args:
        allowed: the filters of the route.

    Raises:
        InvalidInputError: an unknown filter, a page below 1, a classification that is not documented.
    """
    values: dict[str, Any] = {}
    keywords: dict[str, Any] = {}
    for name, value in filters.items():
        if name in _KEYWORDS:
            keywords[name] = value
        elif name not in allowed:
            raise InvalidInputError(f"{name!r} is no filter of this route; it knows {', '.join(sorted(allowed))}")
        elif value is not None:
            values[camel_case(name)] = _checked(name, value)
    return values, cast("CallKeywords", keywords)


def _checked(name: str, value: Any) -> Any:
    if name in _FROM_ONE:
        return check_range(value, name, 1)
    if name == "classification":
        return check_classification(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = list(cast("Sequence[object]", value))
        if not all(isinstance(item, str) and item for item in items):
            raise InvalidInputError(f"{name} must hold strings that are not empty")
        return items
    return value


def filters_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """For a JSON body."""
    return {name: str(value) if isinstance(value, str) else value for name, value in values.items()}


def filters_query(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """For a query; lists are joined by commas ("List files": ``sheets``).

    Raises:
        InvalidInputError: an item of a list holds a comma itself.
    """
    for name, value in values.items():
        if isinstance(value, list) and any("," in item for item in cast("list[str]", value)):
            raise InvalidInputError(f"{name}: the service separates the items by commas, so none may hold one")
    return query_of(**{name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()})
