"""Builders of the sets that teach to find, embed and rerank, and of the questions to evaluate with (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from knowledge.datasets.rows import Kind, Left, Row
from knowledge.datasets.weighing import STANDS, Basis, Better, Standing, Weighed
from knowledge.datasets.writing import cited, details, lines, says_the_same
from knowledge.labels import Origin
from knowledge.splitting import embedded_text
from knowledge.types import Chunk, Exchange, Outcome, Passage, Reason

NEGATIVES = 3
"""Triplets made with one positive passage, at most."""
SAFE_SCORE = 0.95
"""Share of the positive's score above which an uncited passage may be an unmarked positive (NV-Retriever, 2024)."""
NOT_FOUND = 0
"""Rank of a passage that should have been found."""

Found = Iterable[Row | Left]


def embed(one: Weighed) -> Found:
    """Questions with a passage that answers and one that was found and does not."""
    positives = list(_positives(one))
    if not positives:
        yield Left(Kind.EMBED, _no_positive(one))
    for passage, basis, people in positives:
        negatives = list(_negatives(one, passage, [each for each, _, _ in positives]))[:NEGATIVES]
        if not negatives:
            yield Left(Kind.EMBED, "nothing that was found is surely beside the point")
        for negative in negatives:
            texts = (embedding_text(passage.chunk), embedding_text(negative.chunk))
            data = {"query": one.question, "positive": texts[0], "negative": texts[1]}
            yield _retrieval_row(Kind.EMBED, one, data, basis, people, [passage, negative])


def rerank(one: Weighed) -> Found:
    """Questions with passages that answer and others that do not."""
    positives = list(_positives(one))
    right = [passage for passage, _, _ in positives]
    wrong = {each.chunk.id: each for passage in right for each in _negatives(one, passage, right)}
    if one.standing is Standing.BAD and Reason.WRONG_DOCUMENT in one.reasons:
        wrong |= {each.chunk.id: each for each in _cited(one.exchange) if each not in right}
    if not (positives or wrong):
        yield Left(Kind.RERANK, _no_positive(one))
    for passage, basis, people in positives:
        yield _labelled(one, passage, 1.0, basis, people)
    for passage in wrong.values():
        yield _labelled(one, passage, 0.0, one.basis, one.people)


def _labelled(one: Weighed, passage: Passage, label: float, basis: Basis, people: tuple[str, ...]) -> Row:
    data = {"query": one.question, "passage": embedding_text(passage.chunk), "label": label}
    return _retrieval_row(Kind.RERANK, one, data, basis, people, [passage])


def _retrieval_row(
    kind: Kind,
    one: Weighed,
    data: Mapping[str, Any],
    basis: Basis,
    people: tuple[str, ...],
    passages: Sequence[Passage],
) -> Row:
    return Row(
        kind=kind,
        data=data,
        answer_id=one.id,
        basis=basis,
        origin=Origin.SOURCE.value,
        people=people,
        target=repr(list(data.values())[1:]),
        details=details(one.exchange) | {"chunks": [passage.chunk.id for passage in passages]},
    )


def _positives(one: Weighed) -> Iterator[tuple[Passage, Basis, tuple[str, ...]]]:
    """Yield the passages that are known to answer: cited by a good answer, or carrying what a person wrote instead."""
    if one.standing is Standing.GOOD and one.exchange.answer.outcome is Outcome.ANSWERED:
        yield from ((passage, one.basis, one.people) for passage in _cited(one.exchange))
        return
    found: dict[str, tuple[Passage, Basis, tuple[str, ...]]] = {}
    for better in one.better if one.standing is not Standing.CONTESTED else ():
        for passage in _carrying(better, one.exchange.passages):
            found.setdefault(passage.chunk.id, (passage, better.basis, better.people))
    yield from found.values()


def _carrying(better: Better, passages: Sequence[Passage]) -> list[Passage]:
    """Return what carries a text: passages that were found, else chunks of the documents that the person named."""
    named = [Passage(chunk, NOT_FOUND, 0.0) for chunk in better.named]
    for among in (passages, named):
        grounded = cited(better.text, among, named=among is named)
        if grounded.whole:
            return [among[number - 1] for number in sorted(grounded.passages)]
    return []


def _cited(exchange: Exchange) -> list[Passage]:
    cited = {citation.chunk.id for citation in exchange.answer.citations}
    return [passage for passage in exchange.passages if passage.chunk.id in cited]


def _negatives(one: Weighed, positive: Passage, positives: Sequence[Passage]) -> Iterator[Passage]:
    """Yield uncited passages that rank well enough to be hard and badly enough to be wrong, the best first."""
    told = lines(one.exchange)
    known = {passage.chunk.id for passage in positives}
    blamed = one.standing is Standing.BAD and Reason.WRONG_DOCUMENT in one.reasons
    cited = {passage.chunk.id for passage in _cited(one.exchange)}
    for passage in one.exchange.passages:
        is_free = passage.chunk.id not in known and (blamed or passage.chunk.id not in cited)
        if (
            is_free
            and _scores_below(passage, positive)
            and not any(says_the_same(passage, each, told) for each in positives)
        ):
            yield passage


def _scores_below(passage: Passage, positive: Passage) -> bool:
    if positive.rank == NOT_FOUND:
        return True
    name = next((name for name in ("rerank", "dense") if name in passage.scores and name in positive.scores), None)
    scores = (passage.score, positive.score) if name is None else (passage.scores[name], positive.scores[name])
    return scores[0] < SAFE_SCORE * scores[1]


def _no_positive(one: Weighed) -> str:
    if one.exchange.answer.outcome is not Outcome.ANSWERED and not one.better:
        return "no passage was cited"
    return STANDS.get(one.standing, "the correction's words stand in no passage that was found")


def embedding_text(chunk: Chunk) -> str:
    """Write a passage as it is embedded in this product."""
    return embedded_text(chunk.title, chunk.heading.split(" > "), chunk.text)


def evaluation(one: Weighed) -> Found:
    """Questions whose answer is known."""
    answer = one.exchange.answer
    if answer.outcome is Outcome.FAILED:
        yield Left(Kind.EVAL, "a service had failed: that says nothing of an answer")
    elif one.standing is Standing.GOOD:
        text = " ".join(sentence.text for sentence in answer.sentences)
        paths = [passage.chunk.path for passage in _cited(one.exchange)]
        yield _case(one, text, paths, answerable=answer.outcome is Outcome.ANSWERED)
    elif one.better and one.standing is not Standing.CONTESTED:
        for better in one.better[:1]:
            paths = [passage.chunk.path for passage in _carrying(better, one.exchange.passages)]
            if not paths:
                yield Left(Kind.EVAL, "the correction's words stand in no passage that was found")
                continue
            row = _case(one, better.text, paths, answerable=True)
            yield replace(row, basis=better.basis, origin=better.origin.value, people=better.people)
    else:
        yield Left(Kind.EVAL, STANDS[one.standing])


def _case(one: Weighed, text: str, paths: Iterable[str], *, answerable: bool) -> Row:
    data = {
        "question": one.question,
        "paths": list(dict.fromkeys(paths)),
        "reference_answer": text,
        "answerable": answerable,
    }
    row = Row(Kind.EVAL, data, one.id, one.basis, one.written_by, one.people, target="", details=details(one.exchange))
    return replace(row, target=str(answerable))
