"""Parts of a multipart upload: how a file is cut. Nothing here does I/O."""

from __future__ import annotations

from attrs import frozen

from ..errors import InvalidInputError

__all__ = [
    "MAX_PARTS",
    "MAX_PART_SIZE",
    "MIN_PART_SIZE",
    "ConfirmedPart",
    "Part",
    "check_part_size",
    "choose_part_size",
    "count_parts",
    "part",
]

MIB = 1 << 20
#: Bytes; every part but the last must have them. [Amazon S3 User Guide: Multipart upload limits]
MIN_PART_SIZE = 5 * MIB
#: Bytes. [Amazon S3 User Guide: Multipart upload limits]
MAX_PART_SIZE = 5 << 30
#: [Amazon S3 User Guide: Multipart upload limits]
MAX_PARTS = 10_000


@frozen
class Part:
    """One part, still to be sent: its number (from 1), where it starts in the file, and its size, in bytes."""

    number: int
    offset: int
    size: int


@frozen
class ConfirmedPart:
    """One part that the far end holds: its number, its size in bytes, and the ETag as it was sent (quotes included)."""

    number: int
    size: int
    etag: str = ""


def count_parts(size: int, part_size: int) -> int:
    """How many parts a file of ``size`` bytes has; an empty file has one, empty, part."""
    return max(1, -(-size // part_size))


def part(number: int, size: int, part_size: int) -> Part:
    """The part with this ``number`` (from 1) of a file of ``size`` bytes."""
    if not 1 <= number <= count_parts(size, part_size):
        raise ValueError(f"a file of {size} bytes in parts of {part_size} has no part {number}")
    offset = (number - 1) * part_size
    return Part(number, offset, min(part_size, size - offset))


def check_part_size(part_size: int, size: int) -> None:
    """Raise :class:`~plangrep_async.errors.InvalidInputError` for one that S3 does not take for ``size`` bytes.

    S3 would tell only when all parts are there, or at the 10,001st.
    """
    least = max(MIN_PART_SIZE, -(-size // MAX_PARTS))
    if not least <= part_size <= MAX_PART_SIZE:
        raise InvalidInputError(
            f"part_size={part_size}: a file of {size} bytes takes parts of {least} to {MAX_PART_SIZE} bytes, for S3 "
            f"allows {MAX_PARTS} parts and none but the last below {MIN_PART_SIZE} bytes; give such a size, or none"
        )


def choose_part_size(size: int, *, preferred: int = 16 * MIB, aim: int = 1_000) -> int:
    """A part size for a file of ``size`` bytes.

    ``preferred`` bytes (16 MiB) up to ``aim`` (1,000) parts, that is 16 GiB; beyond that just large enough, in whole
    MiB, to stay at ``aim`` parts. What it implies: a failure sends at most one part again (16 MiB: 0.13 s at 1 Gbit/s);
    the saved state is below 64 KB; memory does not grow with it, since parts are streamed in blocks.

    Raises:
        InvalidInputError: no part size that S3 allows is enough (more than 48.8 TiB).
    """
    least = -(-size // MAX_PARTS)
    if least > MAX_PART_SIZE:
        raise InvalidInputError(
            f"a file of {size} bytes does not fit in {MAX_PARTS} parts of at most {MAX_PART_SIZE} bytes; split it"
        )
    for_aim = -(-size // max(1, min(aim, MAX_PARTS)))
    chosen = max(preferred, MIN_PART_SIZE, -(-for_aim // MIB) * MIB)
    return min(chosen, MAX_PART_SIZE)
