"""JSON values to records and back, with the spellings that the settings name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar, cast

from .. import _records
from .._records.values import string
from ..session.call import Answer
from ..session.secret import Secret
from ..session.undocumented import Undocumented
from .timestamps import format_timestamp
from .unverified import WireNames

__all__ = ["DEFAULT_CODEC", "Codec", "camel_case", "field_of", "find_field", "json_object"]

R = TypeVar("R", bound=_records.Record)


def json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object of an answer. Raises ``ValueError`` when it holds none."""
    data = answer.json()
    if not isinstance(data, dict):
        raise Undocumented(f"the body should be a JSON object, not {type(data).__name__}")
    return cast("dict[str, Any]", data)


def find_field(data: Mapping[str, Any], *spellings: str) -> Any:
    """The first of the fields that is there and not null, else ``None``."""
    for spelling in spellings:
        value = _records.find(data, spelling)
        if value is not None:
            return value
    return None


def field_of(data: Mapping[str, Any], *spellings: str) -> Any:
    """The first of the fields that is there and not null. Raises ``ValueError`` when none is."""
    value = find_field(data, *spellings)
    if value is None:
        raise Undocumented(f"the body lacks {' or '.join(spellings)}")
    return value


def camel_case(name: str) -> str:
    """``created_at`` -> ``createdAt``."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


class Codec(_records.Codec):
    """Reads and writes records.

    Args:
        names: the spellings of fields that no page confirms; every other name is the attribute's in camelCase.
    """

    def __init__(self, names: WireNames | None = None) -> None:
        super().__init__(
            readers={Secret: lambda value: Secret(string(value))},
            writers={datetime: format_timestamp, Secret: Secret.reveal},
            nulls=False,
        )
        self._names = WireNames() if names is None else names

    @property
    def names(self) -> WireNames:
        """The spellings in use."""
        return self._names

    def reader(self, kind: type[R], key: str | None = None) -> Callable[[Answer], R]:
        """The ``decode`` of a call whose answer is one record, alone or under ``key``."""

        def decode(answer: Answer) -> R:
            data = json_object(answer)
            return self.read(data if key is None else field_of(data, key), kind)

        return decode

    def list_reader(self, kind: type[R], key: str) -> Callable[[Answer], tuple[R, ...]]:
        """The ``decode`` of a call whose answer is an array of records under ``key``."""
        return lambda answer: self.read(field_of(json_object(answer), key), tuple[kind, ...])  # type: ignore[valid-type]  # a type made at run time

    def spellings(self, kind: type[_records.Record], attribute: str) -> tuple[str, ...]:
        """The names of a field on the wire; the first is the one to write."""
        for owner in kind.__mro__:
            found = self._names.find(f"{owner.__name__}.{attribute}")
            if found is not None:
                return found
        return (camel_case(attribute),)


DEFAULT_CODEC = Codec()
"""The codec with the built-in spellings."""
