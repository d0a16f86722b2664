"""How a source is recognised: by what its file system says of it, not by its bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["Fingerprint"]


@frozen
class Fingerprint:
    """A source at one moment. Two equal ones of a file mean: not written to in between.

    (A write that keeps the size and falls into the same tick of the file system's clock, some milliseconds, is not
    seen.)

    Attributes:
        path: absolute; empty for a source that is no file.
        size: bytes.
        mtime_ns: modification time in nanoseconds; 0 for a source that is no file.
        inode: the file's number on its file system; 0 for a source that is no file.
    """

    path: str
    size: int
    mtime_ns: int = 0
    inode: int = 0

    @classmethod
    def of_stat(cls, path: str, status: os.stat_result) -> Fingerprint:
        """From what ``os.stat`` or ``os.fstat`` gave for the file at ``path``."""
        return cls(path, status.st_size, status.st_mtime_ns, status.st_ino)

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return {"path": self.path, "size": self.size, "mtime_ns": self.mtime_ns, "inode": self.inode}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fingerprint:
        """What :meth:`to_json` gave. Raises ``KeyError``, ``TypeError`` or ``ValueError`` otherwise."""
        return cls(str(value["path"]), int(value["size"]), int(value["mtime_ns"]), int(value["inode"]))
