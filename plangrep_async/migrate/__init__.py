"""Bulk migration: whole document sets, with a journal (extra ``migrate``).

::

    migration = Migration(FolderTree("drawings"), PlangrepTarget(client, project_id), journal="move.db")
    plan = await migration.plan()
    async for event in migration.events():
        ...
    verified = await migration.verify()
"""

from .document import Document, Found, Problem, State
from .errors import JournalError, JournalLockedError, MigrationError, MigrationStopped, TooManyFailuresError
from .events import DocumentEnded, Event, GroupEnded, Omitted, Progress, Resumed, Scanned, Waiting
from .migration import Migration
from .options import MigrationOptions
from .planning import Plan
from .sources import FolderTree, Manifest, PlanGridSource, Source
from .status import Status
from .targets import Estimate, FolderTarget, PlangrepTarget, PlanGridTarget, Target, Verified

__all__ = [
    "Migration",
    "MigrationOptions",
    "Plan",
    "Status",
    "Source",
    "FolderTree",
    "Manifest",
    "PlanGridSource",
    "Target",
    "PlangrepTarget",
    "PlanGridTarget",
    "FolderTarget",
    "Estimate",
    "Verified",
    "Found",
    "Document",
    "State",
    "Problem",
    "Event",
    "Scanned",
    "DocumentEnded",
    "GroupEnded",
    "Progress",
    "Waiting",
    "Resumed",
    "Omitted",
    "MigrationError",
    "MigrationStopped",
    "TooManyFailuresError",
    "JournalError",
    "JournalLockedError",
]
