"""Reads exchanges together with everything that people said of them and did after them, for learning from them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, select

from knowledge.labels import CastVote, LabelledExchange, Remark, Review, Signal, withheld
from knowledge.store.consents import Consents, signal_of
from knowledge.store.database import Database
from knowledge.store.exchanges import Exchanges
from knowledge.store.reviews import current_reviews
from knowledge.tables import answers, feedback, questions, remarks, reviews, signals
from knowledge.types import Exchange, Reason, Vote

AT_ONCE = 200
"""Exchanges that are read in one go."""

T = TypeVar("T")


class Records:
    """Goes through the exchanges in the order in which they were answered."""

    def __init__(self, database: Database, exchanges: Exchanges, consents: Consents) -> None:
        self._database = database
        self._exchanges = exchanges
        self._consents = consents

    async def iterate(
        self, *, since: datetime | None = None, until: datetime | None = None, labelled_only: bool = False
    ) -> AsyncIterator[LabelledExchange]:
        """Yield every exchange asked in [since, until) with its labels, ordered by the answer's id.

        With `labelled_only`, exchanges of which nobody said or did anything are passed over.
        """
        opted_out = await self._consents.opted_out()
        last = ""
        while True:
            ids = await self._page(last, since=since, until=until, labelled_only=labelled_only)
            if not ids:
                return
            for record in await self._labelled(ids, opted_out):
                yield record
            last = ids[-1]

    async def get(self, answer_id: str) -> LabelledExchange:
        """Read one exchange with its labels. Raises UnknownAnswerError."""
        await self._exchanges.get(answer_id)
        return (await self._labelled([answer_id], await self._consents.opted_out()))[0]

    async def _page(
        self, last: str, *, since: datetime | None, until: datetime | None, labelled_only: bool
    ) -> list[str]:
        query = select(answers.c.id).join(questions, questions.c.id == answers.c.question_id)
        query = query.where(answers.c.id > last).order_by(answers.c.id).limit(AT_ONCE)
        if since is not None:
            query = query.where(questions.c.asked_at >= since)
        if until is not None:
            query = query.where(questions.c.asked_at < until)
        if labelled_only:
            said = [select(table.c.answer_id) for table in (feedback, remarks, reviews, signals)]
            query = query.where(answers.c.id.in_(said[0].union(*said[1:])))
        return await self._database.read(lambda connection: list(connection.execute(query).scalars()))

    async def _labelled(self, ids: Sequence[str], opted_out: frozenset[str]) -> list[LabelledExchange]:
        exchanges = await self._exchanges.many(ids)

        def work(connection: Connection) -> dict[str, dict[str, list[Row[Any]]]]:
            return {
                table.name: _grouped(connection.execute(_labels_of(table, ids)).all())
                for table in (feedback, remarks, reviews, signals)
            }

        rows = await self._database.read(work)
        return [_record(exchange, rows, opted_out) for exchange in exchanges]


def _labels_of(table: Any, ids: Sequence[str]) -> Select[Any]:
    return select(table).where(table.c.answer_id.in_(ids)).order_by(table.c.id)


def _grouped(rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.answer_id, []).append(row)
    return found


def _record(
    exchange: Exchange, rows: dict[str, dict[str, list[Row[Any]]]], opted_out: frozenset[str]
) -> LabelledExchange:
    def consented(person: str) -> bool:
        return f"user:{person}" not in opted_out

    def labels(table: Any, read: Callable[[Row[Any], bool], T]) -> tuple[T, ...]:
        found = rows[table.name].get(exchange.answer.id, [])
        return tuple(read(row, consented(row.person)) for row in found)

    return LabelledExchange(
        exchange,
        votes=_current_votes(labels(feedback, _vote)),
        remarks=labels(remarks, _remark),
        reviews=tuple(
            _with_consent(review, consented=consented(review.reviewer))
            for review in current_reviews(rows[reviews.name].get(exchange.answer.id, []))
        ),
        signals=labels(signals, _signal),
        withheld=withheld(exchange, opted_out),
    )


def _current_votes(votes: Sequence[CastVote]) -> tuple[CastVote, ...]:
    """Keep each person's last; the order is that of the last words."""
    latest: dict[str, CastVote] = {}
    for vote in votes:
        latest.pop(vote.person, None)
        latest[vote.person] = vote
    return tuple(latest.values())


def _vote(row: Row[Any], consented: bool) -> CastVote:
    return CastVote(row.person, Vote(row.vote), row.via, row.at, consented)


def _remark(row: Row[Any], consented: bool) -> Remark:
    reasons = tuple(Reason(code) for code in row.reasons)
    return Remark(
        id=row.id,
        answer_id=row.answer_id,
        person=row.person,
        reasons=reasons,
        comment=row.comment,
        correction=row.correction,
        sources=tuple(row.sources),
        via=row.via,
        at=row.at,
        consented=consented,
    )


def _signal(row: Row[Any], consented: bool) -> Signal:
    return signal_of(row, consented=consented)


def _with_consent(review: Review, *, consented: bool) -> Review:
    return replace(review, consented=consented)
