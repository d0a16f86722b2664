"""Lists that come in pages, as one asynchronous iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

from attrs import evolve

from ..errors import DecodeError
from ..session.call import Answer
from ..session.undocumented import Undocumented
from ._codec import Codec, json_object
from .models.page import Page
from .models.record import Record

__all__ = ["Pages", "follow", "page_reader"]

T = TypeVar("T")
P = TypeVar("P")
_EMPTY_PAGES = 100  # in a row, each with a cursor for the next
R = TypeVar("R", bound=Record)


class Pages(Generic[T]):
    """All records of a list: ``async for`` asks for one page after the other, when it is needed.

    Each loop begins anew. Nothing is asked for before the first one. A page that cannot be had raises its error out of
    the loop; a server that gives a cursor twice, or one empty page after the other, and so would never end, is a
    :class:`~plangrep_async.DecodeError`.
    """

    def __init__(self, fetch: Callable[[str | None], Awaitable[Page[T]]]) -> None:
        self._fetch = fetch

    def __aiter__(self) -> AsyncIterator[T]:
        return self._items()

    async def _items(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for item in page.items:
                yield item

    def pages(self) -> AsyncIterator[Page[T]]:
        """The pages themselves."""
        return follow(self._fetch, lambda page: None if page.is_last else page.next_cursor, lambda page: not page.items)


async def follow(
    fetch: Callable[[str | None], Awaitable[P]],
    next_cursor: Callable[[P], str | None],
    is_empty: Callable[[P], bool],
) -> AsyncIterator[P]:
    """Page after page, until there is no next cursor.

    Raises:
        DecodeError: a cursor came twice, or a hundred empty pages in a row, so that the list would never end.
    """
    cursor: str | None = None
    empty = 0
    seen: set[str] = set()
    while True:
        page = await fetch(cursor)
        yield page
        cursor = next_cursor(page)
        if not cursor:
            return
        if cursor in seen:
            raise DecodeError("the service gave the same nextCursor twice; its list would never end")
        seen.add(cursor)
        empty = empty + 1 if is_empty(page) else 0
        if empty >= _EMPTY_PAGES:
            raise DecodeError(f"the service gave {empty} empty pages in a row, each with another nextCursor")


def page_reader(codec: Codec, kind: type[R], list_name: str) -> Callable[[Answer], Page[R]]:
    """The ``decode`` of a call whose answer is a page of records.

    Args:
        list_name: which of the ``lists.*`` names (unverified) holds the records.
    """
    spellings = codec.names.find(list_name) or (list_name.rpartition(".")[2],)

    def decode(answer: Answer) -> Page[R]:
        data = json_object(answer)
        for spelling in spellings:
            if isinstance(data.get(spelling), list):
                items = tuple(codec.read(item, kind) for item in data.pop(spelling))
                page: Page[Any] = codec.read(data, Page)
                return evolve(page, items=items)
        raise Undocumented(f"the body lacks {' or '.join(spellings)}")

    return decode
