"""The connection to the SQL database: one writer and many readers on SQLite, a pool on Postgres."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from knowledge.errors import ConfigurationError, DatabaseUnavailableError
from knowledge.store.writing_turn import WritingTurn

if TYPE_CHECKING:
    from psycopg.abc import Buffer

log = logging.getLogger(__name__)

T = TypeVar("T")

DAMAGED = ("file is not a database", "disk image is malformed")
BUSY_TIMEOUT_SECONDS = 10.0
"""How long a write waits for another process's transaction on SQLite before it gives up."""
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "cache_size=-32768",
    "wal_autocheckpoint=4000",  # pages: a reindex touches many again and again, and they are copied once per checkpoint
)
STANDING_BACK = 0.5
"""How long one who stands back leaves the file alone, in lengths of the write before."""
READERS = 8
"""Read transactions at once on SQLite, in threads and on the event loop each."""
CONNECTIONS, MORE_CONNECTIONS = 8, 4
"""On Postgres, kept and at most added under load, in one process: four processes stay well below the server's 100."""
CONNECT_SECONDS = 5
"""How long a Postgres server may take to let us in."""
WAIT_SECONDS = 10.0
"""How long one waits for another's connection."""


class Database:
    """Opens transactions. Reads see one consistent state; a write is alone in this process on SQLite.

    `read` and `write` run a whole transaction as one piece of work. On SQLite that is one visit to a thread, where a
    transaction on the event loop needs three for every statement, each of which waits for the interpreter when other
    threads are busy.
    """

    def __init__(self, url: str) -> None:
        self.url: URL = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.stands_back = False
        """Whether others write first: after each write this process leaves the file alone for a while."""
        self._writer_turn = asyncio.Lock()
        self._among_processes = WritingTurn(self.path) if self.path else None
        if self.is_sqlite:
            self._readers = _sqlite_engine(self.url, begin="BEGIN", size=READERS)
            self._writers = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", size=1)
            self._in_thread = _SqliteThreads(self.url)
        else:
            self._writers = _postgres_engine(self.url)
            self._readers = self._writers.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @property
    def path(self) -> Path | None:
        """The SQLite file; None on Postgres."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a read transaction. Raises DatabaseUnavailableError when the database cannot be reached."""
        async with _translated(), self._readers.connect() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a write transaction that commits at the end, or rolls back on an exception."""
        if not self.is_sqlite:
            async with _translated(), self._writers.begin() as connection:
                yield connection
            return
        async with self._turn(), _translated(), self._writers.begin() as connection:
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait until nobody else writes to the SQLite file, first in this process and then among all.

        Waiting here costs nothing; waiting in SQLite's busy handler would block a thread and be unfair.
        """
        turn = self._among_processes
        async with self._writer_turn:
            try:
                if turn is not None and not turn.try_to_take():
                    await self._in_thread.run(turn.take)
                began = time.monotonic()
                yield
            finally:
                if turn is not None:
                    turn.give()
            if self.stands_back:
                await asyncio.sleep((time.monotonic() - began) * STANDING_BACK)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a read transaction. Raises DatabaseUnavailableError when the database cannot be reached."""
        if self.is_sqlite:
            async with _translated():
                return await self._in_thread.read(work)
        async with self.reading() as connection:
            return await connection.run_sync(work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a write transaction that commits at the end, or rolls back on an exception."""
        if self.is_sqlite:
            async with self._turn(), _translated():
                return await self._in_thread.write(work)
        async with self.writing() as connection:
            return await connection.run_sync(work)

    async def compact(self) -> None:
        """Write a SQLite file anew, so that what was removed is in no byte of it; Postgres sees to that itself.

        Takes about a second per 100 MB, and leaves the file as it is while another process is writing.
        """
        if self.is_sqlite:
            async with self._turn():
                await self._in_thread.compact()

    async def close(self) -> None:
        """Give the connections back."""
        await self._writers.dispose()
        if self.is_sqlite:
            await self._readers.dispose()
            self._in_thread.close()
        if self._among_processes is not None:
            self._among_processes.close()


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except (ArgumentError, ValueError):
        # The cause names the URL, and with it the password.
        raise ConfigurationError("DATABASE_URL must look like postgresql://user:password@host:5432/name.") from None


class _SqliteThreads:
    """Threads that run whole transactions, with connections of their own."""

    def __init__(self, url: URL) -> None:
        url = url.set(drivername="sqlite")
        self._readers = _configured(create_engine(url, **_options(READERS)), begin="BEGIN")
        self._writers = _configured(create_engine(url, **_options(1)), begin="BEGIN IMMEDIATE")
        self._threads = ThreadPoolExecutor(READERS + 1, thread_name_prefix="sqlite")

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.run(partial(self._read, work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        return await self.run(partial(self._write, work))

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for its end even when the waiting task is cancelled: the next write must not meet it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._readers.connect() as connection:
            return work(connection)

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self._writers.begin() as connection:
            return work(connection)

    async def compact(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._compact)

    def _compact(self) -> None:
        connection = self._writers.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                connection.cursor().execute(statement).close()
        except sqlite3.OperationalError as exc:
            log.warning("database.not_compacted", extra={"cause": str(exc)})
        finally:
            connection.close()

    def close(self) -> None:
        self._threads.shutdown()
        self._readers.dispose()
        self._writers.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, NoFreeConnectionError) as exc:
        raise DatabaseUnavailableError from exc
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise DatabaseUnavailableError from exc
        if any(sign in str(exc.orig) for sign in DAMAGED):
            raise ConfigurationError(
                "The database file is damaged or no database: restore it, or name another."
            ) from exc
        raise


def _postgres_engine(url: URL) -> AsyncEngine:
    """Make a pool that notices when the server was away: each connection is tried before it is used."""
    asked = {"connect_timeout": CONNECT_SECONDS, "application_name": "footnote"}
    engine = create_async_engine(
        url,
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={name: value for name, value in asked.items() if name not in url.query},
    )
    event.listen(engine.sync_engine, "connect", _without_nul)
    return engine


def _without_nul(dbapi_connection: Any, _record: object) -> None:
    """Postgres refuses texts with a NUL in them, which SQLite and people's files do not."""
    from psycopg.types.string import StrDumper

    class Dumper(StrDumper):
        def dump(self, obj: str) -> Buffer | None:
            return super().dump(obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    dbapi_connection.driver_connection.adapters.register_dumper(str, Dumper)


def _sqlite_engine(url: URL, *, begin: str, size: int) -> AsyncEngine:
    engine = create_async_engine(url, **_options(size))
    _configured(engine.sync_engine, begin=begin)
    return engine


def _options(size: int) -> dict[str, Any]:
    return {
        "pool_size": size,
        "max_overflow": 0,
        "connect_args": {"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None},
    }


def _configured(engine: Engine, *, begin: str) -> Engine:
    def configure(dbapi_connection: Any, _record: object) -> None:
        try:
            cursor = dbapi_connection.cursor()
            for pragma in PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except Exception:
            # The pool does not know a connection yet that fails here, and would leave it open.
            dbapi_connection.close()
            raise

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", start)
    return engine


def insert_new(connection: AsyncConnection | Connection, table: Any) -> Any:
    """Make an insert that passes over rows whose key is there; add `returning` to learn which were new."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()
