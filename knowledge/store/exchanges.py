"""What people asked and got: questions, answers with the exact request, passages as shown, citations."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Connection, Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.errors import UnknownAnswerError
from knowledge.ids import new_id
from knowledge.store.corpus import Corpus
from knowledge.store.database import Database, insert_new
from knowledge.tables import answers, blobs, chunks, citations, hits, prompt_versions, questions, verified_answers
from knowledge.types import (
    Answer,
    Chunk,
    Citation,
    Embedding,
    Exchange,
    Outcome,
    Passage,
    Question,
    Scope,
    Sentence,
    Stage,
    Surface,
    Turn,
    Verification,
)


class Exchanges:
    """Appends exchanges and reads them back."""

    def __init__(self, database: Database, corpus: Corpus) -> None:
        self._database = database
        self._corpus = corpus

    async def record(
        self, exchange: Exchange, *, usage: Mapping[str, Any], prompts: Mapping[str, str] | None = None
    ) -> bool:
        """Store everything about one question in one transaction; False when its key has an answer already.

        `prompts` are the texts that the answer's prompt version stands for.
        """
        question_id = new_id()
        digest = hashlib.sha256(exchange.request).hexdigest() if exchange.request else None
        async with self._database.writing() as connection:
            row = _question_row(question_id, exchange)
            inserted = await connection.execute(insert_new(connection, questions).returning(questions.c.id), row)
            if inserted.one_or_none() is None:
                return False
            if digest is not None:
                await _put_blob(connection, digest, exchange.request)
            if prompts:
                await _put_prompts(connection, exchange.answer.prompt_version, prompts)
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
        found = await self.many([answer_id])
        if not found:
            raise UnknownAnswerError
        return found[0]

    async def many(self, answer_ids: Sequence[str]) -> list[Exchange]:
        """Read those of the exchanges that are there, ordered by their answers' ids."""
        query = (
            select(
                questions,
                answers,
                blobs.c.codec,
                blobs.c.bytes,
                verified_answers.c.verified_by,
                verified_answers.c.verified_at,
            )
            .join(questions, questions.c.id == answers.c.question_id)
            .outerjoin(blobs, blobs.c.sha256 == answers.c.request_sha256)
            .outerjoin(verified_answers, verified_answers.c.id == answers.c.verified_id)
            .where(answers.c.id.in_(answer_ids))
            .order_by(answers.c.id)
            .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
        )
        found = select(hits).where(hits.c.answer_id.in_(answer_ids)).order_by(hits.c.rank)
        cited = select(citations).where(citations.c.answer_id.in_(answer_ids)).order_by(citations.c.number)

        def work(connection: Connection) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]], Sequence[Row[Any]]]:
            return tuple(connection.execute(each).all() for each in (query, found, cited))  # type: ignore[return-value]

        rows, hit_rows, cited_rows = await self._database.read(work)
        chunks = await self._corpus.chunks_by_id(sorted({row.chunk_id for row in (*hit_rows, *cited_rows)}))
        hits_of, cited_of = _by_answer(hit_rows), _by_answer(cited_rows)
        return [
            _exchange(row, hits_of.get(row.answers_id, []), cited_of.get(row.answers_id, []), chunks) for row in rows
        ]

    async def sources_of(self, answer_ids: Iterable[str]) -> dict[str, frozenset[str | None]]:
        """Name, for each of the answers that are kept, the sources of all passages it was written from.

        None stands for a passage of which nothing is kept any more.
        """
        query = (
            select(answers.c.id, hits.c.answer_id, chunks.c.source)
            .outerjoin(hits, hits.c.answer_id == answers.c.id)
            .outerjoin(chunks, chunks.c.id == hits.c.chunk_id)
            .where(answers.c.id.in_(sorted(answer_ids)))
            .distinct()
        )
        found: dict[str, set[str | None]] = {}
        for row in await self._database.read(lambda connection: connection.execute(query).all()):
            found.setdefault(row.id, set()).update([row.source] if row.answer_id else [])
        return {answer_id: frozenset(used) for answer_id, used in found.items()}

    async def shortly_before(self, exchange: Exchange, within: timedelta) -> list[Exchange]:
        """Read what the same person, or anybody in the same thread, asked in this time before."""
        asked = exchange.question
        same = questions.c.asker == asked.asker
        if asked.thread is not None:
            same |= (questions.c.channel == asked.channel) & (questions.c.thread == asked.thread)
        lately = questions.c.asked_at.between(exchange.asked_at - within, exchange.asked_at)
        query = (
            select(answers.c.id)
            .join(questions, questions.c.id == answers.c.question_id)
            .where(same, lately, answers.c.id != exchange.answer.id)
        )
        ids = await self._database.read(lambda connection: list(connection.execute(query).scalars()))
        return await self.many(ids) if ids else []

    async def prompts(self, version: str) -> dict[str, str]:
        """Return the texts that a prompt version stands for, by name; empty when it was never sent."""
        query = select(prompt_versions.c.texts).where(prompt_versions.c.id == version)
        texts = await self._database.read(lambda connection: connection.execute(query).scalar_one_or_none())
        return dict(texts or {})


_SMALL = 200
"""Bytes under which compressing a request is not worth it."""


async def _put_blob(connection: AsyncConnection, digest: str, data: bytes) -> None:
    packed = zlib.compress(data) if len(data) > _SMALL else data
    row = {"sha256": digest, "codec": "zlib" if len(data) > _SMALL else "raw", "bytes": packed}
    await connection.execute(insert_new(connection, blobs), row)


async def _put_prompts(connection: AsyncConnection, version: str, texts: Mapping[str, str]) -> None:
    row = {"id": version, "name": next(iter(texts)), "texts": dict(texts), "created_at": datetime.now(UTC)}
    await connection.execute(insert_new(connection, prompt_versions), row)


def _question_row(question_id: str, exchange: Exchange) -> dict[str, Any]:
    question, embedding = exchange.question, exchange.embedding
    return {
        "id": question_id,
        "key": question.key,
        "team": question.team,
        "channel": question.channel,
        "thread": question.thread,
        "asker": question.asker,
        "surface": question.surface.value,
        "text": question.text,
        "standalone": exchange.standalone or question.text,
        "history": [asdict(turn) for turn in question.history],
        "scope": asdict(question.scope),
        "asked_at": exchange.asked_at,
        "embedder": embedding.embedder if embedding else None,
        "vector": embedding.data if embedding else None,
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
        "answerer": exchange.answerer,
        "parameters": dict(exchange.parameters),
        "verified_id": exchange.verified_id,
    }


def _hit_rows(exchange: Exchange) -> list[dict[str, Any]]:
    known = {passage.chunk.id for passage in exchange.passages}
    near = {chunk.id for chunk in exchange.answer.nearest}
    named = [Passage(chunk, 0, 0.0) for chunk in exchange.answer.nearest if chunk.id not in known]
    return [
        {
            "answer_id": exchange.answer.id,
            "rank": rank,
            "chunk_id": passage.chunk.id,
            "score": passage.score,
            "scores": passage.scores,
            "shown": passage.chunk.id in known,
            "nearest": passage.chunk.id in near,
            "stage": passage.stage.value,
            "position": rank - 1 if exchange.request and passage.chunk.id in known else None,
            "place": {name: getattr(passage.chunk, name) for name in _PLACE},
        }
        for rank, passage in enumerate([*exchange.passages, *named], start=1)
    ]


_PLACE = ("page", "location", "position", "start", "end")
"""What of a chunk changes when text moves around it."""


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


def _by_answer(rows: Sequence[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.answer_id, []).append(row)
    return found


def _exchange(
    row: Row[Any], hit_rows: Sequence[Row[Any]], cited: Sequence[Row[Any]], chunks: Mapping[str, Chunk]
) -> Exchange:
    request = row.blobs_bytes or b""
    return Exchange(
        question=_question(row),
        answer=_answer(row, hit_rows, cited, chunks),
        passages=tuple(_passage(hit, chunks[hit.chunk_id]) for hit in hit_rows if hit.shown and hit.chunk_id in chunks),
        request=zlib.decompress(request) if row.blobs_codec == "zlib" else request,
        asked_at=row.questions_asked_at,
        standalone=row.questions_standalone,
        embedding=Embedding(row.questions_embedder, row.questions_vector) if row.questions_embedder else None,
        answerer=row.answers_answerer,
        parameters=row.answers_parameters,
        verified_id=row.answers_verified_id,
        erased=row.answers_erased_at is not None,
    )


def _passage(hit: Row[Any], chunk: Chunk) -> Passage:
    """A passage as it was then: its text never changes, its place in the document may."""
    return Passage(replace(chunk, **hit.place), hit.rank, hit.score, hit.scores, Stage(hit.stage))


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
        verified=Verification(row.verified_answers_verified_by, row.verified_answers_verified_at)
        if row.verified_answers_verified_by
        else None,
    )
