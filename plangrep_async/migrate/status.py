"""How far a migration is."""

from __future__ import annotations

from attrs import frozen

from .document import FINDINGS, State
from .journal import Journal, Tally

__all__ = ["Status", "read_status"]


@frozen
class Status:
    """A migration as its journal has it.

    Attributes:
        source, target: locations; ``None`` before the first run.
        tally: documents and bytes by state and by problem.
        groups: jobs or versions by state.
        scanned: whether the source was gone through to its end.
        listed: whether the lists of an export are those of its last run; true where there are none.
    """

    source: str | None
    target: str | None
    tally: Tally
    groups: dict[str, int]
    scanned: bool
    listed: bool = True

    @property
    def open(self) -> int:
        """Documents that a run still has work with."""
        return self.tally.count(*(state for state in State if state.is_open))

    @property
    def wrong(self) -> int:
        """Documents that had arrived, and that a verification has found missing or different since."""
        return sum(self.tally.problems.get(finding, 0) for finding in FINDINGS)

    @property
    def is_complete(self) -> bool:
        """Whether everything that was found has arrived or was left out on purpose, as far as is known."""
        waiting = sum(self.groups.get(state, 0) for state in ("open", "completing", "blocked", "failed", "gone"))
        left = self.open or self.tally.count(State.FAILED) or waiting or self.wrong
        return self.scanned and self.listed and not left


async def read_status(journal: Journal) -> Status:
    """The status of an open journal."""
    groups: dict[str, int] = {}
    for group in await journal.groups():
        groups[group.state] = groups.get(group.state, 0) + 1
    return Status(
        await journal.fact("source"),
        await journal.fact("target"),
        await journal.tally(),
        groups,
        bool(await journal.fact("scanned")),
        await journal.fact("listed") is not False,
    )
