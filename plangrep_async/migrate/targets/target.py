"""What a target of documents does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from ..document import Document, Found

if TYPE_CHECKING:
    from ...ratelimit import LimiterStatistics
    from ..journal import Journal
    from ..run import Run

__all__ = ["Estimate", "Target", "Verified"]


@frozen
class Estimate:
    """What a migration asks of a service.

    Attributes:
        calls: of the API at least, when calls travel in full batches.
        calls_most: when each travels alone.
        batches: jobs or versions.
        days: that ``calls`` need under the documented limits.
        credits: a sentence, where the service charges.
        days_most: that ``calls_most`` need.
        records: whether the source's other records are read, too.
    """

    calls: int = 0
    calls_most: int = 0
    batches: int = 0
    days: float = 0.0
    credits: str | None = None
    days_most: float = 0.0
    records: bool = False


@frozen
class Verified:
    """What a comparison of journal and target has shown.

    Attributes:
        checked: documents that the journal has as arrived.
        good: of these, there and the same as far as the service tells.
        digests: of these, compared byte for byte by their SHA-256.
        differing: of these, there and not the same; the others, neither good nor differing nor unknown, are missing.
        unknown: of these, what cannot be compared any more and never was.
        missing: keys that are not there; the first hundred.
        different: key and what differs; the first hundred.
        notes: what could not be compared, and what else was seen.
        reopened: missing ones that the next run sends again.
    """

    checked: int
    good: int
    digests: int
    differing: int = 0
    missing: tuple[str, ...] = ()
    different: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    reopened: int = 0
    unknown: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything that arrived is as it should be."""
        return self.checked == self.good


class Target(Protocol):
    """Where documents go."""

    @property
    def location(self) -> str:
        """As the command line writes it; kept in the journal."""
        ...

    def adopt(self, found: Found) -> Found:
        """The same with the kind of record that it will be, or the problem that keeps it out; by name and size alone,
        no I/O."""
        ...

    def estimate(self, documents: int, size: int, kinds: Mapping[str, int]) -> Estimate:
        """What so many documents ask of the service. No I/O."""
        ...

    async def probe(self) -> None:
        """Read the project, with one attempt; raises what that raises.

        Raises:
            ConfigurationError: there is no such project.
        """
        ...

    async def begin(self, journal: Journal) -> None:
        """Make ready what takes the documents, before they are looked for; changes nothing in a service.

        Raises:
            ConfigurationError: it cannot take those of this journal.
        """
        ...

    async def settle(self, document: Document) -> str | None:
        """Ask for the record of a document that was sent before a crash; its id when it exists."""
        ...

    async def deliver(self, run: Run) -> None:
        """One pass over all open documents. Raises what stops the run."""
        ...

    def stop_waiting(self) -> None:
        """The run is to end: leave what waits for its turn and finish what is on the wire. Must not block."""
        ...

    async def look(self, run: Run) -> None:
        """Note which jobs or versions have failed after their documents had arrived, before a retry of these."""
        ...

    async def finish(self, run: Run) -> None:
        """After the last pass: wait, look, write what closes the migration."""
        ...

    async def verify(self, journal: Journal, *, deep: bool) -> Verified:
        """Compare what arrived with the journal, and note what is good as verified.

        Args:
            journal: of the migration.
            deep: fetch every file and compare digests, where the service tells none.
        """
        ...

    def statistics(self) -> LimiterStatistics | None:
        """Of the limiter that paces the calls."""
        ...

    async def aclose(self) -> None:
        """Close what the target opened itself."""
        ...
