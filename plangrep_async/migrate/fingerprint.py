"""What tells that a file is still the same, in numbers that every journal can hold."""

from __future__ import annotations

import os

__all__ = ["fingerprint", "fingerprint_of"]

_MOST = 2**63 - 1


def fingerprint(size: int, mtime_ns: int, inode: int) -> tuple[int, int, int]:
    """The three within 64 bits with a sign: network file systems number their files up to 2**64."""
    return size, max(-_MOST, min(mtime_ns, _MOST)), inode & _MOST


def fingerprint_of(status: os.stat_result) -> tuple[int, int, int]:
    """Size, modification time in nanoseconds and inode of a file."""
    return fingerprint(status.st_size, status.st_mtime_ns, status.st_ino)
