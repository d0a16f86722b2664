"""Lists of records, page by page (page "Pagination").

The service says where the next page is; its URL is followed as it stands, on the API's own origin only, and never
computed: the documented examples order the query differently and count pages that turn out to be empty.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from attrs import field, frozen

from ..errors import DecodeError
from ..session.call import Answer, Call, CallOptions
from ..session.redaction import redact_url
from ..session.undocumented import Undocumented
from ._codec import loads, structure
from ._context import Context
from ._links import own_target

__all__ = ["Listing", "Page", "page_of"]

T = TypeVar("T")

_ROOM_FOR_READING_AHEAD = 2.0  # calls that must be able to leave now: the page, and one of somebody else
_EMPTY_PAGES = 100  # in a row, each with a link to the next


def _shown(url: str | None) -> str:
    return repr(url if url is None else redact_url(url))


@frozen
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        data: the records.
        total_count: records in all pages together, where the service says so.
        next_page_url: where the next page is; ``None`` on the last.
    """

    data: tuple[T, ...]
    total_count: int | None = None
    next_page_url: str | None = field(default=None, repr=_shown)


def page_of(cls: type[T]) -> Callable[[Answer], Page[T]]:
    """The ``decode`` of a call whose answer is a page of ``cls``."""

    def decode(answer: Answer) -> Page[T]:
        body = loads(answer.content)
        if not isinstance(body, dict):
            raise Undocumented(f"a page should be an object, not {type(body).__name__}")
        envelope = cast("dict[str, Any]", body)
        if "data" not in envelope:
            raise Undocumented("a page lacks data")
        data = structure(envelope["data"], tuple[cls, ...])  # type: ignore[valid-type]  # a type made at run time
        count, url = envelope.get("total_count"), envelope.get("next_page_url") or None
        if not isinstance(url, str | None):
            raise Undocumented(f"next_page_url should be a string, not {type(url).__name__}")
        return Page(
            data,
            count if isinstance(count, int) and not isinstance(count, bool) else None,
            url,
        )

    return decode


class Listing(AsyncIterator[T]):
    """The records of all pages.

    ::

        async for issue in project.issues.list():  # one after the other
            ...
        issues = await project.issues.list()  # all of them, as a list

    It can be gone through once. While the second half of a page is handed out, the next page is read, if the rate
    limiter has room; leaving the loop early cancels that. A record that is created or removed in the meantime may shift
    others across the pages' border: the service counts records from the start.

    Each page is a call of its own: options such as ``deadline=`` hold for each. After an error, going on reads the same
    page again.

    Raises, beside what every call raises:
        DecodeError: the link to the next page leads to another origin (nothing is sent there), or in a circle.

    Cancelled: the page in flight is aborted and nothing is left behind; going on reads it again.
    """

    def __init__(
        self,
        context: Context,
        first: Call[Page[T]] | None,
        options: CallOptions | None = None,
        *,
        keep: Callable[[T], bool] | None = None,
    ) -> None:
        self._context = context
        self._options = options
        self._keep = keep
        self._next: Call[Page[T]] | None = first
        self._items: deque[T] = deque()
        self._half = 0
        self._empty = 0
        self._seen: set[str] = set() if first is None else {first.target}
        self._ahead: asyncio.Task[Page[T]] | None = None
        self._waiting = False
        self.total_count: int | None = None
        """Records in all pages as of the page read last; ``None`` before the first."""

    async def __anext__(self) -> T:
        while True:
            while self._items:
                item = self._items.popleft()
                self._read_ahead()
                if self._keep is None or self._keep(item):
                    return item
            if self._next is None:
                raise StopAsyncIteration
            self._accept(await self._read(self._next), self._next)

    async def _all(self) -> list[T]:
        return [item async for item in self]

    def __await__(self) -> Generator[Any, None, list[T]]:
        return self._all().__await__()

    async def aclose(self) -> None:
        """End it. A page that is being read ahead is aborted. May be called more than once."""
        self._next = None
        self._items.clear()
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.wait([ahead])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # After a `break` nobody calls aclose(). The collector may run in any thread.
        ahead: asyncio.Task[Page[T]] | None = getattr(self, "_ahead", None)
        if ahead is not None and not ahead.done() and not (loop := ahead.get_loop()).is_closed():
            loop.call_soon_threadsafe(ahead.cancel)

    async def _read(self, call: Call[Page[T]]) -> Page[T]:
        if self._waiting:
            raise RuntimeError("this listing is already waiting for a page in another task; use one listing for each")
        self._waiting = True
        ahead, self._ahead = self._ahead, None
        try:
            return await (ahead or self._context.sender.send(call, self._options))
        finally:
            self._waiting = False

    def _read_ahead(self) -> None:
        if (
            self._next is None
            or self._ahead is not None
            or len(self._items) > self._half
            or self._context.room() < _ROOM_FOR_READING_AHEAD
        ):
            return
        self._ahead = asyncio.ensure_future(self._context.sender.send(self._next, self._options))
        # Its error is raised where the page is wanted; if it never is, nobody needs to know.
        self._ahead.add_done_callback(lambda task: task.cancelled() or task.exception())

    def _accept(self, page: Page[T], call: Call[Page[T]]) -> None:
        self._items.extend(page.data)
        self._half = len(page.data) // 2
        self._empty = 0 if page.data else self._empty + 1
        self.total_count = page.total_count
        if page.next_page_url is None:
            self._next = None
            return
        target = own_target(self._context.base_url, page.next_page_url)
        if target is None:
            raise self._wrong(call, page, "leads to another origin than the API's; it was not followed")
        if target in self._seen:
            raise self._wrong(call, page, "leads back to a page that was read already")
        if self._empty >= _EMPTY_PAGES:
            raise self._wrong(call, page, f"follows {self._empty} empty pages in a row")
        self._seen.add(target)
        self._next = call.replace(path=target, query=())

    def _wrong(self, call: Call[Page[T]], page: Page[T], what: str) -> DecodeError:
        self._next = None
        self._items.clear()
        return DecodeError(
            f"next_page_url {_shown(page.next_page_url)} of {call.method} {redact_url(call.target)} {what}",
            method=call.method,
            url=redact_url(call.target),
        )
