"""How many records a project begins with, and the words they are made of."""

from __future__ import annotations

from attrs import field, frozen, validators

__all__ = ["EPOCH", "COMPANIES", "FIRST_NAMES", "LAST_NAMES", "ROOMS", "TRADES", "SeedPlan"]

EPOCH = 1_451_606_400
"""The first seeded moment: 2016-01-01T00:00:00+00:00. Seeded data does not depend on the clock."""

FIRST_NAMES = ("alfred", "betty", "carmen", "dmitri", "elena", "farid", "grace", "henry", "ines", "jonas")
LAST_NAMES = ("archer", "baker", "carter", "dyer", "fisher", "glover", "mason", "porter", "sawyer", "wright")
COMPANIES = ("architect", "construction", "subcontractor", "civilengineer")
ROOMS = ("M100", "M101", "S20", "L2 corridor", "Roof", "Stair B", "Lobby", "Mechanical room")
TRADES = (
    ("E", "Electrical", "#F38109"),
    ("CN", "Cleaning needed", "#0A7A3C"),
    ("P", "Plumbing", "#1F62B5"),
    ("DW", "Drywall", "#B51F4C"),
    ("D", "Doors and hardware", "#7B1FB5"),
)

_count = validators.ge(0)


@frozen(kw_only=True)
class SeedPlan:
    """Records of each seeded project.

    Attributes:
        users: people on the team, besides the accounts of keys.
        annotations: one for each issue when not given.
        version_sets: how many versions the sheets are spread over.
        deleted: the share of records that are marked as deleted.
    """

    users: int = field(default=5, validator=_count)
    issues: int = field(default=20, validator=_count)
    rfis: int = field(default=8, validator=_count)
    photos: int = field(default=12, validator=_count)
    attachments: int = field(default=10, validator=_count)
    sheets: int = field(default=12, validator=_count)
    snapshots: int = field(default=6, validator=_count)
    comments: int = field(default=30, validator=_count)
    annotations: int | None = field(default=None, validator=validators.optional(_count))
    issue_lists: int = field(default=3, validator=_count)
    field_reports: int = field(default=4, validator=_count)
    version_sets: int = field(default=2, validator=_count)
    deleted: float = field(default=0.05, validator=[validators.ge(0), validators.le(1)])
