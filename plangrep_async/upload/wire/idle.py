"""Open connections that wait for their next request."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from attrs import define, field

from .channel import Channel

__all__ = ["IdleConnections"]

_SWEEP = 1.0  # seconds


@define(eq=False)
class _Idle:
    channel: Channel
    expires_at: float
    key: Hashable = field(repr=False)


class IdleConnections:
    """Last in, first out for each key; the oldest of all is closed where there are too many. Thread safe.

    There is no timer: what has expired is closed while others come and go, at most once a second, or by :meth:`close`.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._by_key: dict[Hashable, list[_Idle]] = {}
        self._by_age: dict[_Idle, None] = {}
        self._closed = False
        self._sweep_at = 0.0

    def __len__(self) -> int:
        return len(self._by_age)

    def take(self, key: Hashable, now: float) -> Channel | None:
        """An open connection, or ``None``. One that the far end has closed, or has said something on, is not given."""
        while True:
            with self._lock:
                stack = self._by_key.get(key)
                if not stack:
                    return None
                idle = stack.pop()
                if not stack:
                    del self._by_key[key]
                del self._by_age[idle]
            if idle.expires_at > now and _is_quiet(idle.channel):
                return idle.channel
            idle.channel.close()

    def put(self, key: Hashable, channel: Channel, now: float, expires_at: float) -> None:
        """Keep a connection; after :meth:`close` it is closed instead."""
        idle = _Idle(channel, expires_at, key)
        surplus: list[_Idle] = []
        with self._lock:
            if self._closed:
                surplus.append(idle)
            else:
                self._by_key.setdefault(key, []).append(idle)
                self._by_age[idle] = None
                surplus += self._sweep(now)
        for old in surplus:
            old.channel.close()

    def close(self) -> None:
        """Close all, and from now on whatever is put."""
        with self._lock:
            self._closed = True
            idle, self._by_age = list(self._by_age), {}
            self._by_key.clear()
        for one in idle:
            one.channel.close()

    def _sweep(self, now: float) -> list[_Idle]:
        surplus = list(self._by_age)[: max(0, len(self._by_age) - self._limit)]
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEEP
            surplus += [idle for idle in self._by_age if idle.expires_at <= now and idle not in surplus]
        for idle in surplus:
            self._remove(idle)
        return surplus

    def _remove(self, idle: _Idle) -> None:
        del self._by_age[idle]
        stack = self._by_key[idle.key]
        stack.remove(idle)
        if not stack:
            del self._by_key[idle.key]


def _is_quiet(channel: Channel) -> bool:
    """Whether nothing came, no end of the stream either. (New TLS session tickets are read and are nothing.)"""
    try:
        channel.receive()
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
