"""What a project accumulates: files, sheets, regions, specification sections and docs, and pages of them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from .errors import invalid

__all__ = ["ArtifactRef", "Catalog", "Entity", "matches", "page_of"]

Filters = Mapping[str, Any]


@frozen
class ArtifactRef:
    """An artifact of an entity: its type, and its path for the artifact routes."""

    type: str
    path: str


@frozen
class Entity:
    """One record of the project reads.

    Attributes:
        fields: as the API shows it, without artifacts.
        traits: what filters are held against; by the names of the query parameters.
        text: for search and source text.
        source: what a search hit tells about its source.
        facets: texts of its parts, by facet id.
    """

    id: str
    kind: str
    fields: Mapping[str, Any]
    traits: Mapping[str, Any]
    artifacts: Sequence[ArtifactRef] = ()
    text: str = ""
    source: Mapping[str, Any] = field(factory=dict)
    facets: Mapping[str, str] = field(factory=dict)

    def to_json(self, link: Callable[[str], str], *, compact: bool) -> dict[str, Any]:
        """As the API shows it; ``compact`` leaves the artifacts out."""
        if compact:
            return dict(self.fields)
        return {**self.fields, "artifacts": [{"type": item.type, "url": link(item.path)} for item in self.artifacts]}


@define(eq=False)
class Catalog:
    """The entities of a project, by kind, in the order of their making.

    Attributes:
        searchable_at: when the index of the latest sources is ready.
    """

    files: dict[str, Entity] = field(factory=dict)
    sheets: dict[str, Entity] = field(factory=dict)
    regions: dict[str, Entity] = field(factory=dict)
    specifications: dict[str, Entity] = field(factory=dict)
    sections: dict[str, Entity] = field(factory=dict)
    docs: dict[str, Entity] = field(factory=dict)
    searchable_at: float = 0.0

    def add(self, entity: Entity) -> None:
        """Make or replace."""
        table: dict[str, Entity] = getattr(self, f"{entity.kind}s")
        table[entity.id] = entity

    def sources(self) -> Iterable[Entity]:
        """What search looks through."""
        for table in (self.regions, self.specifications, self.docs):
            yield from table.values()


def matches(entity: Entity, filters: Filters) -> bool:
    """Whether an entity passes all filters that are given (None is not given)."""
    return all(_passes(entity.traits, name, wanted) for name, wanted in filters.items() if wanted is not None)


def _passes(traits: Mapping[str, Any], name: str, wanted: Any) -> bool:
    if name == "sheets":
        return bool(set(wanted) & set(traits.get("sheets", ())))
    value = traits.get(name)
    if value is None:
        return False
    if name == "fileName":
        return str(wanted).lower() in str(value).lower()
    if name == "pageStart":
        return int(value) >= int(wanted)
    if name == "pageEnd":
        return int(value) <= int(wanted)
    return bool(value == wanted)


def page_of(
    entities: Iterable[Entity], filters: Filters, *, limit: int, cursor: str | None, mark: Filters | None = None
) -> tuple[list[Entity], dict[str, Any]]:
    """One page of the entities that pass, and the paging members of the answer.

    Cursors are bound to ``mark``, which is ``filters`` unless given.

    Raises:
        PlangrepError: the cursor is not one of this list with these filters.
    """
    found = [entity for entity in entities if matches(entity, filters)]
    bound = json.dumps(filters if mark is None else mark, sort_keys=True)
    seal = hashlib.sha256(bound.encode()).hexdigest()[:8]
    start = 0 if cursor is None else _position(cursor, seal)
    items = found[start : start + limit]
    end = start + len(items)
    more = end < len(found)
    paging = {
        "total": len(found),
        "limit": limit,
        "cursor": cursor,
        "nextCursor": _cursor(end, seal) if more else None,
        "returnedCount": len(items),
        "hasMore": more,
        "pageInfo": {
            "startCursor": _cursor(start, seal) if items else None,
            "endCursor": _cursor(end - 1, seal) if items else None,
            "hasPreviousPage": start > 0,
            "hasNextPage": more,
        },
    }
    return items, paging


def _cursor(position: int, seal: str) -> str:
    return base64.urlsafe_b64encode(f"{position}:{seal}".encode()).decode()


def _position(cursor: str, seal: str) -> int:
    try:
        position, _, given = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
        if given == seal:
            return int(position)
    except ValueError:
        pass
    raise invalid("cursor: not one that this list with these filters gave out", "invalid_cursor")
