"""Where the tokens of a key are counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, runtime_checkable

from ..errors import ConfigurationError
from .bucket import Bucket
from .limit import RateLimit, WindowSnapshot
from .settings import LimiterSettings
from .window import Correction, ServerWindow

__all__ = ["BucketStore", "MemoryStore"]


@runtime_checkable
class BucketStore(Protocol):
    """Counts tokens, for one limiter or for several.

    The limiter asks it on every call, so none of these methods does I/O. A store that is shared by processes keeps
    local buckets as well, and has a say of its own before a call leaves: see
    :class:`~plangrep_async.ratelimit.shared.SharedStore`.
    """

    @property
    def buckets(self) -> Sequence[Bucket]:
        """All windows, in the order in which they became known."""
        ...

    def declare(self, rate: RateLimit, settings: LimiterSettings) -> None:
        """Add a limit of the user's own. One that is there already must be the same."""
        ...

    def learn(
        self,
        now: float,
        snapshots: Iterable[WindowSnapshot],
        settings: LimiterSettings,
        *,
        refused: bool,
        can_ask: bool = False,
    ) -> list[tuple[Bucket, Correction]]:
        """Take in the server's account; windows that were not known are added. What it changed, by window."""
        ...

    def forget_all_but(self, windows: Collection[tuple[str, float]]) -> None:
        """Drop what was learned of windows other than these, each named by its kind and interval."""
        ...

    def counting(self, kinds: Collection[str]) -> list[Bucket]:
        """The windows that count calls of these kinds, those that are most likely to refuse first."""
        ...


class MemoryStore:
    """A :class:`BucketStore` for one limiter."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, float], ServerWindow] = {}

    @property
    def buckets(self) -> Sequence[Bucket]:
        return [window.bucket for window in self._windows.values()]

    def declare(self, rate: RateLimit, settings: LimiterSettings) -> None:
        key = (rate.kind, float(rate.interval))
        known = self._windows.get(key)
        if known is None:
            self._windows[key] = ServerWindow(rate, settings, own=True)
        elif known.bucket.cap != rate.limit:
            raise ConfigurationError(
                f"there are two limits for calls of kind {rate.kind!r} in {rate.interval:g} s "
                f"({known.bucket.cap} and {rate.limit}); give one"
            )

    def learn(
        self,
        now: float,
        snapshots: Iterable[WindowSnapshot],
        settings: LimiterSettings,
        *,
        refused: bool,
        can_ask: bool = False,
    ) -> list[tuple[Bucket, Correction]]:
        learned: list[tuple[Bucket, Correction]] = []
        for snapshot in snapshots:
            if not snapshot.makes_sense:
                continue
            key = (snapshot.kind, float(snapshot.interval))
            window = self._windows.get(key)
            if window is None:
                rate = RateLimit(int(snapshot.limit), snapshot.interval, snapshot.kind)
                window = self._windows[key] = ServerWindow(rate, settings, own=False)
            learned.append((window.bucket, window.learn(now, snapshot, refused=refused, can_ask=can_ask)))
        return learned

    def forget_all_but(self, windows: Collection[tuple[str, float]]) -> None:
        self._windows = {
            name: window for name, window in self._windows.items() if not window.bucket.learned or name in windows
        }

    def counting(self, kinds: Collection[str]) -> list[Bucket]:
        buckets = [bucket for bucket in self.buckets if bucket.kind in kinds]
        return sorted(buckets, key=_length)


def _length(bucket: Bucket) -> float:
    return bucket.interval
