"""Brings the database to the revision that this program needs, or says why it cannot be used."""

from __future__ import annotations

import asyncio
import fcntl
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import ProgrammingError

from knowledge.errors import ConfigurationError, DatabaseUnavailableError, DatabaseVersionError
from knowledge.store.database import Database
from knowledge.tables import HEAD

REFUSED = re.compile(
    r"password authentication failed for user \"[^\"]*\"|fe_sendauth: no password supplied"
    r"|(?:role|database) \"[^\"]*\" does not exist|invalid (?:URI query parameter|connection option): ?\"[^\"]*\""
    r"|invalid connection option \"[^\"]*\""
)
"""What a Postgres server, or its client, says when DATABASE_URL is wrong."""


async def prepare(database: Database) -> None:
    """Check the revision; migrate SQLite when it is older or new. Postgres is migrated by the release step only.

    Raises DatabaseVersionError when the database is newer, or on Postgres not at our revision, ConfigurationError when
    the server refuses us.
    """
    path = database.path
    if path is not None:
        _make_folder(path)
    with _refusals():
        found = await revision(database)
    if found == HEAD:
        return
    if path is None:
        _check_known(found, "The database")
        state = f"at revision {found}" if found else "empty"
        raise DatabaseVersionError(f"The database is {state}, this program needs {HEAD}: run `alembic upgrade head`.")
    async with _alone(path):
        found = await revision(database)
        if found != HEAD:
            await _upgrade(database, found)


@contextmanager
def _refusals() -> Iterator[None]:
    """Tell a server that does not let us in, which no waiting will change, from one that is not there."""
    try:
        yield
    except (DatabaseUnavailableError, ProgrammingError) as exc:
        said = " ".join(str(exc.orig if isinstance(exc, ProgrammingError) else exc.__cause__).split())
        refused = REFUSED.search(said)
        if refused is None:
            raise
        raise ConfigurationError(f"DATABASE_URL: {refused[0]}.") from exc


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigurationError(f"The folder {path.parent} for the database cannot be made: {exc.strerror}.") from exc


async def revision(database: Database) -> str | None:
    """Return the revision that the database is at; None when it holds none of our tables."""

    def look(connection: Connection) -> str | None:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()

    async with database.reading() as connection:
        return await connection.run_sync(look)


def _check_known(found: str | None, name: str) -> None:
    """Refuse a revision that none of our migrations makes."""
    # Alembic takes half a second to import, which only the first start should pay.
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    if found is None:
        return
    try:
        ScriptDirectory.from_config(_config()).get_revision(found)
    except CommandError as exc:
        raise DatabaseVersionError(
            f"{name} was made by a newer version of Footnote (revision {found}; "
            f"this one knows {HEAD}). Install that version, or name another database."
        ) from exc


async def _upgrade(database: Database, found: str | None) -> None:
    from alembic import command

    config = _config()
    _check_known(found, f"The database {database.path}")

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.writing() as connection:
        await connection.run_sync(run)


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    return config


def _scripts() -> Path:
    """Find the migrations: inside the package when installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_migrations"
    return packed if packed.is_dir() else package.parent / "alembic"


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Hold the lock that lets one process at a time migrate this file; wait for it in a thread."""
    with path.with_name(path.name + ".migrating").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield
