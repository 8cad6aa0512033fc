"""Datasets that were exported: which exchange is in which split, and which snapshots hold which answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from knowledge.datasets.splits import Assignment, Split
from knowledge.store.database import Database, insert_new
from knowledge.tables import dataset_answers, dataset_assignments, dataset_snapshots

FROZEN, REVOKED = "frozen", "revoked"
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A dataset that was exported."""

    id: str
    parent: str | None
    state: str
    """`frozen`, or `revoked`: somebody whose words it holds was forgotten."""
    reason: str
    """Why it was revoked."""
    created_at: datetime
    manifest: Mapping[str, Any]


class Snapshots:
    """Remembers what was exported."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def assignments(self) -> dict[str, Assignment]:
        """Return where exchanges were put before, by answer id."""
        query = select(dataset_assignments)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.answer_id: Assignment(row.group_id, Split(row.split)) for row in rows}

    async def remember(self, assigned: Mapping[str, Assignment]) -> None:
        """Keep where exchanges were put, so that what is held out stays held out."""
        known = await self.assignments()
        changed = {answer_id: where for answer_id, where in assigned.items() if known.get(answer_id) != where}
        rows = [
            {"answer_id": answer_id, "group_id": where.group_id, "split": where.split.value}
            for answer_id, where in changed.items()
        ]

        def work(connection: Connection) -> None:
            for some in _slices(sorted(changed)):
                connection.execute(delete(dataset_assignments).where(dataset_assignments.c.answer_id.in_(some)))
            if rows:
                connection.execute(insert_new(connection, dataset_assignments), rows)

        await self._database.write(work)

    async def parent_of(self, snapshot_id: str) -> str | None:
        """Return what a snapshot followed when it was first made; for a new one the latest there is."""
        known = select(dataset_snapshots.c.parent).where(dataset_snapshots.c.id == snapshot_id)
        latest = select(dataset_snapshots.c.id).order_by(dataset_snapshots.c.seq.desc()).limit(1)

        def work(connection: Connection) -> str | None:
            row = connection.execute(known).one_or_none()
            return row.parent if row is not None else connection.execute(latest).scalar_one_or_none()

        return await self._database.read(work)

    async def put(self, snapshot_id: str, *, manifest: Mapping[str, Any], answers: Collection[str]) -> None:
        """Remember a snapshot; the same one again is the same one, and frozen again."""
        row = {
            "id": snapshot_id,
            "parent": manifest["parent"],
            "state": FROZEN,
            "reason": "",
            "manifest": dict(manifest),
            "created_at": datetime.now(UTC),
        }
        held = [{"snapshot_id": snapshot_id, "answer_id": answer_id} for answer_id in sorted(answers)]

        def work(connection: Connection) -> None:
            connection.execute(insert_new(connection, dataset_snapshots), row)
            mine = dataset_snapshots.c.id == snapshot_id
            connection.execute(update(dataset_snapshots).where(mine).values(state=FROZEN, reason=""))
            connection.execute(delete(dataset_answers).where(dataset_answers.c.snapshot_id == snapshot_id))
            if held:
                connection.execute(insert(dataset_answers), held)

        await self._database.write(work)

    async def all(self) -> list[Snapshot]:
        """Return every snapshot, oldest first."""
        query = select(dataset_snapshots).order_by(dataset_snapshots.c.seq)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Snapshot(row.id, row.parent, row.state, row.reason, row.created_at, row.manifest) for row in rows]

    async def holding(self, answer_ids: Iterable[str]) -> list[str]:
        """Return the ids of the snapshots whose rows rest on any of these answers, oldest first."""
        wanted = sorted(set(answer_ids))
        return await self._database.read(lambda connection: holding(connection, wanted))

    async def revoke(self, answer_ids: Iterable[str], *, reason: str) -> list[str]:
        """Mark as revoked the snapshots whose rows rest on any of these answers; return their ids, oldest first."""
        wanted = sorted(set(answer_ids))
        return await self._database.write(lambda connection: revoke(connection, wanted, reason))


def holding(connection: Connection, answer_ids: Sequence[str]) -> list[str]:
    """Find, inside a transaction, the snapshots whose rows rest on any of these answers, oldest first."""
    found: set[str] = set()
    for some in _slices(answer_ids):
        query = select(dataset_answers.c.snapshot_id).where(dataset_answers.c.answer_id.in_(some)).distinct()
        found.update(connection.execute(query).scalars())
    ordered = select(dataset_snapshots.c.id).order_by(dataset_snapshots.c.seq)
    return [each for each in connection.execute(ordered).scalars() if each in found]


def revoke(connection: Connection, answer_ids: Sequence[str], reason: str) -> list[str]:
    """Mark them as revoked, inside a transaction: forgetting a person does this together with all the rest."""
    found = holding(connection, answer_ids)
    for some in _slices(found):
        mine = dataset_snapshots.c.id.in_(some)
        connection.execute(update(dataset_snapshots).where(mine).values(state=REVOKED, reason=reason))
    return found


def _slices(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE)]
