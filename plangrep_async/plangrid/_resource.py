"""What all resources share: short ways to send a call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from ..session.call import NOT_GIVEN, Call, path_of, query_of
from ._codec import nothing, record_of
from ._context import CallArguments, Context, options_of
from ._rules import PAGE_SIZE, check_integer, check_uid
from .pages import Listing, Page, page_of
from .timestamps import format_timestamp

__all__ = ["Resource", "list_query", "page_query", "post", "uid_path"]

R = TypeVar("R")

_JSON = "application/json"


def uid_path(*segments: str) -> str:
    """A path whose segments are words of the API and uids."""
    return path_of(*[check_uid(segment, "uid") for segment in segments])


def post(path: str, decode: Callable[[Any], R], body: Any = NOT_GIVEN, *, repeatable: bool | None = None) -> Call[R]:
    """A POST; one without a body says that it is JSON all the same, which the service asks for."""
    return Call("POST", path, decode, json=body, content_type=_JSON, repeatable=repeatable)


def list_query(page_size: int, updated_after: datetime | None, **filters: Any) -> tuple[tuple[str, str], ...]:
    """The query of a list's first page, its size checked."""
    check_integer(page_size, "page_size", at_least=1, at_most=PAGE_SIZE)
    return _query(0, page_size, updated_after, filters)


def page_query(limit: int, skip: int, updated_after: datetime | None, **filters: Any) -> tuple[tuple[str, str], ...]:
    """The query of one page, limits checked ("Pagination"; the service's own toolkit refuses a limit of 0)."""
    check_integer(limit, "limit", at_least=1, at_most=PAGE_SIZE)
    check_integer(skip, "skip", at_least=0)
    return _query(skip, limit, updated_after, filters)


def _query(
    skip: int, limit: int, updated_after: datetime | None, filters: dict[str, Any]
) -> tuple[tuple[str, str], ...]:
    moment = None if updated_after is None else format_timestamp(updated_after, "updated_after")
    return query_of(skip=skip or None, limit=limit, updated_after=moment, **filters)


class Resource:
    """A part of the API, in the scope of a project or of the account."""

    def __init__(self, context: Context, *scope: str) -> None:
        self._context = context
        self._scope = scope

    def _path(self, *segments: str) -> str:
        return uid_path(*self._scope, *segments)

    async def _send(self, call: Call[R], arguments: CallArguments) -> R:
        return await self._context.sender.send(call, options_of(arguments))

    async def _get(self, cls: type[R], arguments: CallArguments, *segments: str) -> R:
        return await self._send(Call("GET", self._path(*segments), record_of(cls, segments[-1])), arguments)

    async def _post(self, cls: type[R], arguments: CallArguments, body: Any, *segments: str) -> R:
        return await self._send(post(self._path(*segments), record_of(cls), body), arguments)

    async def _patch(self, cls: type[R], arguments: CallArguments, body: Any, *segments: str) -> R:
        call = Call("PATCH", self._path(*segments), record_of(cls, segments[-1]), json=body)
        return await self._send(call, arguments)

    async def _delete(self, arguments: CallArguments, *segments: str) -> None:
        await self._send(Call("DELETE", self._path(*segments), nothing), arguments)

    def _list(
        self,
        cls: type[R],
        arguments: CallArguments,
        query: tuple[tuple[str, str], ...],
        *segments: str,
        keep: Callable[[R], bool] | None = None,
    ) -> Listing[R]:
        call = Call("GET", self._path(*segments), page_of(cls), query=query)
        return Listing(self._context, call, options_of(arguments), keep=keep)

    async def _page(
        self, cls: type[R], arguments: CallArguments, query: tuple[tuple[str, str], ...], *segments: str
    ) -> Page[R]:
        return await self._send(Call("GET", self._path(*segments), page_of(cls), query=query), arguments)
