"""Gating: measures what is in use against what it was, or two candidates against each other, and keeps the verdict."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knowledge.errors import SourceError, UsageError
from knowledge.evaluating import EVALUATION, Answering, Case
from knowledge.gates import CaseFigures, GateResult, Ruling, against_thresholds, case_figures, compare, summary
from knowledge.labels import Origin, VerifiedAnswer
from knowledge.settings import Settings
from knowledge.store import Corpus, EvaluationBook, Exchanges
from knowledge.types import Question, Scope, SourceStatus

K = 20
"""Passages that a search is measured by."""

_AS_IT_WAS = frozenset({Origin.SOURCE, Origin.MODEL})
"""Who has written an answer that was approved as it stood."""

Track = Callable[[Sequence["Trial"]], Iterable["Trial"]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A case and how it is asked."""

    case: Case
    question: Question

    @property
    def group(self) -> str:
        """What it must not be torn from when intervals are drawn."""
        return self.case.group or self.case.question


@dataclass(frozen=True, slots=True)
class Gated:
    """What was measured and what the gate says of it."""

    result: GateResult
    figures: dict[str, float | None]
    evaluation_id: str
    worse: tuple[str, ...] = ()
    """Questions that are answered worse than they were."""

    def to_json(self) -> dict[str, Any]:
        return {
            **self.result.to_json(),
            "figures": self.figures,
            "worse": list(self.worse),
            "evaluation_id": self.evaluation_id,
        }


def trials(cases: Iterable[Case], scope: Scope) -> list[Trial]:
    """Let every case be asked in one scope."""
    return [Trial(case, Question(case.question, scope=scope, asker=EVALUATION)) for case in cases]


async def measure(
    kb: Answering, tried: Sequence[Trial], *, ask: bool = True, track: Track = iter
) -> list[dict[str, float | None]]:
    """Search and, unless told otherwise, ask every question; return the figures of each."""
    rows = []
    for trial in track(tried):
        passages = (await kb.search(trial.question, k=K)).passages
        answer = await kb.ask(trial.question) if ask else None
        rows.append(case_figures(trial.case, passages, answer))
    return rows


@dataclass(frozen=True, slots=True)
class Gates:
    """Holds a knowledge base against what it could do before."""

    kb: Answering
    exchanges: Exchanges
    corpus: Corpus
    book: EvaluationBook
    configuration: dict[str, Any]

    async def against_baseline(
        self, tried: Sequence[Trial], *, accept: bool, floors: dict[str, float], ask: bool = True, track: Track = iter
    ) -> Gated:
        """Compare with the last accepted measurement of the same questions; without one, this becomes it.

        A figure below its floor refuses, whatever the baseline says. `accept` makes this the baseline all the same.
        """
        rows = await measure(self.kb, tried, ask=ask, track=track)
        subject = _subject(tried, ask=ask)
        known = None if accept else await self.book.baseline(subject)
        result = GateResult(Ruling.BASELINE) if known is None else compare(known.cases, rows, _groups(tried))
        missed = against_thresholds(summary(rows), floors)
        if missed.ruling is Ruling.REFUSED:
            result = replace(result, ruling=Ruling.REFUSED, reasons=(*result.reasons, *missed.reasons))
        return await self._kept(subject, rows, result, worse=_worse(tried, known.cases if known else rows, rows))

    async def against_approvals(self, verified: Sequence[VerifiedAnswer], *, track: Track = iter) -> Gated:
        """Ask again what was approved: what was found, answered and cited then must be found, answered and cited now.

        Each approved answer is its own baseline; of one that was corrected or edited only what was found is, because
        what was answered was wrong. Raises UsageError when there is none.
        """
        if not verified:
            raise UsageError("Nothing has been approved yet: `footnote review ANSWER_ID approve` begins the set.")
        tried, baseline = [], []
        for one in reversed(verified):
            exchange = await self.exchanges.get(one.answer_id)
            case = Case(one.questions[0], paths=await self._cited(one), group=one.id)
            asked = replace(exchange.question, text=case.question, key=None, history=(), asker=EVALUATION)
            tried.append(Trial(case, asked))
            right = one.origin in _AS_IT_WAS and exchange.verified_id is None
            baseline.append(case_figures(case, exchange.passages, exchange.answer if right else None))
        rows = await measure(self.kb, tried, track=track)
        result = compare(baseline, rows, _groups(tried))
        return await self._kept("approved answers", rows, result, worse=_worse(tried, baseline, rows))

    async def _cited(self, one: VerifiedAnswer) -> tuple[str, ...]:
        chunks = await self.corpus.chunks_by_id([citation.chunk_id for citation in one.citations])
        return tuple(dict.fromkeys(chunk.path for chunk in chunks.values()))

    async def _kept(
        self, subject: str, rows: Sequence[CaseFigures], result: GateResult, *, worse: tuple[str, ...]
    ) -> Gated:
        evaluation_id = await self.book.add(
            "gate", subject=subject, configuration=self.configuration, cases=rows, result=result
        )
        return Gated(result, summary(rows), evaluation_id, worse)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that might be used: a name for people, and its settings."""

    name: str
    settings: Settings


def candidate(name: str, settings: Settings) -> Candidate:
    """Read a candidate: a file of environment variables, or an embedder's name. Raises ConfigurationError."""
    path = Path(name)
    if path.is_file():
        return Candidate(name, settings.with_environment_file(path))
    return Candidate(name, settings.model_copy(update={"embedder": name}))


async def compare_candidates(
    baseline: Candidate,
    other: Candidate,
    tried: Sequence[Trial],
    *,
    sources: Sequence[SourceStatus],
    book: EvaluationBook,
    ask: bool = True,
    track: Track = iter,
) -> tuple[Gated, dict[str, float | None]]:
    """Let two candidates read the same sources, each in a folder of its own, and answer the same questions.

    Returns the verdict on the second one, and the figures of the first. Nothing that is in use is touched: both get
    an empty database and the embedded index. Raises SourceError when there is nothing to read.
    """
    if not sources:
        raise SourceError("There are no documents to compare with: index a folder first.")
    before = await _measured_apart(baseline, tried, sources, ask=ask, track=track)
    after = await _measured_apart(other, tried, sources, ask=ask, track=track)
    result = compare(before, after, _groups(tried))
    evaluation_id = await book.add(
        "compare",
        subject=_subject(tried, ask=ask),
        configuration={"baseline": described(baseline.settings), "candidate": described(other.settings)},
        cases=after,
        result=result,
    )
    return Gated(result, summary(after), evaluation_id, _worse(tried, before, after)), summary(before)


async def _measured_apart(
    one: Candidate, tried: Sequence[Trial], sources: Sequence[SourceStatus], *, ask: bool, track: Track
) -> list[dict[str, float | None]]:
    from knowledge.knowledge_base import KnowledgeBase

    with tempfile.TemporaryDirectory(prefix="footnote-compare-") as home:
        apart = {"home": Path(home), "database_url": None, "index": "embedded", "jobs": "process"}
        kb = await KnowledgeBase.open(one.settings.model_copy(update={**apart, "verified_answers": False}))
        try:
            for source in sources:
                if source.name in one.settings.team.sources:
                    await kb.reindex(source.name)
                else:
                    await kb.reindex_folder(source.root)
            return await measure(kb, tried, ask=ask, track=track)
        finally:
            await kb.close()


def described(settings: Settings) -> dict[str, Any]:
    """Name what makes a difference to answers; no secrets."""
    names = ("embedder", "index", "reranker", "answerer", "understander", "model", "passages", "unsupported")
    return {name: getattr(settings, name) for name in names}


def _subject(tried: Sequence[Trial], *, ask: bool) -> str:
    """Name the questions: only measurements of the same ones are compared."""
    told = repr((ask, [(trial.case, trial.question.scope) for trial in tried]))
    return hashlib.sha256(told.encode()).hexdigest()


def _groups(tried: Sequence[Trial]) -> list[str]:
    return [trial.group for trial in tried]


_ENDS = ("recall@5", "answered", "accuracy", "declined", "citation_validity")


def _worse(tried: Sequence[Trial], before: Sequence[CaseFigures], after: Sequence[CaseFigures]) -> tuple[str, ...]:
    return tuple(
        trial.case.question
        for trial, one, other in zip(tried, before, after, strict=True)
        if any((other.get(name) or 0.0) < (one.get(name) or 0.0) for name in _ENDS)
    )
