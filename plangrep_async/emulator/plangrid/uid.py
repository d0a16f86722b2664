"""Unique identifiers that look random, repeat for the same seed, and lead back to the record's number.

The second property makes data sets of any size free: nothing is stored for a record until somebody changes it.
"""

from __future__ import annotations

import hashlib
from typing import Literal

__all__ = ["UidForm", "UidSpace", "dashed", "mix"]

UidForm = Literal["uuid", "object id"]

_MASK = (1 << 64) - 1
_ODD = 0x9E3779B97F4A7C15
_INVERSE = pow(_ODD, -1, 1 << 64)


def mix(value: int) -> int:
    """A bijection of 64-bit numbers whose results look random."""
    value = (value * _ODD) & _MASK
    value ^= value >> 32
    value = (value * _ODD) & _MASK
    return value ^ (value >> 32)


def _unmix(value: int) -> int:
    value ^= value >> 32
    value = (value * _INVERSE) & _MASK
    value ^= value >> 32
    return (value * _INVERSE) & _MASK


def dashed(digits: str) -> str:
    """32 hexadecimal digits in the form of a UUID."""
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class UidSpace:
    """The uids of one kind of record.

    Args:
        seed: equal seeds give equal uids.
        name: tells the spaces of one seed apart.
        form: ``"uuid"``, or ``"object id"``: 24 hexadecimal digits, as some PlanGrid users have (documentation page
            "File Uploads"). Both forms of a record's uid are understood by :meth:`index`.
    """

    __slots__ = ("_prefix", "form", "key")

    def __init__(self, seed: int, name: str, form: UidForm = "uuid") -> None:
        digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
        self._prefix = digest[:8].hex()
        self.key = int.from_bytes(digest[8:], "big")
        self.form: UidForm = form

    def uid(self, index: int) -> str:
        """The uid of record ``index`` (0 and above)."""
        tail = f"{mix(index ^ self.key):016x}"
        if self.form == "uuid":
            return dashed(self._prefix + tail)
        return self._prefix[:8] + tail

    def index(self, uid: str) -> int | None:
        """The number of the record, or ``None`` for a uid of another space. Letters may be of either case."""
        digits = uid.replace("-", "").lower()
        if len(digits) == 32 and digits.startswith(self._prefix):
            tail = digits[16:]
        elif len(digits) == 24 and "-" not in uid and digits.startswith(self._prefix[:8]):
            tail = digits[8:]
        else:
            return None
        try:
            return _unmix(int(tail, 16)) ^ self.key
        except ValueError:
            return None
