"""Checks of body fields, with the documented words where there are any."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .message import ApiError, show
from .timestamp import parse_date, parse_timestamp

if TYPE_CHECKING:
    from .visit import Visit

__all__ = [
    "boolean",
    "choice",
    "date",
    "filled_text",
    "known_fields",
    "nullable_text",
    "number",
    "timestamp",
    "uid_list",
]

Body = Mapping[str, Any]


def known_fields(visit: Visit, known: Collection[str]) -> None:
    """Refuse fields that the page does not list (unverified: the words of PlanGrid's own server toolkit)."""
    unknown = [name for name in visit.body if name not in known]
    if unknown and visit.world.settings.refuse_unknown_fields:
        raise ApiError(
            400,
            "JSON body parameters are invalid.",
            errors={name: f"Unexpected field: {name}" for name in unknown},
        )


def filled_text(body: Body, name: str, label: str) -> str:
    """A string of one character at least; a missing field counts as null."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, f"{label} ({show(value)}) must be a string at least one character long.")
    return value


def nullable_text(body: Body, name: str, label: str, *, filled: bool = False, limit: int | None = None) -> str | None:
    """Null or a string; ``filled`` refuses the empty one, ``limit`` is a number of characters.

    With a limit, the words are those of the RFI pages ("RFI title cannot exceed 200 characters.").
    """
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or (filled and not value):
        end = "null or a string at least one character long." if filled else "null or a string."
        raise ApiError(400, f"{label} ({show(value)}) must be {end}")
    if limit is not None and len(value) > limit:
        raise ApiError(400, f"RFI {name} cannot exceed {limit} characters.")
    return value


def boolean(body: Body, name: str, label: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise ApiError(400, f"{label} must be a boolean.")
    return value


def choice(body: Body, name: str, label: str, values: Collection[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or value not in values:
        raise ApiError(400, f"{label} ({show(value)}) must be one of {', '.join(sorted(values))}.")
    return value


def number(body: Body, name: str, label: str, *, whole: bool = False) -> Decimal | None:
    """Null or a number; ``whole`` for an integer."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int if whole else int | Decimal):
        raise ApiError(400, f"{label} ({show(value)}) must be null or {'an integer' if whole else 'a number'}.")
    return Decimal(value)


def timestamp(body: Body, name: str, label: str) -> float | None:
    """Null or a strict timestamp, as seconds since 1970."""
    value = body.get(name)
    if value is None:
        return None
    seconds = parse_timestamp(value)
    if seconds is None:
        raise ApiError(400, f"{label} ({show(value)}) must be null or a datetime in ISO-8601 format.")
    return seconds


def date(body: Body, name: str, label: str) -> str | None:
    """Null or a strict date."""
    value = body.get(name)
    if value is not None and parse_date(value) is None:
        raise ApiError(400, f"{label} ({show(value)}) must be null or a date in ISO-8601 format.")
    return value if isinstance(value, str) else None


def uid_list(body: Body, name: str) -> list[str]:
    """Assignees: an array of strings, or null for none."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(400, f"Assignees ({show(value)}) must be an array of UIDs of users on project.")
    return list(dict.fromkeys(value))
