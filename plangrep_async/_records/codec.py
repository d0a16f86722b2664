"""JSON values to records and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin

import attrs
import cattrs
from attrs import frozen

from ..session.undocumented import Undocumented, words_of
from . import values
from .enums import OpenEnum
from .record import ALSO, LOCAL, VITAL, Record

__all__ = ["Codec", "find"]

T = TypeVar("T")

_STRICT: Mapping[type, Callable[[Any], Any]] = {
    str: values.string,
    int: values.integer,
    float: values.number,
    Decimal: values.decimal,
    bool: values.boolean,
    datetime: values.moment,
}


@frozen
class _Field:
    name: str
    spellings: tuple[str, ...]
    kind: Any
    default: Any
    read: Callable[[Any, Any], Any]
    must_fit: bool


class Codec:
    """Reads and writes the records of one service.

    Args:
        readers: by type, beside or in place of the usual ones; they raise ``ValueError`` for what does not fit.
        writers: by type, how a value is written that JSON does not know.
        nulls: whether a field that is ``None`` is written as null, or left out.
    """

    def __init__(
        self,
        *,
        readers: Mapping[type, Callable[[Any], Any]],
        writers: Mapping[type, Callable[[Any], Any]],
        nulls: bool,
    ) -> None:
        self._nulls = nulls
        self._converter = converter = cattrs.Converter(detailed_validation=False)
        for kind, read in {**_STRICT, **readers}.items():
            converter.register_structure_hook(kind, _hook(read))
        converter.register_structure_hook(OpenEnum, lambda value, kind: kind(values.string(value)))
        converter.register_structure_hook_factory(_is_tuple, self._tuple_reader)
        converter.register_structure_hook_factory(_is_record, self._record_reader)
        for kind, write in writers.items():
            converter.register_unstructure_hook(kind, write)
        converter.register_unstructure_hook(OpenEnum, str.__str__)
        converter.register_unstructure_hook_factory(_is_record, self._record_writer)

    def read(self, data: Any, kind: type[T]) -> T:
        """A record, or a tuple of records. Raises ``ValueError``; its text names fields and types, never values."""
        return self._converter.structure(data, kind)

    def write(self, record: Record) -> dict[str, Any]:
        """The JSON object of a record."""
        return cast("dict[str, Any]", self._converter.unstructure(record))

    def spellings(self, kind: type[Record], attribute: str) -> tuple[str, ...]:
        """The names of a field on the wire; the first is the one to write. ``a.b`` is ``b`` inside the object ``a``."""
        return (attribute, *getattr(attrs.fields(kind), attribute).metadata.get(ALSO, ()))

    def _fields(self, kind: type[Record]) -> list[_Field]:
        attrs.resolve_types(kind)
        found: list[_Field] = []
        for attribute in attrs.fields(kind):
            if attribute.name == "extra" or attribute.metadata.get(LOCAL):
                continue
            value_kind = _without_none(attribute.type)
            found.append(
                _Field(
                    name=attribute.name,
                    spellings=self.spellings(kind, attribute.name),
                    kind=value_kind,
                    default=attribute.default,
                    read=self._converter.get_structure_hook(value_kind),
                    must_fit=attribute.default is attrs.NOTHING or VITAL in attribute.metadata,
                )
            )
        return found

    def _record_reader(self, kind: Any) -> Callable[[Any, Any], Record]:
        origin: type[Record] = get_origin(kind) or kind
        fields: list[_Field] = []

        def read(data: Any, _: Any) -> Record:
            if not isinstance(data, Mapping) and origin.bare_attribute is not None:
                data = {self.spellings(origin, origin.bare_attribute)[0]: data}
            if not isinstance(data, Mapping):
                raise Undocumented(f"{origin.__name__} should be an object, not {type(data).__name__}")
            if not fields:
                # At first use, not when the reader is made: a record may hold records of its own kind.
                fields.extend(self._fields(origin))
            return _read_fields(origin, fields, cast("Mapping[str, Any]", data))

        return read

    def _record_writer(self, kind: Any) -> Callable[[Record], dict[str, Any]]:
        fields = self._fields(get_origin(kind) or kind)

        def write(record: Record) -> dict[str, Any]:
            data: dict[str, Any] = self._converter.unstructure(dict(record.extra))
            for item in fields:
                value, spelling = getattr(record, item.name), item.spellings[0]
                if value == item.default and spelling in data:
                    continue  # what came in its place did not fit
                if value is not None or self._nulls:
                    _put(data, spelling, self._converter.unstructure(value))
            return data

        return write

    def _tuple_reader(self, kind: Any) -> Callable[[Any, Any], tuple[Any, ...]]:
        inner = get_args(kind)[0]

        def read_all(value: Any, _: Any) -> tuple[Any, ...]:
            items: list[Any] = []
            for index, item in enumerate(values.array(value)):
                try:
                    items.append(self._converter.structure(item, inner))
                except _MISFITS as error:
                    raise Undocumented(f"[{index}]: {words_of(error)}") from None
            return tuple(items)

        return read_all


def find(data: Mapping[str, Any], spelling: str) -> Any:
    """The value under a name, ``None`` when there is none; ``a.b`` is ``b`` inside the object ``a``."""
    value: Any = data.get(spelling)
    if value is not None or "." not in spelling:
        return value
    value = data
    for name in spelling.split("."):
        value = cast("Mapping[str, Any]", value).get(name) if isinstance(value, Mapping) else None
    return value


_MISFITS = (ValueError, TypeError, AttributeError, ArithmeticError)
"""What readers raise; cattrs' own, for mappings, raise more than ``ValueError``."""


def _read_fields(kind: type[Record], fields: list[_Field], data: Mapping[str, Any]) -> Record:
    extra = dict(data)
    found: dict[str, Any] = {}
    for item in fields:
        for spelling in item.spellings:
            raw = find(data, spelling)
            if raw is not None:
                break
            extra.pop(spelling, None)
        else:
            if item.default is attrs.NOTHING:
                raise Undocumented(f"{kind.__name__} lacks {' or '.join(item.spellings)}")
            continue
        try:
            found[item.name] = item.read(raw, item.kind)
        except _MISFITS as error:
            if item.must_fit:
                raise Undocumented(f"{kind.__name__}.{spelling}: {words_of(error)}") from None
            continue
        extra.pop(spelling, None)
    return kind(**found, extra=extra)


def _put(data: dict[str, Any], spelling: str, value: Any) -> None:
    *outer, name = spelling.split(".")
    for part in outer:
        inner = data.get(part)
        data[part] = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else {}
        data = data[part]
    data[name] = value


def _hook(read: Callable[[Any], T]) -> Callable[[Any, Any], T]:
    return lambda value, _: read(value)


def _without_none(kind: Any) -> Any:
    """``X`` for ``X | None``: null never gets to a reader."""
    others = [item for item in get_args(kind) if item is not NoneType]
    return others[0] if NoneType in get_args(kind) and len(others) == 1 else kind


def _is_record(kind: Any) -> bool:
    origin = get_origin(kind) or kind
    return isinstance(origin, type) and issubclass(origin, Record)


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple
