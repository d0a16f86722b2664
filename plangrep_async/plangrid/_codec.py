"""JSON to records and back.

A record is read by a function generated for its class. When that fails, it is read again field by field: an optional
field that does not fit is left to ``extra``, and what must be there is named in the error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast, get_args, get_origin

import cattrs
from attrs import NOTHING, Attribute, fields, resolve_types
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ..session.call import Answer
from .models.record import OpenEnum, Record
from .timestamps import format_timestamp, parse_date, parse_timestamp

__all__ = ["loads", "nothing", "record_of", "structure", "unstructure"]

T = TypeVar("T")

_EXTRA = "\0extra"  # no JSON field is called so


def loads(content: bytes) -> Any:
    """JSON without binary floats. Raises ``ValueError``."""
    return json.loads(content, parse_float=Decimal, parse_constant=_refuse_constant)


def structure(data: Any, cls: type[T]) -> T:
    """``data`` as ``cls``. Raises ``ValueError`` that names what does not fit, and never its value."""
    return _converter.structure(data, cls)


def unstructure(record: Record) -> dict[str, Any]:
    """The record as JSON values; ``Decimal`` stays."""
    return cast("dict[str, Any]", _converter.unstructure(record))


def record_of(cls: type[T]) -> Callable[[Answer], T]:
    """The ``decode`` of a call whose answer is one ``cls``."""

    def decode(answer: Answer) -> T:
        return structure(loads(answer.content), cls)

    return decode


def nothing(_: Answer) -> None:
    """The ``decode`` of a call whose answer has no content that matters (204, or an undocumented body)."""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _wrong(value: Any, wanted: str) -> ValueError:
    return ValueError(f"should be {wanted}, not {type(value).__name__}")


def _string(value: Any, _: Any = str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong(value, "a string")
    return str(value)


def _integer(value: Any, _: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal | str) and (number := _decimal(value)) == number.to_integral_value():
        return int(number)
    raise _wrong(value, "an integer")


def _decimal(value: Any, _: Any = Decimal) -> Decimal:
    if isinstance(value, int | str | Decimal) and not isinstance(value, bool):
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise _wrong(value, "a number") from None
        # An exponent of thousands would be digits in thousands once it is an int.
        if number.is_finite() and abs(number.adjusted()) < 100:
            return number
    raise _wrong(value, "a number")


def _boolean(value: Any, _: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _wrong(value, "true or false")


def _array(value: Any, cls: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise _wrong(value, "an array")
    element = get_args(cls)[0]
    items: list[Any] = []
    for index, item in enumerate(value):
        try:
            items.append(_converter.structure(item, element))
        except (ValueError, TypeError) as error:
            raise ValueError(f"[{index}]: {error}") from None
    return tuple(items)


def _is_record(cls: Any) -> bool:
    origin = get_origin(cls) or cls
    return isinstance(origin, type) and issubclass(origin, Record)


def _is_array(cls: Any) -> bool:
    return get_origin(cls) is tuple


def _is_moment(cls: Any) -> bool:
    return bool({date, datetime} & set(get_args(cls)))


def _record_reader(cls: Any) -> Callable[[Any, Any], Any]:
    origin: Any = get_origin(cls) or cls
    resolve_types(origin)
    generated: Callable[[Any, Any], Any] = make_dict_structure_fn(cls, _converter, extra=override(rename=_EXTRA))
    attributes = tuple(attribute for attribute in fields(origin) if attribute.name != "extra")
    known = frozenset(attribute.name for attribute in attributes)
    aliases: Mapping[str, str] = getattr(origin, "ALIASES", {})

    def read(data: Any, _: Any) -> Any:
        if not isinstance(data, dict):
            raise _wrong(data, "an object")
        for alias, name in aliases.items():
            if alias in data and name not in data:
                data = {name if key == alias else key: value for key, value in data.items()}
        extra = {key: value for key, value in data.items() if key not in known} if data.keys() - known else {}
        try:
            return generated({**data, _EXTRA: extra} if extra else data, cls)
        except Exception:  # noqa: BLE001 - whatever did not fit is found below
            return _read_slowly(origin, attributes, data, extra)

    return read


def _read_slowly(cls: Any, attributes: tuple[Attribute[Any], ...], data: dict[str, Any], extra: dict[str, Any]) -> Any:
    values: dict[str, Any] = {}
    extra = dict(extra)
    for attribute in attributes:
        name = attribute.name
        required = attribute.default is NOTHING
        if name not in data:
            if required:
                raise ValueError(f"{cls.__name__}.{name} is missing")
            continue
        try:
            values[name] = _converter.structure(data[name], cast(Any, attribute.type))
        except (ValueError, TypeError, ArithmeticError) as error:
            if required:
                raise ValueError(f"{cls.__name__}.{name} {error}") from None
            extra[name] = data[name]
    return cls(**values, extra=extra)


def _record_writer(cls: Any) -> Callable[[Any], dict[str, Any]]:
    generated: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(cls, _converter, extra=override(omit=True))
    return lambda record: {**generated(record), **record.extra}


def _moment(value: Any, cls: Any) -> datetime | date | None:
    return parse_timestamp(value) if datetime in get_args(cls) else parse_date(value)


_converter = cattrs.Converter(detailed_validation=False)
for _cls, _read in ((str, _string), (int, _integer), (bool, _boolean), (Decimal, _decimal)):
    _converter.register_structure_hook(_cls, _read)
_converter.register_structure_hook(OpenEnum, lambda value, cls: cls(_string(value)))
_converter.register_structure_hook_func(_is_moment, _moment)
_converter.register_structure_hook_func(_is_array, _array)
_converter.register_structure_hook_factory(_is_record, _record_reader)
_converter.register_unstructure_hook_factory(_is_record, _record_writer)
_converter.register_unstructure_hook(
    datetime, lambda value: value.isoformat() if value.microsecond else format_timestamp(value, "timestamp")
)
_converter.register_unstructure_hook(date, date.isoformat)
