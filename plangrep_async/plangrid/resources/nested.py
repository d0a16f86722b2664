"""Records that belong to another record: what is on an issue, what an RFI refers to."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar, Unpack

from .._codec import record_of
from .._context import CallArguments, Context
from .._resource import Resource, list_query, page_query, post
from .._rules import PAGE_SIZE, check_uid
from ..pages import Listing, Page

__all__ = ["DatedCollection", "References", "RemovableReferences"]

R = TypeVar("R")


class DatedCollection(Resource, Generic[R]):
    """Records that can be asked for by their time of change."""

    def __init__(self, context: Context, cls: type[R], *scope: str) -> None:
        super().__init__(context, *scope)
        self._cls = cls

    def list(
        self,
        *,
        updated_after: datetime | None = None,
        include_deleted: bool = True,
        page_size: int = PAGE_SIZE,
        **options: Unpack[CallArguments],
    ) -> Listing[R]:
        """All of them, or those created or changed since ``updated_after``.

        ``include_deleted=False`` leaves out here those that say that they are deleted; of these collections only photos
        do.
        """
        keep = None if include_deleted else lambda record: not getattr(record, "deleted", False)
        return self._list(self._cls, options, list_query(page_size, updated_after), keep=keep)

    async def page(
        self,
        *,
        limit: int = PAGE_SIZE,
        skip: int = 0,
        updated_after: datetime | None = None,
        **options: Unpack[CallArguments],
    ) -> Page[R]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(self._cls, options, page_query(limit, skip, updated_after))


class RemovableReferences(Resource, Generic[R]):
    """What an RFI refers to; the references can be removed."""

    def __init__(self, context: Context, cls: type[R], *scope: str) -> None:
        super().__init__(context, *scope)
        self._cls = cls

    def list(
        self, *, include_deleted: bool = True, page_size: int = PAGE_SIZE, **options: Unpack[CallArguments]
    ) -> Listing[R]:
        """All of them; a record that was deleted is still referred to unless ``include_deleted`` is false."""
        keep = None if include_deleted else lambda record: not record.deleted
        return self._list(self._cls, options, list_query(page_size, None), keep=keep)

    async def page(self, *, limit: int = PAGE_SIZE, skip: int = 0, **options: Unpack[CallArguments]) -> Page[R]:
        """One page: ``limit`` records (1 to 50) after the first ``skip``."""
        return await self._page(self._cls, options, page_query(limit, skip, None))

    async def remove(self, uid: str, **options: Unpack[CallArguments]) -> None:
        """Remove the reference; the record itself stays.

        Raises:
            BadRequestError: the RFI is locked.
            NotFoundError: there is no such reference, and (unlike elsewhere) when the project is out of reach.
        """
        await self._delete(options, uid)


class References(RemovableReferences[R]):
    """What an RFI refers to; references can be added and removed."""

    def __init__(self, context: Context, cls: type[R], field: str, *scope: str) -> None:
        super().__init__(context, cls, *scope)
        self._field = field

    async def add(self, uid: str, **options: Unpack[CallArguments]) -> R:
        """Refer to a record of the same project; gives that record.

        Raises:
            BadRequestError: the RFI is locked, or there is no such record (400 here, not 404).
        """
        body = {self._field: check_uid(uid, self._field)}
        return await self._send(post(self._path(), record_of(self._cls, uid), body), options)
