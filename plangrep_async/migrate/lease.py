"""The lease that keeps two runs on one journal apart."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .._clock import Clock, SystemClock
from .database import Database
from .errors import JournalError, JournalLockedError
from .schema import leases

__all__ = ["Lease", "process_identity"]

_NAME = "run"


_held: set[str] = set()  # by this process


def process_identity(pid: int | None = None) -> str:
    """Host, process id and the process's start: names a process even when its id is given to another one later."""
    pid = os.getpid() if pid is None else pid
    return f"{socket.gethostname()}/{pid}/{_start_of(pid)}"


def _start_of(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"


def _is_dead(owner: str) -> bool:
    """Whether the owner is proven dead: a process of this host that is gone, or a run of this process that is."""
    if owner.startswith(f"{process_identity()}/"):
        return owner not in _held
    host, pid, start, *_ = (*owner.split("/"), "", "")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return start not in ("?", _start_of(int(pid)))


class Lease:
    """Held for the time of an ``async with``, and renewed meanwhile.

    A run that died on this machine loses it at once; one on another machine when ``seconds`` have passed since it was
    last renewed.

    Args:
        database: of the journal.
        seconds: for how long it holds without being renewed.
        on_lost: called once, from the event loop, when it could not be renewed in time: another run may begin.
        owner: names this run; the process and a number by default.

    Raises:
        JournalLockedError: another run holds it (on entering).
    """

    def __init__(
        self,
        database: Database,
        *,
        seconds: float = 30.0,
        on_lost: Callable[[], None] | None = None,
        owner: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._seconds = seconds
        self._on_lost = on_lost
        self._owner = owner or ""
        self._clock = clock or SystemClock()
        self._renewal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = self._owner or f"{await asyncio.to_thread(process_identity)}/{uuid.uuid4().hex[:12]}"
        # Not by the thread: that may be at it still when a cancelled caller has given up, and then nobody holds it.
        _held.add(self._owner)
        try:
            await self._database.write(self._take)
        except BaseException:
            _held.discard(self._owner)
            raise
        self._renewal = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._renewal is not None
        _held.discard(self._owner)
        self._renewal.cancel()
        await asyncio.wait([self._renewal])
        # A full disk must not hide what ended the run; the lease then runs out by itself.
        with suppress(JournalError):
            await self._database.write(
                lambda connection: connection.execute(
                    delete(leases).where(leases.c.name == _NAME, leases.c.owner == self._owner)
                )
            )

    def _take(self, connection: Connection) -> None:
        now = self._clock.time()
        insert = postgresql.insert if self._database.dialect == "postgresql" else sqlite.insert
        values = {"name": _NAME, "owner": self._owner, "expires_at": now + self._seconds}
        connection.execute(insert(leases).values(**values).on_conflict_do_nothing())
        row = connection.execute(select(leases).where(leases.c.name == _NAME).with_for_update()).one()
        if row.owner != self._owner and row.expires_at > now and not _is_dead(row.owner):
            host, _, rest = row.owner.partition("/")
            raise JournalLockedError(
                f"another run works on this journal: process {rest.partition('/')[0]} on {host}. Wait for its end, or "
                f"stop it; without a sign of life from it this is free again in {row.expires_at - now:.0f} s"
            )
        connection.execute(update(leases).where(leases.c.name == _NAME).values(**values))

    async def _renew(self) -> None:
        held_until = self._clock.time() + self._seconds
        while True:
            await self._clock.sleep(self._seconds / 3)
            until = self._clock.time() + self._seconds
            try:
                kept = await self._database.write(
                    lambda connection, until=until: (
                        connection.execute(  # type: ignore[misc]  # mypy infers no lambda with a default
                            update(leases)
                            .where(leases.c.name == _NAME, leases.c.owner == self._owner)
                            .values(expires_at=until)
                        ).rowcount
                    )
                )
            except JournalError:
                if self._clock.time() < held_until:
                    continue
                kept = 0
            if not kept:
                if self._on_lost is not None:
                    self._on_lost()
                return
            held_until = until
