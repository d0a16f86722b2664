"""What all records have in common: unknown fields are kept, enums are open, money is exact.

How a record is read:

* A field that is missing or null is ``None``; a missing array is an empty tuple. Only what identifies a record
  (``uid``) must be there.
* A field this package does not know stands in ``extra`` as it came and survives a round trip. So does the value of an
  optional field that is not of the documented type: the field is ``None``, and one oddity does not cost the record.
* A value of an enum that this package does not know is kept (:class:`OpenEnum`).
* Numbers with a fraction are :class:`decimal.Decimal`, never binary floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Self

from attrs import field, frozen

from ...session.redaction import redact_url

__all__ = ["OpenEnum", "Record", "signed_url"]


@frozen
class Record:
    """The base of all records.

    Attributes:
        extra: the fields that this package does not know, as they came. Not shown in the repr.
    """

    extra: Mapping[str, Any] = field(factory=dict, kw_only=True, repr=False, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The record as the API writes it: timestamps as strings, absent fields as ``None``, ``extra`` merged in.

        Numbers with a fraction stay :class:`decimal.Decimal`; for text use ``json.dumps(…, default=str)``.
        """
        from .._codec import unstructure  # the codec must know this class to be built

        return unstructure(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record from what :meth:`to_dict` gave, or from an answer's JSON. Raises ``ValueError``."""
        from .._codec import structure

        return structure(data, cls)


class OpenEnum(StrEnum):
    """An enum of strings that keeps values it does not know: the API may add some in any minor version.

    ``IssueStatus("new_kind")`` is a member-like value equal to ``"new_kind"``, whose :attr:`is_known` is false.
    """

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
        """Whether this version of the package knows the value."""
        return self.value in type(self)._value2member_map_


def signed_url() -> Any:
    """A field for a URL that may carry a token or a signature; the repr leaves them out."""
    return field(default=None, repr=lambda url: repr(redact_url(url) if url else url))
