"""The audit: who did or was refused what, and when; appended to and never rewritten, which the database holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from knowledge.store.database import Database
from knowledge.tables import audit
from knowledge.types import Act, AuditEntry


class AuditBook:
    """Appends to the audit and reads it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, act: Act, *, person: str, subject: str, outcome: str) -> None:
        """Write down an act. Never give it what people wrote."""
        await self._database.write(lambda connection: write_down(connection, act, person, subject, outcome))

    async def latest(self, limit: int = 100) -> list[AuditEntry]:
        """Return the newest entries, newest first."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [AuditEntry(row.at, row.person, Act(row.act), row.subject, row.outcome) for row in rows]


def write_down(connection: Connection, act: Act, person: str, subject: str, outcome: str) -> None:
    """Append an entry inside of a transaction that does more."""
    row: dict[str, Any] = {"at": datetime.now(UTC), "person": person[:200], "act": act.value}
    connection.execute(insert(audit), row | {"subject": subject[:300], "outcome": outcome[:200]})
