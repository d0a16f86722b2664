"""What is known of the limits of one key: windows, and throttles after a 429. Arithmetic without I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence

from .bucket import Bucket
from .latency import LatencyFloor
from .limit import RateLimit, WindowSnapshot
from .meter import Meter
from .settings import LimiterSettings
from .shared import SharedStore
from .statistics import WindowStatistics
from .store import BucketStore
from .throttle import EVERY, LONGEST_GATE, Throttle

__all__ = ["Account", "concerns"]

_ASK_AGAIN = 30.0  # seconds, when there was no answer


class Account:
    """The meters that calls have to pass, and all that changes them from outside.

    Args:
        limits: the user's own.
        store: where tokens are counted.
        settings: margins and waits.
        chance: numbers from 0 to 1.

    Attributes:
        throttles: by kind.
        askers: let the server be asked for its account; the last one is called.
    """

    def __init__(
        self, limits: Iterable[RateLimit], store: BucketStore, settings: LimiterSettings, chance: Callable[[], float]
    ) -> None:
        self.store = store
        self.shared = store if isinstance(store, SharedStore) else None
        self.settings = settings
        self.throttles: dict[str, Throttle] = {}
        self.askers: list[Callable[[], None]] = []
        self._chance = chance
        self._latency = LatencyFloor()
        for rate in limits:
            store.declare(rate, settings)

    def meters(self, kinds: Collection[str]) -> tuple[Meter, ...]:
        """What calls of these kinds have to pass."""
        throttles = [throttle for kind, throttle in self.throttles.items() if concerns(kind, kinds)]
        return (*throttles, *self.store.counting(kinds))

    def learn(self, now: float, snapshots: Sequence[WindowSnapshot], *, complete: bool) -> None:
        """Take in the server's own account of its windows, or of some of them."""
        windows = {(each.kind, float(each.interval)) for each in snapshots if each.makes_sense}
        if complete and windows:
            self.store.forget_all_but(windows)
        self._learn(now, snapshots, refused=False)

    def refused(
        self,
        now: float,
        retry_after: float | None,
        snapshots: Sequence[WindowSnapshot],
        age: float,
        busy: Callable[[str], float],
    ) -> None:
        """A call that left ``age`` seconds ago was answered with 429; ``busy`` tells the rate of calls of a kind."""
        named: dict[str, float | None] = {}
        for snapshot in snapshots:
            if snapshot.makes_sense:
                wait, longest = self._wait(snapshot), named.get(snapshot.kind)
                named[snapshot.kind] = wait if longest is None else max(longest, wait or 0.0)
        # "Retry-After: 0" names no time: some wait must be, or the call is refused again at once.
        asked = min(retry_after, LONGEST_GATE) if retry_after is not None and retry_after > 0 else None
        for kind, wait in (named or {EVERY: None}).items():
            self._close(now, kind, wait if asked is None else asked, age, busy)
            if asked is not None:
                throttle = self.throttles[kind]
                throttle.asked_until = max(throttle.asked_until, now + asked)
            if self.shared is not None:
                self.shared.note_gate(kind, self.throttles[kind].closed_until - now)
        for bucket in self.store.buckets:
            if not named or bucket.kind in named:
                bucket.refused(now)
        self._learn(now, snapshots, refused=True)

    def clear_doubt(self, now: float) -> float:
        """Let the server be asked where a reset is in doubt; when to look again."""
        if not self.askers:
            return math.inf
        doubted = [bucket for bucket in self.store.buckets if bucket.doubt_at <= now]
        for bucket in doubted:
            bucket.doubt_at = now + _ASK_AGAIN
        if doubted:
            self.askers[-1]()
        return min((bucket.doubt_at for bucket in self.store.buckets), default=math.inf)

    def closed_elsewhere(self, now: float, kind: str, wait: float, busy: Callable[[str], float]) -> None:
        """Another process has been refused, and the gate is closed for so long."""
        self._close(now, kind, wait, 0.0, busy)

    def arrived(self, now: float, meters: Iterable[Meter], cost: int, age: float) -> None:
        """The answer to a call that left ``age`` seconds ago has begun to arrive."""
        late = self._latency.lateness(now, age)
        for meter in meters:
            if isinstance(meter, Bucket):
                meter.delay(now, cost, now - age, late)

    def tidy(self, now: float) -> bool:
        """Forget throttles that hold nothing back any more; whether there were any."""
        gone = [kind for kind, throttle in self.throttles.items() if throttle.forgettable(now)]
        for kind in gone:
            del self.throttles[kind]
        return bool(gone)

    def windows(self, now: float) -> tuple[WindowStatistics, ...]:
        """All windows at this moment."""
        return tuple(
            WindowStatistics(
                kind=bucket.kind,
                interval=bucket.interval,
                limit=bucket.limit,
                available=int(bucket.room(now)),
                learned=bucket.learned,
                resets_in=bucket.resets_in(now),
            )
            for bucket in self.store.buckets
        )

    def _learn(self, now: float, snapshots: Iterable[WindowSnapshot], *, refused: bool) -> None:
        self.store.learn(now, snapshots, self.settings, refused=refused, can_ask=bool(self.askers))

    def _close(self, now: float, kind: str, wait: float | None, age: float, busy: Callable[[str], float]) -> None:
        throttle = self.throttles.get(kind)
        if throttle is None:
            throttle = self.throttles[kind] = Throttle(self.settings)
        throttle.refuse(
            now, wait, left_at=now - age, busy=busy(kind), ceiling=self._ceiling(kind), chance=self._chance()
        )

    def _wait(self, snapshot: WindowSnapshot) -> float | None:
        """How long the gate closes for a window that refused; ``None`` when it does not tell."""
        settings, resets_in = self.settings, snapshot.resets_in
        if resets_in is not None and 0 < resets_in < math.inf:
            return min(resets_in + settings.reset_slack, settings.padded(snapshot.interval))
        return settings.padded(snapshot.interval) if snapshot.interval < settings.follow_from else None

    def _ceiling(self, kind: str) -> float | None:
        """Calls a second that the windows of a kind allow in a burst."""
        return max(
            (
                bucket.limit / bucket.interval
                for bucket in self.store.buckets
                if kind == EVERY or bucket.kind in ("all", kind)
            ),
            default=None,
        )


def concerns(kind: str, kinds: Collection[str]) -> bool:
    """Whether the throttle of ``kind`` holds calls of these kinds."""
    return kind == EVERY or kind in kinds
