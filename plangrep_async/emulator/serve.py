"""Running an emulator in the foreground, for the command line."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

from .emulator import Emulator

__all__ = ["serve"]


def serve(emulator: Emulator, *, announce: Callable[[Emulator], None], until: threading.Event | None = None) -> None:
    """Run ``emulator`` until SIGINT or SIGTERM, or until ``until`` is set.

    Args:
        announce: called once it answers; prints its addresses.

    Raises:
        OSError: a port is taken.
    """
    stop = threading.Event() if until is None else until
    with emulator, _signals(stop.set):
        announce(emulator)
        stop.wait()


@contextlib.contextmanager
def _signals(callback: Callable[[], None]) -> Generator[None]:
    """Call back on SIGINT and SIGTERM; signals belong to the main thread, so elsewhere this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        callback()

    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
