"""What a project holds: files, sheets, regions and docs ("Project reads")."""

from __future__ import annotations

from attrs import frozen

from .artifact import Artifact
from .enums import Classification
from .record import Record

__all__ = ["Box", "ProjectDoc", "ProjectFile", "ProjectRegion", "ProjectSheet"]


@frozen(kw_only=True)
class ProjectFile(Record):
    """A file of the project. ``artifacts`` is ``None`` in compact answers, here and in all other entities."""

    file_id: str
    file_name: str | None = None
    classification: Classification | None = None
    status: str | None = None
    page_count: int | None = None
    artifacts: tuple[Artifact, ...] | None = None


@frozen(kw_only=True)
class ProjectSheet(Record):
    """A sheet of drawings; ``page_number`` counts from 1."""

    sheet_id: str
    file_id: str | None = None
    file_name: str | None = None
    page_number: int | None = None
    sheet_number: str | None = None
    sheet_name: str | None = None
    sheet_display_name: str | None = None
    artifacts: tuple[Artifact, ...] | None = None


@frozen(kw_only=True)
class Box(Record):
    """A rectangle on a page, its edges as fractions of the page from 0 to 1."""

    left: float | None = None
    top: float | None = None
    right: float | None = None
    bottom: float | None = None


@frozen(kw_only=True)
class ProjectRegion(Record):
    """A part of a sheet: a detail, a plan, a schedule. ``text`` is empty when there is none."""

    region_id: str
    file_id: str | None = None
    sheet_id: str | None = None
    file_name: str | None = None
    page_number: int | None = None
    sheet_number: str | None = None
    label: str | None = None
    text: str | None = None
    display_box: Box | None = None
    title_box: Box | None = None
    artifacts: tuple[Artifact, ...] | None = None


@frozen(kw_only=True)
class ProjectDoc(Record):
    """A document that is no drawing and no specification: a submittal, an RFI, a report."""

    doc_id: str
    file_id: str | None = None
    file_name: str | None = None
    doc_type: str | None = None
    status: str | None = None
    artifacts: tuple[Artifact, ...] | None = None
