"""What a PlanGrid project has besides its files, for an export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from ...errors import APIStatusError, AuthenticationError, RateLimitError, ServerError
from ...plangrid import CollectionReference, PlanGridClient
from ...plangrid.models import Record
from ...plangrid.pages import Listing
from ...plangrid.scope import ProjectScope

__all__ = ["plain", "project_records"]

_PAGE = 50
_OF_ALL = (AuthenticationError, RateLimitError, ServerError)  # what is refused is no single kind or record
_SIGNED = ("url", "pdf_url")  # of a record's file; they run out, and are as good as a key until then
_REFERENCES = ("attachments", "photos", "snapshots")  # comments name the record that they are on


async def project_records(
    client: PlanGridClient, project: ProjectScope, since: datetime | None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """The records without files, a page at a time; see :meth:`Source.records`."""
    for kind, listing in _listings(project, since):
        try:
            async with listing, aclosing(_pages(listing)) as pages:
                async for page in pages:
                    # What is asked for at once may share a batch. All end before an error of one is raised.
                    lines = await asyncio.gather(
                        *(_line(client, kind, record) for record in page), return_exceptions=True
                    )
                    for error in lines:
                        if isinstance(error, BaseException):
                            raise error
                    yield [line for line in lines if not isinstance(line, BaseException)]
        except APIStatusError as error:
            if isinstance(error, _OF_ALL):
                raise
            # Roles and some later resources are not for every account; the others are no worse for it.
            yield [{"kind": kind, "error": str(error)}]


def plain(record: Record) -> dict[str, Any]:
    """A record as the service writes it, without the URL of its file."""
    return {name: value for name, value in record.to_dict().items() if name not in _SIGNED}


def _listings(project: ProjectScope, since: datetime | None) -> list[tuple[str, Listing[Any]]]:
    return [
        ("issue", project.issues.list(updated_after=since)),
        ("issue list", project.issue_lists.list()),
        ("rfi", project.rfis.list(updated_after=since)),
        ("rfi status", project.rfi_statuses.list()),
        ("comment", project.comments.list(updated_after=since)),
        ("annotation", project.annotations.list(updated_after=since)),
        ("snapshot", project.snapshots.list(updated_after=since)),
        ("field report", project.field_reports.list(updated_after=since)),
        ("version set", project.version_sets.list()),
        ("user", project.users.list()),
        ("role", project.roles.list()),
    ]


async def _pages(listing: Listing[Any]) -> AsyncGenerator[list[Any], None]:
    page: list[Any] = []
    async for record in listing:
        if not getattr(record, "deleted", False):
            page.append(record)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


async def _line(client: PlanGridClient, kind: str, record: Record) -> dict[str, Any]:
    references: dict[str, list[str]] = {}
    unread: dict[str, str] = {}
    for name in _REFERENCES:
        reference = getattr(record, name, None)
        if isinstance(reference, CollectionReference) and reference.total_count:
            try:
                references[name] = [each.uid for each in await client.follow(reference)]
            except APIStatusError as error:
                if isinstance(error, _OF_ALL):
                    raise
                unread[name] = str(error)
    line: dict[str, Any] = {"kind": kind, "record": plain(record)}
    return line | ({"references": references} if references else {}) | ({"unread": unread} if unread else {})
