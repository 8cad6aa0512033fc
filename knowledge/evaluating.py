"""Evaluating: how well questions with known answers are searched and answered."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Protocol

from knowledge.errors import UsageError
from knowledge.evaluating_citations import citation_case, citation_figures
from knowledge.types import PUBLIC, Answer, Citation, Outcome, Passage, Question, Scope, SearchResult

DEPTHS = (1, 5, 10, 20)
"""Where recall is measured."""
NDCG_DEPTH = 10
EVALUATION = "evaluation"
"""Stands for the person who asks: nobody was left without an answer."""
_EXAMPLE = 'A line looks like {"question": "…", "paths": ["…"]}.'

Relevance = Sequence[frozenset[str]]
"""For each hit, best first, which of the wanted things it shows."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and what is known about its answer."""

    question: str
    paths: tuple[str, ...] = ()
    """Documents that answer it."""
    answers: tuple[str, ...] = ()
    """Texts any of which answers it; counted where no paths are given."""
    answerable: bool = True
    group: str = ""
    """What belongs together, such as paraphrases of one question; intervals draw whole groups."""


class Answering(Protocol):
    """What is evaluated: a `KnowledgeBase`, or anything that searches and answers like it."""

    async def search(self, question: Question, *, k: int = ...) -> SearchResult: ...

    async def ask(self, question: Question) -> Answer: ...


Watch = Callable[[Sequence[Case]], Iterable[Case]]


def recall(found: Relevance, wanted: int, depth: int) -> float:
    """Return the share of the wanted things among the first `depth` hits."""
    return len(frozenset().union(*found[:depth])) / wanted if wanted else 0.0


def reciprocal_rank(found: Relevance) -> float:
    """Return 1 / the rank of the first hit that shows something wanted; 0 when none does."""
    return next((1 / rank for rank, shown in enumerate(found, start=1) if shown), 0.0)


def ndcg(found: Relevance, wanted: int, depth: int = NDCG_DEPTH) -> float:
    """Return the discounted gain of the first `depth` hits against the best order possible; each thing counts once."""
    seen: set[str] = set()
    gain = 0.0
    for rank, shown in enumerate(found[:depth], start=1):
        if shown - seen:
            gain += 1 / math.log2(rank + 1)
            seen |= shown
    best = sum(1 / math.log2(rank + 1) for rank in range(1, min(wanted, depth) + 1))
    return gain / best if best else 0.0


def relevance(case: Case, passages: Iterable[Passage]) -> Relevance:
    """Mark what each passage shows of what the case wants: a document's path, or any of the answers."""
    if case.paths:
        return [frozenset({passage.chunk.path} & {*case.paths}) for passage in passages]
    wanted = [_plain(answer) for answer in case.answers]
    return [
        frozenset({"answer"} if any(answer in _plain(passage.chunk.text) for answer in wanted) else ())
        for passage in passages
    ]


def retrieval_figures(cases: Sequence[Case], results: Sequence[Sequence[Passage]]) -> dict[str, float]:
    """Return mean recall@1/5/10/20, MRR and nDCG@10 over the cases that say where their answer is."""
    rows = [
        _figures(relevance(case, passages), len(case.paths) or 1)
        for case, passages in zip(cases, results, strict=True)
        if case.paths or case.answers
    ]
    return {name: _mean([row[name] for row in rows]) for name in _figures([], 1)}


def answer_figures(cases: Sequence[Case], answers: Sequence[Answer]) -> dict[str, float | None]:
    """Return how often answerable questions were answered and the others declined, and how true citations are.

    A figure is None where no case tells it.
    """
    pairs = list(zip(cases, answers, strict=True))
    citations = [citation for _, answer in pairs for citation in answer.citations]
    answered = [_is(answer, Outcome.ANSWERED) for case, answer in pairs if case.answerable]
    declined = [_is(answer, Outcome.DECLINED) for case, answer in pairs if not case.answerable]
    contained = [
        float(shows_answer(case, answer))
        for case, answer in pairs
        if case.answerable and case.answers and answer.outcome is Outcome.ANSWERED
    ]
    return {
        "answered": _mean_or_none(answered),
        "declined": _mean_or_none(declined),
        "failed": _mean_or_none([_is(answer, Outcome.FAILED) for answer in answers]),
        "answer_contained": _mean_or_none(contained),
        "citation_validity": _mean_or_none([float(stands(citation)) for citation in citations]),
    }


def shows_answer(case: Case, answer: Answer) -> bool:
    """Say whether an answer says one of the known texts or, where none are known, cites a document that answers."""
    if case.answers:
        return any(_plain(text) in _plain(answer.text) for text in case.answers)
    return bool({citation.chunk.path for citation in answer.citations} & {*case.paths})


def stands(citation: Citation) -> bool:
    """Say whether the quote stands in its chunk where the citation says, markup and spacing aside."""
    before = citation.chunk.start - citation.chunk.repeated
    start, end = citation.start - before, citation.end - before
    quoted = _letters(citation.quote)
    return start >= 0 and bool(quoted) and quoted == _letters(citation.chunk.text[start:end])


async def evaluate(
    kb: Answering,
    cases: Sequence[Case],
    *,
    scope: Scope = PUBLIC,
    k: int = max(DEPTHS),
    ask: bool = True,
    watch: Watch = iter,
) -> dict[str, Any]:
    """Search and, unless told otherwise, ask every question; return counts and figures.

    `watch` goes through the cases and may show how far that is.
    """
    results: list[Sequence[Passage]] = []
    answers: list[Answer] = []
    for case in watch(cases):
        question = Question(case.question, scope=scope, asker=EVALUATION)
        results.append((await kb.search(question, k=k)).passages)
        if ask:
            answers.append(await kb.ask(question))
    figures: dict[str, Any] = {"questions": len(cases), "answerable": sum(case.answerable for case in cases)}
    figures |= retrieval_figures(cases, results)
    return figures | (answer_figures(cases, answers) if ask else {})


async def evaluate_file(
    path: Path,
    open_kb: Callable[[], AbstractAsyncContextManager[Answering]],
    *,
    scope: Scope = PUBLIC,
    ask: bool = True,
    watch: Watch = iter,
) -> dict[str, Any]:
    """Evaluate a file of questions, or of labelled citations: these need no knowledge base, so none is opened.

    Raises UsageError that names the file and the line which is neither, or not of the first line's sort.
    """
    lines = _lines(path)
    if "sentence" in lines[0][0]:
        return citation_figures([citation_case(data, place) for data, place in lines])
    cases = [_case(data, place) for data, place in lines]
    async with open_kb() as kb:
        return await evaluate(kb, cases, scope=scope, ask=ask, watch=watch)


def load_cases(path: Path) -> list[Case]:
    """Read a JSON Lines file of questions. Raises UsageError that names the file and the line."""
    return [_case(data, place) for data, place in _lines(path)]


def _lines(path: Path) -> list[tuple[Mapping[str, Any], str]]:
    """Read the objects of a file, each with its place."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"{path} cannot be read: {exc}.") from exc
    objects = [_object(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not objects:
        raise UsageError(f"{path} is empty. {_EXAMPLE}")
    return objects


def _object(line: str, place: str) -> tuple[Mapping[str, Any], str]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{place} is not JSON: {exc}.") from exc
    if not isinstance(data, Mapping):
        raise UsageError(f"{place} is no JSON object. {_EXAMPLE}")
    return data, place


def _case(data: Mapping[str, Any], place: str) -> Case:
    if not isinstance(data.get("question"), str) or not data["question"].strip():
        raise UsageError(f'{place} has no "question". {_EXAMPLE}')
    answerable = data.get("answerable", True)
    if not isinstance(answerable, bool):
        raise UsageError(f'{place}: "answerable" must be true or false.')
    return Case(
        question=data["question"],
        paths=_texts(data, "paths", place),
        answers=_texts(data, "answers", place),
        answerable=answerable,
        group=str(data.get("group") or ""),
    )


def _texts(data: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
    value = data.get(name) or []
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise UsageError(f'{place}: "{name}" must be a list of texts.')
    return tuple(value)


def _figures(found: Relevance, wanted: int) -> dict[str, float]:
    depths = {f"recall@{depth}": recall(found, wanted, depth) for depth in DEPTHS}
    return {**depths, "mrr": reciprocal_rank(found), "ndcg@10": ndcg(found, wanted)}


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4) if values else 0.0


def _mean_or_none(values: Sequence[float]) -> float | None:
    return _mean(values) if values else None


def _is(answer: Answer, outcome: Outcome) -> float:
    return float(answer.outcome is outcome)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
