"""What people think of answers: votes with their history, remarks and corrections."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import UnknownAnswerError
from knowledge.store.database import Database
from knowledge.tables import answers, chunks, citations, feedback, remarks
from knowledge.types import Disliked, Feedback, Vote


class FeedbackBook:
    """Appends what people say of answers; a person's latest vote on an answer is the one that counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, given: Feedback) -> bool:
        """Store a vote and remarks; True when that said something new. Raises UnknownAnswerError."""
        async with self._database.writing() as connection:
            # Locks the answer's row on Postgres, so that twenty equal clicks at once leave one vote.
            query = select(answers.c.id).where(answers.c.id == given.answer_id).with_for_update()
            if (await connection.execute(query)).scalar_one_or_none() is None:
                raise UnknownAnswerError
            voted = await _add_vote(connection, given)
            remarked = await _add_remark(connection, given)
        return voted or remarked

    async def current_vote(self, answer_id: str, person: str) -> Vote | None:
        """Return the person's latest vote on the answer."""
        async with self._database.reading() as connection:
            return await _current_vote(connection, answer_id, person)

    async def disliked(self, sources: Collection[str], limit: int) -> list[Disliked]:
        """Name the documents of these sources cited in answers with the most 👎 that count now, most first."""
        latest = select(func.max(feedback.c.id)).group_by(feedback.c.answer_id, feedback.c.person)
        votes = func.count(feedback.c.id.distinct()).label("votes")
        query = (
            select(chunks.c.source, chunks.c.path, votes)
            .join(citations, citations.c.answer_id == feedback.c.answer_id)
            .join(chunks, chunks.c.id == citations.c.chunk_id)
            .where(feedback.c.id.in_(latest), feedback.c.vote == Vote.DOWN.value, chunks.c.source.in_(sources))
            .group_by(chunks.c.source, chunks.c.path)
            .order_by(votes.desc(), chunks.c.source, chunks.c.path)
            .limit(limit)
        )
        async with self._database.reading() as connection:
            return [Disliked(row.source, row.path, row.votes) for row in await connection.execute(query)]


async def _current_vote(connection: AsyncConnection, answer_id: str, person: str) -> Vote | None:
    query = (
        select(feedback.c.vote)
        .where(feedback.c.answer_id == answer_id, feedback.c.person == person)
        .order_by(feedback.c.id.desc())
        .limit(1)
    )
    vote = (await connection.execute(query)).scalar_one_or_none()
    return None if vote is None else Vote(vote)


async def _add_vote(connection: AsyncConnection, given: Feedback) -> bool:
    if given.vote is None or await _current_vote(connection, given.answer_id, given.person) == given.vote:
        return False
    await connection.execute(insert(feedback), _common(given) | {"vote": given.vote.value})
    return True


async def _add_remark(connection: AsyncConnection, given: Feedback) -> bool:
    if not (given.reasons or given.comment or given.correction or given.sources):
        return False
    remark = {
        "reasons": [reason.value for reason in given.reasons],
        "comment": given.comment,
        "correction": given.correction,
        "sources": list(given.sources),
    }
    if await _last_remark(connection, given) == remark:
        return False
    await connection.execute(insert(remarks), _common(given) | remark)
    return True


async def _last_remark(connection: AsyncConnection, given: Feedback) -> dict[str, Any] | None:
    query = (
        select(remarks.c.reasons, remarks.c.comment, remarks.c.correction, remarks.c.sources)
        .where(remarks.c.answer_id == given.answer_id, remarks.c.person == given.person)
        .order_by(remarks.c.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


def _common(given: Feedback) -> dict[str, Any]:
    return {"answer_id": given.answer_id, "person": given.person, "via": given.via, "at": datetime.now(UTC)}
