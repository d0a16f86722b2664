"""Field reports and their templates (versions 1.14 and 1.15; paths and parameters of the Workato connector)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal, Unpack

from ...errors import InvalidInputError
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_text, check_uids
from ..models import FieldReport, FieldReportTemplate, Packet
from ..pages import Listing, Page
from ..timestamps import format_date, format_timestamp

__all__ = ["FieldReportTemplates", "FieldReports"]


class FieldReports(Resource):
    """Reports from the field, archived ones too. They cannot be made or changed through the API."""

    def list(
        self,
        *,
        report_date_min: date | None = None,
        report_date_max: date | None = None,
        template_uid: str | None = None,
        sort_by: Literal["report_date", "updated_at"] | None = None,
        sort_order: Literal["asc", "desc"] | None = None,
        updated_after: datetime | None = None,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[FieldReport]:
        """All of them, or those of some days or of one template."""
        filters = _filters(report_date_min, report_date_max, template_uid, sort_by, sort_order)
        return self._list(FieldReport, options, list_query(page_size, updated_after, **filters), "field_reports")

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        report_date_min: date | None = None,
        report_date_max: date | None = None,
        template_uid: str | None = None,
        sort_by: Literal["report_date", "updated_at"] | None = None,
        sort_order: Literal["asc", "desc"] | None = None,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[FieldReport]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        filters = _filters(report_date_min, report_date_max, template_uid, sort_by, sort_order)
        return await self._page(
            FieldReport, options, page_query(limit, skip, updated_after, **filters), "field_reports"
        )

    async def export(
        self,
        field_report_uids: Sequence[str],
        *,
        timezone: str,
        file_type: Literal["pdf", "xlsx"] = "pdf",
        **options: Unpack[CallArguments],
    ) -> Packet:
        """Start to write reports into a file; :meth:`get_export` tells when it is there.

        Args:
            field_report_uids: at least one.
            timezone: a name of the tz database, such as ``"America/Los_Angeles"``.
            file_type: of the file.
            **options: of this call.
        """
        if file_type not in ("pdf", "xlsx"):
            raise InvalidInputError(f"file_type: {file_type!r} is neither 'pdf' nor 'xlsx'")
        body = {
            "field_report_uids": check_uids(field_report_uids, "field_report_uids", at_least=1),
            "timezone": check_text(timezone, "timezone"),
            "file_type": file_type,
        }
        return await self._post(Packet, options, body, "field_reports", "export")

    async def get_export(self, export_uid: str, **options: Unpack[CallArguments]) -> Packet:
        """How far an export is, and where its file is."""
        return await self._get(Packet, options, "field_reports", "export", export_uid)


class FieldReportTemplates(Resource):
    """What field reports are made from, archived ones too."""

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        updated_before: datetime | None = None,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[FieldReportTemplate]:
        """All of them, or those changed in a time."""
        before = None if updated_before is None else format_timestamp(updated_before, "updated_before")
        query = list_query(page_size, updated_after, updated_before=before)
        return self._list(FieldReportTemplate, options, query, "field_report_templates")

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        updated_before: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[FieldReportTemplate]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        before = None if updated_before is None else format_timestamp(updated_before, "updated_before")
        query = page_query(limit, skip, updated_after, updated_before=before)
        return await self._page(FieldReportTemplate, options, query, "field_report_templates")


def _filters(
    earliest: date | None, latest: date | None, template: str | None, sort_by: str | None, order: str | None
) -> dict[str, Any]:
    if sort_by not in (None, "report_date", "updated_at"):
        raise InvalidInputError(f"sort_by: {sort_by!r} is neither 'report_date' nor 'updated_at'")
    if order not in (None, "asc", "desc"):
        raise InvalidInputError(f"sort_order: {order!r} is neither 'asc' nor 'desc'")
    return {
        "report_date_min": None if earliest is None else format_date(earliest, "report_date_min"),
        "report_date_max": None if latest is None else format_date(latest, "report_date_max"),
        "template_uid": template,
        "sort_by": sort_by,
        "sort_order": order,
    }
