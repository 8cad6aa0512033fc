"""Adapting: learns a linear adapter for questions from what people said, and uses it when held-out questions gain."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from knowledge.datasets.grouping import kin
from knowledge.datasets.splits import Assignment, Split, assign
from knowledge.evaluating import Case
from knowledge.gates import CaseFigures, GateResult, Ruling, case_figures, compare, summary
from knowledge.indexing import Backend
from knowledge.labels import LabelledExchange
from knowledge.learned import AdapterAlone
from knowledge.lessons import Lesson, lessons, shared_out
from knowledge.linear_adapter import Lessons, LinearAdapter, Trained, lessons_of, train
from knowledge.ports import Reranker
from knowledge.retrieving import retrieve
from knowledge.splitting import embedded_text
from knowledge.store import AdapterBook, Corpus, EvaluationBook, Records, Snapshots
from knowledge.store.evaluations import LEARNED_FROM
from knowledge.types import Chunk, Passage, Vectors

LEAST_LESSONS, LEAST_HELD_OUT = 40, 10
"""Fewer questions teach nothing that would hold for others, or cannot show that it does."""
FOUND = 20
"""Passages of a search from which negatives are taken, and by which the adapter is measured."""
ALMOST_THE_SAME = 0.9
"""Cosine from which what was found says the same as what was cited: no negative."""
DECIDING = "ndcg@10"


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of learning."""

    result: GateResult
    lessons: int
    """Questions with something to learn from."""
    held_out: int
    """Of them only measured with."""
    before: dict[str, float | None] = field(default_factory=dict)
    """Means over the held-out ones with what is in use."""
    after: dict[str, float | None] = field(default_factory=dict)
    decay: float | None = None
    evaluation_id: str | None = None
    dropped: bool = False
    """Whether what was in use had learned from somebody who was forgotten."""

    @property
    def in_use(self) -> bool:
        """Whether the new adapter is used from now on."""
        return self.result.ruling is Ruling.PASSED and self.evaluation_id is not None

    def to_json(self) -> dict[str, Any]:
        return self.result.to_json() | {
            "in_use": self.in_use,
            "lessons": self.lessons,
            "held_out": self.held_out,
            "before": self.before,
            "after": self.after,
            "decay": self.decay,
            "evaluation_id": self.evaluation_id,
            "dropped": self.dropped,
        }


@dataclass(frozen=True, slots=True)
class _Taught:
    """A lesson with what is still true of it."""

    lesson: Lesson
    place: Assignment
    vector: Vectors
    positives: tuple[Chunk, ...]
    negatives: tuple[Chunk, ...]

    @property
    def group(self) -> str:
        """What it must not be torn from."""
        return self.place.group_id

    @property
    def held_out(self) -> bool:
        """Whether it is only measured with, here as in datasets."""
        return self.place.split is not Split.TRAIN


@dataclass(frozen=True, slots=True)
class Adapting:
    """Learns for one embedder; at most one adapter is in use for it."""

    records: Records
    corpus: Corpus
    adapters: AdapterBook
    evaluations: EvaluationBook
    snapshots: Snapshots
    reranker: Reranker
    serving: Backend

    async def learn(self) -> Learnt:
        """Learn from everything that was labelled; what held-out questions do not gain from is stored and not used.

        What was learned from somebody who was forgotten is not used any more, whatever comes of this.
        """
        dropped = await self.adapters.switch_off_forgotten()
        return replace(await self._learn(), dropped=bool(dropped))

    async def _learn(self) -> Learnt:
        usable = [
            allowed
            async for record in self.records.iterate(labelled_only=True)
            if (allowed := record.for_dataset()) is not None
        ]
        taught = [one for one in await self._taught(usable) if one.positives]
        held = [one for one in taught if one.held_out]
        rest = [one for one in taught if not one.held_out and one.negatives]
        counts = Learnt(GateResult(Ruling.REFUSED), lessons=len(held) + len(rest), held_out=len(held))
        if counts.lessons < LEAST_LESSONS or len(held) < LEAST_HELD_OUT:
            few = f"There are {counts.lessons} lessons, {len(held)} of them held out: at least {LEAST_LESSONS} and "
            few += f"{LEAST_HELD_OUT} are needed."
            return replace(counts, result=GateResult(Ruling.REFUSED, reasons=(few,)))
        trained = train(await self._packed(rest))
        return await self._gated(counts, trained, rest, held)

    async def _gated(
        self, counts: Learnt, trained: Trained, rest: Sequence[_Taught], held: Sequence[_Taught]
    ) -> Learnt:
        used = await self.adapters.active(self.serving.embedder.name)
        before = await self._measured(held, used.adapter if used else None)
        after = await self._measured(held, trained.adapter)
        result = _with_gain(compare(before, after, [one.group for one in held]))
        provenance = _provenance(trained, rest, held)
        evaluation_id = await self.evaluations.add(
            "learn",
            subject=provenance["lessons_sha256"],
            configuration={"embedder": self.serving.embedder.name, "replaces": used.seq if used else None},
            cases=after,
            result=result,
        )
        await self.adapters.put(
            self.serving.embedder.name,
            trained.adapter,
            provenance=provenance,
            evaluation_id=evaluation_id,
            active=result.ruling is Ruling.PASSED,
        )
        return replace(
            counts,
            result=result,
            before=_told(before),
            after=_told(after),
            decay=trained.decay,
            evaluation_id=evaluation_id,
        )

    async def _taught(self, usable: Sequence[LabelledExchange]) -> list[_Taught]:
        related = await asyncio.to_thread(kin, usable)
        places = assign(related.groups, await self.snapshots.assignments())
        # What is measured with here is never trained on by a dataset, and the other way round.
        await self.snapshots.remember(places)
        given = shared_out(lessons(usable))
        return [await self._one(lesson, places[lesson.id], await self._vector(lesson)) for lesson in given]

    async def _vector(self, lesson: Lesson) -> Vectors:
        kept = lesson.embedding
        if kept is not None and kept.embedder == self.serving.embedder.name:
            return _unit(kept.vector)
        return _unit(await self.serving.embedder.embed_query(lesson.question))

    async def _one(self, lesson: Lesson, place: Assignment, vector: Vectors) -> _Taught:
        """Keep what still stands, and take what else was found and is of other documents as what does not answer."""
        sources = await self.corpus.usable_sources(lesson.scope)
        cited = await self.corpus.live_chunks([chunk.id for chunk in lesson.positives], in_sources=sources)
        named = await self.corpus.chunks_of_documents(lesson.named, in_sources=sources) if lesson.named else []
        positives = tuple(cited.values()) or await self._nearest(named, vector)
        wrong = await self.corpus.live_chunks([chunk.id for chunk in lesson.negatives], in_sources=sources)
        right = {chunk.document_id for chunk in (*positives, *named)}
        found = [passage.chunk for passage in await self._search(lesson, vector, None)]
        others = [chunk for chunk in (*wrong.values(), *found) if chunk.document_id not in right]
        return _Taught(lesson, place, vector, positives, tuple({chunk.id: chunk for chunk in others}.values()))

    async def _nearest(self, chunks: Sequence[Chunk], vector: Vectors) -> tuple[Chunk, ...]:
        if not chunks:
            return ()
        vectors = await self._embedded(chunks)
        return (max(chunks, key=lambda chunk: float(vectors[chunk.id] @ vector)),)

    async def _search(self, lesson: Lesson, vector: Vectors, adapter: LinearAdapter | None) -> list[Passage]:
        return await retrieve(
            lesson.question,
            sources=await self.corpus.usable_sources(lesson.scope),
            k=FOUND,
            corpus=self.corpus,
            embedder=self.serving.embedder,
            index=self.serving.index,
            reranker=self.reranker,
            learned=AdapterAlone(adapter),
            vector=vector,
            keep_near_duplicates=True,
        )

    async def _embedded(self, chunks: Sequence[Chunk]) -> dict[str, Vectors]:
        unique = {chunk.id: chunk for chunk in chunks}
        texts = [embedded_text(each.title, each.heading.split(" > "), each.text) for each in unique.values()]
        vectors = await self.serving.embedder.embed_documents(texts)
        return {chunk_id: _unit(vector) for chunk_id, vector in zip(unique, vectors, strict=True)}

    async def _packed(self, rest: Sequence[_Taught]) -> Lessons:
        vectors = await self._embedded([chunk for one in rest for chunk in (*one.positives, *one.negatives)])
        rows, names = [], []
        for one in rest:
            negatives = [vectors[chunk.id] for chunk in one.negatives]
            for positive in (vectors[chunk.id] for chunk in one.positives):
                others = [negative for negative in negatives if float(negative @ positive) < ALMOST_THE_SAME]
                rows.append((one.vector, positive, others))
                names.append(one.group)
        return lessons_of(rows, names)

    async def _measured(self, held: Sequence[_Taught], adapter: LinearAdapter | None) -> list[dict[str, float | None]]:
        rows = []
        for one in held:
            paths = tuple(dict.fromkeys(chunk.path for chunk in one.positives))
            passages = await self._search(one.lesson, one.vector, adapter)
            rows.append(case_figures(Case(one.lesson.question, paths=paths), passages, None))
        return rows


def _with_gain(result: GateResult) -> GateResult:
    """Refuse, too, what is not surely better: it would be one thing more that can go wrong."""
    gained = any(
        each.figure == DECIDING and each.candidate > each.baseline and each.low >= 0 for each in result.differences
    )
    if result.ruling is not Ruling.PASSED or gained:
        return result
    return replace(result, ruling=Ruling.REFUSED, reasons=("Held-out questions gain nothing from it.",))


def _provenance(trained: Trained, rest: Sequence[_Taught], held: Sequence[_Taught]) -> dict[str, Any]:
    ids = sorted(one.lesson.id for one in rest)
    return {
        "lessons_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
        "learned_from": len(rest),
        "held_out": len(held),
        "groups": len({one.group for one in (*rest, *held)}),
        "people": len({person for one in rest for person in one.lesson.people}),
        LEARNED_FROM: ids,
        "decay": trained.decay,
        "kept_back_accuracy": trained.kept_back_accuracy,
    }


def _told(rows: Sequence[CaseFigures]) -> dict[str, float | None]:
    return {name: value for name, value in summary(rows).items() if value is not None}


def _unit(vector: Vectors) -> Vectors:
    unit: Vectors = (vector / max(float(np.linalg.norm(vector)), 1e-9)).astype(np.float32)
    return unit
