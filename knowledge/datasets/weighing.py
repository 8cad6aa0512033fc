"""What all that people said of one answer comes to: good, bad or contested, and what would have been better (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowledge.labels import LabelledExchange, Origin, Remark, Review, Verdict
from knowledge.types import Chunk, Exchange, Outcome, Reason, Vote

RETRIEVAL_REASONS = frozenset(
    {
        Reason.OUTDATED_SOURCE,
        Reason.WRONG_DOCUMENT,
        Reason.MISSED_EXISTING_DOCUMENT,
        Reason.REFUSED_BUT_ANSWER_EXISTS,
        Reason.NO_ACCESS_OR_LEAK,
    }
)
"""They blame what was found, or who may see it. For the passages that it had the answer may have been right, so it is
never an example of how not to write."""


class Standing(StrEnum):
    """What an answer is taken for."""

    GOOD = "good"
    BAD = "bad"
    CONTESTED = "contested"
    """People contradict each other: nothing is learned from it until a reviewer decides."""
    SUPERSEDED = "superseded"
    """A reviewer has written it better."""
    OPEN = "open"
    """Nobody said whether it is good."""


STANDS = {
    Standing.BAD: "people disliked it and wrote nothing better",
    Standing.CONTESTED: "people contradict each other and no reviewer has decided",
    Standing.SUPERSEDED: "a reviewer has written it better",
    Standing.OPEN: "nobody said whether it is good",
}
"""Why an answer is no example of how to answer."""


class Basis(StrEnum):
    """What a row rests on."""

    REVIEW = "review"
    """A reviewer's verdict."""
    CORRECTION = "correction"
    """What a person wrote instead, which no reviewer has judged."""
    VOTE = "vote"
    """Votes alone."""


@dataclass(frozen=True, slots=True)
class Better:
    """A text that should have been the answer."""

    text: str
    origin: Origin
    basis: Basis
    people: tuple[str, ...]
    sources: tuple[str, ...] = ()
    """Documents that say so, as the person named them."""
    named: tuple[Chunk, ...] = ()
    """What stands in those documents now."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """An exchange and what it is taken for."""

    record: LabelledExchange
    standing: Standing
    basis: Basis
    people: tuple[str, ...]
    """Who says so."""
    reasons: frozenset[Reason]
    better: tuple[Better, ...]

    @property
    def exchange(self) -> Exchange:
        return self.record.exchange

    @property
    def id(self) -> str:
        return self.record.exchange.answer.id

    @property
    def blames_retrieval(self) -> bool:
        """Whether what was found is said to be at fault."""
        return not self.reasons.isdisjoint(RETRIEVAL_REASONS)

    @property
    def origin(self) -> Origin:
        """Who wrote the answer."""
        return origin(self.exchange)

    @property
    def written_by(self) -> str:
        """Who wrote the answer, models by their name."""
        return f"model:{self.exchange.answer.model}" if self.origin is Origin.MODEL else self.origin.value

    @property
    def question(self) -> str:
        """The question as it was searched."""
        return self.exchange.standalone or self.exchange.question.text


def weigh(record: LabelledExchange) -> Weighed:
    """Weigh reviews before votes, and votes only where they agree."""
    standing, basis, people = _standing(record)
    return Weighed(record, standing, basis, people, _reasons(record), tuple(_better(record)))


def origin(exchange: Exchange) -> Origin:
    """Say who wrote an answer: quoted sentences are the source's, and a decline by rule is nobody's."""
    if exchange.answer.outcome is Outcome.DECLINED and not exchange.request:
        return Origin.SOURCE
    return Origin.SOURCE if "extractive" in {exchange.answerer, exchange.answer.model} else Origin.MODEL


def _standing(record: LabelledExchange) -> tuple[Standing, Basis, tuple[str, ...]]:
    votes = {vote.person: vote.vote is Vote.UP for vote in record.votes}
    reviews = [review for review in record.reviews if review.remark_id is None and review.verdict is not Verdict.UNSURE]
    edited = [review.reviewer for review in reviews if review.verdict is Verdict.EDIT]
    if edited:
        return Standing.SUPERSEDED, Basis.REVIEW, tuple(edited)
    if reviews:
        verdicts = {review.reviewer: review.verdict is Verdict.APPROVE for review in reviews}
        return _agreed(verdicts), Basis.REVIEW, tuple(dict.fromkeys([*verdicts, *_same_view(votes, verdicts)]))
    return _agreed(votes), Basis.VOTE, tuple(votes)


def _same_view(votes: Mapping[str, bool], verdicts: Mapping[str, bool]) -> Iterator[str]:
    """Yield who voted as the reviewers found: the row is theirs as well."""
    return (person for person, liked in votes.items() if set(verdicts.values()) == {liked})


def _agreed(voices: Mapping[str, bool]) -> Standing:
    if not voices:
        return Standing.OPEN
    if all(voices.values()):
        return Standing.GOOD
    return Standing.CONTESTED if any(voices.values()) else Standing.BAD


def _reasons(record: LabelledExchange) -> frozenset[Reason]:
    """Collect what is said to be wrong by those who have not come to like the answer."""
    return frozenset(reason for remark in _standing_remarks(record) for reason in remark.reasons)


def _standing_remarks(record: LabelledExchange) -> list[Remark]:
    content = {vote.person for vote in record.votes if vote.vote is Vote.UP}
    return [remark for remark in record.remarks if remark.person not in content]


def _better(record: LabelledExchange) -> list[Better]:
    """Return reviewers' texts, else the one correction that stands alone: two that differ need a reviewer."""
    edits = [
        Better(review.text, Origin.HUMAN_EDIT, Basis.REVIEW, (review.reviewer,))
        for review in record.reviews
        if review.verdict is Verdict.EDIT and review.remark_id is None and review.text.strip()
    ]
    corrections = [each for remark in _latest_corrections(record) for each in _corrected(remark, record.reviews)]
    reviewed = edits + [each for each in corrections if each.basis is Basis.REVIEW]
    if reviewed:
        return _distinct(reviewed)
    return _distinct(corrections) if len({_plain(each.text) for each in corrections}) == 1 else []


def _latest_corrections(record: LabelledExchange) -> list[Remark]:
    latest = {remark.person: remark for remark in _standing_remarks(record) if remark.correction.strip()}
    return list(latest.values())


def _corrected(remark: Remark, reviews: Sequence[Review]) -> list[Better]:
    """Return a correction as reviewers left it; none when they rejected it or disagree."""
    verdicts = [review for review in reviews if review.remark_id == remark.id and review.verdict is not Verdict.UNSURE]
    if not verdicts:
        return [Better(remark.correction, Origin.HUMAN, Basis.CORRECTION, (remark.person,), remark.sources)]
    if any(review.verdict is Verdict.REJECT for review in verdicts):
        return []
    edited = next((review for review in reversed(verdicts) if review.verdict is Verdict.EDIT and review.text), None)
    text, written = (edited.text, Origin.HUMAN_EDIT) if edited else (remark.correction, Origin.HUMAN)
    people = tuple(dict.fromkeys([remark.person, *(review.reviewer for review in verdicts)]))
    return [Better(text, written, Basis.REVIEW, people, remark.sources)]


def _distinct(found: Sequence[Better]) -> list[Better]:
    return list({_plain(each.text): each for each in reversed(found)}.values())[::-1]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
