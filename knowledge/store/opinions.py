"""What feedback says of documents: judgements with the question's vector and the documents that they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, func, select, union

from knowledge.labels import Verdict
from knowledge.learning import Judgement, Opinion, opinions
from knowledge.store.corpus import LIVE
from knowledge.store.database import Database
from knowledge.tables import (
    answers,
    chunks,
    citations,
    documents,
    feedback,
    index_generations,
    questions,
    remarks,
    reviews,
)
from knowledge.types import Reason, Vectors, Vote

_APPROVING = frozenset({Verdict.APPROVE.value, Verdict.EDIT.value})

Version = tuple[int, ...]
"""Differs whenever the opinions may have changed."""


@dataclass(frozen=True, slots=True)
class JudgedQuestions:
    """The questions whose answers were judged, and what that says of documents."""

    vectors: Vectors
    """Shape (questions, dimensions)."""
    opinions: tuple[Opinion, ...]


class OpinionBook:
    """Reads what feedback says of documents, all of it at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self) -> Version:
        """Return a mark that tells whether anything has changed since; cheap."""

        def work(connection: Connection) -> Version:
            said = [
                value
                for table in (feedback, remarks, reviews)
                for value in connection.execute(select(func.count(), func.max(table.c.id)).select_from(table)).one()
            ]
            indexed = connection.execute(select(func.sum(index_generations.c.seq))).scalar_one()
            return tuple(int(value or 0) for value in (*said, indexed))

        return await self._database.read(work)

    async def load(self, embedder: str, *, dimensions: int) -> JudgedQuestions:
        """Read all judgements of questions that this embedder has embedded."""
        return await self._database.read(lambda connection: _judged(connection, embedder, dimensions))


@dataclass(slots=True)
class _Said:
    """What one person said of one answer, in pieces as they are read."""

    at: datetime | None = None
    vote: Vote | None = None
    reasons: set[Reason] = field(default_factory=set)
    approved: bool = False
    named: set[str] = field(default_factory=set)

    def heard(self, at: datetime) -> None:
        self.at = at if self.at is None else max(self.at, at)


_People = Mapping[tuple[str, str], _Said]
"""By answer and person."""


def _judged(connection: Connection, embedder: str, dimensions: int) -> JudgedQuestions:
    people = _people(connection)
    cited = _cited(connection)
    vectors: list[bytes] = []
    places: dict[str, int] = {}
    found: list[Opinion] = []
    stored = _vectors(connection, embedder, size=4 * dimensions)
    for (answer_id, person), said in people.items():
        if answer_id not in stored or said.at is None:
            continue
        question = places.setdefault(answer_id, len(places))
        if question == len(vectors):
            vectors.append(stored[answer_id])
        found += opinions(
            Judgement(
                person,
                said.at,
                vote=said.vote,
                reasons=frozenset(said.reasons),
                approved=said.approved,
                cited=cited.get(answer_id, frozenset()),
                named=frozenset(said.named),
            ),
            question=question,
        )
    matrix = np.frombuffer(b"".join(vectors), "<f4").reshape(len(vectors), dimensions)
    return JudgedQuestions(_unit(matrix), tuple(found))


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


def _people(connection: Connection) -> _People:
    people: dict[tuple[str, str], _Said] = defaultdict(_Said)
    for row in connection.execute(select(feedback).order_by(feedback.c.id)):
        said = people[row.answer_id, row.person]
        said.vote, said.at = Vote(row.vote), row.at
    named = _Named(connection)
    written: dict[int, Row[Any]] = {}
    for row in connection.execute(select(remarks).order_by(remarks.c.id)):
        written[row.id] = row
        said = people[row.answer_id, row.person]
        said.heard(row.at)
        said.reasons |= {Reason(code) for code in row.reasons}
        said.named |= named.by(row)
    for (answer_id, reviewer), latest in _latest_reviews(connection).items():
        for row in latest:
            said = people[answer_id, reviewer]
            said.heard(row.at)
            if row.remark_id is None:
                said.approved = row.verdict in _APPROVING
            elif row.verdict in _APPROVING and row.remark_id in written:
                said.named |= named.by(written[row.remark_id])
    return people


def _latest_reviews(connection: Connection) -> dict[tuple[str, str], list[Row[Any]]]:
    latest = {
        (row.answer_id, row.reviewer, row.remark_id): row
        for row in connection.execute(select(reviews).order_by(reviews.c.id))
    }
    found: dict[tuple[str, str], list[Row[Any]]] = defaultdict(list)
    for (answer_id, reviewer, _), row in latest.items():
        found[answer_id, reviewer].append(row)
    return found


class _Named:
    """Finds the live documents that people name by path or address; one that changed since says something else now."""

    def __init__(self, connection: Connection) -> None:
        self._documents: dict[str, list[Any]] = defaultdict(list)
        query = select(documents.c.id, documents.c.source, documents.c.path, documents.c.url, documents.c.indexed_at)
        if connection.execute(select(remarks.c.id).where(remarks.c.correction != "").limit(1)).first() is None:
            return
        for row in connection.execute(query.where(documents.c.live)):
            for name in {row.path, f"{row.source}/{row.path}", row.url or row.path}:
                self._documents[name].append(row)

    def by(self, remark: Row[Any]) -> set[str]:
        candidates = [row for name in remark.sources for row in self._documents.get(name.strip(), ())]
        return {row.id for row in candidates if row.indexed_at is not None and row.indexed_at <= remark.at}


def _judged_answers() -> Any:
    return union(*(select(table.c.answer_id) for table in (feedback, remarks, reviews))).subquery()


def _cited(connection: Connection) -> dict[str, frozenset[str]]:
    """Return per judged answer the documents whose cited text is still live."""
    judged = _judged_answers()
    query = (
        select(citations.c.answer_id, chunks.c.document_id)
        .join(judged, judged.c.answer_id == citations.c.answer_id)
        .join(chunks, chunks.c.id == citations.c.chunk_id)
        .where(chunks.c.state == LIVE)
    )
    found: dict[str, set[str]] = defaultdict(set)
    for row in connection.execute(query):
        found[row.answer_id].add(row.document_id)
    return {answer_id: frozenset(ids) for answer_id, ids in found.items()}


def _vectors(connection: Connection, embedder: str, *, size: int) -> dict[str, bytes]:
    judged = _judged_answers()
    query = (
        select(answers.c.id, questions.c.vector)
        .join(judged, judged.c.answer_id == answers.c.id)
        .join(questions, questions.c.id == answers.c.question_id)
        .where(questions.c.embedder == embedder)
    )
    return {row.id: row.vector for row in connection.execute(query) if len(row.vector or b"") == size}
