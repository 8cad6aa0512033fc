"""Generations: each pair of an index and an embedder that holds, is getting or has held what the documents say."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, literal, select, update

from knowledge.store.clock import Clock, ran_out
from knowledge.store.corpus import DEAD, PENDING, lacks
from knowledge.store.database import Database, insert_new
from knowledge.tables import (
    chunks,
    documents,
    generation_documents,
    generation_roles,
    generations,
    index_generations,
    index_log,
    removals,
    source_leases,
    vectors,
)
from knowledge.types import GenerationState, GenerationStatus

IDS_AT_ONCE = 1000


class Role(StrEnum):
    """What at most one generation is at a time; the others are retired."""

    SERVING = "serving"
    FILLING = "filling"


@dataclass(frozen=True, slots=True)
class Generation:
    """One pair of an index and an embedder."""

    id: int
    key: str
    """The index's place, the embedder and its dimensions: two processes with the same key share a generation."""
    index: str
    """As `FOOTNOTE_INDEX` names it; empty for a part that was given by argument."""
    embedder: str
    embedder_name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GenerationPlan:
    """A generation as a process would have it."""

    key: str
    index: str
    embedder: str
    embedder_name: str
    options: Mapping[str, Any]


class Generations:
    """Every read and write about generations."""

    def __init__(self, database: Database, *, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock

    async def with_role(self, role: Role) -> Generation | None:
        """Return the generation that answers, or the one that is being filled."""
        query = _generations().where(generation_roles.c.role == role)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _generation(row)

    async def want(self, plan: GenerationPlan) -> Generation:
        """Have this generation answer: at once when it is the first, otherwise once it has been filled."""
        now = datetime.now(UTC)

        def work(connection: Connection) -> Generation:
            connection.execute(insert_new(connection, generations), _row(plan))
            found = connection.execute(select(generations).where(generations.c.key == plan.key)).one()
            role = {"role": Role.SERVING, "generation": found.id, "since": now}
            first = connection.execute(
                insert_new(connection, generation_roles).returning(generation_roles.c.role), role
            )
            if first.one_or_none() is not None:
                _adopt(connection, found.id)
            serving = select(generation_roles.c.generation).where(generation_roles.c.role == Role.SERVING)
            if connection.execute(serving).scalar_one() != found.id:
                _begin_filling(connection, found.id, now)
            return _generation(found)

        return await self._database.write(work)

    async def lacking(self, generation: int) -> dict[str, int]:
        """Count by source the documents that a generation lacks."""
        query = select(documents.c.source, func.count()).where(lacks(generation)).group_by(documents.c.source)
        rows = await self._database.read(lambda connection: connection.execute(query.order_by("source")).all())
        return {row[0]: row[1] for row in rows}

    async def switch(self, generation: int) -> bool:
        """Let a generation that lacks nothing answer from now on; False while it lacks something or a run goes on.

        Runs learn which generations they work for once they hold their source, so none may be under way.
        """
        now, seconds = datetime.now(UTC), self._clock()

        def work(connection: Connection) -> bool:
            leases = select(source_leases.c.owner, source_leases.c.lease_until).with_for_update()
            if any(
                row.owner is not None and not ran_out(row.lease_until, seconds) for row in connection.execute(leases)
            ):
                return False
            if connection.execute(select(documents.c.id).where(lacks(generation)).limit(1)).first() is not None:
                return False
            filling = (generation_roles.c.role == Role.FILLING) & (generation_roles.c.generation == generation)
            if connection.execute(delete(generation_roles).where(filling)).rowcount != 1:
                return False
            serving = generation_roles.c.role == Role.SERVING
            old = select(generation_roles.c.generation).where(serving).scalar_subquery()
            connection.execute(update(generations).where(generations.c.id == old).values(retired_at=now))
            connection.execute(update(generation_roles).where(serving).values(generation=generation, since=now))
            return True

        return await self._database.write(work)

    async def statuses(self) -> list[GenerationStatus]:
        """List the generations: the one that answers, the one being filled, then those that are retired."""
        held = (
            select(generation_documents.c.generation, func.count().label("documents"))
            .join(documents, documents.c.id == generation_documents.c.document_id)
            .where(documents.c.live, documents.c.chunk_count > 0)
            .group_by(generation_documents.c.generation)
            .subquery()
        )
        query = _generations(generation_roles.c.role, generation_roles.c.since, held.c.documents, outer=True)
        query = query.outerjoin(held, held.c.generation == generations.c.id)
        total = select(func.count()).where(documents.c.live, documents.c.chunk_count > 0).select_from(documents)

        def work(connection: Connection) -> list[GenerationStatus]:
            count = int(connection.execute(total).scalar_one())
            return [_status(row, count) for row in connection.execute(query)]

        order = list(GenerationState)
        return sorted(await self._database.read(work), key=lambda status: order.index(status.state))

    # --- retiring ---------------------------------------------------------------------------------------------------

    async def outlived(self, grace: timedelta) -> list[Generation]:
        """Return the generations that were retired longer than that ago."""
        query = _generations(outer=True).where(generations.c.retired_at < datetime.now(UTC) - grace)
        return [_generation(row) for row in await self._database.read(lambda c: c.execute(query).all())]

    async def held_chunks(self, generation: int, *, after: str = "") -> list[str]:
        """Return the next ids, in order, of chunks that a generation's index may hold."""
        held = (
            select(chunks.c.id)
            .join(generation_documents, generation_documents.c.document_id == chunks.c.document_id)
            .where(generation_documents.c.generation == generation, chunks.c.id > after)
        )
        left = select(removals.c.chunk_id).where(removals.c.generation == generation, removals.c.chunk_id > after)
        query = held.union(left).order_by("id").limit(IDS_AT_ONCE)
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def drop(self, generation: Generation) -> None:
        """Forget a retired generation, and the vectors of its embedder unless another generation uses them."""
        others = select(generations.c.id).where(generations.c.embedder_name == generation.embedder_name)

        def work(connection: Connection) -> None:
            these = (generations.c.id == generation.id) & generations.c.retired_at.is_not(None)
            if connection.execute(delete(generations).where(these)).rowcount != 1:
                return
            if connection.execute(others).first() is None:
                for table in (vectors, index_log, index_generations):
                    connection.execute(delete(table).where(table.c.embedder == generation.embedder_name))

        await self._database.write(work)


def _begin_filling(connection: Connection, generation: int, now: datetime) -> None:
    """Give the role of the next to answer to this generation; whichever had it is retired."""
    filling = generation_roles.c.role == Role.FILLING
    before = connection.execute(select(generation_roles.c.generation).where(filling)).scalar_one_or_none()
    if before == generation:
        return
    connection.execute(delete(generation_roles).where(filling))
    connection.execute(update(generations).where(generations.c.id == before).values(retired_at=now))
    connection.execute(update(generations).where(generations.c.id == generation).values(retired_at=None))
    connection.execute(insert(generation_roles), {"role": Role.FILLING, "generation": generation, "since": now})


def _adopt(connection: Connection, generation: int) -> None:
    """Take for the first generation what was indexed before generations were told apart."""
    held = select(literal(generation), documents.c.id).where(documents.c.live)
    connection.execute(insert(generation_documents).from_select(["generation", "document_id"], held))
    left = select(literal(generation), chunks.c.id, chunks.c.source).where(chunks.c.state.in_([PENDING, DEAD]))
    connection.execute(insert(removals).from_select(["generation", "chunk_id", "source"], left))


def _generations(*columns: Any, outer: bool = False) -> Select[Any]:
    joined = generations.join(generation_roles, generation_roles.c.generation == generations.c.id, isouter=outer)
    return select(generations, *columns).select_from(joined)


def _row(plan: GenerationPlan) -> dict[str, Any]:
    return {
        "key": plan.key,
        "index_choice": plan.index,
        "embedder_choice": plan.embedder,
        "embedder_name": plan.embedder_name,
        "options": dict(plan.options),
        "retired_at": None,
    }


def _generation(row: Row[Any]) -> Generation:
    return Generation(row.id, row.key, row.index_choice, row.embedder_choice, row.embedder_name, row.options)


def _status(row: Row[Any], total: int) -> GenerationStatus:
    return GenerationStatus(
        index=row.index_choice,
        embedder=row.embedder_name,
        state=GenerationState(row.role or GenerationState.RETIRED),
        documents=row.documents or 0,
        documents_total=total,
        since=row.since or row.retired_at,
    )
