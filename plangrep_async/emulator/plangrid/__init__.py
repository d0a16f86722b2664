"""The PlanGrid half of the emulator: the API of 2017 with its 58 endpoints, and the later versions' additions."""

from __future__ import annotations

from .oddities import ODDITIES, Oddities, Oddity
from .seeding import SeedPlan
from .service import PlangridService
from .settings import ADMIN, ALL_RIGHTS, COLLABORATOR, POWER_COLLABORATOR, BatchCounting, PlangridSettings
from .trouble import BatchTampering
from .view import PlangridView, StoredFile, VersionState
from .windows import DOCUMENTED_LIMITS, WindowLimit, WindowMode
from .world import Creation

__all__ = [
    "ADMIN",
    "ALL_RIGHTS",
    "COLLABORATOR",
    "DOCUMENTED_LIMITS",
    "ODDITIES",
    "POWER_COLLABORATOR",
    "BatchCounting",
    "BatchTampering",
    "Creation",
    "Oddities",
    "Oddity",
    "PlangridService",
    "PlangridSettings",
    "PlangridView",
    "SeedPlan",
    "StoredFile",
    "VersionState",
    "WindowLimit",
    "WindowMode",
]
