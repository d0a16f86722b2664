"""The emulator in a process of its own, so that it shares neither memory nor event loop with what is measured."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import TypeVar

from plangrep_async.emulator import Emulator

__all__ = ["Emulated", "emulated"]

T = TypeVar("T")


class Emulated:
    """An emulator elsewhere.

    Attributes:
        plangrep_url, plangrid_url, api_key: of it.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.plangrep_url, self.plangrid_url, self.api_key = self.ask(_addresses)

    def ask(self, question: Callable[[Emulator], T]) -> T:
        """Call ``question`` over there, and give what it returns; both must be picklable. Raises what it raises."""
        self._pipe.send(question)
        good, answer = self._pipe.recv()
        if not good:
            raise answer
        result: T = answer
        return result


@contextlib.contextmanager
def emulated(make: Callable[[], Emulator]) -> Iterator[Emulated]:
    """Start what ``make``, a picklable function, makes; stopped when the context ends."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(make, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Emulated(ours)
    finally:
        ours.close()
        process.join(30)
        if process.is_alive():
            process.kill()


def _serve(make: Callable[[], Emulator], pipe: Connection) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # it tells of each connection that a fault cuts
    with make() as emulator, contextlib.suppress(EOFError):
        while True:
            question = pipe.recv()
            try:
                answer = (True, question(emulator))
            except Exception as error:
                answer = (False, error)
            pipe.send(answer)


def _addresses(emulator: Emulator) -> tuple[str, str, str]:
    return emulator.plangrep_url, emulator.plangrid_url, emulator.api_key
