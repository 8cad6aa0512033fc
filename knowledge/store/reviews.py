"""What reviewers find of answers and corrections, and the pseudonyms under which people stand in datasets."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from knowledge.errors import UnknownAnswerError
from knowledge.labels import Review, Verdict
from knowledge.store.database import Database, insert_new
from knowledge.tables import answers, raters, remarks, reviews

_PSEUDONYM_BYTES = 8


class ReviewBook:
    """Appends verdicts; a reviewer's latest on an answer, or on a correction of it, is the one that counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, review: Review) -> bool:
        """Store a verdict; False when it is what the reviewer said last. Raises UnknownAnswerError."""

        def work(connection: Connection) -> bool:
            _require_target(connection, review)
            row = _row(review)
            last = connection.execute(_of(review).order_by(reviews.c.id.desc()).limit(1)).one_or_none()
            if last is not None and all(getattr(last, name) == row[name] for name in ("verdict", "text", "note")):
                return False
            connection.execute(insert(reviews), row | {"at": datetime.now(UTC)})
            return True

        return await self._database.write(work)

    async def of_answer(self, answer_id: str) -> list[Review]:
        """Return the verdicts that count on the answer and on its corrections, oldest first."""
        query = select(reviews).where(reviews.c.answer_id == answer_id).order_by(reviews.c.id)
        return current_reviews(await self._database.read(lambda connection: connection.execute(query).all()))

    async def pseudonyms(self, people: Iterable[str]) -> dict[str, str]:
        """Return the name under which each of these people stands in datasets: random, made when first needed."""
        wanted = sorted(set(people))
        fresh = [{"person": person, "pseudonym": secrets.token_hex(_PSEUDONYM_BYTES)} for person in wanted]

        def work(connection: Connection) -> dict[str, str]:
            if fresh:
                connection.execute(insert_new(connection, raters), fresh)
            known = connection.execute(select(raters.c.person, raters.c.pseudonym)).all()
            return {row.person: row.pseudonym for row in known}

        known = await self._database.write(work)
        return {person: known[person] for person in wanted}


def current_reviews(rows: Sequence[Row[Any]]) -> list[Review]:
    """Keep each reviewer's latest verdict on each target; the rows come oldest first."""
    latest = {(row.reviewer, row.answer_id, row.remark_id): row for row in rows}
    return [_review(row) for row in sorted(latest.values(), key=lambda row: int(row.id))]


def _require_target(connection: Connection, review: Review) -> None:
    # Locks the answer's row on Postgres, so that the same click twice at once leaves one verdict.
    target = select(answers.c.id).where(answers.c.id == review.answer_id).with_for_update()
    if connection.execute(target).one_or_none() is None:
        raise UnknownAnswerError
    if review.remark_id is not None:
        mine = select(remarks.c.id).where(remarks.c.id == review.remark_id, remarks.c.answer_id == review.answer_id)
        if connection.execute(mine).one_or_none() is None:
            raise UnknownAnswerError


def _of(review: Review) -> Any:
    return select(reviews).where(
        reviews.c.answer_id == review.answer_id,
        reviews.c.reviewer == review.reviewer,
        reviews.c.remark_id.is_(None) if review.remark_id is None else reviews.c.remark_id == review.remark_id,
    )


def _row(review: Review) -> dict[str, Any]:
    return {
        "answer_id": review.answer_id,
        "remark_id": review.remark_id,
        "reviewer": review.reviewer,
        "verdict": review.verdict.value,
        "text": review.text,
        "note": review.note,
        "via": review.via,
    }


def _review(row: Row[Any]) -> Review:
    return Review(
        id=row.id,
        answer_id=row.answer_id,
        reviewer=row.reviewer,
        verdict=Verdict(row.verdict),
        remark_id=row.remark_id,
        text=row.text,
        note=row.note,
        via=row.via,
        at=row.at,
    )
