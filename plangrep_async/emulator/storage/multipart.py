"""One multipart upload of the emulator's own store."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from attrs import define, field

from ..content import Blob
from .backend import Part
from .errors import S3Error

__all__ = ["MultipartUpload"]

MOST_PARTS = 10_000


@define(eq=False)
class MultipartUpload:
    """Parts that wait to be joined.

    Attributes:
        writes: how many times each part was stored.
    """

    bucket: str
    key: str
    upload_id: str
    content_type: str | None
    blobs: dict[int, Blob] = field(factory=dict)
    writes: dict[int, int] = field(factory=dict)

    def store(self, number: int, blob: Blob) -> Blob | None:
        """Keep a part; the one it replaces."""
        if not 1 <= number <= MOST_PARTS:
            raise S3Error("InvalidArgument", f"Part number must be an integer between 1 and {MOST_PARTS}, inclusive")
        replaced = self.blobs.get(number)
        self.blobs[number] = blob
        self.writes[number] = self.writes.get(number, 0) + 1
        return replaced

    def parts(self) -> list[Part]:
        """What is stored, by number."""
        return [Part(number, blob.size, etag_of(blob)) for number, blob in sorted(self.blobs.items())]

    def select(self, wanted: Sequence[tuple[int, str | None]], *, smallest: int) -> tuple[Blob, ...]:
        """The blobs of a completion: (number, ETag or None) in rising order.

        Raises:
            S3Error: MalformedXML, InvalidPartOrder, InvalidPart, EntityTooSmall.
        """
        if not wanted:
            raise S3Error("MalformedXML", "The XML you provided was not well-formed: no part is listed.")
        numbers = [number for number, _ in wanted]
        if any(left >= right for left, right in pairwise(numbers)):
            raise S3Error("InvalidPartOrder", "The list of parts was not in ascending order.")
        chosen: list[Blob] = []
        for number, etag in wanted:
            blob = self.blobs.get(number)
            if blob is None or (etag is not None and etag.strip('"') != etag_of(blob).strip('"')):
                raise S3Error(
                    "InvalidPart",
                    "One or more of the specified parts could not be found. The part may not have been uploaded, or "
                    "the specified entity tag may not match the part's entity tag.",
                    {"PartNumber": str(number)},
                )
            chosen.append(blob)
        for number, blob in zip(numbers[:-1], chosen, strict=False):
            if blob.size < smallest:
                raise S3Error(
                    "EntityTooSmall",
                    "Your proposed upload is smaller than the minimum allowed size",
                    {"ProposedSize": str(blob.size), "MinSizeAllowed": str(smallest), "PartNumber": str(number)},
                )
        return tuple(chosen)


def etag_of(blob: Blob) -> str:
    """The entity tag: opaque, as S3's are for encrypted objects; here from SHA-256, which is known anyway."""
    return f'"{blob.sha256[:32]}"'
