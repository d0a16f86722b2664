"""The deadline of a whole call, and the account of where its time went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType

from .._clock import Clock, TimerHandle
from ..errors import DeadlineExceededError
from .redaction import redact_url

__all__ = ["Deadline", "countdown"]


def countdown(clock: Clock, seconds: float | None) -> Callable[[], float | None]:
    """For one operation of several calls: what is left of so many seconds, never quite nothing while there were any;
    ``None`` without a deadline."""
    if seconds is None:
        return lambda: None
    end, least = clock.monotonic() + seconds, min(0.001, seconds)
    return lambda: max(least, end - clock.monotonic())


class Deadline:
    """Ends the block that it guards after ``seconds``, whatever the block waits for.

    Use as a context manager around the whole call, and :meth:`phase` around each kind of waiting. Works on any
    :class:`~plangrep_async.Clock`. When the task is cancelled from outside as well, that cancellation wins.
    """

    __slots__ = (
        "_cancelling",
        "_clock",
        "_expired",
        "_method",
        "_phase",
        "_seconds",
        "_since",
        "_started",
        "_task",
        "_timer",
        "_url",
        "spent",
    )

    def __init__(self, clock: Clock, seconds: float | None, method: str, url: str) -> None:
        self._clock = clock
        self._seconds = seconds
        self._method = method
        self._url = url
        self._expired = False
        self._timer: TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._started = clock.monotonic()
        self._phase: str | None = None
        self._since = self._started
        self.spent: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self._clock.monotonic() - self._started

    @property
    def remaining(self) -> float | None:
        """Seconds that are left, or ``None`` without a deadline."""
        return None if self._seconds is None else self._seconds - self.elapsed

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Count the time of the block under ``name``; a phase inside another one is counted alone."""
        outer = self._switch(name)
        try:
            yield
        finally:
            self._switch(outer)

    def _switch(self, name: str | None) -> str | None:
        now = self._clock.monotonic()
        previous, self._phase = self._phase, name
        if previous is not None:
            self.spent[previous] = self.spent.get(previous, 0.0) + now - self._since
        self._since = now
        return previous

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel("deadline exceeded")

    def __enter__(self) -> Deadline:
        if self._seconds is not None:
            if self._seconds <= 0:
                raise self.error()
            self._task = asyncio.current_task()
            self._cancelling = self._task.cancelling() if self._task else 0
            self._timer = self._clock.call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._expired or self._task is None:
            return
        others = self._task.uncancel() > self._cancelling
        if kind is not None and issubclass(kind, asyncio.CancelledError) and not others:
            raise self.error() from error

    def error(self, reason: str = "") -> DeadlineExceededError:
        """The error that says where the time went, or for what ``reason`` the time that is left cannot be enough."""
        self._switch(self._phase)
        url = redact_url(self._url)
        spent = ", ".join(f"{name} {time:.2f} s" for name, time in self.spent.items() if time >= 0.005)
        account = f"; the time went to: {spent}" if spent else ""
        seconds = round(self._seconds or 0.0, 3)  # what was left for one of several calls has many digits
        verb, reason = ("cannot", f": {reason}") if reason else ("did not", "")
        return DeadlineExceededError(
            f"{self._method} {url} {verb} end within its deadline of {seconds:g} s{reason}{account}",
            deadline=self._seconds,
            spent=dict(self.spent),
            method=self._method,
            url=url,
            elapsed=self.elapsed,
        )
