"""A project."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from .catalog import Catalog
from .timestamps import iso

__all__ = ["Project"]


@define(eq=False)
class Project:
    """Attributes:
    status: ``provisioning``, ``ready`` or (an assumption) ``failed``.
    runtime: ``starting`` or ``running``.
    upgrade: ``none`` or, while an upgrade runs, any other word.
    jobs: ids, oldest first.
    """

    id: str
    organization: str
    name: str
    created_at: float
    updated_at: float
    status: str = "provisioning"
    runtime: str = "starting"
    upgrade: str = "none"
    jobs: list[str] = field(factory=list)
    catalog: Catalog = field(factory=Catalog, repr=False)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "projectKind": "open_api",
            "status": self.status,
            "runtime": {"status": self.runtime, "upgradeStatus": self.upgrade},
            "createdAt": iso(self.created_at),
            "updatedAt": iso(self.updated_at),
        }
