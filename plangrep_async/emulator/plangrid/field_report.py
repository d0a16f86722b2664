"""Field reports and their templates (later versions): the lists, with the fields that clients are known to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from .dice import Dice
from .links import Person
from .message import ApiError, Reply
from .paging import list_reply
from .router import Route
from .seeding import EPOCH
from .timestamp import format_date, format_timestamp, parse_date
from .uid import UidSpace
from .visit import Visit

if TYPE_CHECKING:
    from .project import Project

__all__ = ["ROUTES", "FieldReport", "seeded_field_reports"]

_TEMPLATES = ("Daily report", "Safety walk")


@frozen
class FieldReport:
    """A report from the site. ``report_date`` is seconds since 1970, at midnight."""

    uid: str
    title: str
    report_date: float
    template: int
    created_by: Person
    updated_at: float
    status: str


def seeded_field_reports(project: Project, count: int) -> list[FieldReport]:
    space = UidSpace(project.seed, f"{project.uid}/field report")
    reports: list[FieldReport] = []
    for index in range(count):
        dice = Dice(index ^ space.key)
        day = EPOCH + index * 86_400
        reports.append(
            FieldReport(
                uid=space.uid(index),
                title=f"{_TEMPLATES[index % 2]} {format_date(day)}",
                report_date=day,
                template=index % 2,
                created_by=project.someone(dice),
                updated_at=day + 61_200 + dice.below(7200),
                status="submitted" if dice.one_in(2) else "draft",
            )
        )
    return reports


def _template_uid(project: Project, template: int) -> str:
    return UidSpace(project.seed, f"{project.uid}/field report template").uid(template)


def _list(visit: Visit) -> Reply:
    query, project = visit.query, visit.project
    for name in ("report_date_min", "report_date_max"):
        if name in query and parse_date(query[name]) is None:
            raise ApiError(400, f"{name} ({query[name]}) must be a date in ISO-8601 format.")
    sort_by, order = query.get("sort_by", "report_date"), query.get("sort_order", "asc")
    if sort_by not in ("report_date", "updated_at") or order not in ("asc", "desc"):
        raise ApiError(400, "Query string parameters are invalid.")
    low, high = query.get("report_date_min", ""), query.get("report_date_max", "9")
    wanted = query.get("template_uid")
    found = [
        report
        for report in project.field_reports
        if low <= format_date(report.report_date) <= high
        and (wanted is None or wanted.lower() == _template_uid(project, report.template))
    ]
    found.sort(key=lambda report: getattr(report, sort_by), reverse=order == "desc")
    return list_reply(visit, found, lambda report: _render(visit, report), time_of=lambda report: report.updated_at)


def _render(visit: Visit, report: FieldReport) -> dict[str, Any]:
    links = visit.links
    return {
        "uid": report.uid,
        "title": report.title,
        "description": None,
        "report_date": format_date(report.report_date),
        "status": report.status,
        "field_report_type": {
            "uid": _template_uid(visit.project, report.template),
            "name": _TEMPLATES[report.template],
            "status": "active",
            "project_uid": visit.project.uid,
            "template_type": "pg",
        },
        "pdf_url": None,
        "attachments": links.collection(0, ""),
        "photos": links.collection(0, ""),
        "snapshots": links.collection(0, ""),
        "created_by": links.user(report.created_by),
        "updated_at": format_timestamp(report.updated_at),
    }


def _templates(visit: Visit) -> Reply:
    def render(template: int) -> dict[str, Any]:
        uid = _template_uid(visit.project, template)
        return {
            "uid": uid,
            "name": _TEMPLATES[template],
            "field_reports": {"url": f"{visit.links.project}/field_reports?template_uid={uid}"},
            "is_pdf": False,
            "pdf_url": None,
            "status": "active",
            "updated_at": format_timestamp(EPOCH),
        }

    return list_reply(visit, range(len(_TEMPLATES)), render, time_of=lambda _: EPOCH)


ROUTES = (
    Route("GET", "/projects/{project_uid}/field_reports", _list, "Retrieve Field Reports in a Project"),
    Route(
        "GET",
        "/projects/{project_uid}/field_report_templates",
        _templates,
        "Retrieve Field Report Templates in a Project",
    ),
)
