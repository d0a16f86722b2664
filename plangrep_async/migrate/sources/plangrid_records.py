"""What a PlanGrid project has besides its files, for an export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any

from ...errors import APIStatusError, AuthenticationError, RateLimitError, ServerError
from ...plangrid import CollectionReference, PlanGridClient
from ...plangrid.models import Record
from ...plangrid.pages import Listing, Page
from ...plangrid.scope import ProjectScope

__all__ = ["plain", "project_records", "record_calls"]

_PAGE = 50
_OF_ALL = (AuthenticationError, RateLimitError, ServerError)  # what is refused is no single kind or record
_SIGNED = ("url", "pdf_url")  # of a record's file; they run out, and are as good as a key until then
_REFERENCES = ("attachments", "photos", "snapshots")  # comments name the record that they are on
_REFERRING = {"issue": 1, "rfi": 3, "field report": 3}  # how many of these a record has at most


async def project_records(
    client: PlanGridClient, project: ProjectScope, since: datetime | None
) -> AsyncGenerator[list[dict[str, Any]], None]:
    """The records without files, a page at a time; see :meth:`Source.records`."""
    for kind, resource, query in _resources(project, since):
        listing: Listing[Any] = resource.list(**query)
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


def _resources(project: ProjectScope, since: datetime | None) -> list[tuple[str, Any, Mapping[str, Any]]]:
    """Each kind with what lists it, and how."""
    changed = {"updated_after": since}
    return [
        ("issue", project.issues, changed),
        ("issue list", project.issue_lists, {}),
        ("rfi", project.rfis, changed),
        ("rfi status", project.rfi_statuses, {}),
        ("comment", project.comments, changed),
        ("annotation", project.annotations, changed),
        ("snapshot", project.snapshots, changed),
        ("field report", project.field_reports, changed),
        ("version set", project.version_sets, {}),
        ("user", project.users, {}),
        ("role", project.roles, {}),
    ]


async def record_calls(project: ProjectScope, since: datetime | None) -> tuple[int, int]:
    """What :func:`project_records` takes: calls at least, when no record refers to others, and at most, when each
    refers to all that it can, to fifty of a kind."""

    async def count(kind: str, resource: Any, query: Mapping[str, Any]) -> tuple[int, int]:
        try:
            page: Page[Any] = await resource.page(limit=1, **query)
        except APIStatusError as error:
            if isinstance(error, _OF_ALL):
                raise
            return 1, 1
        records = len(page.data) if page.total_count is None else page.total_count
        pages = max(1, -(-records // _PAGE))
        return pages, pages + _REFERRING.get(kind, 0) * records

    counts = await asyncio.gather(*(count(*each) for each in _resources(project, since)))
    return sum(least for least, _ in counts), sum(most for _, most in counts)


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
