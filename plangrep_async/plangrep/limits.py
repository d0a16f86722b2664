"""The documented limits, checked before a byte is sent. No I/O here.

Each check raises :class:`~plangrep_async.InvalidInputError`, which names the input, the rule and what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from ..errors import InvalidInputError
from ..session.origin import Origin
from .models.enums import Classification
from .models.job import JobLimits

__all__ = [
    "MAX_DECLARED_BYTES",
    "MAX_FILES",
    "check_classification",
    "check_file_name",
    "check_files",
    "check_https",
    "check_idempotency_key",
    "check_range",
    "check_sha256",
    "check_text",
]

MAX_FILES = 100
"""Files of a job, and of one registration ("Uploads", "Register uploads")."""

MAX_DECLARED_BYTES = 10_000_000_000
"""Bytes of all files of a job ("Uploads": 10 GB; the sample of "List jobs" shows decimal ones)."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_text(value: str, name: str, *, longest: int | None = None) -> str:
    """A string that is not empty and has at most ``longest`` characters."""
    if not isinstance(value, str) or not value.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError(f"{name} must be a string that is not empty")
    if longest is not None and len(value) > longest:
        raise InvalidInputError(f"{name} has {len(value)} characters; the service takes {longest}. Shorten it")
    return value


def check_file_name(value: str) -> str:
    """A name that is not blank and can be written as JSON: one that is not UTF-8 on disk cannot."""
    check_text(value, "file_name")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"file_name {value!r} is not valid Unicode (on disk it is not UTF-8); give it another one: "
            "UploadFile(path, name=...)"
        ) from None
    return value


def check_idempotency_key(value: str) -> str:
    """At most 256 characters ("Create a job", "Complete uploads"), printable ASCII because it is a header."""
    check_text(value, "idempotency_key", longest=256)
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInputError(
            "idempotency_key is sent as a header: use printable ASCII without spaces at the ends, for example a UUID"
        )
    return value


def check_range(value: int | None, name: str, least: int, most: int | None = None) -> int | None:
    """A whole number in a range; ``None`` leaves it to the service."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):  # pyright: ignore[reportUnnecessaryIsInstance]
        bounds = f"from {least:,} to {most:,}" if most is not None else f"of at least {least:,}"
        raise InvalidInputError(f"{name} must be a whole number {bounds}, not {value!r}")
    return value


def check_classification(value: str | None, name: str = "classification") -> Classification | None:
    """One of the six documented ones. To send another on purpose, pass ``Classification("...")`` itself."""
    if value is None or isinstance(value, Classification):
        return value
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInputError(f"{name} must be a string, not {type(value).__name__}")
    found = Classification(value)
    if found.is_known:
        return found
    known = [item.value for item in Classification]
    close = difflib.get_close_matches(value, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"
    raise InvalidInputError(f"{name} {value!r} is not documented; {hint}")


def check_https(value: str, name: str, *, or_loopback: bool = False) -> str:
    """An absolute https URL ("Create a job": the webhook must be publicly reachable HTTPS).

    A user name or a password is refused: no page says that the service would send it.

    Args:
        or_loopback: whether plain http to this machine will do.
    """
    try:
        origin, parts = Origin.of(value), urlsplit(value)
        good = (origin.scheme == "https" or (or_loopback and origin.is_loopback)) and not parts.fragment
        carries_user = "@" in parts.netloc
    except ValueError:
        good = carries_user = False
    if not good or any(character.isspace() for character in value):
        raise InvalidInputError(f"{name} must be an absolute https:// URL that the service can reach from outside")
    if carries_user:
        raise InvalidInputError(
            f"{name} must not carry a user name or a password: leave out what stands before the @. Webhooks are told "
            "from forgeries by their signature (WebhookVerifier)"
        )
    return value


def check_sha256(value: str, name: str) -> str:
    """64 lower-case hexadecimal digits."""
    if not _SHA256.fullmatch(value):
        raise InvalidInputError(f"{name} must be a SHA-256 as 64 lower-case hexadecimal digits")
    return value


def check_files(sizes: Sequence[int | None], *, limits: JobLimits | None = None, present: int = 0) -> None:
    """The number of files and their bytes, against the job's own limits or the documented ones.

    Args:
        sizes: bytes of each file; ``None`` where nobody knows yet.
        limits: ``job.limits``.
        present: how many files the job holds already.
    """
    most_files = (limits.max_files if limits else None) or MAX_FILES
    most_bytes = (limits.max_declared_bytes if limits else None) or MAX_DECLARED_BYTES
    if not sizes:
        raise InvalidInputError("files: there is none; give at least one")
    if len(sizes) + present > most_files:
        held = f" and it holds {present} already" if present else ""
        raise InvalidInputError(
            f"files: {len(sizes)} are too many: a job takes {most_files}{held}. Spread them over several jobs"
        )
    total = sum(size or 0 for size in sizes)
    if total > most_bytes:
        raise InvalidInputError(
            f"files: together they have {total:,} bytes, and a job takes {most_bytes:,}. Spread them over several jobs"
        )
