"""What was measured and what was learned from it: evaluations with their rulings, adapters with their gates."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from knowledge.gates import CaseFigures, GateResult, Ruling, summary
from knowledge.ids import new_id
from knowledge.linear_adapter import LinearAdapter
from knowledge.store.database import Database
from knowledge.tables import adapters, evaluations


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One measurement as it is stored; no question stands in it, only figures."""

    id: str
    kind: str
    """`gate`, `compare` or `learn`."""
    subject: str
    configuration: Mapping[str, Any]
    cases: tuple[CaseFigures, ...]
    ruling: Ruling
    at: datetime


LEARNED_FROM = "answers"
"""Where an adapter's provenance names the answers that it learned from."""


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    """An adapter and what it came from."""

    seq: int
    adapter: LinearAdapter
    provenance: Mapping[str, Any]
    active: bool
    at: datetime


class EvaluationBook:
    """Appends evaluations and finds the one to compare with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        kind: str,
        *,
        subject: str,
        configuration: Mapping[str, Any],
        cases: Sequence[CaseFigures],
        result: GateResult,
    ) -> str:
        """Store what was measured and what the gate said of it; return its id."""
        row = {
            "id": new_id(),
            "kind": kind,
            "subject": subject,
            "configuration": dict(configuration),
            "figures": summary(cases),
            "cases": zlib.compress(json.dumps([dict(case) for case in cases]).encode()),
            "ruling": result.ruling.value,
            "details": result.to_json(),
            "at": datetime.now(UTC),
        }
        await self._database.write(lambda connection: connection.execute(insert(evaluations), row))
        return str(row["id"])

    async def baseline(self, subject: str) -> Evaluation | None:
        """Return the last one of these questions that was made the baseline."""
        query = (
            select(evaluations)
            .where(evaluations.c.kind == "gate", evaluations.c.subject == subject)
            .where(evaluations.c.ruling == Ruling.BASELINE.value)
            .order_by(evaluations.c.at.desc(), evaluations.c.id.desc())
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _evaluation(row)


class AdapterBook:
    """Keeps the adapters that were learned; at most one per embedder is in use."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> tuple[int, int]:
        """Return a mark that tells whether another adapter is in use since."""
        query = select(func.max(adapters.c.seq), func.count()).where(adapters.c.active)
        row = await self._database.read(lambda connection: connection.execute(query).one())
        return int(row[0] or 0), int(row[1])

    async def active(self, embedder: str) -> StoredAdapter | None:
        """Return the adapter in use for an embedder."""
        query = (
            select(adapters)
            .where(adapters.c.embedder == embedder, adapters.c.active)
            .order_by(adapters.c.seq.desc())
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _adapter(row)

    async def put(
        self,
        embedder: str,
        adapter: LinearAdapter,
        *,
        provenance: Mapping[str, Any],
        evaluation_id: str,
        active: bool,
    ) -> None:
        """Store an adapter; one that is active takes the place of the one in use."""
        row = {
            "embedder": embedder,
            "dimensions": adapter.matrix.shape[0],
            "matrix": adapter.to_bytes(),
            "provenance": dict(provenance),
            "evaluation_id": evaluation_id,
            "active": active,
            "at": datetime.now(UTC),
        }

        def work(connection: Connection) -> None:
            if active:
                connection.execute(update(adapters).where(adapters.c.embedder == embedder).values(active=False))
            connection.execute(insert(adapters), row)

        await self._database.write(work)

    async def switch_off(self) -> int:
        """Use no adapter any more, for any embedder; return how many were in use."""
        query = update(adapters).where(adapters.c.active).values(active=False)
        return await self._database.write(lambda connection: int(connection.execute(query).rowcount))

    async def switch_off_forgotten(self) -> int:
        """Use no adapter any more that learned from somebody who was forgotten; return how many were in use."""

        def work(connection: Connection) -> int:
            marked = [row.seq for row in connection.execute(_IN_USE) if FORGOTTEN in row.provenance]
            connection.execute(update(adapters).where(adapters.c.seq.in_(marked)).values(active=False))
            return len(marked)

        return await self._database.write(work)


FORGOTTEN = "forgotten"
"""Stands in an adapter's provenance once somebody whose words it learned from was forgotten."""
_IN_USE = select(adapters.c.seq, adapters.c.provenance).where(adapters.c.active)


def mark_forgotten(connection: Connection, answer_ids: Collection[str]) -> int:
    """Mark the adapters in use that learned from any of these answers; return how many there are.

    Of one that does not say what it learned from this is taken for granted.
    """
    if not answer_ids:
        return 0
    marked = [
        row
        for row in connection.execute(_IN_USE)
        if LEARNED_FROM not in row.provenance or not set(answer_ids).isdisjoint(row.provenance[LEARNED_FROM])
    ]
    for row in marked:
        values = {"provenance": {**row.provenance, FORGOTTEN: True}}
        connection.execute(update(adapters).where(adapters.c.seq == row.seq).values(values))
    return len(marked)


def _evaluation(row: Row[Any]) -> Evaluation:
    return Evaluation(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        configuration=row.configuration,
        cases=tuple(json.loads(zlib.decompress(row.cases))),
        ruling=Ruling(row.ruling),
        at=row.at,
    )


def _adapter(row: Row[Any]) -> StoredAdapter:
    return StoredAdapter(
        seq=row.seq,
        adapter=LinearAdapter.from_bytes(row.matrix, dimensions=row.dimensions),
        provenance=row.provenance,
        active=row.active,
        at=row.at,
    )
