"""Requests for information."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Unpack

from ...session.call import NOT_GIVEN, NotGiven
from .._context import CallArguments
from .._resource import Resource, list_query, page_query
from .._rules import (
    ANSWER_LENGTH,
    PAGE_SIZE,
    TITLE_LENGTH,
    check_flag,
    check_text,
    check_uid,
    check_uids,
    given,
    needs_a_field,
)
from ..models import Attachment, Comment, Photo, Rfi, RfiChange, Snapshot
from ..pages import Listing, Page
from ..timestamps import format_timestamp
from .nested import DatedCollection, References, RemovableReferences

__all__ = ["Rfis"]


class Rfis(Resource):
    """RFIs of a project."""

    def list(
        self, *, updated_after: datetime | None = None, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]
    ) -> Listing[Rfi]:
        """All of them, or those created or changed since ``updated_after`` ("Retrieve RFIs in a Project")."""
        return self._list(Rfi, options, list_query(page_size, updated_after), "rfis")

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[Rfi]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(Rfi, options, page_query(limit, skip, updated_after), "rfis")

    async def get(self, rfi_uid: str, **options: Unpack[CallArguments]) -> Rfi:
        """One RFI ("Retrieve RFI in a Project")."""
        return await self._get(Rfi, options, "rfis", rfi_uid)

    async def create(
        self,
        *,
        title: str | NotGiven | None = NOT_GIVEN,
        question: str | NotGiven | None = NOT_GIVEN,
        answer: str | NotGiven | None = NOT_GIVEN,
        status: str | NotGiven = NOT_GIVEN,
        locked: bool | NotGiven = NOT_GIVEN,
        sent_at: datetime | NotGiven | None = NOT_GIVEN,
        due_at: datetime | NotGiven | None = NOT_GIVEN,
        assigned_to_uids: Sequence[str] | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Rfi:
        """Make an RFI and notify whom it concerns ("Create RFI in a Project"). At least one field must be given.

        Args:
            title: 200 characters at most.
            question, answer: 10,000 characters at most, each.
            status: the uid of a status (``project.rfi_statuses.list()``); the project's first by default.
            locked: whether it must be unlocked before it can change.
            sent_at, due_at: with a timezone.
            assigned_to_uids: users of the project.
            **options: of this call.

        It is not repeated when the answer is lost: list the RFIs to see whether it was made.
        """
        body = _body(
            title=title,
            question=question,
            answer=answer,
            status=status,
            locked=locked,
            sent_at=sent_at,
            due_at=due_at,
            assigned_to_uids=assigned_to_uids,
        )
        return await self._post(Rfi, options, needs_a_field(body, "rfis.create"), "rfis")

    async def update(
        self,
        rfi_uid: str,
        *,
        title: str | NotGiven | None = NOT_GIVEN,
        question: str | NotGiven | None = NOT_GIVEN,
        answer: str | NotGiven | None = NOT_GIVEN,
        status: str | NotGiven = NOT_GIVEN,
        locked: bool | NotGiven = NOT_GIVEN,
        sent_at: datetime | NotGiven | None = NOT_GIVEN,
        due_at: datetime | NotGiven | None = NOT_GIVEN,
        assigned_to_uids: Sequence[str] | NotGiven | None = NOT_GIVEN,
        **options: Unpack[CallArguments],
    ) -> Rfi:
        """Change what is given ("Update RFI in a Project"); ``None`` is null, which is not "left as it is".

        ``assigned_to_uids`` replaces all assignees. A locked RFI must be unlocked first
        (:class:`~plangrep_async.errors.BadRequestError`).
        """
        body = _body(
            title=title,
            question=question,
            answer=answer,
            status=status,
            locked=locked,
            sent_at=sent_at,
            due_at=due_at,
            assigned_to_uids=assigned_to_uids,
        )
        return await self._patch(Rfi, options, needs_a_field(body, "rfis.update"), "rfis", rfi_uid)

    def attachments(self, rfi_uid: str) -> References[Attachment]:
        """The attachments it refers to ("Retrieve Attachments Referenced in RFI"); makes no request."""
        return References(self._context, Attachment, "attachment_uid", *self._of(rfi_uid, "attachments"))

    def photos(self, rfi_uid: str) -> References[Photo]:
        """The photos it refers to ("Retrieve Photos Referenced in RFI"); makes no request."""
        return References(self._context, Photo, "photo_uid", *self._of(rfi_uid, "photos"))

    def snapshots(self, rfi_uid: str) -> RemovableReferences[Snapshot]:
        """The snapshots it refers to ("Retrieve Snapshots Referenced in RFI"); they cannot be added. No request."""
        return RemovableReferences(self._context, Snapshot, *self._of(rfi_uid, "snapshots"))

    def comments(self, rfi_uid: str) -> DatedCollection[Comment]:
        """Its comments ("Retrieve Comments on an RFI"); makes no request."""
        return DatedCollection(self._context, Comment, *self._of(rfi_uid, "comments"))

    def history(self, rfi_uid: str) -> DatedCollection[RfiChange]:
        """Its changes ("Retrieve RFI History"); makes no request."""
        return DatedCollection(self._context, RfiChange, *self._of(rfi_uid, "history"))

    def _of(self, rfi_uid: str, what: str) -> tuple[str, ...]:
        return (*self._scope, "rfis", check_uid(rfi_uid, "rfi_uid"), what)


def _body(**values: Any) -> dict[str, Any]:
    body = given(**values)
    for name, value in body.items():
        if name == "locked":
            body[name] = check_flag(value, name)
        elif name == "status":
            body[name] = check_uid(value, name)
        elif value is None:
            continue
        elif name == "assigned_to_uids":
            body[name] = check_uids(value, name)
        elif name.endswith("_at"):
            body[name] = format_timestamp(value, name)
        else:
            longest = TITLE_LENGTH if name == "title" else ANSWER_LENGTH
            body[name] = check_text(value, name, at_least=0, at_most=longest)
    return body
