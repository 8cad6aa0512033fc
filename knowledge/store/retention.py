"""Retention: what people asked and said is removed after a time, if that is wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from knowledge.store.database import Database
from knowledge.store.verified import ACTIVE
from knowledge.tables import answers, blobs, feedback, questions, signals, verified_answers

AT_ONCE = 200
"""Exchanges in one transaction: others write in between."""


class Retention:
    """Removes old exchanges with everything that was said of them.

    What an active verified answer was made of stays, as nobody's: the text was approved to be given again. It goes
    once that answer has ended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expire(self, before: datetime) -> Mapping[str, int]:
        """Remove what was asked before then; returns how many exchanges were removed, and how many made nobody's."""
        done: Counter[str] = Counter()
        for work in (_remove, _make_nobodys):
            while some := await self._database.write(lambda connection, work=work: work(connection, before)):  # type: ignore[misc]
                done[work.__name__.strip("_")] += some
        return done


def _remove(connection: Connection, before: datetime) -> int:
    """Remove some; what hangs on them goes with them."""
    ids = _some(connection, before, needed=False)
    sent = select(answers.c.request_sha256).where(answers.c.question_id.in_(ids))
    requests = set(connection.execute(sent).scalars()) - {None}
    connection.execute(delete(questions).where(questions.c.id.in_(ids)))
    _drop_requests(connection, requests)
    return len(ids)


def _make_nobodys(connection: Connection, before: datetime) -> int:
    ids = _some(connection, before, needed=True)
    mine = answers.c.question_id.in_(ids)
    answer_ids = select(answers.c.id).where(mine)
    requests = set(connection.execute(select(answers.c.request_sha256).where(mine)).scalars()) - {None}
    nobodys: dict[str, Any] = {"asker": None, "key": None, "channel": None, "thread": None, "history": []}
    connection.execute(update(questions).where(questions.c.id.in_(ids)).values(**nobodys, surface="terminal", scope={}))
    connection.execute(update(answers).where(mine).values(request_sha256=None, parameters={}))
    for table in (feedback, signals):
        connection.execute(delete(table).where(table.c.answer_id.in_(answer_ids)))
    _drop_requests(connection, requests)
    return len(ids)


def _some(connection: Connection, before: datetime, *, needed: bool) -> list[str]:
    kept = (
        select(answers.c.question_id)
        .join(verified_answers, verified_answers.c.answer_id == answers.c.id)
        .where(verified_answers.c.state == ACTIVE)
    )
    query = select(questions.c.id).where(questions.c.asked_at < before).order_by(questions.c.asked_at).limit(AT_ONCE)
    if needed:
        # Once it is nobody's it has neither, and is not looked at again.
        somebodys = questions.c.asker.is_not(None) | questions.c.key.is_not(None) | questions.c.channel.is_not(None)
        query = query.where(questions.c.id.in_(kept), somebodys)
    else:
        query = query.where(questions.c.id.not_in(kept))
    return list(connection.execute(query).scalars())


def _drop_requests(connection: Connection, requests: set[Any]) -> None:
    used = set(
        connection.execute(select(answers.c.request_sha256).where(answers.c.request_sha256.in_(requests))).scalars()
    )
    connection.execute(delete(blobs).where(blobs.c.sha256.in_(requests - used)))
