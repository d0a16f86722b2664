"""JSON values to records and back, with the spellings that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
from attrs import frozen

from ..session.call import Answer
from ..session.secret import Secret
from .models.record import OpenEnum, Record
from .timestamps import format_timestamp, parse_timestamp
from .unverified import WireNames

__all__ = ["DEFAULT_CODEC", "Codec", "camel_case", "field_of", "find_field", "json_object"]

R = TypeVar("R", bound=Record)
_ABSENT = object()


def json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. Raises ``ValueError`` when it holds none."""
    data = answer.json()
    if not isinstance(data, dict):
        raise ValueError(f"the body should be a JSON object, not {type(data).__name__}")
    return cast("dict[str, Any]", data)


def find_field(data: Mapping[str, Any], *spellings: str) -> Any:
    """The first of the fields that is there and not null, else ``None``."""
    for spelling in spellings:
        value = _find(data, spelling)
        if value is not _ABSENT and value is not None:
            return value
    return None


def field_of(data: Mapping[str, Any], *spellings: str) -> Any:
    """The first of the fields that is there and not null. Raises ``ValueError`` when none is."""
    value = find_field(data, *spellings)
    if value is None:
        raise ValueError(f"the body lacks {' or '.join(spellings)}")
    return value


def camel_case(name: str) -> str:
    """``created_at`` -> ``createdAt``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


@frozen
class _Field:
    name: str
    spellings: tuple[str, ...]
    required: bool
    optional: bool
    kind: Any
    hook: Callable[[Any, Any], Any]


class Codec:
    """Reads and writes records.

    Args:
        names: the spellings of fields that no page confirms; every other name is the attribute's in camelCase.
    """

    def __init__(self, names: WireNames | None = None) -> None:
        self._names = WireNames() if names is None else names
        self._converter = converter = cattrs.Converter(detailed_validation=False)
        for kind, structure in _STRICT.items():
            converter.register_structure_hook(kind, structure)
        converter.register_structure_hook(OpenEnum, lambda value, kind: kind(_string(value)))
        converter.register_structure_hook_factory(_is_tuple, self._tuple_hook)
        converter.register_structure_hook_factory(_is_record, self._record_hook)
        converter.register_unstructure_hook(OpenEnum, str.__str__)
        converter.register_unstructure_hook(datetime, format_timestamp)
        converter.register_unstructure_hook(Secret, Secret.reveal)
        converter.register_unstructure_hook_factory(_is_record, self._record_unhook)

    @property
    def names(self) -> WireNames:
        """The spellings in use."""
        return self._names

    def read(self, data: Any, kind: type[R]) -> R:
        """The record of a JSON object. Raises ``ValueError`` or ``TypeError``; the text names fields, never values."""
        return self._converter.structure(data, kind)

    def reader(self, kind: type[R], key: str | None = None) -> Callable[[Answer], R]:
        """The ``decode`` of a call whose answer is one record, alone or under ``key``."""

        def decode(answer: Answer) -> R:
            data = json_object(answer)
            return self.read(data if key is None else field_of(data, key), kind)

        return decode

    def list_reader(self, kind: type[R], key: str) -> Callable[[Answer], tuple[R, ...]]:
        """The ``decode`` of a call whose answer is an array of records under ``key``."""
        return lambda answer: tuple(self.read(item, kind) for item in _list(field_of(json_object(answer), key)))

    def spellings(self, kind: type[Record], attribute: str) -> tuple[str, ...]:
        """The names of a field on the wire; the first is the one to write."""
        for owner in kind.__mro__:
            found = self._names.find(f"{owner.__name__}.{attribute}")
            if found is not None:
                return found
        return (camel_case(attribute),)

    def write(self, record: Record) -> dict[str, Any]:
        """The JSON object of a record; what is ``None`` is left out."""
        return cast("dict[str, Any]", self._converter.unstructure(record))

    def _fields(self, kind: type[Record]) -> list[_Field]:
        attrs.resolve_types(kind)
        found: list[_Field] = []
        for attribute in attrs.fields(kind):
            if not _is_wire(attribute):
                continue
            hook = self._converter.get_structure_hook(attribute.type)
            found.append(
                _Field(
                    name=attribute.name,
                    kind=attribute.type,
                    spellings=self.spellings(kind, attribute.name),
                    required=attribute.default is attrs.NOTHING,
                    optional=attribute.default is None,
                    hook=hook,
                )
            )
        return found

    def _record_hook(self, kind: type[Record]) -> Callable[[Any, Any], Record]:
        fields: list[_Field] = []

        def structure(data: Any, _: Any) -> Record:
            if not isinstance(data, Mapping) and kind.bare_attribute is not None:
                data = {self.spellings(kind, kind.bare_attribute)[0]: data}
            if not isinstance(data, Mapping):
                raise TypeError(f"{kind.__name__} should be a JSON object, not {type(data).__name__}")
            if not fields:
                # At first use, not when the hook is made: a record may hold records of its own kind.
                fields.extend(self._fields(kind))
            return _structure(kind, fields, cast("Mapping[str, Any]", data))

        return structure

    def _record_unhook(self, kind: type[Record]) -> Callable[[Record], dict[str, Any]]:
        names = [
            (attribute.name, self.spellings(kind, attribute.name)[0])
            for attribute in attrs.fields(kind)
            if _is_wire(attribute)
        ]

        def unstructure(record: Record) -> dict[str, Any]:
            data = dict(record.extra)
            for attribute, spelling in names:
                value = getattr(record, attribute)
                if value is not None:
                    _put(data, spelling, self._converter.unstructure(value))
            return data

        return unstructure

    def _tuple_hook(self, kind: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
        inner = get_args(kind)[0]
        return lambda value, _: tuple(self._converter.structure(item, inner) for item in _list(value))


def _find(data: Mapping[str, Any], spelling: str) -> Any:
    """The value under a name; ``a.b`` is ``b`` inside the object ``a``."""
    value: Any = data.get(spelling, _ABSENT)
    if value is not _ABSENT or "." not in spelling:
        return value
    value = data
    for name in spelling.split("."):
        value = cast("Mapping[str, Any]", value).get(name, _ABSENT) if isinstance(value, Mapping) else _ABSENT
    return value


def _put(data: dict[str, Any], spelling: str, value: Any) -> None:
    *outer, name = spelling.split(".")
    for part in outer:
        inner = data.get(part)
        data[part] = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else {}
        data = data[part]
    data[name] = value


def _structure(kind: type[Record], fields: list[_Field], data: Mapping[str, Any]) -> Record:
    extra = dict(data)
    values: dict[str, Any] = {}
    for item in fields:
        for spelling in item.spellings:
            raw = _find(data, spelling)
            if raw is not _ABSENT and raw is not None:
                break
            extra.pop(spelling, None)
        else:
            if item.required:
                raise ValueError(f"{kind.__name__} lacks {' or '.join(item.spellings)}")
            continue
        try:
            values[item.name] = item.hook(raw, item.kind)
        except (ValueError, TypeError, AttributeError) as error:
            if item.optional:
                continue
            raise ValueError(f"{kind.__name__}.{spelling}: {error}") from None
        extra.pop(spelling, None)
    return kind(**values, extra=extra)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"should be a string, not {type(value).__name__}")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise TypeError(f"should be an integer, not {type(value).__name__}")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise TypeError(f"should be a number, not {type(value).__name__}")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError(f"should be true or false, not {type(value).__name__}")


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise TypeError(f"should be a JSON array, not {type(value).__name__}")


_STRICT: dict[type, Callable[[Any, Any], Any]] = {
    str: lambda value, _: _string(value),
    int: lambda value, _: _integer(value),
    float: lambda value, _: _number(value),
    bool: lambda value, _: _boolean(value),
    datetime: lambda value, _: parse_timestamp(_string(value)),
    Secret: lambda value, _: Secret(_string(value)),
}


def _is_wire(attribute: attrs.Attribute[Any]) -> bool:
    return attribute.name != "extra" and not attribute.metadata.get("local")


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


DEFAULT_CODEC = Codec()
"""The codec with the built-in spellings."""
