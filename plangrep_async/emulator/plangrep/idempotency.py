"""Idempotency keys: the first answer is kept, a repeat gets it again, another body under the same key is refused."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from attrs import define, field

from .errors import conflict, invalid

__all__ = ["IdempotencyStore"]

T = TypeVar("T")

LONGEST_KEY = 256


@define(eq=False)
class _Entry(Generic[T]):
    fingerprint: str
    until: float
    lock: asyncio.Lock = field(factory=asyncio.Lock)
    outcome: list[T] = field(factory=list)


class IdempotencyStore:
    """Remembers outcomes for ``window`` seconds.

    Args:
        now: emulator time.
    """

    def __init__(self, now: Callable[[], float], window: float) -> None:
        self._now = now
        self._window = window
        self._entries: dict[tuple[str, ...], _Entry[object]] = {}

    async def once(
        self, scope: tuple[str, ...], key: str | None, body: bytes, work: Callable[[], Awaitable[T]]
    ) -> tuple[T, bool]:
        """The outcome of ``work``, and whether it is an earlier one.

        Without a key, ``work`` always runs. Repeats that come while the first is at work wait for it. What raises is
        not remembered.

        Raises:
            PlangrepError: 400 for a key beyond 256 characters, 409 for a key used with another body.
        """
        if key is None:
            return await work(), False
        if not 1 <= len(key) <= LONGEST_KEY:
            raise invalid(f"Idempotency-Key must have 1 to {LONGEST_KEY} characters", "invalid_idempotency_key")
        fingerprint = _fingerprint(body)
        entry = self._entry((*scope, key), fingerprint)
        if entry.fingerprint != fingerprint:
            raise conflict("idempotency_conflict", "this Idempotency-Key was used with another body")
        async with entry.lock:
            if entry.outcome:
                return entry.outcome[0], True  # type: ignore[return-value]  # what this key's work gave
            outcome = await work()
            entry.outcome.append(outcome)
            return outcome, False

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def _entry(self, place: tuple[str, ...], fingerprint: str) -> _Entry[object]:
        now = self._now()
        entry = self._entries.get(place)
        # An entry whose first attempt was refused binds nobody to its body.
        if entry is None or entry.until <= now or not (entry.outcome or entry.lock.locked()):
            entry = self._entries[place] = _Entry(fingerprint, now + self._window)
        return entry


def _fingerprint(body: bytes) -> str:
    """Equal for bodies that say the same in JSON."""
    try:
        body = json.dumps(json.loads(body), sort_keys=True).encode()
    except ValueError:
        body = body.strip() or b"{}"
    return hashlib.sha256(body).hexdigest()
