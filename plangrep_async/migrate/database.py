"""The database behind a journal, in a thread of its own.

Writes are gathered: whatever is handed in while a transaction is being committed goes into the next one, and each
caller goes on only when the transaction that holds its change has been committed. The cost of a commit is shared, and
none is believed before it is durable.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import quote

from attrs import frozen
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ..errors import ConfigurationError
from .errors import JournalError

__all__ = ["Database", "location_text", "open_engine"]

R = TypeVar("R")
_MAX_GROUP = 2_000
_BUSY_SECONDS = 10  # for another program that writes
_HEADER = b"SQLite format 3\0"


def open_engine(location: str, *, create: bool = True) -> Engine:
    """An engine for a file's path (SQLite) or a database URL. Connects at first use. Blocks on the disk.

    Without ``create``, a file that may not be written is opened for reading alone, and nothing is made beside it.

    Raises:
        ConfigurationError: the URL cannot be read, its driver is not installed, or there is no such file and
            ``create`` is false.
        JournalError: the file is something else (SQLite would write over a short one), or is read-only with
            ``create``.
    """
    text = location
    if not create and "://" not in text and not Path(text).exists():
        raise ConfigurationError(f"there is no journal at {text}; begin with `migrate run`")
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=str(Path(text).absolute()))
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        file = url.database if url.get_backend_name() == "sqlite" else None
        writable = _may_write(file)
        if file is not None and not writable and not create:
            url = _read_only(file)
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(f"the journal's location cannot be used: {error}") from None
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the journal's database needs {error.name}: pip install 'psycopg[binary]' for PostgreSQL"
        ) from None
    if engine.dialect.name == "sqlite":
        if writable:
            _make_private(file)
        elif create:
            raise JournalError.read_only()
        _check_file(file)
        event.listen(engine, "connect", _prepare_sqlite)
        if create:
            event.listen(engine, "connect", _log_ahead)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def location_text(location: str) -> str:
    """The location for people and logs: without the password of a database URL."""
    return make_url(location).render_as_string(hide_password=True) if "://" in location else location


def _may_write(path: str | None) -> bool:
    # Who reads what is being written writes too: beside the file lies what all of them share.
    if not path or path == ":memory:":
        return True
    folder = os.path.dirname(path)
    return not os.path.isdir(folder) or all(
        os.access(place, os.W_OK) for place in (folder, path) if os.path.exists(place)
    )


def _read_only(path: str) -> URL:
    """Without what has not been moved from the log into the file yet, the file is as good as carved in stone."""
    log = Path(f"{path}-wal")
    pending = log.exists() and log.stat().st_size > 0
    how = {"mode": "ro", "uri": "true", "immutable": "0" if pending else "1"}
    return URL.create("sqlite", database=f"file:{quote(path)}", query=how)


def _make_private(path: str | None) -> None:
    """A new journal can be read by its owner alone: upload tokens are in it."""
    if path and path != ":memory:":
        # Where that fails, the first write says why, in words of its own.
        with contextlib.suppress(OSError):
            os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _check_file(path: str | None) -> None:
    if not path or path == ":memory:":
        return
    start = b""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        start = file.read(len(_HEADER))
    if start not in (b"", _HEADER):
        raise JournalError("the journal's file is no journal, or is damaged; choose another with --journal")


def _log_ahead(connection: Any, _: Any) -> None:
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()  # the file keeps it
            return
        except sqlite3.OperationalError as error:
            # Here SQLite does not wait for another that opens the file at the same moment, whatever its timeout.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")  # survives a power cut, not only a kill; the cost is shared by a group
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A reader that becomes a writer in mid-transaction would fail where a writer from the start waits its turn.
    reads = connection.get_execution_options().get("journal_reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@frozen(eq=False)
class _Write(Generic[R]):
    work: Callable[[Connection], R]
    future: asyncio.Future[R]


class Database:
    """Runs functions on a connection: writes in groups, reads one by one.

    Args:
        engine: see :func:`open_engine`.

    Attributes:
        commits, writes: so far; of those that went well.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal-write")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-read")
        self._lock = threading.Lock()
        self._queue: deque[_Write[Any]] = deque()
        self._busy = False
        self.commits = 0
        self.writes = 0

    @property
    def read_only(self) -> bool:
        """Whether the journal's file may be read alone."""
        return self._engine.url.query.get("mode") == "ro"

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        return self._engine.dialect.name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what was handed in, then close every connection."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown(wait=True)
        self._reader.shutdown(wait=True)
        self._engine.dispose()

    async def write(self, work: Callable[[Connection], R]) -> R:
        """Run ``work`` in the next transaction; returns when that is committed.

        Raises:
            JournalError: it could not be committed; nothing of ``work`` is in the journal.

        Cancelled: ``work`` may be committed all the same. Whoever needs to know reads.
        """
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._queue.append(_Write(work, future))
            start, self._busy = not self._busy, True
        if start:
            self._writer.submit(self._drain)
        return await future

    async def read(self, work: Callable[[Connection], R]) -> R:
        """Run ``work``, which must not write, on a connection of its own.

        Raises:
            JournalError: the database does not answer.
        """

        def run() -> R:
            try:
                with self._engine.connect() as connection:
                    return work(connection.execution_options(journal_reads=True))
            except SQLAlchemyError as error:
                raise JournalError.of(error) from error

        return await asyncio.get_running_loop().run_in_executor(self._reader, run)

    def _drain(self) -> None:
        while True:
            with self._lock:
                group = [self._queue.popleft() for _ in range(min(len(self._queue), _MAX_GROUP))]
                if not group:
                    self._busy = False
                    return
            if not self._commit(group) and len(group) > 1:
                # One change spoilt it for all: each alone, so that only that one fails.
                for write in group:
                    self._commit([write])

    def _commit(self, group: list[_Write[Any]]) -> bool:
        """Commit the group and tell its callers. ``False`` when it failed and callers are not told yet."""
        try:
            with self._engine.begin() as connection:
                results = [write.work(connection) for write in group]
        except Exception as error:  # noqa: BLE001 - handed to the callers
            if len(group) > 1 and not (isinstance(error, DBAPIError) and error.connection_invalidated):
                return False
            failure = JournalError.of(error) if isinstance(error, SQLAlchemyError | OSError) else error
            for write in group:
                _tell(write.future, None, failure)
            return True
        self.commits += 1
        self.writes += len(group)
        for write, result in zip(group, results, strict=True):
            _tell(write.future, result, None)
        return True


def _tell(future: asyncio.Future[R], result: Any, error: Exception | None) -> None:
    def settle() -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    try:
        future.get_loop().call_soon_threadsafe(settle)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more
