"""What waits for a reviewer: corrections first, then answers that people disagree on, disliked ones, and a sample."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from knowledge.labels import SignalKind, Verdict
from knowledge.store.database import Database
from knowledge.tables import answers, feedback, remarks, reviews, signals
from knowledge.types import Vote


class Why(StrEnum):
    """Why something waits for a reviewer, most urgent first."""

    CORRECTION = "correction"
    """Somebody has said what would have been right."""
    DISAGREEMENT = "disagreement"
    """Some think well of it and some do not."""
    DISLIKED = "disliked"
    """Somebody pressed 👎."""
    SAMPLE = "sample"
    """Chance chose it, so that what is reviewed says something of all answers."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer, or a correction of it, that nobody has judged yet."""

    answer_id: str
    why: Why
    remark_id: int | None = None


class ReviewQueue:
    """Reads what waits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, reviewer: str, *, since: datetime) -> list[Waiting]:
        """Return what waits for this reviewer among the answers since then, most urgent and newest first.

        What anybody has approved, edited or rejected is done; what somebody was unsure of waits for all others.
        """

        def work(connection: Connection) -> list[Waiting]:
            return list(_Desk.read(connection, reviewer, since).waiting())

        return await self._database.read(work)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What people have said of recent answers."""

    corrections: Sequence[Row[Any]]
    votes: Mapping[str, set[str]]
    """Per answer the votes that count."""
    sampled: Sequence[str]
    settled: set[tuple[str, int | None]]
    passed_over: set[tuple[str, int | None]]
    """Targets of which this reviewer was unsure."""

    @classmethod
    def read(cls, connection: Connection, reviewer: str, since: datetime) -> _Desk:
        corrected = _recent(select(remarks.c.id, remarks.c.answer_id), remarks, since).where(remarks.c.correction != "")
        disliked = select(feedback.c.answer_id).where(feedback.c.vote == Vote.DOWN)
        voted = _recent(select(feedback), feedback, since).where(feedback.c.answer_id.in_(disliked))
        by_chance = (
            _recent(select(signals.c.answer_id), signals, since)
            .where(signals.c.kind == SignalKind.RATING_REQUESTED)
            .distinct()
            .order_by(signals.c.answer_id.desc())
        )
        verdicts = connection.execute(_recent(select(reviews), reviews, since).order_by(reviews.c.id)).all()
        latest = {(row.reviewer, row.answer_id, row.remark_id): row for row in verdicts}
        return cls(
            corrections=connection.execute(corrected.order_by(remarks.c.id.desc())).all(),
            votes=_current(connection.execute(voted.order_by(feedback.c.id)).all()),
            sampled=list(connection.execute(by_chance).scalars()),
            settled={(row.answer_id, row.remark_id) for row in latest.values() if row.verdict != Verdict.UNSURE},
            passed_over={
                (row.answer_id, row.remark_id)
                for row in latest.values()
                if row.verdict == Verdict.UNSURE and row.reviewer == reviewer
            },
        )

    def waiting(self) -> Iterator[Waiting]:
        judged = {answer_id for answer_id, _ in self.settled}
        newest: dict[str, int] = {}
        for row in self.corrections:
            newest.setdefault(row.answer_id, row.id)
        for answer_id, remark_id in newest.items():
            if not {(answer_id, remark_id)} & (self.settled | self.passed_over):
                yield Waiting(answer_id, Why.CORRECTION, remark_id)
        for why, found in self._by_votes():
            # Who judged a correction has judged the answer; a correction that waits is judged first.
            left = [each for each in found if each not in judged and each not in newest]
            yield from (Waiting(each, why) for each in left if (each, None) not in self.passed_over)

    def _by_votes(self) -> Iterator[tuple[Why, list[str]]]:
        disliked = [answer_id for answer_id, votes in sorted(self.votes.items(), reverse=True) if Vote.DOWN in votes]
        yield Why.DISAGREEMENT, [each for each in disliked if Vote.UP in self.votes[each]]
        yield Why.DISLIKED, [each for each in disliked if Vote.UP not in self.votes[each]]
        yield Why.SAMPLE, [each for each in self.sampled if each not in set(disliked)]


def _recent(query: Select[Any], table: Any, since: datetime) -> Select[Any]:
    return query.join(answers, answers.c.id == table.c.answer_id).where(answers.c.created_at >= since)


def _current(rows: Sequence[Row[Any]]) -> Mapping[str, set[str]]:
    latest = {(row.answer_id, row.person): row.vote for row in rows}
    found: defaultdict[str, set[str]] = defaultdict(set)
    for (answer_id, _), vote in latest.items():
        found[answer_id].add(vote)
    return found
