"""Projects of the account."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Unpack

from ...session.call import NOT_GIVEN, NotGiven
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import PAGE_SIZE, check_flag, check_text, given, needs_a_field
from ..models import Project, ProjectType
from ..pages import Listing, Page
from ..timestamps import format_date

__all__ = ["Projects"]


class Projects(Resource):
    """Projects where the account is a member of the team."""

    def list(
        self, *, updated_after: datetime | None = None, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]
    ) -> Listing[Project]:
        """All of them ("List All Projects").

        Args:
            updated_after: only those created or changed since; changes of their records do not count.
            page_size: records a request, 1 to 50.
            **options: of each page's call.
        """
        return self._list(Project, options, list_query(page_size, updated_after), "projects")

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Project]:
        """One page: ``limit`` records (1 to 50) after the first ``skip`` ("List All Projects")."""
        return await self._page(Project, options, page_query(limit, skip, updated_after), "projects")

    async def get(self, project_uid: str, **options: Unpack[CallArguments]) -> Project:
        """One project ("Retrieve a Project")."""
        return await self._get(Project, options, "projects", project_uid)

    async def create(
        self,
        name: str,
        *,
        custom_id: str | NotGiven | None = NOT_GIVEN,
        type: ProjectType | str | NotGiven | None = NOT_GIVEN,
        status: str | NotGiven | None = NOT_GIVEN,
        owner: str | NotGiven | None = NOT_GIVEN,
        start_date: date | NotGiven | None = NOT_GIVEN,
        end_date: date | NotGiven | None = NOT_GIVEN,
        street_1: str | NotGiven | None = NOT_GIVEN,
        street_2: str | NotGiven | None = NOT_GIVEN,
        city: str | NotGiven | None = NOT_GIVEN,
        region: str | NotGiven | None = NOT_GIVEN,
        postal_code: str | NotGiven | None = NOT_GIVEN,
        country: str | NotGiven | None = NOT_GIVEN,
        add_to_organization: bool | NotGiven = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Project:
        """Make a project with the account as its admin ("Create Project").

        Only ``name`` (one character or more) is from the documentation of 2017; the other properties came with 1.8, and
        ``add_to_organization`` (tie it to the account's organization) with 1.16.

        It is not repeated when the answer is lost: list the projects to see whether it was made.
        """
        body = given(
            name=check_text(name, "name"),
            **_properties(
                custom_id=custom_id,
                type=type,
                status=status,
                owner=owner,
                start_date=start_date,
                end_date=end_date,
                street_1=street_1,
                street_2=street_2,
                city=city,
                region=region,
                postal_code=postal_code,
                country=country,
            ),
        )
        if not isinstance(add_to_organization, NotGiven):
            body["add_to_organization"] = check_flag(add_to_organization, "add_to_organization")
        return await self._post(Project, options, body, "projects")

    async def update(
        self,
        project_uid: str,
        *,
        name: str | NotGiven = NOT_GIVEN,
        custom_id: str | NotGiven | None = NOT_GIVEN,
        type: ProjectType | str | NotGiven | None = NOT_GIVEN,
        status: str | NotGiven | None = NOT_GIVEN,
        owner: str | NotGiven | None = NOT_GIVEN,
        start_date: date | NotGiven | None = NOT_GIVEN,
        end_date: date | NotGiven | None = NOT_GIVEN,
        street_1: str | NotGiven | None = NOT_GIVEN,
        street_2: str | NotGiven | None = NOT_GIVEN,
        city: str | NotGiven | None = NOT_GIVEN,
        region: str | NotGiven | None = NOT_GIVEN,
        postal_code: str | NotGiven | None = NOT_GIVEN,
        country: str | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Project:
        """Change what is given ("Update Project"); ``None`` is null, which is not "left as it is"."""
        body = given(name=name if isinstance(name, NotGiven) else check_text(name, "name"))
        body |= _properties(
            custom_id=custom_id,
            type=type,
            status=status,
            owner=owner,
            start_date=start_date,
            end_date=end_date,
            street_1=street_1,
            street_2=street_2,
            city=city,
            region=region,
            postal_code=postal_code,
            country=country,
        )
        return await self._patch(Project, options, needs_a_field(body, "projects.update"), "projects", project_uid)


def _properties(**values: Any) -> dict[str, Any]:
    body = given(**values)
    for name, value in body.items():
        if value is not None:
            body[name] = format_date(value, name) if name.endswith("_date") else check_text(value, name, at_least=0)
    return body
