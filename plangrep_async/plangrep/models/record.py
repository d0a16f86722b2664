"""What all records have in common: read leniently, written exactly.

* A field that is absent or null is ``None``.
* A field this package does not know stands in ``extra`` as it came and survives a round trip.
* An optional field whose value is not of the documented type is ``None`` as well, and its value stays in ``extra``: one
  odd field does not cost the whole record. What identifies a record must be there and right.
* A value of an enumeration that this package does not know is kept (:class:`OpenEnum`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

from attrs import field, frozen

from ...session.redaction import redact_url

__all__ = ["OpenEnum", "Record", "secret_url"]


def _names_only(extra: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name!r}: ..." for name in extra) + "}"


@frozen(kw_only=True)
class Record:
    """What the service told.

    Attributes:
        extra: the fields that have no attribute of their own, as they came. The repr shows their names alone, for a
            value may be a token.
    """

    bare_attribute: ClassVar[str | None] = None
    """The attribute that a bare value stands for, where the service may send one in place of an object."""

    extra: Mapping[str, Any] = field(factory=dict, repr=_names_only, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The record as the service writes it; what is ``None`` is left out. Tokens and secrets are in it."""
        from .._codec import DEFAULT_CODEC  # the codec must know this class to be built

        return DEFAULT_CODEC.write(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record from what :meth:`to_dict` gave, or from an answer's JSON. Raises ``ValueError``."""
        from .._codec import DEFAULT_CODEC

        return DEFAULT_CODEC.read(data, cls)


class OpenEnum(StrEnum):
    """An enumeration that may grow: a value that is not listed becomes a member of its own, equal to its string."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether the documentation lists it."""
        return self.value in type(self)._value2member_map_


def secret_url() -> Any:
    """A field for a URL that may carry a token or a signature; the repr leaves them out."""
    return field(default=None, repr=lambda url: repr(redact_url(url) if url else url))
