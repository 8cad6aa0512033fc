"""Asking: question → passages → answer → record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from knowledge import ranking
from knowledge.citing import CheckedAnswer, Checker, Unsupported, render
from knowledge.errors import AnswererUnavailableError, ConfigurationError, FootnoteError, ServiceError
from knowledge.ids import new_id
from knowledge.indexing import Backend
from knowledge.learned import Learned
from knowledge.ports import Answerer, AnswerRequest, Embedder, Reranker, Understander
from knowledge.retrieving import retrieve, with_neighbours
from knowledge.settings import Settings
from knowledge.store import Corpus, Exchanges
from knowledge.types import (
    Answer,
    Chunk,
    Draft,
    Embedding,
    Exchange,
    Outcome,
    Passage,
    Question,
    SearchResult,
    Stage,
    Vectors,
)
from knowledge.verifying import Recalled, Verifying

log = logging.getLogger(__name__)

NEAREST = 3
"""Sources named under a decline."""

NOTHING_INDEXED = "I could not find this: there are no documents here that I may use for you."
NOTHING_RELEVANT = "I could not find this: none of the documents is about it."
NOT_SAID = "I could not find this: the documents come near it but do not say it."

TOO_SLOW = "That took too long. Please try again in a moment."
TRY_AGAIN = "Please try again in a moment."
MISCONFIGURED = "Something is set up wrongly. Tell whoever runs this bot."
NOT_ALL = "The documents do not say"
"""Begins the line about the part of a question that has no answer."""

OnSentence = Callable[[str], Awaitable[None]]
OnStatus = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Desk:
    """What is needed to answer a question."""

    settings: Settings
    corpus: Corpus
    exchanges: Exchanges
    serving: Callable[[], Awaitable[Backend]]
    """The index and the embedder that answer now."""
    reranker: Reranker
    answerer: Answerer
    understander: Understander
    learned: Callable[[Embedder], Learned]
    """What was learned about vectors of this embedder."""
    fallback: Answerer | None = None
    """Answers when the answerer cannot, if that is wanted."""
    verifying: Verifying | None = None
    """Remembers what reviewers have approved, if that is wanted."""

    async def retrieve(
        self,
        text: str,
        sources: Sequence[str],
        *,
        k: int,
        serving: Backend,
        vector: Vectors | None = None,
        keep_near_duplicates: bool = False,
    ) -> list[Passage]:
        """Return the k best passages for a text from these sources, as found by what serves a question."""
        return await retrieve(
            text,
            sources=sources,
            k=k,
            corpus=self.corpus,
            embedder=serving.embedder,
            index=serving.index,
            reranker=self.reranker,
            learned=self.learned(serving.embedder),
            vector=vector,
            keep_near_duplicates=keep_near_duplicates,
        )

    async def recall(self, text: str, embedding: Embedding, sources: Sequence[str]) -> Recalled | None:
        """Return the verified answer to this question that may be shown from these sources, if there is one."""
        if self.verifying is None:
            return None
        return await self.verifying.recall(text, embedding, usable=sources)


class Stopwatch:
    """Measures the steps of one question in milliseconds."""

    def __init__(self) -> None:
        self._start = perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self._steps[name] = self._steps.get(name, 0.0) + (perf_counter() - start) * 1000

    def read(self) -> dict[str, float]:
        """Return the steps so far and the `total`."""
        steps = self._steps | {"total": (perf_counter() - self._start) * 1000}
        return {name: round(value, 3) for name, value in steps.items()}


async def ask(
    question: Question,
    *,
    desk: Desk,
    on_sentence: OnSentence | None = None,
    on_status: OnStatus | None = None,
) -> Answer:
    """Answer one question and record what happened; a question that was answered before gets its stored answer."""
    watch = Stopwatch()
    asked_at = datetime.now(UTC)
    spent: dict[str, Any] = {}
    try:
        stored = await _answered_before(question, desk)
        if stored is not None:
            return stored
        async with asyncio.timeout(desk.settings.answer_deadline):
            outcome = await _work_out(question, desk, watch, on_sentence, on_status, spent)
    except TimeoutError:
        outcome = _failure(TOO_SLOW, "the deadline passed", spent)
    except ServiceError as exc:
        outcome = _failure(str(exc), repr(exc.__cause__ or exc), spent)
    except ConfigurationError as exc:
        outcome = _failure(MISCONFIGURED, str(exc), spent)
    except Exception as exc:
        log.exception("answer.broke")
        outcome = _failure(TRY_AGAIN, repr(exc), spent)
    return await _record(question, asked_at, outcome, desk, watch)


async def search(question: Question, *, desk: Desk, k: int) -> SearchResult:
    """Return the k best passages that this question may use; no floor, exact duplicates dropped."""
    watch = Stopwatch()
    with watch.step("search"):
        sources = await desk.corpus.usable_sources(question.scope)
        text = await desk.understander.standalone(question)
        passages = await desk.retrieve(text, sources, k=k, serving=await desk.serving(), keep_near_duplicates=True)
    return SearchResult(tuple(passages), watch.read())


@dataclass(frozen=True, slots=True)
class _Worked:
    """How a question ended, before it is recorded."""

    answer: Answer
    passages: tuple[Passage, ...] = ()
    draft: Draft = field(default_factory=lambda: Draft(()))
    standalone: str = ""
    embedding: Embedding | None = None
    """Of `standalone`."""
    verified_id: str | None = None


async def _work_out(
    question: Question,
    desk: Desk,
    watch: Stopwatch,
    on_sentence: OnSentence | None,
    on_status: OnStatus | None,
    spent: dict[str, Any],
) -> _Worked:
    with watch.step("understand"):
        text = await desk.understander.standalone(question)
    with watch.step("search"):
        sources = await desk.corpus.usable_sources(question.scope)
        serving = await desk.serving()
        vector = await serving.embedder.embed_query(text)
        embedding = Embedding.of(serving.embedder.name, vector)
        recalled = await desk.recall(text, embedding, sources)
        if recalled is not None:
            return _given_again(recalled, text, embedding)
        passages = await desk.retrieve(text, sources, k=desk.settings.passages, serving=serving, vector=vector)
    worked = _Worked(_decline(NOTHING_INDEXED, ()), (), standalone=text, embedding=embedding)
    if not passages:
        return worked
    if not ranking.relevant(text, passages, floor=ranking.relevance_floor(serving.embedder.name)):
        return replace(worked, answer=_decline(NOTHING_RELEVANT, passages), passages=tuple(passages))

    if getattr(desk.answerer, "reads_neighbours", False):
        passages = await with_neighbours(passages, sources=sources, corpus=desk.corpus)

    async def search_again(query: str) -> tuple[Passage, ...]:
        found = await desk.retrieve(query, sources, k=desk.settings.passages, serving=serving)
        return tuple(replace(passage, stage=Stage.SECOND_SEARCH) for passage in found)

    request = AnswerRequest(
        replace(question, text=text),
        tuple(passages),
        deadline=desk.settings.answer_deadline,
        on_status=on_status,
        asked=question.text,
        search=search_again,
        spent=spent.update,
    )
    with watch.step("answer"):
        draft, checked = await _draft_or_fall_back(request, desk, on_sentence)
    shown = (*passages, *draft.passages)
    return replace(worked, answer=_answer(draft, checked, shown), passages=shown, draft=draft)


def _given_again(recalled: Recalled, text: str, embedding: Embedding) -> _Worked:
    draft = Draft((), answerer=recalled.answer.model)
    return _Worked(recalled.answer, recalled.passages, draft, text, embedding, recalled.verified_id)


async def _draft_or_fall_back(
    request: AnswerRequest, desk: Desk, on_sentence: OnSentence | None
) -> tuple[Draft, CheckedAnswer]:
    """Let the answerer write; if it breaks before a sentence was shown, the fallback does, where there is one."""
    spoken = _Spoken(on_sentence)
    try:
        return await _draft(request, desk.answerer, desk.settings.unsupported, spoken)
    except AnswererUnavailableError as exc:
        if desk.fallback is None or spoken.sentences:
            raise
        log.warning("answer.fell_back", extra={"cause": repr(exc.__cause__ or exc)})
        return await _draft(request, desk.fallback, desk.settings.unsupported, spoken)


class _Spoken:
    """Passes an answer on as it grows, so that what was passed on always is the beginning of the whole.

    When an answer that had been begun is begun otherwise (a broken stream was tried again), nothing more is passed on:
    the whole answer takes its place at the end.
    """

    def __init__(self, say: OnSentence | None) -> None:
        self._say = say
        self._ahead = ""
        """What was passed on of a sentence that is not finished."""
        self._begun_otherwise = False
        self.sentences = 0

    async def opening(self, words: str) -> None:
        """Pass on the first words of the next sentence."""
        if words.startswith(self._ahead) and words != self._ahead:
            await self._pass_on(words)
            self._ahead = words

    async def sentence(self, text: str) -> None:
        """Pass on a sentence, or what is left of it."""
        self._begun_otherwise = self._begun_otherwise or not text.startswith(self._ahead)
        await self._pass_on(text)
        self._ahead = ""
        self.sentences += 1

    async def _pass_on(self, text: str) -> None:
        if self._say is not None and not self._begun_otherwise:
            await self._say(text[len(self._ahead) :])


async def _draft(
    request: AnswerRequest, answerer: Answerer, unsupported: Unsupported, spoken: _Spoken
) -> tuple[Draft, CheckedAnswer]:
    """Let an answerer write, and check every sentence before anybody sees it."""
    checker = Checker(request.passages, unsupported=unsupported)
    draft = Draft(())
    async for event in answerer.answer(request):
        checker.extend(event.passages)
        if event.opening is not None:
            await spoken.opening(checker.opening(event.opening))
        if event.sentence is not None:
            for sentence in checker.add(event.sentence):
                await spoken.sentence(f"{render(sentence)} ")
        if event.draft is not None:
            draft = event.draft
    return draft, checker.finish()


def _answer(draft: Draft, checked: CheckedAnswer, passages: Sequence[Passage]) -> Answer:
    if not checked.sentences:
        return replace(_decline(NOT_SAID, passages), model=draft.model, prompt_version=draft.prompt_version)
    return Answer(
        id=new_id(),
        outcome=Outcome.ANSWERED,
        text=f"{checked.text}\n\n{NOT_ALL}: {draft.missing}." if draft.missing else checked.text,
        citations=checked.citations,
        sentences=checked.sentences,
        model=draft.model,
        prompt_version=draft.prompt_version,
        shortened=not draft.complete,
    )


def _decline(text: str, passages: Sequence[Passage]) -> Answer:
    return Answer(
        id=new_id(), outcome=Outcome.DECLINED, text=text, nearest=_nearest(passages), reason=text.partition(": ")[2]
    )


def _nearest(passages: Sequence[Passage]) -> tuple[Chunk, ...]:
    """The best chunk of each of the nearest documents."""
    best: dict[str, Chunk] = {}
    for passage in passages:
        best.setdefault(passage.chunk.document_id, passage.chunk)
    return tuple(best.values())[:NEAREST]


def _failure(sentence: str, cause: str, spent: Mapping[str, Any] | None = None) -> _Worked:
    """Say what a person can do about it; the cause, and what it has cost, are for the log and the database."""
    answer_id = new_id()
    log.error("answer.failed", extra={"answer_id": answer_id, "cause": cause})
    text = f"Something went wrong: {sentence[:1].lower()}{sentence[1:]} (Reference: {answer_id[-8:]})"
    usage = dict(spent or {})
    answer = Answer(id=answer_id, outcome=Outcome.FAILED, text=text, reason=cause, model=usage.pop("model", ""))
    return _Worked(answer, draft=Draft((), usage=usage))


async def _answered_before(question: Question, desk: Desk) -> Answer | None:
    if question.key is None:
        return None
    answer_id = await desk.exchanges.answered_before(question.key)
    return None if answer_id is None else (await desk.exchanges.get(answer_id)).answer


async def _record(question: Question, asked_at: datetime, worked: _Worked, desk: Desk, watch: Stopwatch) -> Answer:
    answer = replace(worked.answer, timings_ms=watch.read())
    draft = worked.draft
    exchange = Exchange(
        question,
        answer,
        worked.passages,
        draft.request,
        asked_at,
        standalone=worked.standalone,
        embedding=worked.embedding,
        verified_id=worked.verified_id,
        answerer=draft.answerer,
        parameters=draft.parameters,
    )
    try:
        recorded = await desk.exchanges.record(exchange, usage=draft.usage, prompts=draft.prompts)
        stored = None if recorded else await _answered_before(question, desk)
    except FootnoteError as exc:
        log.exception("answer.not_recorded", extra={"answer_id": answer.id})
        if answer.outcome is Outcome.FAILED:
            return answer
        return replace(_failure(str(exc), "the answer could not be recorded").answer, timings_ms=watch.read())
    return stored or replace(answer, timings_ms=watch.read())
