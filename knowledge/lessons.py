"""Lessons: what labelled exchanges teach a search: questions, passages that answer, others that do not (pure)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.labels import LabelledExchange, Verdict
from knowledge.learning import BLAMES_DOCUMENTS
from knowledge.types import Chunk, Embedding, Reason, Scope, Vote

LARGEST_SHARE = 0.1
"""Of all lessons that may rest on one person's word, once there are enough to share."""
FEWEST_OF_ONE = 5
_APPROVING = frozenset({Verdict.APPROVE, Verdict.EDIT})


@dataclass(frozen=True, slots=True)
class Lesson:
    """One question and what people said of the passages that were found for it."""

    id: str
    """The answer's."""
    question: str
    """As it was searched."""
    scope: Scope
    """In which it was asked."""
    people: frozenset[str]
    """Whose word it is."""
    embedding: Embedding | None = None
    positives: tuple[Chunk, ...] = ()
    """That answer it: cited by an answer that was liked or approved."""
    named: tuple[str, ...] = ()
    """Paths of documents that a correction says answer it."""
    negatives: tuple[Chunk, ...] = ()
    """That were found and do not answer it: not cited by such an answer, or cited and said to be the wrong document."""


def lessons(records: Iterable[LabelledExchange]) -> list[Lesson]:
    """Return what these exchanges teach; they are what datasets may hold (`LabelledExchange.for_dataset`)."""
    return [lesson for record in records if (lesson := _lesson(record)) is not None]


def _lesson(record: LabelledExchange) -> Lesson | None:
    exchange = record.exchange
    likes = [vote.person for vote in record.votes if vote.vote is Vote.UP]
    dislikes = [vote.person for vote in record.votes if vote.vote is Vote.DOWN]
    approving = [review.reviewer for review in record.reviews if review.verdict in _APPROVING and not review.remark_id]
    rejected = any(review.verdict is Verdict.REJECT for review in record.reviews)
    cited = tuple({citation.chunk.id: citation.chunk for citation in exchange.answer.citations}.values())
    liked = bool(approving) or (len(likes) > len(dislikes) and not rejected)
    wrong = [remark.person for remark in record.remarks if BLAMES_DOCUMENTS & set(remark.reasons)]
    naming = {remark.person: remark.sources for remark in record.remarks if remark.sources}
    named = tuple(dict.fromkeys(path.strip() for sources in naming.values() for path in sources))
    people = frozenset((*approving, *likes) if liked else (*naming, *wrong))
    if not exchange.standalone or (not (liked and cited) and not named):
        return None
    return Lesson(
        id=exchange.answer.id,
        question=exchange.standalone,
        scope=exchange.question.scope,
        embedding=exchange.embedding,
        people=people,
        positives=cited if liked else (),
        named=named,
        negatives=() if liked else cited if Reason.WRONG_DOCUMENT in _reasons(record) else (),
    )


def _reasons(record: LabelledExchange) -> set[Reason]:
    return {reason for remark in record.remarks for reason in remark.reasons}


def shared_out(given: Sequence[Lesson]) -> list[Lesson]:
    """Leave out lessons that rest on one person's word alone once that person has had a tenth of all."""
    most = max(FEWEST_OF_ONE, int(LARGEST_SHARE * len(given)))
    counts: Counter[str] = Counter()
    kept = []
    for lesson in given:
        if all(counts[person] >= most for person in lesson.people):
            continue
        counts.update(lesson.people)
        kept.append(lesson)
    return kept
