"""Whether a client may be used here and now."""

from __future__ import annotations

import asyncio
import os

from ..errors import ClientClosedError, ClientForkedError, WrongEventLoopError

__all__ = ["Guard"]


class Guard:
    """Remembers the process and the event loop of the first use, and whether the owner was closed."""

    __slots__ = ("_loop", "_name", "_pid", "closed")

    def __init__(self, name: str) -> None:
        self._name = name
        self._pid: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closed = False

    @property
    def left_open(self) -> bool:
        """Whether the owner was used, in this process, and not closed."""
        return self._pid == os.getpid() and not self.closed

    def check(self) -> None:
        """Raise the error that says why the owner cannot be used.

        Raises:
            ClientClosedError: it was closed.
            ClientForkedError: it was opened in another process.
            WrongEventLoopError: it was opened on another event loop, or asyncio runs none here.
        """
        if self.closed:
            raise ClientClosedError(f"this {self._name} is closed; create a new one")
        pid = os.getpid()
        # The process first: in a child of a fork there may be no running loop to ask for.
        if self._pid is not None and self._pid != pid:
            raise ClientForkedError(
                f"this {self._name} was opened in process {self._pid} and is used in process {pid}: "
                "connections cannot be shared across a fork. Create one in each process, after the fork"
            )
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise WrongEventLoopError(
                f"this {self._name} needs a running asyncio event loop, and there is none: use it in a coroutine that "
                "asyncio.run() runs, not from plain code and not under trio"
            ) from None
        if self._loop is None:
            self._pid, self._loop = pid, loop
        elif self._loop is not loop:
            raise WrongEventLoopError(
                f"this {self._name} was opened on another event loop. Create one for each loop, for example inside the "
                "function that asyncio.run() runs"
            )
