"""Annotations (page "The Annotation Object")."""

from __future__ import annotations

from attrs import frozen

from .record import OpenEnum, Record
from .references import RecordReference
from .sheet import Sheet

__all__ = ["Annotation", "AnnotationVisibility"]


class AnnotationVisibility(OpenEnum):
    """Who sees it: its author alone, or everybody ("published" in later versions of the documentation)."""

    USER = "user"
    MASTER = "master"


@frozen
class Annotation(Record):
    """A mark on a sheet.

    Attributes:
        uid: identifies it.
        color: ``#RRGGBB``.
        stamp: one or two characters that tell the kind of issue; ``None`` when it stands for no issue.
        visibility: who sees it.
        deleted: whether it was deleted. On an issue's current annotation it means that the issue is archived.
        sheet: where it is.
    """

    uid: str
    color: str | None = None
    stamp: str | None = None
    visibility: AnnotationVisibility | None = None
    deleted: bool | None = None
    sheet: RecordReference[Sheet] | None = None
