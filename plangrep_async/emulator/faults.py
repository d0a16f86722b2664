"""What can go wrong on the wire, as values, and when it does."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, get_args

from attrs import define, field, frozen, validators

__all__ = ["Fault", "FaultRule", "FaultTable", "Incoming", "Kind", "When"]

Kind = Literal["delay", "cut", "reset", "answer"]
When = Literal["before", "in_body", "read", "after", "in_answer"]

_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
)


@frozen
class Fault:
    """One thing that goes wrong with one request. Use the class methods.

    Attributes:
        kind: ``delay`` (wait, then go on), ``cut`` (the connection is closed), ``reset`` (closed with RST), ``answer``
            (another answer than the service's own).
        when: the moment. ``before``: the head was read, the body was not, nothing happened. ``in_body``: after
            ``after_bytes`` of the body. ``read``: the whole body was taken and dropped, nothing happened. ``after``:
            the service did its work, its answer is lost. ``in_answer``: in the middle of the service's answer.
        after_bytes: for ``in_body`` and ``in_answer``; half of the declared length when not given.
        seconds: of a delay, in real seconds whatever the emulator's clock does; None waits until the client leaves,
            the faults are cleared or the emulator stops. While a delay ``before`` or ``in_body`` lasts, nothing is
            read.
        status: of an answer; None keeps the service's own (only with ``after``).
        body: of an answer; None keeps the service's own, cut to half when ``truncate``.
        headers: added to an answer.
        truncate: halve the service's own body: valid HTTP around broken JSON.
        close: close the connection right behind an answer, even if the client still sends.
    """

    kind: Kind = field(validator=validators.in_(get_args(Kind)))
    when: When = field(default="before", validator=validators.in_(get_args(When)))
    after_bytes: int | None = None
    seconds: float | None = None
    status: int | None = None
    body: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    truncate: bool = False
    close: bool = False

    def __attrs_post_init__(self) -> None:
        if self.kind == "answer" and self.when == "in_answer":
            raise ValueError("when: an answer cannot replace one that is already on its way")
        if self.kind == "answer" and self.when != "after" and (self.status is None or self.truncate):
            raise ValueError("status: needed, because the service's own answer does not exist at that moment")

    @classmethod
    def latency(cls, seconds: float, when: When = "before") -> Fault:
        """The request goes through, ``seconds`` real seconds later."""
        return cls("delay", when, seconds=seconds)

    @classmethod
    def stall(cls, when: When = "before", *, after_bytes: int | None = None, seconds: float | None = None) -> Fault:
        """The service hangs: before reading, in mid-body (it stops reading), before or in the middle of its answer."""
        return cls("delay", when, after_bytes=after_bytes, seconds=seconds)

    @classmethod
    def cut(cls, when: When = "before", *, after_bytes: int | None = None) -> Fault:
        """The connection is closed."""
        return cls("cut", when, after_bytes=after_bytes)

    @classmethod
    def reset(cls, when: When = "before", *, after_bytes: int | None = None) -> Fault:
        """The connection is closed with RST."""
        return cls("reset", when, after_bytes=after_bytes)

    @classmethod
    def answer(
        cls,
        status: int,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        *,
        when: When = "before",
        retry_after: float | str | None = None,
        after_bytes: int | None = None,
        close: bool = False,
    ) -> Fault:
        """Another answer instead of the service's own.

        ``when="before"`` and ``"in_body"`` answer while the client still sends; ``"read"`` takes the whole body first;
        ``"after"`` lets the service do its work. ``retry_after``: seconds, or any text such as an HTTP date.
        """
        items = dict(headers or {})
        if retry_after is not None:
            items["Retry-After"] = retry_after if isinstance(retry_after, str) else f"{retry_after:g}"
        content = body.encode() if isinstance(body, str) else body
        return cls(
            "answer",
            when,
            after_bytes=after_bytes,
            status=status,
            body=content,
            headers=tuple(items.items()),
            close=close,
        )

    @classmethod
    def early(cls, status: int, body: bytes | str = b"", *, after_bytes: int = 0, close: bool = False) -> Fault:
        """An answer after ``after_bytes`` of the body, while the client still sends."""
        return cls.answer(status, body, when="in_body", after_bytes=after_bytes, close=close)

    @classmethod
    def truncated_json(cls) -> Fault:
        """The service does its work and answers with the first half of its JSON, as if that were all."""
        return cls("answer", "after", truncate=True)

    @classmethod
    def with_headers(cls, headers: Mapping[str, str]) -> Fault:
        """The service's own answer, with these headers added or replaced: a hostile ``Content-Disposition``, say."""
        return cls("answer", "after", headers=tuple(headers.items()))

    @classmethod
    def html(cls, status: int = 502, *, when: When = "before") -> Fault:
        """A proxy's error page."""
        return cls.answer(status, _HTML, {"Content-Type": "text/html"}, when=when)

    @classmethod
    def empty(cls, status: int | None = None, *, when: When = "after") -> Fault:
        """An empty body, with the service's own status unless another is given."""
        return cls("answer", when, status=status, body=b"")


@frozen
class Incoming:
    """The head of a request, as rules see it."""

    service: str
    method: str
    route: str
    path: str
    query: str
    headers: Mapping[str, str]


@define(eq=False)
class FaultRule:
    """Which requests a fault befalls. Made by :meth:`FaultTable.add`.

    Attributes:
        seen: how many requests matched.
        fired: how many of them met the fault.
    """

    number: int
    fault: Fault
    pattern: str
    service: str | None
    times: int | None
    probability: float
    skip: int
    match: re.Pattern[str] | None
    predicate: Callable[[Incoming], bool] | None
    random: Random
    seen: int = 0
    fired: int = 0

    def decide(self, request: Incoming) -> bool:
        """Whether this request meets the fault; counts."""
        if self.times is not None and self.fired >= self.times:
            return False
        if self.service is not None and self.service != request.service:
            return False
        if not fnmatchcase(f"{request.method} {plain_template(request.route)}", self.pattern):
            return False
        target = f"{request.method} {request.path}?{request.query}"
        if self.match is not None and self.match.search(target) is None:
            return False
        if self.predicate is not None and not self.predicate(request):
            return False
        self.seen += 1
        if self.seen <= self.skip:
            return False
        if self.probability < 1 and self.random.random() >= self.probability:
            return False
        self.fired += 1
        return True


class FaultTable:
    """The rules in force. Safe to change from any thread, at any time.

    Args:
        seed: of the draws of rules with a probability; the same seed and the same requests give the same faults.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._rules: tuple[FaultRule, ...] = ()
        self._count = 0
        self._on_clear: list[Callable[[], None]] = []

    def add(
        self,
        route: str,
        fault: Fault,
        *,
        service: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
        nth: int | None = None,
        skip: int = 0,
        match: str | None = None,
        predicate: Callable[[Incoming], bool] | None = None,
    ) -> FaultRule:
        """Let a fault befall some requests.

        Args:
            route: ``"POST /api/open/v1/jobs/{jobId}/files"``. Names in braces do not matter; ``*`` stands for any text
                (``"PUT *"``, ``"* /api/open/v1/*"``, ``"*"``).
            service: ``plangrep``, ``plangrid`` or ``storage``; all when not given.
            times: at most so many requests.
            probability: of each matching request.
            nth: only the nth matching request, from 1; short for ``skip=nth - 1, times=1``.
            skip: let so many matching requests pass first.
            match: a regular expression searched in ``"METHOD path?query"``.
            predicate: runs on the emulator's thread.

        Of the rules that match a request, all delays apply and the first other fault.

        Raises:
            ValueError: ``route`` or ``match`` cannot be read.
        """
        if nth is not None:
            skip, times = nth - 1, 1
        try:
            searched = re.compile(match) if match else None
        except re.error as error:
            raise ValueError(f"match: {match!r} is not a regular expression: {error}") from error
        with self._lock:
            self._count += 1
            rule = FaultRule(
                number=self._count,
                fault=fault,
                pattern=_pattern(route),
                service=service,
                times=times,
                probability=probability,
                skip=skip,
                match=searched,
                predicate=predicate,
                random=Random(f"{self._seed}:{self._count}"),
            )
            self._rules = (*self._rules, rule)
        return rule

    def remove(self, rule: FaultRule | int) -> bool:
        """Take a rule out; False when it was not there."""
        number = rule if isinstance(rule, int) else rule.number
        with self._lock:
            kept = tuple(item for item in self._rules if item.number != number)
            found = len(kept) < len(self._rules)
            self._rules = kept
        return found

    def clear(self) -> None:
        """Take all rules out and let stalled requests go on."""
        with self._lock:
            self._rules = ()
        for callback in self._on_clear:
            callback()

    def on_clear(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` at every :meth:`clear`, from the thread that clears."""
        self._on_clear.append(callback)

    def __iter__(self) -> Any:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def choose(self, request: Incoming) -> tuple[Fault, ...]:
        """The faults of one request: any number of delays, then at most one other."""
        chosen: list[Fault] = []
        final: Fault | None = None
        for rule in self._rules:
            if (final is None or rule.fault.kind == "delay") and rule.decide(request):
                if rule.fault.kind == "delay":
                    chosen.append(rule.fault)
                else:
                    final = rule.fault
        if final is not None:
            chosen.append(final)
        return tuple(chosen)


def plain_template(route: str) -> str:
    """A route template without the names of its parameters: ``/jobs/{jobId}`` becomes ``/jobs/{}``."""
    return re.sub(r"\{[^}]*\}", "{}", route)


def _pattern(route: str) -> str:
    text = plain_template(route.strip())
    if text == "*":
        return "*"
    method, space, path = text.partition(" ")
    if not space:
        raise ValueError(f"route: {route!r} is not of the form 'METHOD /path'; use '*' for any method")
    # fnmatch gives [ and ? a meaning that paths do not need.
    return f"{method.upper()} {path.replace('[', '[[]').replace('?', '[?]')}"
