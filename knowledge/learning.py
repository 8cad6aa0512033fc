"""Learning from feedback: what votes, corrections and reviews change in the order of passages (pure).

A thumb judges a whole answer, so its credit goes to the documents that the answer cites, and to no others. It counts
for questions like the one that was judged, shrunk towards what people usually think, fades with time, and is bounded:
whoever comes last moves nothing by more than one rank, and n people nothing by more than n.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.types import Passage, Reason, Vectors, Vote

SIMILAR: Mapping[str, float] = MappingProxyType({"wordllama": 0.75})
"""Cosine from which two questions are alike, by the first word of the embedder's name. With wordllama 1.3 to 1.7 in a
thousand pairs of public questions are as near as this; from 0.7 on, new questions about source code lost twice as much
by what others had been told, and paraphrases gained no more."""
USUALLY_SIMILAR = 0.8
SURELY_SIMILAR = 0.2
"""So far above the threshold a judgement counts fully; at the threshold it begins with a third."""
LEAST_SIMILAR = 1 / 3

PRIOR_STRENGTH = 10.0
"""Judgements that the prior is worth (a Beta distribution around what people usually think)."""
UNDECIDED = 0.5
HALF_LIFE = timedelta(days=90)
LIFT = 1.0
"""What a document gains, in the fused score from 0 to 1, when its posterior is 1 above the mean."""
MOST_PEOPLE = 100
"""People heard for one question, the latest first: more change nothing, and this bounds the time it takes."""

BLAMES_DOCUMENTS = frozenset({Reason.WRONG_DOCUMENT, Reason.OUTDATED_SOURCE})
"""Reasons that say something of the cited documents; the others are about what was written, or missed."""
FEEDBACK = "feedback"
"""The name under which a passage's scores tell what feedback added."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a person's judgement of one answer says of one document."""

    question: int
    """Its place among the vectors of the questions."""
    person: str
    document_id: str
    good: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person thinks of one answer, with what is known of the documents it is about."""

    person: str
    at: datetime
    vote: Vote | None = None
    reasons: frozenset[Reason] = frozenset()
    approved: bool = False
    """A reviewer has approved the answer, as it stands or as edited."""
    cited: frozenset[str] = frozenset()
    """Documents whose cited text still stands as it was."""
    named: frozenset[str] = frozenset()
    """Documents that the person says would have been right, unchanged since."""


def opinions(judgement: Judgement, *, question: int) -> list[Opinion]:
    """Say what a judgement means for documents: credit for what was cited and liked, or named; blame by reason."""
    good, bad = set(judgement.named), set[str]()
    if judgement.approved or judgement.vote is Vote.UP:
        good |= judgement.cited
    elif judgement.reasons & BLAMES_DOCUMENTS:
        bad = set(judgement.cited) - good
    return [
        Opinion(question, judgement.person, document_id, is_good, judgement.at)
        for documents, is_good in ((good, True), (bad, False))
        for document_id in sorted(documents)
    ]


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's say on the documents of one question."""

    person: str
    at: datetime
    """Of their latest judgement."""
    opinions: Mapping[str, float]
    """From -1 to 1 per document."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Judgements of one document for and against, in people."""

    good: float = 0.0
    bad: float = 0.0

    def with_opinion(self, value: float) -> Tally:
        return Tally(self.good + max(value, 0.0), self.bad + max(-value, 0.0))

    def lift(self, mean: float) -> float:
        """Return how far the shrunk share of good judgements is from the mean."""
        return (PRIOR_STRENGTH * mean + self.good) / (PRIOR_STRENGTH + self.good + self.bad) - mean


def similar_from(embedder: str) -> float:
    """Return the cosine from which questions are alike for the embedder of this name."""
    return SIMILAR.get(embedder.split("-", 1)[0], USUALLY_SIMILAR)


class RankingFeedback:
    """What people thought of answers, ready to be asked for every question (about a millisecond for 10,000 rows)."""

    def __init__(self, vectors: Vectors, given: Sequence[Opinion], *, similar: float) -> None:
        """Take one unit vector per judged question, shape (questions, dimensions), and the opinions."""
        ordered = sorted(given, key=lambda opinion: opinion.at)
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self._opinions = ordered
        self._similar = similar
        self._questions = np.array([opinion.question for opinion in ordered], dtype=np.intp)
        self._document_numbers: dict[str, int] = {}
        self._documents = np.array([self._number(opinion.document_id) for opinion in ordered], dtype=np.intp)
        self.mean = usual_share(ordered)

    def _number(self, document_id: str) -> int:
        return self._document_numbers.setdefault(document_id, len(self._document_numbers))

    def adjust(self, passages: Sequence[Passage], vector: Vectors, *, now: datetime | None = None) -> list[Passage]:
        """Return the same passages in the order that feedback on similar questions suggests.

        `vector` is the question's, shape (dimensions,). What was added stands in the scores as `feedback`.
        """
        ballots = self.ballots({passage.chunk.document_id for passage in passages}, vector, now or datetime.now(UTC))
        return reorder(passages, ballots, mean=self.mean) if ballots else list(passages)

    def ballots(self, documents: Collection[str], vector: Vectors, now: datetime) -> list[Ballot]:
        """Collect what people said of these documents on similar questions, the latest person last."""
        numbers = [self._document_numbers[each] for each in documents if each in self._document_numbers]
        if not numbers:
            return []
        about = np.flatnonzero(_any_of(self._documents, numbers))
        cosines = self._cosines(self._questions[about], vector)
        near = np.flatnonzero(cosines >= self._similar)[-MOST_PEOPLE * len(numbers) :]
        heard = [
            (self._opinions[opinion], self._weight(float(cosine)))
            for opinion, cosine in zip(about[near], cosines[near], strict=True)
        ]
        return _ballots(heard, now)[-MOST_PEOPLE:]

    def _cosines(self, questions: npt.NDArray[np.intp], vector: Vectors) -> Vectors:
        """Compare the vector with these questions; not by BLAS, whose threads wait for each other on a busy machine."""
        found: Vectors
        if len(questions) > len(self._vectors):
            found = np.einsum("qd,d->q", self._vectors, vector)[questions]
        else:
            found = np.einsum("qd,d->q", self._vectors[questions], vector)
        return found

    def _weight(self, cosine: float) -> float:
        above = min((cosine - self._similar) / SURELY_SIMILAR, 1.0)
        return LEAST_SIMILAR + (1 - LEAST_SIMILAR) * above


def usual_share(given: Iterable[Opinion]) -> float:
    """Return the share of good judgements, each person counting once, undecided as long as few have judged."""
    people: dict[str, list[bool]] = {}
    for opinion in given:
        people.setdefault(opinion.person, []).append(opinion.good)
    shares = sum(sum(said) / len(said) for said in people.values())
    return (shares + PRIOR_STRENGTH * UNDECIDED) / (len(people) + PRIOR_STRENGTH)


def faded(at: datetime, now: datetime) -> float:
    """Return what a judgement of that time is still worth: half after 90 days."""
    return float(0.5 ** (max(now - at, timedelta()) / HALF_LIFE))


def _any_of(values: npt.NDArray[np.intp], wanted: Sequence[int]) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(values), dtype=np.bool_)
    for each in wanted:
        found |= values == each
    return found


def _ballots(heard: Iterable[tuple[Opinion, float]], now: datetime) -> list[Ballot]:
    """Give each person one say per document, however often they judged it; the opinions come oldest first."""
    said: dict[str, dict[str, float]] = {}
    latest: dict[str, datetime] = {}
    for opinion, weight in heard:
        value = (weight if opinion.good else -weight) * faded(opinion.at, now)
        documents = said.setdefault(opinion.person, {})
        documents[opinion.document_id] = min(max(documents.get(opinion.document_id, 0.0) + value, -1.0), 1.0)
        latest[opinion.person] = opinion.at
    ordered = sorted(said, key=lambda person: (latest[person], person))
    return [Ballot(person, latest[person], said[person]) for person in ordered]


@dataclass(slots=True)
class _Order:
    """Passages on their way from one order to another."""

    passages: list[Passage]
    values: list[float]
    """Before feedback; never rising from one place to the next."""
    mean: float
    tallies: dict[str, Tally] = field(default_factory=dict)

    def lift(self, passage: Passage) -> float:
        tally = self.tallies.get(passage.chunk.document_id)
        return 0.0 if tally is None else LIFT * tally.lift(self.mean)

    def hear(self, ballot: Ballot) -> None:
        """Count one person in, and let neighbours change places where that speaks for it, each at most once."""
        for document_id, value in ballot.opinions.items():
            self.tallies[document_id] = self.tallies.get(document_id, Tally()).with_opinion(value)
        lower = 1
        while lower < len(self.passages):
            lower += 2 if self._swapped(lower, ballot) else 1

    def _swapped(self, lower: int, ballot: Ballot) -> bool:
        upper = lower - 1
        one, other = self.passages[upper], self.passages[lower]
        if not {one.chunk.document_id, other.chunk.document_id} & ballot.opinions.keys():
            return False
        if self.values[lower] + self.lift(other) <= self.values[upper] + self.lift(one):
            return False
        for items in (self.passages, self.values):
            _swap(items, upper, lower)
        return True


def _swap(items: list[Any], one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]


def reorder(passages: Sequence[Passage], ballots: Sequence[Ballot], *, mean: float) -> list[Passage]:
    """Let the people speak one after the other; at each turn a passage changes places with a neighbour or stays.

    So n people move nothing by more than n ranks, and the last one nothing by more than one.
    """
    scores = np.minimum.accumulate([passage.score for passage in passages]) if passages else np.zeros(0)
    order = _Order(list(passages), scores.tolist(), mean)
    for ballot in ballots:
        order.hear(ballot)
    return [
        replace(passage, rank=rank, scores=_with_lift(passage, order.lift(passage)))
        for rank, passage in enumerate(order.passages, start=1)
    ]


def _with_lift(passage: Passage, lift: float) -> dict[str, float]:
    return {**passage.scores, FEEDBACK: round(lift, 4)} if lift else passage.scores
