"""Verifying: what reviewers approve is given again, to the same question in other words, to who may see it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from knowledge.citing import CheckedAnswer, check, only_quotes
from knowledge.grounding import ground
from knowledge.ids import new_id
from knowledge.indexing import Backend
from knowledge.labels import LabelledExchange, Origin, Remark, Review, Verdict, VerifiedAnswer, VerifiedCitation
from knowledge.language.paraphrasing import near, same_question
from knowledge.store import Corpus, Exchanges, Records, ReviewBook, VerifiedBook
from knowledge.store.verified import KnownQuestion
from knowledge.types import (
    Answer,
    Chunk,
    Draft,
    DraftSentence,
    Embedding,
    Exchange,
    Outcome,
    Passage,
    Quote,
    Scope,
    Sentence,
    Stage,
    Vectors,
    Verification,
)

log = logging.getLogger(__name__)

MODEL = "verified"
"""What stands for the model on an answer that was given again."""
CHANGED = "a cited document says something else now"
NO_EVIDENCE = "No document was found that says this: name one that does, and it can be given as an answer."
NOT_ANSWERED = "Nothing was answered there, so there is nothing to give again; edit it to say what is right."
_SEARCHED = 8

Retrieve = Callable[[str, Sequence[str], int, Backend], Awaitable[list[Passage]]]
"""(text, sources, k, what serves) → passages."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict did."""

    new: bool
    """False when the reviewer had said the same before."""
    verified: VerifiedAnswer | None = None
    """What will be given again from now on."""
    withdrawn: int = 0
    """Verified answers that are given no longer."""
    why_not: str = ""
    """Why an approved text will not be given again, in words for the reviewer."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A verified answer for this question."""

    answer: Answer
    passages: tuple[Passage, ...]
    verified_id: str


@dataclass(frozen=True, slots=True)
class Verifying:
    """Takes verdicts, and remembers what was approved."""

    corpus: Corpus
    exchanges: Exchanges
    records: Records
    reviews: ReviewBook
    book: VerifiedBook
    serving: Callable[[], Awaitable[Backend]]
    """The index and the embedder that answer now."""
    retrieve: Retrieve

    async def judge(self, review: Review, *, scope: Scope) -> Judged:
        """Store a verdict and do what follows from it. Raises UnknownAnswerError.

        Evidence for what a person wrote is sought in the sources that the reviewer may see.
        """
        new = await self.reviews.add(review)
        record = await self.records.get(review.answer_id)
        if review.verdict is Verdict.REJECT:
            return Judged(new, withdrawn=await self._withdraw(review, record.exchange))
        if review.verdict is Verdict.UNSURE or not new:
            return Judged(new)
        return await self._approve(review, record, scope)

    async def recall(self, text: str, embedding: Embedding, *, usable: Sequence[str]) -> Recalled | None:
        """Return the newest verified answer to this question that may be shown from these sources, if there is one."""
        for verified_id in _matches(text, embedding, await self.book.known_questions(embedding.embedder)):
            verified = await self.book.get(verified_id)
            found = None if verified is None else await self._recheck(verified, set(usable))
            if found is not None:
                return found
        return None

    async def refresh(self) -> int:
        """End every verified answer whose documents have changed, and embed anew what another embedder had embedded.

        Returns how many were ended. `recall` does the first for each answer that it would give.
        """
        ended = 0
        for verified in await self.book.active():
            if len(await self.book.live_evidence(verified)) < len(verified.citations):
                await self.book.expire(verified.id, CHANGED)
                ended += 1
        embedder = (await self.serving()).embedder
        for verified_id, number, text in await self.book.questions_of_others(embedder.name):
            vector = await embedder.embed_query(text)
            await self.book.embed_again(verified_id, number, Embedding.of(embedder.name, vector))
        return ended

    # --- what a verdict does ---------------------------------------------------------------------------------------

    async def _withdraw(self, review: Review, exchange: Exchange) -> int:
        reason = "rejected by a reviewer"
        ended = await self.book.withdraw(answer_id=review.answer_id, remark_id=review.remark_id, reason=reason)
        if exchange.verified_id is not None and review.remark_id is None:
            ended += await self.book.withdraw_one(exchange.verified_id, reason)
        return ended

    async def _approve(self, review: Review, record: LabelledExchange, scope: Scope) -> Judged:
        exchange = record.exchange
        remark = next((remark for remark in record.remarks if remark.id == review.remark_id), None)
        if review.verdict is Verdict.APPROVE and remark is None:
            return await self._approve_answer(review, exchange)
        text = review.text if review.verdict is Verdict.EDIT else remark.correction if remark else ""
        checked = await self._ground(text, exchange, remark, scope)
        if not checked.citations:
            return Judged(new=True, why_not=NO_EVIDENCE)
        origin = Origin.HUMAN_EDIT if review.verdict is Verdict.EDIT else Origin.HUMAN
        withdrawn = 0
        if exchange.verified_id is not None:
            withdrawn = await self.book.withdraw_one(exchange.verified_id, "replaced by a later one")
        return Judged(new=True, verified=await self._keep(review, exchange, checked, origin), withdrawn=withdrawn)

    async def _approve_answer(self, review: Review, exchange: Exchange) -> Judged:
        answer = exchange.answer
        if answer.outcome is not Outcome.ANSWERED:
            return Judged(new=True, why_not=NOT_ANSWERED)
        if exchange.verified_id is not None:
            # Approved for another wording: from now on that wording finds it too.
            await self.book.add_question(exchange.verified_id, exchange.standalone, await self._embedding(exchange))
            return Judged(new=True, verified=await self.book.get(exchange.verified_id))
        live = await self.corpus.live_chunks(
            [citation.chunk.id for citation in answer.citations], in_sources=await self.corpus.usable_sources(_ALL)
        )
        if any(citation.chunk.id not in live for citation in answer.citations):
            return Judged(new=True, why_not=f"It cannot be given again: {CHANGED}.")
        checked = CheckedAnswer(answer.sentences, answer.citations, {})
        origin = Origin.SOURCE if only_quotes(answer) else Origin.MODEL
        return Judged(new=True, verified=await self._keep(review, exchange, checked, origin))

    async def _ground(self, text: str, exchange: Exchange, remark: Remark | None, scope: Scope) -> CheckedAnswer:
        """Find what carries the text: in the documents that were named, else in those shown or found for it."""
        usable = await self.corpus.usable_sources(scope)
        if remark is not None and remark.sources:
            named = await self.corpus.chunks_of_documents(remark.sources, in_sources=usable)
            checked = ground(text, _passages(named), named=True)
            if checked.citations:
                return checked
        shown = [passage.chunk.id for passage in exchange.passages]
        live = await self.corpus.live_chunks(shown, in_sources=usable)
        found = await self.retrieve(text, usable, _SEARCHED, await self.serving())
        chunks = {chunk.id: chunk for chunk in (*live.values(), *(passage.chunk for passage in found))}
        return ground(text, _passages(list(chunks.values())))

    async def _keep(self, review: Review, exchange: Exchange, checked: CheckedAnswer, origin: Origin) -> VerifiedAnswer:
        hashes = await self.book.text_hashes([citation.chunk.id for citation in checked.citations])
        verified = VerifiedAnswer(
            id=new_id(),
            answer_id=review.answer_id,
            remark_id=review.remark_id,
            questions=(exchange.standalone,),
            text=checked.text,
            sentences=checked.sentences,
            citations=tuple(
                VerifiedCitation(
                    citation.number,
                    citation.chunk.id,
                    citation.chunk.document_id,
                    hashes[citation.chunk.id],
                    citation.quote,
                    citation.start,
                    citation.end,
                )
                for citation in checked.citations
            ),
            origin=origin,
            verified_by=review.reviewer,
            verified_at=datetime.now(UTC),
        )
        await self.book.add(verified, [await self._embedding(exchange)])
        return verified

    async def _embedding(self, exchange: Exchange) -> Embedding:
        embedder = (await self.serving()).embedder
        if exchange.embedding is not None and exchange.embedding.embedder == embedder.name:
            return exchange.embedding
        return Embedding.of(embedder.name, await embedder.embed_query(exchange.standalone))

    # --- giving it again -------------------------------------------------------------------------------------------

    async def _recheck(self, verified: VerifiedAnswer, usable: set[str]) -> Recalled | None:
        """Check every footnote again, and that all it was written from may be seen."""
        evidence = await self.book.live_evidence(verified)
        if len(evidence) < len(verified.citations):
            log.info("verified.expired", extra={"verified_id": verified.id})
            await self.book.expire(verified.id, CHANGED)
            return None
        exchange = await self.exchanges.get(verified.answer_id)
        sources = {chunk.source for chunk in evidence.values()}
        if verified.origin is not Origin.SOURCE:
            # Whoever wrote it had all of this before them, and may have used words of one and cited another.
            sources |= {passage.chunk.source for passage in exchange.passages}
        if not sources <= usable:
            return None
        passages = tuple(
            Passage(chunk, rank, 1.0, stage=Stage.VERIFIED) for rank, chunk in enumerate(_distinct(evidence), 1)
        )
        checked = _checked_again(verified, evidence, passages)
        if [sentence.supported for sentence in checked.sentences] != [s.supported for s in verified.sentences]:
            return None
        return Recalled(_answer(verified, checked), passages, verified.id)


_ALL = Scope(operator=True)


def _passages(chunks: Sequence[Chunk]) -> list[Passage]:
    return [Passage(chunk, rank, 1.0) for rank, chunk in enumerate(chunks, 1)]


def _matches(text: str, embedding: Embedding, known: Sequence[KnownQuestion]) -> list[str]:
    """Return the verified answers whose question this is, newest first."""
    if not known:
        return []
    cosines = _cosines(np.stack([question.embedding.vector for question in known]), embedding.vector)
    matching = (
        question.verified_id
        for question, cosine in zip(known, cosines, strict=True)
        if cosine >= near(embedding.embedder) and same_question(text, question.text)
    )
    return list(dict.fromkeys(matching))


def _cosines(known: Vectors, vector: Vectors) -> Vectors:
    norms = np.linalg.norm(known, axis=1) * np.linalg.norm(vector)
    cosines: Vectors = np.divide(known @ vector, norms, out=np.zeros(len(known), np.float32), where=norms > 0)
    return cosines


def _distinct(evidence: dict[int, Chunk]) -> list[Chunk]:
    return list({chunk.id: chunk for chunk in evidence.values()}.values())


def _checked_again(verified: VerifiedAnswer, evidence: dict[int, Chunk], passages: Sequence[Passage]) -> CheckedAnswer:
    places = {passage.chunk.id: number for number, passage in enumerate(passages)}
    quotes = {citation.number: citation.quote for citation in verified.citations}

    def draft(sentence: Sentence) -> DraftSentence:
        cited = tuple(Quote(places[evidence[number].id], quotes[number]) for number in sentence.citations)
        return DraftSentence(sentence.text, cited)

    return check(Draft(tuple(draft(sentence) for sentence in verified.sentences)), passages)


def _answer(verified: VerifiedAnswer, checked: CheckedAnswer) -> Answer:
    return Answer(
        id=new_id(),
        outcome=Outcome.ANSWERED,
        text=checked.text,
        citations=checked.citations,
        sentences=checked.sentences,
        model=MODEL,
        verified=Verification(verified.verified_by, verified.verified_at),
    )
