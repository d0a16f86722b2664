"""Field reports (versions 1.14 and 1.15). What stands inside their forms is kept as it comes, in ``extra``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from attrs import frozen

from .attachment import Attachment
from .photo import Photo
from .record import Record, signed_url
from .references import CollectionReference
from .snapshot import Snapshot

__all__ = ["FieldReport", "FieldReportTemplate"]


@frozen
class FieldReport(Record):
    """A report from the field. Forms, weather, custom items and the report's type are in ``extra``.

    Attributes:
        uid: identifies it.
        title, description: free text.
        report_date: the day it is about.
        status: free text; the values are not documented.
        pdf_url: where its PDF is; credentials never go there.
        attachments, photos, snapshots: its collections.
        updated_at: when it changed.
    """

    uid: str
    title: str | None = None
    description: str | None = None
    report_date: date | None = None
    status: str | None = None
    pdf_url: str | None = signed_url()
    attachments: CollectionReference[Attachment] | None = None
    photos: CollectionReference[Photo] | None = None
    snapshots: CollectionReference[Snapshot] | None = None
    updated_at: datetime | None = None


@frozen
class FieldReportTemplate(Record):
    """What field reports are made from. Permissions and the author are in ``extra``.

    Attributes:
        uid: identifies it.
        name: as shown.
        cadence, template_type, status: free text; the values are not documented.
        is_pdf: whether it is a PDF form.
        pdf_url: where that PDF is; credentials never go there.
        field_reports: the reports made from it.
        updated_at: when it changed.
    """

    uid: str
    name: str | None = None
    cadence: str | None = None
    template_type: str | None = None
    status: str | None = None
    is_pdf: bool | None = None
    pdf_url: str | None = signed_url()
    field_reports: CollectionReference[Any] | None = None
    updated_at: datetime | None = None
