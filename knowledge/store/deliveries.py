"""What was delivered to us and which process takes care of it: recorded once, claimed once."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.ids import new_id
from knowledge.store.clock import Clock, ran_out
from knowledge.store.database import Database, insert_new
from knowledge.tables import claims, deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that arrived and must not be lost."""

    key: str
    """Its identity: `event:T1:Ev123`, `command:<trigger id>`, `click:<trigger id>`, `view:<view id>`."""
    kind: str
    body: bytes
    """JSON as it was delivered."""
    attempts: int = 0
    """How often it was taken over from a process that went silent."""
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to bring about the one visible outcome of a message, command or click."""

    key: str
    owner: str
    attempts: int
    """1 for the first owner."""
    channel: str | None = None
    """Where the outcome was posted, as far as is known."""
    ts: str | None = None
    answer_id: str | None = None
    posting: bool = False
    """An owner was about to post and never said that it had: look before posting again."""


@dataclass(slots=True)
class _Waiting:
    delivery: Delivery
    done: asyncio.Future[bool]


class Deliveries:
    """The durable inbox and the claims, shared by all processes on one database."""

    def __init__(self, database: Database, *, lease: float, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock
        self._lease = lease
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None

    async def record(self, delivery: Delivery) -> bool:
        """Store a delivery; it is durable when this returns. True when it was not there before.

        Calls that wait at the same time share one commit.
        """
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush(), name="deliveries.flush")
        return await waiting.done

    async def _flush(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            try:
                fresh = await self._insert([waiting.delivery for waiting in group])
            except BaseException as exc:
                for waiting in group:
                    if not waiting.done.done():
                        waiting.done.set_exception(exc)
                if not isinstance(exc, Exception):
                    raise
                continue
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_result(waiting.delivery.key in fresh)
                fresh.discard(waiting.delivery.key)

    async def _insert(self, group: list[Delivery]) -> set[str]:
        now = self._clock()
        rows = {delivery.key: _delivery_row(delivery, now + self._lease) for delivery in group}
        async with self._database.writing() as connection:
            known = select(deliveries.c.key).where(deliveries.c.key.in_(list(rows)))
            there = set((await connection.execute(known)).scalars())
            fresh = [row for key, row in rows.items() if key not in there]
            if fresh:
                await connection.execute(insert_new(connection, deliveries), fresh)
        return {row["key"] for row in fresh}

    def _ran_out(self, until: ColumnElement[float]) -> ColumnElement[bool]:
        over: ColumnElement[bool] = ran_out(until, self._clock(), lease=self._lease)
        return over

    async def settle(self, delivery_key: str) -> None:
        """Mark a delivery as needing nothing more."""
        async with self._database.writing() as connection:
            await connection.execute(
                update(deliveries).where(deliveries.c.key == delivery_key).values(settled=True, body=b"")
            )

    async def hold(self, delivery_key: str, *, lease: float) -> bool:
        """Take a delivery whose lease ran out; False when it is settled or somebody else was faster."""
        now = self._clock()
        abandoned = deliveries.c.settled.is_(False) & self._ran_out(deliveries.c.lease_until)
        async with self._database.writing() as connection:
            taken = await connection.execute(
                update(deliveries)
                .where(deliveries.c.key == delivery_key, abandoned)
                .values(lease_until=now + lease, attempts=deliveries.c.attempts + 1)
            )
        return taken.rowcount == 1

    async def abandoned(self, *, limit: int = 100) -> list[Delivery]:
        """List unsettled deliveries whose lease ran out, oldest first."""
        query = (
            select(deliveries)
            .where(deliveries.c.settled.is_(False), self._ran_out(deliveries.c.lease_until))
            .order_by(deliveries.c.received_at)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).all()
        return [Delivery(row.key, row.kind, row.body, row.attempts, row.received_at) for row in rows]

    async def claim(self, key: str, *, delivery_key: str | None = None, lease: float | None = None) -> Claim | None:
        """Take the right to answer; None when it is done, or held by a living owner.

        A claim whose lease ran out is taken over, with what its owner left behind.
        """
        until = self._clock() + (lease or self._lease)
        row = {
            "key": key,
            "delivery_key": delivery_key,
            "owner": self.owner,
            "attempts": 1,
            "lease_until": until,
            "done": False,
            "posting": False,
            "claimed_at": datetime.now(UTC),
        }
        async with self._database.writing() as connection:
            inserted = await connection.execute(insert_new(connection, claims).returning(claims.c.key), row)
            if inserted.one_or_none() is not None:
                return Claim(key, self.owner, attempts=1)
            return await self._take_over(connection, key, delivery_key, until)

    async def _take_over(
        self, connection: AsyncConnection, key: str, delivery_key: str | None, until: float
    ) -> Claim | None:
        silent = claims.c.done.is_(False) & self._ran_out(claims.c.lease_until)
        values: dict[str, Any] = {"owner": self.owner, "lease_until": until, "attempts": claims.c.attempts + 1}
        if delivery_key is not None:
            values["delivery_key"] = delivery_key
        taken = await connection.execute(
            update(claims).where(claims.c.key == key, silent).values(values).returning(*claims.c)
        )
        row = taken.one_or_none()
        return None if row is None else _claim(row)

    async def renew(self, keys: Iterable[str], *, lease: float | None = None) -> None:
        """Keep claims of this process, and their deliveries, for another lease."""
        until = self._clock() + (lease or self._lease)
        rows = [{"b_key": key, "b_until": until} for key in keys]
        if not rows:
            return
        mine = (claims.c.key == bindparam("b_key")) & (claims.c.owner == self.owner)
        its_delivery = select(claims.c.delivery_key).where(mine).scalar_subquery()
        async with self._database.writing() as connection:
            await connection.execute(update(claims).where(mine).values(lease_until=bindparam("b_until")), rows)
            await connection.execute(
                update(deliveries).where(deliveries.c.key == its_delivery).values(lease_until=bindparam("b_until")),
                rows,
            )

    async def note(
        self,
        key: str,
        *,
        channel: str | None = None,
        ts: str | None = None,
        answer_id: str | None = None,
        posting: bool | None = None,
    ) -> None:
        """Write down how far the outcome is, for whoever might have to finish it."""
        given = {"channel": channel, "ts": ts, "answer_id": answer_id, "posting": posting}
        values = {name: value for name, value in given.items() if value is not None}
        async with self._database.writing() as connection:
            await connection.execute(
                update(claims).where(claims.c.key == key, claims.c.owner == self.owner).values(values)
            )

    async def finish(self, key: str) -> None:
        """The outcome is visible: the claim is done and its delivery settled."""
        delivery = select(claims.c.delivery_key).where(claims.c.key == key).scalar_subquery()
        async with self._database.writing() as connection:
            await connection.execute(update(claims).where(claims.c.key == key).values(done=True, posting=False))
            await connection.execute(
                update(deliveries).where(deliveries.c.key == delivery).values(settled=True, body=b"")
            )

    async def release(self, key: str) -> None:
        """Give a claim and its delivery back at once, so that another process need not wait for the lease."""
        mine = (claims.c.key == key) & (claims.c.owner == self.owner) & claims.c.done.is_(False)
        delivery = select(claims.c.delivery_key).where(mine).scalar_subquery()
        async with self._database.writing() as connection:
            await connection.execute(update(deliveries).where(deliveries.c.key == delivery).values(lease_until=0.0))
            await connection.execute(update(claims).where(mine).values(lease_until=0.0))

    async def prune(self, *, before: datetime) -> int:
        """Drop settled deliveries and done claims older than this. Slack repeats a delivery for about six minutes."""
        async with self._database.writing() as connection:
            old = await connection.execute(
                delete(deliveries).where(deliveries.c.settled, deliveries.c.received_at < before)
            )
            await connection.execute(delete(claims).where(claims.c.done, claims.c.claimed_at < before))
        return old.rowcount


def _delivery_row(delivery: Delivery, lease_until: float) -> dict[str, Any]:
    return {
        "key": delivery.key,
        "kind": delivery.kind,
        "body": delivery.body,
        "settled": False,
        "attempts": 0,
        "lease_until": lease_until,
        "received_at": datetime.now(UTC),
    }


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        key=row.key,
        owner=row.owner,
        attempts=row.attempts,
        channel=row.channel,
        ts=row.ts,
        answer_id=row.answer_id,
        posting=row.posting,
    )
