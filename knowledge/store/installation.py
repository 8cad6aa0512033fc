"""The installation: what tells this database from every other that shares a service with it."""

from __future__ import annotations

from sqlalchemy import Connection, select

from knowledge.ids import new_id
from knowledge.store.database import Database, insert_new
from knowledge.tables import installation


async def installation_id(database: Database) -> str:
    """Return the id of this database, which the first who asks gives it."""
    found = await database.read(_find)
    return await database.write(_give) if found is None else found


def _find(connection: Connection) -> str | None:
    return connection.execute(select(installation.c.id)).scalar_one_or_none()


def _give(connection: Connection) -> str:
    """Give an id, unless another process was faster."""
    connection.execute(insert_new(connection, installation), {"one": 1, "id": new_id().lower()})
    return str(connection.execute(select(installation.c.id)).scalar_one())
