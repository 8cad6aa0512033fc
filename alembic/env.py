"""Runs the migrations: from the `alembic` command, or from the program with a connection of its own."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from knowledge.settings import Settings
from knowledge.tables import UtcDateTime, metadata

MIGRATION_LOCK = 0x466F6F74
"""Postgres advisory lock: processes that start at once migrate one after the other."""


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Write our own column type as the plain one that the database sees."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave the tables of the queue to the queue when our own are compared with the database."""
    return kind != "table" or not (name or "").startswith("procrastinate_")


def migrate(connection: Connection) -> None:
    """Run what is missing on this connection, alone."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
        include_name=is_ours,
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


async def connect_and_migrate() -> None:
    """Open the configured database for one migration."""
    settings = Settings.load()
    settings.prepare_home()
    engine = create_async_engine(settings.sqlalchemy_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


def run() -> None:
    """Use the caller's connection when there is one."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        migrate(connection)
        return
    asyncio.run(connect_and_migrate())


run()
