"""The base of Plangrep's records."""

from __future__ import annotations

from attrs import frozen

from ... import _records
from ..._records import OpenEnum, vital
from ..._records import private_url as secret_url
from .._codec import DEFAULT_CODEC

__all__ = ["OpenEnum", "Record", "secret_url", "vital"]


@frozen(kw_only=True)
class Record(_records.Record):
    """What Plangrep told; :meth:`to_dict` leaves out what is ``None``.

    Attributes:
        extra: the fields that have no attribute of their own, as they came; the repr shows their names alone.
    """

    _codec = DEFAULT_CODEC
