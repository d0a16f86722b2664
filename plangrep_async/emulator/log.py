"""What the emulator saw: requests, counters, violations of the contracts."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from .faults import Fault, plain_template

__all__ = ["Exchange", "RequestLog", "Violation", "Violations"]


@define(eq=False)
class Exchange:
    """One request and what became of it.

    Attributes:
        at: emulator time of its head, seconds since 1970.
        route: the template it matched, such as ``/api/open/v1/jobs/{jobId}``; empty for an unknown path.
        headers: lower case; ``authorization`` is only marked as present.
        status: of the answer; None when none was sent.
        outcome: ``open``, ``answered``, ``disconnected`` (the client left), ``cut`` or ``reset`` (by a fault).
        faults: what befell it.
        received: body bytes taken from the client.
        sent: body bytes of the answer.
        elapsed: real seconds.
    """

    number: int
    at: float
    service: str
    method: str
    route: str
    path: str
    query: str
    headers: Mapping[str, str]
    status: int | None = None
    outcome: str = "open"
    faults: tuple[Fault, ...] = ()
    received: int = 0
    sent: int = 0
    elapsed: float = 0.0
    _log: RequestLog | None = field(default=None, repr=False, alias="log")
    _began: float = field(factory=time.perf_counter, repr=False)

    def end(self, outcome: str) -> None:
        """It is over; the first outcome counts. Called before the client can know, so that tests may look at once."""
        if self.outcome == "open":
            self.outcome = outcome
            self.elapsed = time.perf_counter() - self._began
            if self._log is not None:
                self._log.close(self)


class RequestLog:
    """Counts every request and keeps the last ``size`` of them. Safe to read from any thread."""

    def __init__(self, size: int = 10_000) -> None:
        self._records: deque[Exchange] = deque(maxlen=size)
        self._counts: Counter[tuple[str, str, str, int | None]] = Counter()
        self._number = 0
        self.in_flight: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()

    def open(
        self, at: float, service: str, method: str, route: str, path: str, query: str, headers: Mapping[str, str]
    ) -> Exchange:
        """A request's head was read."""
        self._number += 1
        exchange = Exchange(self._number, at, service, method, route, path, query, headers, log=self)
        self._records.append(exchange)
        for key in (service, f"{method} {plain_template(route)}"):
            self.in_flight[key] += 1
            self.peak[key] = max(self.peak[key], self.in_flight[key])
        return exchange

    def close(self, exchange: Exchange) -> None:
        """A request ended; called by :meth:`Exchange.end`."""
        route = plain_template(exchange.route)
        self._counts[exchange.service, exchange.method, route, exchange.status] += 1
        for key in (exchange.service, f"{exchange.method} {route}"):
            self.in_flight[key] -= 1

    def records(self, route: str | None = None, *, service: str | None = None) -> list[Exchange]:
        """The requests still remembered, oldest first; ``route`` is ``"METHOD /template"``."""
        wanted = None if route is None else plain_template(route)
        return [
            item
            for item in list(self._records)
            if (service is None or item.service == service)
            and (wanted is None or f"{item.method} {plain_template(item.route)}" == wanted)
        ]

    def count(self, route: str | None = None, *, status: int | None = None, service: str | None = None) -> int:
        """How many requests ended, of a route (``"METHOD /template"``), with a status, at a service."""
        wanted = None if route is None else plain_template(route)
        return sum(
            number
            for (of_service, method, template, of_status), number in list(self._counts.items())
            if (service is None or service == of_service)
            and (status is None or status == of_status)
            and (wanted is None or f"{method} {template}" == wanted)
        )

    def counts(self) -> dict[tuple[str, str, str, int | None], int]:
        """Requests ended by (service, method, template with nameless parameters, status or None)."""
        return dict(self._counts)

    def peak_in_flight(self, key: str) -> int:
        """The most requests that were open at once: of a service by its name, or of a ``"METHOD /template"``."""
        return self.peak[plain_template(key)]

    def clear(self) -> None:
        """Forget records and counts; open requests stay counted as in flight."""
        self._records.clear()
        self._counts.clear()
        self.peak = Counter(self.in_flight)


@frozen
class Violation:
    """A rule of a contract that a client broke.

    Attributes:
        kind: for programs: ``credentials_at_storage``, ``polling_too_fast``, ``chunked_to_storage``, …
        detail: for people.
        request: the number of the request in the log.
    """

    kind: str
    detail: str
    service: str
    at: float
    request: int


@define(eq=False)
class Violations:
    """The violations seen so far; empty (and false) after a clean run."""

    _items: list[Violation] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def add(self, kind: str, detail: str, exchange: Exchange) -> None:
        """Note one."""
        with self._lock:
            self._items.append(Violation(kind, detail, exchange.service, exchange.at, exchange.number))

    def kinds(self) -> set[str]:
        """The kinds seen."""
        return {item.kind for item in self}

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._items.clear()

    def __iter__(self) -> Iterator[Violation]:
        with self._lock:
            return iter(tuple(self._items))

    def __len__(self) -> int:
        return len(self._items)
