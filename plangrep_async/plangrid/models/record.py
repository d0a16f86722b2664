"""The base of PlanGrid's records.

Numbers with a fraction are :class:`decimal.Decimal`, never binary floats.
"""

from __future__ import annotations

from attrs import frozen

from ... import _records
from ..._records import OpenEnum
from ..._records import private_url as signed_url
from .._codec import CODEC

__all__ = ["OpenEnum", "Record", "signed_url"]


@frozen
class Record(_records.Record):
    """What PlanGrid told.

    :meth:`to_dict` writes absent fields as null and keeps ``Decimal``; for text use ``json.dumps(…, default=str)``.

    Attributes:
        extra: the fields that this package does not know, as they came; the repr shows their names alone.
    """

    _codec = CODEC
