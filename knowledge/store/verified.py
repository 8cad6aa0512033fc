"""Verified answers: kept with their questions and footnotes, found by the questions' vectors, never rewritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from knowledge.labels import Origin, VerifiedAnswer, VerifiedCitation
from knowledge.store.corpus import LIVE, chunk_of, chunk_query
from knowledge.store.database import Database
from knowledge.tables import chunks, verified_answers, verified_citations, verified_questions
from knowledge.types import Chunk, Embedding, Sentence

ACTIVE, EXPIRED, WITHDRAWN = "active", "expired", "withdrawn"


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question that an active verified answer answers."""

    verified_id: str
    text: str
    embedding: Embedding


class VerifiedBook:
    """Appends verified answers and ends them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: tuple[tuple[Any, ...], str, list[KnownQuestion]] = ((), "", [])

    async def add(self, verified: VerifiedAnswer, embeddings: Sequence[Embedding]) -> None:
        """Store a verified answer with the vector of each of its questions; ends those that came from the same."""
        row = {name: getattr(verified, name) for name in _COLUMNS}
        row |= {"sentences": [asdict(sentence) for sentence in verified.sentences], "origin": verified.origin.value}

        def work(connection: Connection) -> None:
            _end(connection, verified_answers.c.answer_id == verified.answer_id, WITHDRAWN, "replaced by a later one")
            connection.execute(insert(verified_answers), row)
            pairs = zip(verified.questions, embeddings, strict=True)
            for number, (text, embedding) in enumerate(pairs, 1):
                _put_question(connection, verified.id, number, text, embedding)
            footnotes = [{"verified_id": verified.id, **asdict(citation)} for citation in verified.citations]
            if footnotes:
                connection.execute(insert(verified_citations), footnotes)

        await self._database.write(work)

    async def add_question(self, verified_id: str, text: str, embedding: Embedding) -> None:
        """Let a verified answer be found by another wording of its question."""
        mine = verified_questions.c.verified_id == verified_id

        def work(connection: Connection) -> None:
            if connection.execute(
                select(verified_questions.c.number).where(mine, verified_questions.c.text == text)
            ).all():
                return
            last = connection.execute(select(func.max(verified_questions.c.number)).where(mine)).scalar_one()
            _put_question(connection, verified_id, (last or 0) + 1, text, embedding)

        await self._database.write(work)

    async def known_questions(self, embedder: str) -> list[KnownQuestion]:
        """Return the questions of all active verified answers; read anew only when one was added or ended."""
        active = select(verified_answers.c.id).where(verified_answers.c.state == ACTIVE)
        state = select(func.count(), func.max(verified_answers.c.id)).where(verified_answers.c.state == ACTIVE)
        wordings = select(func.count()).select_from(verified_questions)
        query = (
            select(verified_questions)
            .where(verified_questions.c.verified_id.in_(active), verified_questions.c.embedder == embedder)
            .order_by(verified_questions.c.verified_id.desc(), verified_questions.c.number)
        )

        def work(connection: Connection) -> list[KnownQuestion]:
            count, newest = connection.execute(state).one()
            version = (count, newest, connection.execute(wordings).scalar_one() if count else 0)
            if self._known[:2] == (version, embedder):
                return self._known[2]
            rows = connection.execute(query).all() if count else []
            known = [KnownQuestion(row.verified_id, row.text, Embedding(row.embedder, row.vector)) for row in rows]
            self._known = (version, embedder, known)
            return known

        return await self._database.read(work)

    async def questions_of_others(self, embedder: str) -> list[tuple[str, int, str]]:
        """Return the active answers' questions that another embedder has embedded: (verified id, number, text)."""
        active = select(verified_answers.c.id).where(verified_answers.c.state == ACTIVE)
        asked = verified_questions.c
        query = select(asked.verified_id, asked.number, asked.text).where(
            asked.verified_id.in_(active), asked.embedder != embedder
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [(row.verified_id, row.number, row.text) for row in rows]

    async def embed_again(self, verified_id: str, number: int, embedding: Embedding) -> None:
        """Give a question its vector by another embedder."""
        mine = (verified_questions.c.verified_id == verified_id) & (verified_questions.c.number == number)
        values = {"embedder": embedding.embedder, "vector": embedding.data}
        await self._database.write(
            lambda connection: connection.execute(update(verified_questions).where(mine).values(values))
        )

    async def get(self, verified_id: str) -> VerifiedAnswer | None:
        """Read one; None when it is not there."""
        found = await self._where(verified_answers.c.id == verified_id)
        return found[0] if found else None

    async def active(self) -> list[VerifiedAnswer]:
        """Return all that are active, newest first."""
        return await self._where(verified_answers.c.state == ACTIVE)

    async def of_answer(self, answer_id: str) -> list[VerifiedAnswer]:
        """Return what was made of this answer and its corrections, newest first."""
        return await self._where(verified_answers.c.answer_id == answer_id)

    async def expire(self, verified_id: str, reason: str) -> None:
        """End one whose documents say something else now."""
        await self._database.write(
            lambda connection: _end(connection, verified_answers.c.id == verified_id, EXPIRED, reason)
        )

    async def withdraw(self, *, answer_id: str, remark_id: int | None, reason: str) -> int:
        """End those that were made of this answer, or of this correction of it; returns how many."""
        target = verified_answers.c.answer_id == answer_id
        which = verified_answers.c.remark_id
        same = which.is_(None) if remark_id is None else which == remark_id
        return await self._database.write(lambda connection: _end(connection, target & same, WITHDRAWN, reason))

    async def withdraw_one(self, verified_id: str, reason: str) -> int:
        """End one; returns how many were ended."""
        mine = verified_answers.c.id == verified_id
        return await self._database.write(lambda connection: _end(connection, mine, WITHDRAWN, reason))

    async def live_evidence(self, verified: VerifiedAnswer) -> dict[int, Chunk]:
        """Return per footnote the live chunk that says what it was verified with; those without one are left out."""
        documents = sorted({citation.document_id for citation in verified.citations})
        hashes = sorted({citation.text_hash for citation in verified.citations})
        query = chunk_query().where(
            chunks.c.state == LIVE, chunks.c.document_id.in_(documents), chunks.c.text_hash.in_(hashes)
        )
        rows = await self._database.read(lambda connection: connection.execute(query.order_by(chunks.c.seq)).all())
        found = {}
        for citation in verified.citations:
            same = [
                row for row in rows if (row.document_id, row.text_hash) == (citation.document_id, citation.text_hash)
            ]
            exact = [row for row in same if row.id == citation.chunk_id]
            if same:
                found[citation.number] = chunk_of((exact or same)[0])
        return found

    async def text_hashes(self, chunk_ids: Sequence[str]) -> dict[str, str]:
        """Return the hashes of chunks' texts, those that are there."""
        query = select(chunks.c.id, chunks.c.text_hash).where(chunks.c.id.in_(chunk_ids))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.id: row.text_hash for row in rows}

    async def _where(self, condition: Any) -> list[VerifiedAnswer]:
        query = select(verified_answers).where(condition).order_by(verified_answers.c.id.desc())

        def work(connection: Connection) -> list[VerifiedAnswer]:
            rows = connection.execute(query).all()
            asked = _of(connection, verified_questions, rows)
            cited = _of(connection, verified_citations, rows)
            return [_verified(row, asked.get(row.id, []), cited.get(row.id, [])) for row in rows]

        return await self._database.read(work)


_COLUMNS = ("id", "answer_id", "remark_id", "text", "verified_by", "verified_at", "state", "reason")


def _end(connection: Connection, which: Any, state: str, reason: str) -> int:
    values = {"state": state, "reason": reason, "ended_at": datetime.now(UTC)}
    ended = connection.execute(update(verified_answers).where(which, verified_answers.c.state == ACTIVE).values(values))
    return int(ended.rowcount)


def _put_question(connection: Connection, verified_id: str, number: int, text: str, embedding: Embedding) -> None:
    row = {"verified_id": verified_id, "number": number, "text": text}
    connection.execute(insert(verified_questions), row | {"embedder": embedding.embedder, "vector": embedding.data})


def _of(connection: Connection, table: Any, rows: Sequence[Row[Any]]) -> Mapping[str, list[Row[Any]]]:
    """Read what belongs to these verified answers from one of the tables beside them."""
    query: Select[Any] = select(table).where(table.c.verified_id.in_([row.id for row in rows]))
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(table.c.number)).all():
        found.setdefault(row.verified_id, []).append(row)
    return found


def _verified(row: Row[Any], asked: Sequence[Row[Any]], cited: Sequence[Row[Any]]) -> VerifiedAnswer:
    return VerifiedAnswer(
        id=row.id,
        answer_id=row.answer_id,
        remark_id=row.remark_id,
        questions=tuple(question.text for question in asked),
        text=row.text,
        sentences=tuple(Sentence(s["text"], tuple(s["citations"]), s["supported"]) for s in row.sentences),
        citations=tuple(
            VerifiedCitation(c.number, c.chunk_id, c.document_id, c.text_hash, c.quote, c.start, c.end) for c in cited
        ),
        origin=Origin(row.origin),
        verified_by=row.verified_by,
        verified_at=row.verified_at,
        state=row.state,
        reason=row.reason,
    )
