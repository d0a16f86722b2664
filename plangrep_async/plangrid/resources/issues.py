"""Issues of a project, called tasks in later versions of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Unpack

from ...session.call import NOT_GIVEN, NotGiven
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import (
    PAGE_SIZE,
    check_flag,
    check_integer,
    check_money,
    check_text,
    check_uid,
    check_uids,
    given,
    needs_a_field,
)
from ..models import Comment, Issue, IssueStatus, IssueType, Photo
from ..pages import Listing, Page
from ..timestamps import format_date, format_timestamp
from .nested import DatedCollection

__all__ = ["Issues"]


class Issues(Resource):
    """Issues of a project: deleted, archived and personal ones too."""

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        include_annotationless: bool | None = None,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[Issue]:
        """All of them ("Retrieve Issues in a Project").

        Args:
            updated_after: only those created or changed since.
            include_deleted: ``False`` leaves the deleted ones out here; the service gives them all the same.
            include_annotationless: later versions give only tasks on a sheet unless this is ``True``. Not sent by
                default.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        query = list_query(page_size, updated_after, include_annotationless=include_annotationless)
        keep = None if include_deleted else lambda issue: not issue.deleted
        return self._list(Issue, options, query, "issues", keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        include_annotationless: bool | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Issue]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        query = page_query(limit, skip, updated_after, include_annotationless=include_annotationless)
        return await self._page(Issue, options, query, "issues")

    async def get(self, issue_uid: str, **options: Unpack[CallArguments]) -> Issue:
        """One issue ("Retrieve Issue in a Project")."""
        return await self._get(Issue, options, "issues", issue_uid)

    def comments(self, issue_uid: str) -> DatedCollection[Comment]:
        """Its comments ("Retrieve Comments on an Issue"); makes no request."""
        return DatedCollection(self._context, Comment, *self._scope, "issues", check_uid(issue_uid, "uid"), "comments")

    def photos(self, issue_uid: str) -> DatedCollection[Photo]:
        """Its photos ("Retrieve Photos on an Issue"); makes no request."""
        return DatedCollection(self._context, Photo, *self._scope, "issues", check_uid(issue_uid, "uid"), "photos")

    async def create(
        self,
        *,
        title: str | NotGiven | None = NOT_GIVEN,
        status: IssueStatus | str | NotGiven = NOT_GIVEN,
        type: IssueType | str | NotGiven = NOT_GIVEN,
        room: str | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        start_date: date | NotGiven | None = NOT_GIVEN,
        due_at: datetime | NotGiven | None = NOT_GIVEN,
        has_cost_impact: bool | NotGiven = NOT_GIVEN,
        cost_impact: Decimal | int | NotGiven | None = NOT_GIVEN,
        has_schedule_impact: bool | NotGiven = NOT_GIVEN,
        schedule_impact: int | NotGiven | None = NOT_GIVEN,
        assigned_to_uids: Sequence[str] | NotGiven | None = NOT_GIVEN,
        issue_list_uid: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Issue:
        """Make an issue (since version 1.14; the fields are those of the Workato connector).

        It is not repeated when the answer is lost: list the issues to see whether it was made.
        """
        body = _body(
            title=title,
            status=status,
            type=type,
            room=room,
            description=description,
            start_date=start_date,
            due_at=due_at,
            has_cost_impact=has_cost_impact,
            cost_impact=cost_impact,
            has_schedule_impact=has_schedule_impact,
            schedule_impact=schedule_impact,
            assigned_to_uids=assigned_to_uids,
            issue_list_uid=issue_list_uid,
        )
        return await self._post(Issue, options, needs_a_field(body, "issues.create"), "issues")

    async def update(
        self,
        issue_uid: str,
        *,
        title: str | NotGiven | None = NOT_GIVEN,
        status: IssueStatus | str | NotGiven = NOT_GIVEN,
        type: IssueType | str | NotGiven = NOT_GIVEN,
        room: str | NotGiven | None = NOT_GIVEN,
        description: str | NotGiven | None = NOT_GIVEN,
        start_date: date | NotGiven | None = NOT_GIVEN,
        due_at: datetime | NotGiven | None = NOT_GIVEN,
        has_cost_impact: bool | NotGiven = NOT_GIVEN,
        cost_impact: Decimal | int | NotGiven | None = NOT_GIVEN,
        has_schedule_impact: bool | NotGiven = NOT_GIVEN,
        schedule_impact: int | NotGiven | None = NOT_GIVEN,
        assigned_to_uids: Sequence[str] | NotGiven | None = NOT_GIVEN,
        issue_list_uid: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Issue:
        """Change what is given (since version 1.14); ``None`` is null, which is not "left as it is"."""
        body = _body(
            title=title,
            status=status,
            type=type,
            room=room,
            description=description,
            start_date=start_date,
            due_at=due_at,
            has_cost_impact=has_cost_impact,
            cost_impact=cost_impact,
            has_schedule_impact=has_schedule_impact,
            schedule_impact=schedule_impact,
            assigned_to_uids=assigned_to_uids,
            issue_list_uid=issue_list_uid,
        )
        return await self._patch(Issue, options, needs_a_field(body, "issues.update"), "issues", issue_uid)


def _body(**values: Any) -> dict[str, Any]:
    body = given(**values)
    for name, value in body.items():
        if value is None:
            continue
        match name:
            case "start_date":
                body[name] = format_date(value, name)
            case "due_at":
                body[name] = format_timestamp(value, name)
            case "cost_impact":
                body[name] = check_money(value, name)
            case "schedule_impact":
                body[name] = check_integer(value, name, at_least=-(2**53), at_most=2**53)
            case "has_cost_impact" | "has_schedule_impact":
                body[name] = check_flag(value, name)
            case "assigned_to_uids":
                body[name] = check_uids(value, name)
            case _:
                body[name] = check_text(value, name, at_least=0)
    return body
