"""Who does not want to be part of datasets, and what people did after an answer without saying anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select

from knowledge.errors import UnknownAnswerError
from knowledge.labels import CONSENT_VERSION, Signal, SignalKind
from knowledge.store.database import Database, insert_new
from knowledge.tables import answers, consents, signals

_IN, _OUT = "in", "out"


class Consents:
    """Appends what people and channels choose; the latest choice counts, and without one they take part."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def choose(self, subject: str, *, takes_part: bool) -> bool:
        """Store a choice of `user:U1` or `channel:C1`; False when it was so already."""
        state = _IN if takes_part else _OUT

        def work(connection: Connection) -> bool:
            last = connection.execute(_latest().where(consents.c.subject == subject)).one_or_none()
            if (last.state if last else _IN) == state:
                return False
            row = {"subject": subject, "state": state, "text_version": CONSENT_VERSION, "at": datetime.now(UTC)}
            connection.execute(insert(consents), row)
            return True

        return await self._database.write(work)

    async def takes_part(self, subject: str) -> bool:
        """Say what `user:U1` or `channel:C1` has chosen last."""
        return subject not in await self.opted_out()

    async def opted_out(self) -> frozenset[str]:
        """Return every subject that has chosen not to take part."""
        query = _latest().where(consents.c.state == _OUT)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return frozenset(row.subject for row in rows)


class Signals:
    """Appends what people did after an answer; the same thing once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, signal: Signal) -> bool:
        """Store it; False when it was known. Raises UnknownAnswerError."""
        row = {
            "answer_id": signal.answer_id,
            "person": signal.person,
            "kind": signal.kind.value,
            "value": signal.value,
            "at": signal.at or datetime.now(UTC),
        }

        def work(connection: Connection) -> bool:
            if connection.execute(select(answers.c.id).where(answers.c.id == signal.answer_id)).one_or_none() is None:
                raise UnknownAnswerError
            stored = connection.execute(insert_new(connection, signals).returning(signals.c.id), row)
            return stored.one_or_none() is not None

        return await self._database.write(work)

    async def of_answer(self, answer_id: str) -> list[Signal]:
        """Return what was done after this answer, oldest first."""
        query = select(signals).where(signals.c.answer_id == answer_id).order_by(signals.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [signal_of(row) for row in rows]


def signal_of(row: Any, *, consented: bool = True) -> Signal:
    """Read a row of the table."""
    return Signal(row.answer_id, row.person, SignalKind(row.kind), row.value, row.at, consented)


def _latest() -> Select[Any]:
    newest = select(func.max(consents.c.id)).group_by(consents.c.subject)
    return select(consents).where(consents.c.id.in_(newest))
