"""Which way a file goes, from its size alone. Nothing here does I/O."""

from __future__ import annotations

import enum
from collections.abc import Collection

from attrs import frozen

from ..errors import InvalidInputError
from .parts import check_part_size, choose_part_size, count_parts

__all__ = ["MAX_SINGLE_REQUEST", "Path", "Plan", "plan"]

#: Bytes of one PUT, or of one POST form, that S3 takes. [Amazon S3 User Guide: Uploading objects]
MAX_SINGLE_REQUEST = 5 << 30


class Path(enum.Enum):
    """The ways a service may offer."""

    FORM = "form"
    """A multipart form of the service's own API: no slot to ask for, but the bytes pass through the API."""
    POST_FORM = "post_form"
    """A storage service's POST form: one request, nothing to complete there; not resumable."""
    PUT = "put"
    """One PUT of the bare bytes: the least work for both sides; not resumable."""
    MULTIPART = "multipart"
    """Parts in parallel: at least two requests more; a failure costs one part, and another process can go on."""


@frozen
class Plan:
    """The way of one file.

    Attributes:
        path: the way.
        part_size: bytes, for :attr:`Path.MULTIPART`; the whole size otherwise.
        parts: how many requests carry the bytes.
    """

    path: Path
    part_size: int
    parts: int = 1


def plan(
    size: int,
    offered: Collection[Path],
    *,
    force: Path | None = None,
    form_below: int = 100_000_000,
    multipart_from: int = 64 << 20,
    part_size: int | None = None,
) -> Plan:
    """Choose among the ways that a service offers for ``size`` bytes.

    Args:
        size: bytes.
        offered: what the service can do.
        force: take this one; it must be offered and possible.
        form_below: bytes from which the service's own form is left to small files. 100 MB, as Plangrep advises
            [guides/submit-a-job]: a failure sends at most that much again.
        multipart_from: bytes from which parts are worth their two additional requests: four parts of 16 MiB.
        part_size: bytes, instead of :func:`~plangrep_async.upload.choose_part_size`.

    Raises:
        InvalidInputError: no offered way can carry so many bytes, ``force`` is not offered, or S3 would not take parts
            of ``part_size``.
    """
    if size < 0:
        raise InvalidInputError(f"plan(size=): {size} is negative; give the number of bytes")
    if force is not None and force not in offered:
        names = ", ".join(sorted(path.value for path in offered))
        raise InvalidInputError(f"plan(force=): {force.value} is not offered; choose one of {names}")
    for path in _preference(size, form_below, multipart_from) if force is None else (force,):
        if path in offered and (size <= MAX_SINGLE_REQUEST or path in (Path.MULTIPART, Path.FORM)):
            if path is not Path.MULTIPART:
                return Plan(path, size)
            chosen = choose_part_size(size) if part_size is None else part_size
            check_part_size(chosen, size)
            return Plan(path, chosen, count_parts(size, chosen))
    raise InvalidInputError(
        f"a file of {size} bytes is more than one request can carry ({MAX_SINGLE_REQUEST} bytes), "
        "and multipart is not offered; split it"
    )


def _preference(size: int, form_below: int, multipart_from: int) -> tuple[Path, ...]:
    if size < min(form_below, multipart_from):
        return (Path.FORM, Path.PUT, Path.POST_FORM, Path.MULTIPART)
    if size < form_below:
        return (Path.FORM, Path.MULTIPART, Path.PUT, Path.POST_FORM)
    if size < multipart_from:
        return (Path.PUT, Path.POST_FORM, Path.MULTIPART, Path.FORM)
    return (Path.MULTIPART, Path.PUT, Path.POST_FORM, Path.FORM)
