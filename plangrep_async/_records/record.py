"""What all records have in common: read leniently, written exactly.

* A field that is absent or null has its default: ``None``, or an empty tuple.
* A field that the package does not know stands in ``extra`` as it came and survives a round trip.
* So does the value of an optional field that is not of the documented type: the field has its default, and one odd
  field does not cost the record. What identifies a record, and what is :func:`vital` to it, must be right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, TypeVar

from attrs import field, frozen

from ..session.redaction import redact_url

__all__ = ["ALSO", "LOCAL", "VITAL", "Record", "private_url", "vital"]

ALSO, LOCAL, VITAL = "also", "local", "vital"
"""What the metadata of a field may hold: further spellings; that it never was on the wire; that it must fit."""


T = TypeVar("T")


class _Translator(Protocol):
    """The codec, which knows this module and is not known to it."""

    def read(self, data: Any, kind: type[T]) -> T: ...
    def write(self, record: Record) -> dict[str, Any]: ...


def _names_only(extra: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name!r}: ..." for name in extra) + "}"


@frozen
class Record:
    """What a service told. Each service has a base of its own, with its codec.

    Attributes:
        extra: the fields that have no attribute of their own, as they came. The repr shows their names alone, for a
            value may be a token.
    """

    bare_attribute: ClassVar[str | None] = None
    """The attribute that a bare value stands for, where the service may send one in place of an object."""
    _codec: ClassVar[_Translator]

    extra: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=_names_only, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The record as the service writes it, ``extra`` merged in. Tokens and secrets are in it."""
        return self._codec.write(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record from what :meth:`to_dict` gave, or from an answer's JSON. Raises ``ValueError``."""
        return cls._codec.read(data, cls)


def private_url() -> Any:
    """A field for a URL that may carry a token or a signature; the repr leaves them out."""
    return field(default=None, repr=lambda url: repr(redact_url(url) if url else url))


def vital() -> Any:
    """An array that may be absent, but costs the record when it does not fit: an empty one would be misleading."""
    return field(default=(), metadata={VITAL: True})
