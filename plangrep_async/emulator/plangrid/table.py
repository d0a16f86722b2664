"""The records of one kind in one project, most of them never stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from .uid import UidSpace

__all__ = ["Record", "Table"]

_MAX_SELECTIONS = 16


class Record(Protocol):
    """What a table needs to know of its records."""

    @property
    def uid(self) -> str: ...

    @property
    def updated_at(self) -> float:
        """Seconds since 1970."""
        ...

    @property
    def facet(self) -> Hashable:
        """The value that the list endpoint filters by (a folder, a record type, ...)."""
        ...


R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """An ordered set of records. The seeded ones are made from their number each time they are asked for.

    A record has a *handle*: its number, 0 and above, when it is seeded, and -1, -2, ... in the order of creation.

    Args:
        uids: the uids of the seeded records.
        count: how many are seeded.
        make: a seeded record from its number; must always give the same one.
        outline: ``(updated_at, facet)`` of a seeded record, cheaper than ``make``; must agree with it.
        newest_first: created records come before the seeded ones (whose number 0 is the newest), instead of after.
    """

    def __init__(
        self,
        uids: UidSpace,
        count: int,
        make: Callable[[int], R],
        outline: Callable[[int], tuple[float, Hashable]],
        *,
        newest_first: bool = False,
    ) -> None:
        self.uids = uids
        self.count = count
        self._make = make
        self._outline = outline
        self._newest_first = newest_first
        self._changed: dict[int, R] = {}
        self._created: list[R] = []
        self._handles: dict[str, int] = {}
        self._selections: dict[Hashable, Sequence[int]] = {}

    def __len__(self) -> int:
        return self.count + len(self._created)

    def __iter__(self) -> Iterator[R]:
        """All records in the order of the list."""
        return (self.at(self._handle_at(position)) for position in range(len(self)))

    @property
    def created(self) -> Sequence[R]:
        """The records that were created, in that order."""
        return tuple(self._created)

    def at(self, handle: int) -> R:
        """The record of a handle, as it is now."""
        if handle < 0:
            return self._created[-1 - handle]
        changed = self._changed.get(handle)
        return self._make(handle) if changed is None else changed

    def get(self, uid: str) -> R | None:
        """The record of a uid, or ``None``."""
        handle = self._handle_of(uid)
        return None if handle is None else self.at(handle)

    def add(self, record: R) -> R:
        """Create a record. Raises ``KeyError`` when its uid is taken."""
        if self._handle_of(record.uid) is not None:
            raise KeyError(record.uid)
        self._created.append(record)
        self._handles[record.uid.lower()] = -len(self._created)
        self._selections.clear()
        return record

    def put(self, record: R) -> R:
        """Replace the record of the same uid. Raises ``KeyError`` when there is none."""
        handle = self._handle_of(record.uid)
        if handle is None:
            raise KeyError(record.uid)
        if handle < 0:
            self._created[-1 - handle] = record
        else:
            self._changed[handle] = record
        self._selections.clear()
        return record

    def page(
        self,
        skip: int,
        limit: int,
        *,
        updated_after: float | None = None,
        facets: Collection[Hashable] | None = None,
        among: Sequence[int] | None = None,
    ) -> tuple[list[R], int]:
        """The records ``skip`` to ``skip + limit`` of those that match, and how many match.

        Args:
            updated_after: only those whose ``updated_at`` is later.
            facets: only those whose facet is one of these.
            among: handles to choose from, in this order, instead of all.
        """
        if updated_after is None and facets is None:
            if among is None:
                last = min(skip + limit, len(self))
                return [self.at(self._handle_at(position)) for position in range(skip, last)], len(self)
            chosen = among
        else:
            chosen = self._select(updated_after, None if facets is None else frozenset(facets), among)
        return [self.at(handle) for handle in chosen[skip : skip + limit]], len(chosen)

    def _handle_of(self, uid: str) -> int | None:
        index = self.uids.index(uid)
        if index is not None and index < self.count:
            return index
        return self._handles.get(uid.lower())

    def _handle_at(self, position: int) -> int:
        created = len(self._created)
        if self._newest_first:
            return position - created  # -created ... -1 (the newest has the lowest handle), then the seeded ones
        return position if position < self.count else self.count - 1 - position

    def _select(
        self, after: float | None, facets: frozenset[Hashable] | None, among: Sequence[int] | None
    ) -> Sequence[int]:
        key = (after, facets, among if among is None or isinstance(among, range) else tuple(among))
        found = self._selections.get(key)
        if found is None:
            handles = (self._handle_at(p) for p in range(len(self))) if among is None else iter(among)
            found = [handle for handle in handles if self._matches(handle, after, facets)]
            if len(self._selections) >= _MAX_SELECTIONS:
                self._selections.clear()
            self._selections[key] = found
        return found

    def _matches(self, handle: int, after: float | None, facets: frozenset[Hashable] | None) -> bool:
        if handle < 0 or handle in self._changed:
            record = self.at(handle)
            updated_at, facet = record.updated_at, record.facet
        else:
            updated_at, facet = self._outline(handle)
        return (after is None or updated_at > after) and (facets is None or facet in facets)
