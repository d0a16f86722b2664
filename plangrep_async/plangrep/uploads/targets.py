"""From what the service says of a registered file to where the upload engine sends it. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import DecodeError
from ...upload import ConfirmedPart, MultipartTarget, Part, PartRequest, PutTarget, StartOver, count_parts
from ..models.enums import UploadMode
from ..models.upload import CompletedPart, DirectUpload, MultipartCompletion, PartInstruction, UploadInstruction
from ..unverified import UNVERIFIED, WireNames

__all__ = ["completion_record", "target_of"]


def target_of(instruction: UploadInstruction, size: int, names: WireNames) -> PutTarget | MultipartTarget:
    """Where and how to send ``size`` bytes.

    Raises:
        DecodeError: the instruction lacks what its mode needs, or is of a mode that nobody documented.
    """
    if instruction.upload_mode not in (UploadMode.DIRECT_PUT, UploadMode.MULTIPART):
        raise DecodeError(
            f"document {instruction.document_id}: the upload mode {instruction.upload_mode.value!r} is not known"
        )
    memo = {
        "document_id": instruction.document_id,
        # Only the completion needs it, but without one the bytes would be sent in vain.
        "upload_token": _needed(instruction, "upload_token"),
        "upload_id": instruction.upload_id,
    }
    expires_at = None if instruction.expires_at is None else instruction.expires_at.timestamp()
    if instruction.upload_mode == UploadMode.DIRECT_PUT:
        return PutTarget(
            url=_needed(instruction, "upload_url"),
            headers=instruction.headers or {},
            expires_at=expires_at,
            memo=memo,
        )
    parts = _in_order(_needed(instruction, "parts"))
    part_size = _part_size(instruction, parts, size)
    headers = [{**(instruction.headers or {}), **(part.headers or {})} for part in parts]
    alike = all(item == headers[0] for item in headers)
    return MultipartTarget(
        upload_id=_needed(instruction, "upload_id"),
        part_size=part_size,
        part_urls=tuple(part.url for part in parts) if alike else (),
        headers=headers[0] if alike else {},
        sign_part=None if alike else _signer(parts, headers, expires_at),
        # The service completes the upload itself; it may well not show ETags to us.
        needs_etag=names.complete_with_parts,
        expires_at=expires_at,
        memo=memo,
    )


def completion_record(
    memo: Mapping[str, Any], parts: tuple[ConfirmedPart, ...], *, multipart: bool
) -> DirectUpload | MultipartCompletion:
    """What the completion tells of a file that is stored; ``memo`` is its target's."""
    document_id, token = memo["document_id"], memo["upload_token"]
    if not multipart:
        return DirectUpload(document_id=document_id, upload_token=token)
    return MultipartCompletion(
        document_id=document_id,
        upload_id=memo["upload_id"],
        upload_token=token,
        parts=tuple(CompletedPart(part_number=part.number, etag=part.etag) for part in parts),
    )


def _needed(instruction: UploadInstruction, attribute: str) -> Any:
    value = getattr(instruction, attribute)
    if not value:
        name = f"UploadInstruction.{attribute}"
        advice = f". If the service calls it otherwise, say so with WireNames({{{name!r}: ...}})"
        raise DecodeError(
            f"document {instruction.document_id}: the registration for {instruction.upload_mode.value} has no "
            f"{attribute}{advice if name in UNVERIFIED else ''}; it sent: "
            f"{', '.join(sorted(instruction.extra)) or 'nothing else'}"
        )
    return value


def _in_order(parts: tuple[PartInstruction, ...]) -> list[PartInstruction]:
    # Numbers may begin with 0 or 1, and may be missing: only their order counts.
    if all(part.part_number is not None for part in parts):
        return sorted(parts, key=lambda part: part.part_number or 0)
    return list(parts)


def _part_size(instruction: UploadInstruction, parts: list[PartInstruction], size: int) -> int:
    told = instruction.part_size or parts[0].size
    part_size = told or max(1, -(-size // len(parts)))
    if count_parts(size, part_size) != len(parts):
        raise DecodeError(
            f"document {instruction.document_id}: {len(parts)} parts of {part_size:,} bytes do not make up a file of "
            f"{size:,} bytes"
        )
    return part_size


def _signer(parts: list[PartInstruction], headers: list[dict[str, str]], expires_at: float | None) -> Any:
    asked: set[int] = set()

    async def sign(part: Part) -> PartRequest:
        if part.number in asked and expires_at is not None:
            # Asked again: the URL has run out, and no route renews a single one.
            raise StartOver(f"the presigned URL of part {part.number} has run out")
        asked.add(part.number)
        index = part.number - 1
        return PartRequest(parts[index].url, headers[index], expires_at)

    return sign
