"""Many transfers in one thread.

Small bodies are over after a handful of system calls. With a thread for each, the interpreter lock changes hands at
every one of them; one thread that goes from socket to socket sends more files a second for half the CPU.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar

from attrs import define, field

from ...errors import TransferCancelledError
from .cancel import CancelToken
from .wait import READ, Addresses, Resolve, Steps, Wait, look_up

__all__ = ["Errand", "Multiplexer"]

T = TypeVar("T")


@define(eq=False)
class Errand(Generic[T]):
    """Something to run beside others.

    Attributes:
        steps: for example ``pool.steps(request, cancel=token)``, or a generator that delegates to it.
        cancel: stops it.
        done: called once, in the multiplexer's thread, with the result and ``None``, or with ``None`` and the error.
            It must not raise.
    """

    steps: Steps[T]
    cancel: CancelToken
    done: Callable[[T | None, Exception | None], None]
    _waits_for: Wait | Resolve | None = field(default=None, init=False)
    _descriptor: int = field(default=-1, init=False)
    _hook: Callable[[], None] | None = field(default=None, init=False)


class Multiplexer:
    """Runs errands, up to ``width`` at once, in the thread that calls :meth:`run`.

    A step that blocks (reading a file that is not cached) holds up the others: give large bodies a thread of their own.

    Args:
        take: gives the next errand, or ``None`` when there is none now. Called in the thread of :meth:`run`, and only
            when an errand can start at once.
        width: errands at once; may be changed at any time.
        pause: called in the thread of :meth:`run` when errands were done since the last call and nothing else can go on
            at once: the moment to tell others of them, without being stopped in mid-work.
    """

    def __init__(
        self,
        take: Callable[[], Errand[Any] | None],
        *,
        width: int = 16,
        pause: Callable[[], None] | None = None,
    ) -> None:
        self.width = width
        self._take = take
        self._pause = pause
        self._news = False
        self._running: set[Errand[Any]] = set()
        self._by_descriptor: dict[int, Errand[Any]] = {}
        self._poll = select.poll()
        self._next_deadline = math.inf
        self._resume: deque[tuple[Errand[Any], Wait | Resolve | None, object]] = deque()
        self._ear, self._bell = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._rung = False
        self._poll.register(self._ear, READ)

    def __enter__(self) -> Multiplexer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give its two descriptors back. Not while :meth:`run` runs."""
        self._ear.close()
        self._bell.close()

    def wake(self) -> None:
        """Have ``take`` asked again. Thread safe; without it, ``take`` is asked whenever an errand moves on."""
        if not self._rung:
            self._rung = True
            with contextlib.suppress(OSError):  # full: it rings already
                self._bell.send(b"\0")

    def run(self) -> None:
        """Run until ``take`` gives ``None`` and nothing is under way."""
        try:
            while self._start() or self._running:
                self._turn()
        finally:
            for errand in list(self._running):  # left over only when a callback raised
                self._leave(errand)
                errand.steps.close()

    def _start(self) -> bool:
        while len(self._running) < self.width:
            errand = self._take()
            if errand is None:
                return False
            hook = self._cancel_hook(errand)
            if not errand.cancel.add(hook):
                errand.steps.close()
                errand.done(None, TransferCancelledError("cancelled before it began", bytes_sent=0))
                continue
            errand._hook = hook
            self._running.add(errand)
            self._advance(errand, None)
        return True

    def _turn(self) -> None:
        """Wait until something can go on, and let it."""
        if not self._running:
            return
        for descriptor, events in self._poll_all():
            if descriptor == self._ear.fileno():
                with contextlib.suppress(BlockingIOError):
                    self._ear.recv(64)
                # In this order: who finds it rung brought its news before this line, and they are looked at after it.
                self._rung = False
            else:
                self._advance(self._by_descriptor[descriptor], events)
        while self._resume:
            errand, waited_for, value = self._resume.popleft()
            if errand in self._running and (waited_for is None or errand._waits_for is waited_for):
                self._advance(errand, value)
        if time.monotonic() >= self._next_deadline:
            self._expire()

    def _poll_all(self) -> list[tuple[int, int]]:
        if self._news and self._pause is not None:
            if ready := self._poll.poll(0):
                return ready
            self._news = False
            self._pause()
        left = self._next_deadline - time.monotonic()
        return self._poll.poll(None if left == math.inf else max(0.0, left) * 1000)

    def _expire(self) -> None:
        now = time.monotonic()
        self._next_deadline = math.inf
        for errand in list(self._running):
            step = errand._waits_for
            if isinstance(step, Wait):
                if step.deadline <= now:
                    self._advance(errand, 0)
                else:
                    self._next_deadline = min(self._next_deadline, step.deadline)

    def _advance(self, errand: Errand[Any], value: object) -> None:
        """Resume an errand with ``value`` (thrown in when it is an exception) and note what it waits for next."""
        if errand._descriptor >= 0:
            self._unregister(errand)
        try:
            step = errand.steps.throw(value) if isinstance(value, BaseException) else errand.steps.send(value)
        except StopIteration as stop:
            self._leave(errand)
            errand.done(stop.value, None)
            return
        except Exception as error:  # noqa: BLE001 - it is the errand's outcome, whatever it is
            self._leave(errand)
            errand.done(None, error)
            return
        errand._waits_for = step
        if isinstance(step, Resolve):
            look_up(step, partial(self._looked_up, errand, step))
            return
        if step.deadline < self._next_deadline:
            self._next_deadline = step.deadline
        if step.sock is not None:
            errand._descriptor = step.sock.fileno()
            self._by_descriptor[errand._descriptor] = errand
            self._poll.register(errand._descriptor, step.events)

    def _unregister(self, errand: Errand[Any]) -> None:
        self._poll.unregister(errand._descriptor)
        del self._by_descriptor[errand._descriptor]
        errand._descriptor = -1

    def _leave(self, errand: Errand[Any]) -> None:
        if errand._descriptor >= 0:
            self._unregister(errand)
        self._running.discard(errand)
        self._news = True
        if errand._hook is not None:
            errand.cancel.discard(errand._hook)

    def _cancel_hook(self, errand: Errand[Any]) -> Callable[[], None]:
        def hook() -> None:
            self._resume.append((errand, None, TransferCancelledError("cancelled")))
            self.wake()

        return hook

    def _looked_up(self, errand: Errand[Any], step: Resolve, found: Addresses | Exception) -> None:
        self._resume.append((errand, step, found))
        self.wake()
