"""A store that several processes share through Redis (extra ``redis``)."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError
from .bucket import Bucket
from .limit import WindowSnapshot
from .redis_script import SCRIPT
from .settings import LimiterSettings
from .shared import Ask, Verdict
from .store import MemoryStore
from .throttle import EVERY
from .window import Correction

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisStore"]

_log = logging.getLogger("plangrep_async.ratelimit")
_MOST_NOTES = 1_000


class RedisStore(MemoryStore):
    """Tokens of one key that all processes with the same ``name`` take from together.

    ::

        store = RedisStore(redis.asyncio.Redis(), name="plangrid:our-key")
        limiter = RateLimiter([RateLimit(40, 1)], store=store)

    All must use the same limits and settings; what one learns from the server (windows, gates after a 429) holds for
    all. Each question is one script that Redis runs in one piece, by the clock of Redis; a process that dies takes with
    it only the tokens of calls that it was about to send, and those come back after their interval.

    With a shared store every call waits for Redis (some tenths of a millisecond; many calls share a question), and
    ``try_acquire`` is always refused. Between processes there is no order: who asks first is served first.

    When Redis cannot be reached, each process holds to the limits by itself and warns in the log; what all send
    together may then exceed them, and the server's 429s are met as ever.

    Args:
        redis: a client; whoever made it closes it. One store, and so one limiter, per event loop.
        name: which key's tokens they are; part of the names of all keys in Redis. Not the API key itself.
        timeout: seconds after which an answer of Redis is not waited for any longer.
        pause: seconds for which Redis is left alone after it could not be reached.
    """

    def __init__(self, redis: Redis, *, name: str, timeout: float = 1.0, pause: float = 1.0) -> None:
        super().__init__()
        if not name:
            raise ConfigurationError("a RedisStore must have a name, which all processes that share tokens use")
        self._redis = redis
        self._prefix = f"plangrep-async:{{{name}}}"  # the braces keep all keys on one node of a cluster
        self._timeout = timeout
        self._pause = pause
        self._quiet_until = -math.inf
        self._notes: list[tuple[Any, ...]] = []
        self._script: Any = None
        self.failures = 0
        """How often Redis could not be reached."""

    def learn(
        self,
        now: float,
        snapshots: Iterable[WindowSnapshot],
        settings: LimiterSettings,
        *,
        refused: bool,
        can_ask: bool = False,
    ) -> list[tuple[Bucket, Correction]]:
        # Redis knows of no doubt: a reset that one process believes frees the calls of all.
        learned = super().learn(now, snapshots, settings, refused=refused)
        for bucket, correction in learned:
            self._note(
                "learn",
                (bucket.kind, bucket.interval),
                -1 if correction.remaining is None else correction.remaining,
                -1 if math.isinf(correction.settling) else correction.settling,
                -1 if correction.back_in is None else correction.back_in,
                correction.follow,
                settings.guard,
            )
        return learned

    def forget_all_but(self, windows: Collection[tuple[str, float]]) -> None:
        super().forget_all_but(windows)
        known = {(bucket.kind, bucket.interval) for bucket in self.buckets}
        self._notes = [note for note in self._notes if note[0] != "learn" or note[1] in known]

    def note_refund(self, kinds: frozenset[str], cost: int, age: float) -> None:
        self._note("back", kinds, cost, age)

    def note_gate(self, kind: str, seconds: float) -> None:
        self._note("gate", kind, seconds)

    @property
    def notes(self) -> int:
        return len(self._notes)

    def _note(self, *note: Any) -> None:
        if len(self._notes) < _MOST_NOTES:  # more pile up only while Redis is away
            self._notes.append(note)

    async def ask(self, asks: Sequence[Ask]) -> Sequence[Verdict]:
        from redis.exceptions import RedisError

        loop = asyncio.get_running_loop()
        if loop.time() < self._quiet_until:
            self._notes.clear()
            return [Verdict(0.0)] * len(asks)
        keys, request = self._request(asks)
        if self._script is None:
            self._script = self._redis.register_script(SCRIPT)
        try:
            async with asyncio.timeout(self._timeout):
                verdicts = await self._script(keys=keys, args=[json.dumps(request)])
        except (RedisError, OSError, TimeoutError) as error:
            self.failures += 1
            self._quiet_until = loop.time() + self._pause
            _log.warning(
                "Redis could not be asked for tokens (%s); this process holds to the limits by itself",
                type(error).__name__,
            )
            return [Verdict(0.0)] * len(asks)
        return [Verdict(float(wait), _text(gate) or None) for wait, gate in verdicts]

    def _request(self, asks: Sequence[Ask]) -> tuple[list[str], dict[str, Any]]:
        """The keys and the argument of the script; what was noted goes with it."""
        buckets = self.buckets
        number = {(bucket.kind, bucket.interval): place for place, bucket in enumerate(buckets, 1)}
        keys = [f"{self._prefix}:gates"]
        for bucket in buckets:
            window = f"{self._prefix}:{bucket.kind}:{bucket.interval:g}"
            keys += [f"{window}:log", f"{window}:meta"]
        counting: dict[frozenset[str], tuple[list[int], list[str], int]] = {}
        for kinds in {ask.kinds for ask in asks}:
            counting[kinds] = (self._numbers(kinds, number), [*sorted(kinds), EVERY], len(counting))
        notes: list[list[Any]] = []
        for what, *rest in self._notes:
            if what == "learn":
                rest[0] = number[rest[0]]
            elif what == "back":
                kinds, cost, age = rest
                rest = [cost, age, self._numbers(kinds, number)]
            notes.append([what, *rest])
        self._notes.clear()
        return keys, {
            "windows": [[bucket.padded, bucket.limit, bucket.resolution] for bucket in buckets],
            "notes": notes,
            "asks": [[ask.cost, *counting[ask.kinds]] for ask in asks],
        }

    def _numbers(self, kinds: frozenset[str], number: Mapping[tuple[str, float], int]) -> list[int]:
        return [number[bucket.kind, bucket.interval] for bucket in self.counting(kinds)]


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
