"""What people asked and got: questions, answers with the exact request, passages as shown, citations."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import UnknownAnswerError
from knowledge.ids import new_id
from knowledge.store.corpus import Corpus
from knowledge.store.database import Database, insert_new
from knowledge.tables import answers, blobs, citations, hits, questions
from knowledge.types import (
    Answer,
    Chunk,
    Citation,
    Exchange,
    Outcome,
    Passage,
    Question,
    Scope,
    Sentence,
    Surface,
    Turn,
)


class Exchanges:
    """Appends exchanges and reads them back."""

    def __init__(self, database: Database, corpus: Corpus) -> None:
        self._database = database
        self._corpus = corpus

    async def record(self, exchange: Exchange, *, standalone: str, usage: Mapping[str, Any]) -> bool:
        """Store everything about one question in one transaction; False when its key has an answer already."""
        question_id = new_id()
        digest = hashlib.sha256(exchange.request).hexdigest() if exchange.request else None
        async with self._database.writing() as connection:
            row = _question_row(question_id, exchange, standalone)
            inserted = await connection.execute(insert_new(connection, questions).returning(questions.c.id), row)
            if inserted.one_or_none() is None:
                return False
            if digest is not None:
                await _put_blob(connection, digest, exchange.request)
            await connection.execute(insert(answers), _answer_row(question_id, exchange, digest, usage))
            for table, rows in ((hits, _hit_rows(exchange)), (citations, _citation_rows(exchange.answer))):
                if rows:
                    await connection.execute(insert(table), rows)
        return True

    async def answered_before(self, key: str) -> str | None:
        """Return the id of the answer that this delivery got already."""
        query = (
            select(answers.c.id)
            .join(questions, questions.c.id == answers.c.question_id)
            .where(questions.c.key == key)
            .limit(1)
        )
        async with self._database.reading() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def get(self, answer_id: str) -> Exchange:
        """Read one exchange. Raises UnknownAnswerError."""
        query = (
            select(questions, answers, blobs.c.codec, blobs.c.bytes)
            .join(questions, questions.c.id == answers.c.question_id)
            .outerjoin(blobs, blobs.c.sha256 == answers.c.request_sha256)
            .where(answers.c.id == answer_id)
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(query.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL))).one_or_none()
            if row is None:
                raise UnknownAnswerError
            hit_rows = (
                await connection.execute(select(hits).where(hits.c.answer_id == answer_id).order_by(hits.c.rank))
            ).all()
            cited = (
                await connection.execute(
                    select(citations).where(citations.c.answer_id == answer_id).order_by(citations.c.number)
                )
            ).all()
        ids = [hit.chunk_id for hit in hit_rows] + [citation.chunk_id for citation in cited]
        chunks = await self._corpus.chunks_by_id(ids)
        return _exchange(row, hit_rows, cited, chunks)

    async def latest(self, outcome: Outcome, *, limit: int) -> list[Exchange]:
        """Read the newest exchanges that ended so, newest first."""
        query = (
            select(answers.c.id).where(answers.c.outcome == outcome).order_by(answers.c.created_at.desc()).limit(limit)
        )
        async with self._database.reading() as connection:
            ids = list((await connection.execute(query)).scalars())
        return [await self.get(answer_id) for answer_id in ids]


_SMALL = 200
"""Bytes under which compressing a request is not worth it."""


async def _put_blob(connection: AsyncConnection, digest: str, data: bytes) -> None:
    packed = zlib.compress(data) if len(data) > _SMALL else data
    row = {"sha256": digest, "codec": "zlib" if len(data) > _SMALL else "raw", "bytes": packed}
    await connection.execute(insert_new(connection, blobs), row)


def _question_row(question_id: str, exchange: Exchange, standalone: str) -> dict[str, Any]:
    question = exchange.question
    return {
        "id": question_id,
        "key": question.key,
        "team": question.team,
        "channel": question.channel,
        "thread": question.thread,
        "asker": question.asker,
        "surface": question.surface.value,
        "text": question.text,
        "standalone": standalone,
        "history": [asdict(turn) for turn in question.history],
        "scope": asdict(question.scope),
        "asked_at": exchange.asked_at,
    }


def _answer_row(question_id: str, exchange: Exchange, digest: str | None, usage: Mapping[str, Any]) -> dict[str, Any]:
    answer = exchange.answer
    return {
        "id": answer.id,
        "question_id": question_id,
        "outcome": answer.outcome.value,
        "text": answer.text,
        "sentences": [asdict(sentence) for sentence in answer.sentences],
        "model": answer.model,
        "prompt_version": answer.prompt_version,
        "request_sha256": digest,
        "shortened": answer.shortened,
        "reason": answer.reason,
        "timings_ms": answer.timings_ms,
        "usage": dict(usage),
        "created_at": datetime.now(UTC),
    }


def _hit_rows(exchange: Exchange) -> list[dict[str, Any]]:
    shown = [(passage.chunk, passage.score, passage.scores, True) for passage in exchange.passages]
    known = {passage.chunk.id for passage in exchange.passages}
    named: list[tuple[Chunk, float, dict[str, float], bool]] = [
        (chunk, 0.0, {}, False) for chunk in exchange.answer.nearest if chunk.id not in known
    ]
    return [
        {
            "answer_id": exchange.answer.id,
            "rank": rank,
            "chunk_id": chunk.id,
            "score": score,
            "scores": scores,
            "shown": was_shown,
            "nearest": chunk.id in {near.id for near in exchange.answer.nearest},
        }
        for rank, (chunk, score, scores, was_shown) in enumerate(shown + named, start=1)
    ]


def _citation_rows(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "answer_id": answer.id,
            "number": citation.number,
            "chunk_id": citation.chunk.id,
            "quote": citation.quote,
            "start": citation.start,
            "end": citation.end,
        }
        for citation in answer.citations
    ]


def _exchange(
    row: Row[Any], hit_rows: Sequence[Row[Any]], cited: Sequence[Row[Any]], chunks: Mapping[str, Chunk]
) -> Exchange:
    shown = [hit for hit in hit_rows if hit.shown and hit.chunk_id in chunks]
    request = row.blobs_bytes or b""
    return Exchange(
        question=_question(row),
        answer=_answer(row, hit_rows, cited, chunks),
        passages=tuple(Passage(chunks[hit.chunk_id], hit.rank, hit.score, hit.scores) for hit in shown),
        request=zlib.decompress(request) if row.blobs_codec == "zlib" else request,
        asked_at=row.questions_asked_at,
    )


def _question(row: Row[Any]) -> Question:
    scope = row.questions_scope
    return Question(
        text=row.questions_text,
        key=row.questions_key,
        asker=row.questions_asker,
        scope=Scope(**{**scope, "usergroups": tuple(scope.get("usergroups", ()))}),
        surface=Surface(row.questions_surface),
        history=tuple(Turn(**turn) for turn in row.questions_history),
        channel=row.questions_channel,
        thread=row.questions_thread,
        team=row.questions_team,
    )


def _answer(
    row: Row[Any], hit_rows: Sequence[Row[Any]], cited: Sequence[Row[Any]], chunks: Mapping[str, Chunk]
) -> Answer:
    return Answer(
        id=row.answers_id,
        outcome=Outcome(row.answers_outcome),
        text=row.answers_text,
        citations=tuple(
            Citation(c.number, chunks[c.chunk_id], c.quote, c.start, c.end) for c in cited if c.chunk_id in chunks
        ),
        sentences=tuple(Sentence(s["text"], tuple(s["citations"]), s["supported"]) for s in row.answers_sentences),
        nearest=tuple(chunks[hit.chunk_id] for hit in hit_rows if hit.nearest and hit.chunk_id in chunks),
        model=row.answers_model,
        prompt_version=row.answers_prompt_version,
        shortened=row.answers_shortened,
        timings_ms=row.answers_timings_ms,
        reason=row.answers_reason,
    )
