"""The base of PlanGrid's records.

Numbers with a fraction are :class:`decimal.Decimal`, never binary floats.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import frozen

from ... import _records
from ..._records import OpenEnum
from ..._records import private_url as signed_url
from .._codec import CODEC, exact

__all__ = ["OpenEnum", "Record", "signed_url"]


@frozen
class Record(_records.Record):
    """What PlanGrid told.

    :meth:`to_dict` gives JSON values, absent fields as null. A ``Decimal`` is an int or a float of the same value, or a
    string of its digits where it has more than a float keeps (15 always fit).

    Attributes:
        extra: the fields that this package does not know, as they came; the repr shows their names alone.
    """

    _codec = CODEC

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The record from what :meth:`to_dict` gave, or from an answer's JSON. Raises ``ValueError``."""
        return super().from_dict(exact(data))
