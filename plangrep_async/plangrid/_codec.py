"""JSON to PlanGrid's records and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar, cast

from .._records import Codec
from ..session.call import Answer
from ..session.undocumented import Undocumented
from .timestamps import format_timestamp, parse_date, parse_timestamp

__all__ = ["CODEC", "exact", "loads", "nothing", "record_of", "structure"]

T = TypeVar("T")

_LONGEST = 100  # digits of an int; an exponent can stand for millions


def loads(content: bytes) -> Any:
    """JSON without binary floats. Raises ``ValueError``."""
    return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)


def exact(data: Any) -> Any:
    """JSON as :func:`loads` gives it, from JSON that was read with binary floats: their digits are those that came."""
    if isinstance(data, float):
        return Decimal(repr(data))
    if isinstance(data, Mapping):
        return {name: exact(value) for name, value in cast("Mapping[str, Any]", data).items()}
    if isinstance(data, list | tuple):
        return [exact(value) for value in cast("Sequence[Any]", data)]
    return data


def structure(data: Any, cls: type[T]) -> T:
    """``data`` as ``cls``. Raises ``ValueError`` that names what does not fit, and never its value."""
    return CODEC.read(data, cls)


def record_of(cls: type[T], uid: str | None = None) -> Callable[[Answer], T]:
    """The ``decode`` of a call whose answer is one ``cls``; the one of ``uid``, where it is known which.

    Of the parts of a batch nothing but their order says whose they are ("Send Batch Request"): a service that mixed
    them up would give one record for another.
    """

    def decode(answer: Answer) -> T:
        record = structure(loads(answer.content), cls)
        if uid is not None and _plain(getattr(record, "uid", uid)) != _plain(uid):
            raise Undocumented(f"{cls.__name__}.uid is not the one that was asked for")
        return record

    return decode


def _plain(uid: str) -> str:
    """A uid may be spelled in capitals, or without its hyphens."""
    return uid.replace("-", "").lower()


def nothing(_: Answer) -> None:
    """The ``decode`` of a call whose answer has no content that matters (204, or an undocumented body)."""


def _refuse_constant(name: str) -> Any:
    raise Undocumented(f"{name} is not JSON")


def _write_moment(moment: datetime) -> str:
    return moment.isoformat() if moment.microsecond else format_timestamp(moment, "timestamp")


def _write_number(number: Decimal) -> int | float | str:
    """As a number where ``json.dumps`` writes one of the same value, else the digits as a string."""
    if number.is_finite() and abs(number.adjusted()) < _LONGEST and number == number.to_integral_value():
        return int(number)
    written = float(number)
    return written if Decimal(repr(written)) == number else str(number)


CODEC = Codec(
    readers={datetime: parse_timestamp, date: parse_date},
    writers={datetime: _write_moment, date: date.isoformat, Decimal: _write_number},
    nulls=True,
)
