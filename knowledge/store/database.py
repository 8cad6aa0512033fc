"""The connection to the SQL database: one writer and many readers on SQLite, a pool on Postgres."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from knowledge.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    from psycopg.abc import Buffer

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a write waits for another process's transaction on SQLite before it gives up."""
READERS = 8
CONNECTIONS, MORE_CONNECTIONS = 8, 4
"""On Postgres, kept and at most added under load, in one process: four processes stay well below the server's 100."""
CONNECT_SECONDS = 5
"""How long a Postgres server may take to let us in."""
WAIT_SECONDS = 10.0
"""How long one waits for another's connection."""


class Database:
    """Opens transactions. `reading` sees one consistent state; `writing` is alone in this process on SQLite."""

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._writer_turn = asyncio.Lock()
        if self.is_sqlite:
            self._readers = _sqlite_engine(self.url, begin="BEGIN", size=READERS)
            self._writers = _sqlite_engine(self.url, begin="BEGIN IMMEDIATE", size=1)
        else:
            self._writers = _postgres_engine(self.url)
            self._readers = self._writers.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

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
        # Waiting here costs nothing; waiting in SQLite's busy handler would block a thread and be unfair.
        async with self._writer_turn, _translated(), self._writers.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Give the connections back."""
        await self._writers.dispose()
        if self.is_sqlite:
            await self._readers.dispose()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, NoFreeConnectionError) as exc:
        raise DatabaseUnavailableError from exc
    except DBAPIError as exc:
        if exc.connection_invalidated:
            raise DatabaseUnavailableError from exc
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
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None},
    )

    def configure(dbapi_connection: Any, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", configure)
    event.listen(engine.sync_engine, "begin", start)
    return engine
