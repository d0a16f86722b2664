"""Errors of a migration.

::

    PlangrepAsyncError
    └── MigrationError
        ├── JournalError          the journal cannot be read or written
        ├── JournalLockedError    another run holds the lease
        └── MigrationStopped      something that no retry mends; the journal goes on
            └── TooManyFailuresError  more documents have failed than the options allow
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from ..errors import PlangrepAsyncError

__all__ = [
    "FULL",
    "JournalError",
    "JournalLockedError",
    "MigrationError",
    "MigrationStopped",
    "TooManyFailuresError",
    "writing_into",
]

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk answers."""


class MigrationError(PlangrepAsyncError):
    """Something about the migration as a whole."""


class JournalError(MigrationError):
    """The journal cannot be read or written; no step was taken that it does not hold."""

    @classmethod
    def of(cls, error: Exception) -> JournalError:
        """The sentence for a database's or a file system's failure."""
        if isinstance(error, JournalError):
            return error
        origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        text = " ".join(str(origin).split())
        low = text.lower()
        if "disk is full" in low or "no space left" in low or "disk full" in low:
            return cls(
                "the disk that holds the journal is full. Nothing is lost: free some space and run the same command "
                "again"
            )
        if "readonly" in low or "read-only" in low or "permission denied" in low:
            return cls.read_only()
        if "i/o error" in low or "file too large" in low:
            return cls(
                f"the journal cannot be written ({text}): is the size of files limited (ulimit -f), or does its disk "
                "fail? Nothing is lost: once it can, run the same command again"
            )
        if "unable to open" in low:
            return cls("the journal cannot be opened: does its folder exist, and may you write there?")
        if "not a database" in low or "malformed" in low:
            return cls("the journal's file is no journal, or is damaged; choose another with --journal")
        if "locked" in low:
            return cls("the journal is locked by another program; end that and run the same command again")
        return cls(f"the journal cannot be used: {text or type(error).__name__}")

    @classmethod
    def read_only(cls) -> JournalError:
        """The sentence for a journal that cannot be written."""
        return cls(
            "the journal cannot be written: its file or folder is read-only. Make it writable and run the same command "
            "again"
        )


class JournalLockedError(MigrationError):
    """Another run works on this journal."""


class MigrationStopped(MigrationError):
    """The run ended before its end; the same command goes on."""


class TooManyFailuresError(MigrationStopped):
    """More documents have failed than ``max_errors`` allows."""


@contextmanager
def writing_into(folder: object) -> Generator[None, None, None]:
    """Whatever keeps us from writing there stops the run with a sentence; a full disk has one already, and is named."""
    try:
        yield
    except OSError as error:
        if isinstance(error, PlangrepAsyncError):  # some time limits are of both kinds
            raise
        if error.errno in FULL:
            error.filename = error.filename or str(folder)
            raise
        raise MigrationStopped(
            f"{folder} cannot be written ({error.strerror or error}). Nothing is lost: once it can, the same command "
            "goes on from here"
        ) from error
