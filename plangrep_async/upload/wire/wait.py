"""What a transfer waits for, and the thread that waits for it.

Transfers are written once, as generators over sockets that never block. They yield what they wait for; a *driver*
resumes them. :func:`drive` runs one transfer in the calling thread; the multiplexer runs many in one thread.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias, TypeVar

from ...errors import TransferCancelledError
from .cancel import CancelToken

__all__ = ["READ", "WRITE", "Addresses", "Resolve", "Steps", "Wait", "drive", "look_up"]

T = TypeVar("T")

READ = select.POLLIN
WRITE = select.POLLOUT

# Where the system's own wake-up fails (macOS does not wake a connect() at shutdown), a cancel is seen this late.
_LATEST = 1.0


class Wait(NamedTuple):
    """Resumed with poll's events, or 0 once ``deadline`` (monotonic seconds) has passed. Without a socket: a pause."""

    sock: socket.socket | None
    events: int
    deadline: float


class Resolve(NamedTuple):
    """Resumed with :data:`Addresses`, or with the ``OSError`` of the lookup thrown in."""

    host: str
    port: int


Addresses: TypeAlias = list[tuple[socket.AddressFamily, tuple[Any, ...]]]
Steps: TypeAlias = Generator[Wait | Resolve, Any, T]


def look_up(step: Resolve, done: Callable[[Addresses | Exception], None]) -> None:
    """Ask the system's resolver in a thread that nobody needs to wait for, as nothing can interrupt it.

    It calls ``done`` with the addresses or the error.
    """

    def ask() -> None:
        try:
            found = socket.getaddrinfo(step.host, step.port, type=socket.SOCK_STREAM)
        except Exception as error:  # noqa: BLE001 - raised where the transfer waits
            done(error)
        else:
            done([(family, address) for family, _, _, _, address in found])

    threading.Thread(target=ask, name="upload-lookup", daemon=True).start()


def drive(steps: Steps[T], cancel: CancelToken) -> T:
    """Run one transfer in this thread.

    Cancelling wakes it at once by shutting the socket down that it waits for; ``TransferCancelledError`` is then
    thrown into it.
    """
    thread = _WaitingThread()
    if not cancel.add(thread.wake):
        steps.close()
        raise TransferCancelledError("cancelled before it began", bytes_sent=0)
    try:
        step = next(steps)
        while True:
            if cancel.cancelled:
                step = steps.throw(TransferCancelledError("cancelled"))
            elif isinstance(step, Wait):
                step = steps.send(thread.wait(step, cancel))
            elif (found := thread.resolve(step, cancel)) is None:
                continue  # cancelled
            else:
                step = steps.throw(found) if isinstance(found, Exception) else steps.send(found)
    except StopIteration as stop:
        answer: T = stop.value
        return answer
    finally:
        cancel.discard(thread.wake)
        steps.close()


class _WaitingThread:
    """What the calling thread waits for now, so that another thread can wake it."""

    __slots__ = ("_lock", "_pause", "_poll", "_polled", "_waits_for")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._poll = select.poll()
        self._polled: socket.socket | None = None
        self._waits_for: socket.socket | None = None
        self._pause: threading.Event | None = None

    def wait(self, step: Wait, cancel: CancelToken) -> int:
        if step.sock is None:
            self._pause = threading.Event()
            while not cancel.cancelled and (left := step.deadline - time.monotonic()) > 0:
                self._pause.wait(left)
            return 0
        if step.sock is not self._polled:
            self._poll = select.poll()
            self._polled = step.sock
        self._poll.register(step.sock, step.events)
        with self._lock:
            self._waits_for = step.sock
        try:
            # A cancel that came before the socket was named has set its flag; one that comes later shuts it down.
            while not cancel.cancelled:
                left = step.deadline - time.monotonic()
                found = self._poll.poll(max(0.0, min(left, _LATEST)) * 1000)
                if found:
                    return found[0][1]
                if left <= 0:
                    break
            return 0
        finally:
            # From here on the connection may be kept, and serve somebody else: a late cancel must not touch it.
            with self._lock:
                self._waits_for = None

    def resolve(self, step: Resolve, cancel: CancelToken) -> Addresses | Exception | None:
        """What the lookup gives; ``None`` when it was cancelled before."""
        given: list[Addresses | Exception] = []
        self._pause = pause = threading.Event()

        def done(found: Addresses | Exception) -> None:
            given.append(found)
            pause.set()

        look_up(step, done)
        while not (given or cancel.cancelled):
            pause.wait()
        return given[0] if given else None

    def wake(self) -> None:
        if self._pause is not None:
            self._pause.set()
        with self._lock:
            if self._waits_for is not None:
                with contextlib.suppress(OSError):
                    self._waits_for.shutdown(socket.SHUT_RDWR)
