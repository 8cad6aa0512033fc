"""Labels: what people say of answers and do after them, as frozen values, and the exchanges that carry them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from knowledge.types import Exchange, Reason, Sentence, Surface, Vote

CONSENT_VERSION = "2026-11"
"""Names the notice that people see beside the buttons; a change of what it promises gets a new one."""


class Verdict(StrEnum):
    """What a reviewer finds of an answer or a correction."""

    APPROVE = "approve"
    """It is right as it stands."""
    EDIT = "edit"
    """It is right as the reviewer has written it."""
    REJECT = "reject"
    """It is wrong, or must not be repeated."""
    UNSURE = "unsure"
    """Somebody else should judge it."""


class SignalKind(StrEnum):
    """What a person did that says something of an answer without a vote."""

    ASKED_AGAIN = "asked_again"
    """Asked nearly the same within minutes; the value is the later answer's id."""
    WENT_TO_HUMAN = "went_to_human"
    """Pressed "Ask a human"."""
    SHARED = "shared"
    """Pressed "Share in channel"; the value is the channel."""
    RATING_REQUESTED = "rating_requested"
    """Was asked for a rating because chance chose the answer; the value is the share that is chosen, such as 0.03."""


class Withheld(StrEnum):
    """Why an exchange may not become part of a dataset."""

    DIRECT_MESSAGE = "direct_message"
    PERSON_OPTED_OUT = "person_opted_out"
    CHANNEL_OPTED_OUT = "channel_opted_out"
    ERASED = "erased"
    """Somebody's words were taken out of it."""


class Origin(StrEnum):
    """Who wrote a text."""

    HUMAN = "human"
    """A person: a correction as it was given."""
    HUMAN_EDIT = "human_edit"
    """A reviewer, on top of what was there."""
    MODEL = "model"
    SOURCE = "source"
    """Nobody anew: sentences quoted from the documents."""


@dataclass(frozen=True, slots=True)
class Review:
    """A reviewer's verdict on an answer, or on a correction of it."""

    answer_id: str
    reviewer: str
    verdict: Verdict
    remark_id: int | None = None
    """The correction that is judged; None for the answer itself."""
    text: str = ""
    """With `edit`: the answer as it should be."""
    note: str = ""
    via: str = "slack"
    at: datetime | None = None
    """Set when it is read back."""
    id: int | None = None
    consented: bool = True
    """False when the person has opted out."""


@dataclass(frozen=True, slots=True)
class CastVote:
    """A person's vote on an answer that counts: their latest."""

    person: str
    vote: Vote
    via: str
    at: datetime
    consented: bool = True


@dataclass(frozen=True, slots=True)
class Remark:
    """Reasons, a comment, a correction: what a person wrote about an answer."""

    id: int
    answer_id: str
    person: str
    reasons: tuple[Reason, ...]
    comment: str
    correction: str
    sources: tuple[str, ...]
    """Documents that say so, as the person named them: paths or addresses, unchecked."""
    via: str
    at: datetime
    consented: bool = True


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that a person did after an answer."""

    answer_id: str
    person: str
    kind: SignalKind
    value: str = ""
    at: datetime | None = None
    consented: bool = True


@dataclass(frozen=True, slots=True)
class VerifiedCitation:
    """A footnote of a verified answer, and the text that it was verified with."""

    number: int
    chunk_id: str
    document_id: str
    text_hash: str
    """Of the chunk: it says the same as long as a live chunk of the document has this hash."""
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """An answer that a reviewer has approved, to be given again to the same question in other words."""

    id: str
    answer_id: str
    remark_id: int | None
    """The correction that it is; None when it is the answer itself."""
    questions: tuple[str, ...]
    """Standing alone."""
    text: str
    sentences: tuple[Sentence, ...]
    citations: tuple[VerifiedCitation, ...]
    origin: Origin
    verified_by: str
    verified_at: datetime
    state: str = "active"
    """`active`, `expired` (a cited document says something else now) or `withdrawn` (by a person)."""
    reason: str = ""
    """Why it is not active any more."""


Label = TypeVar("Label", CastVote, Remark, Review, Signal)


@dataclass(frozen=True, slots=True)
class LabelledExchange:
    """An exchange and everything that people said of it and did after it."""

    exchange: Exchange
    votes: tuple[CastVote, ...] = ()
    """One per person, in the order in which they were cast."""
    remarks: tuple[Remark, ...] = ()
    """All of them, oldest first."""
    reviews: tuple[Review, ...] = ()
    """The latest of each reviewer on the answer and on each correction, oldest first."""
    signals: tuple[Signal, ...] = ()
    withheld: Withheld | None = None
    """Why it may not become part of a dataset, where it may not."""

    def people(self) -> frozenset[str]:
        """Return everybody who said or did something."""
        spoke = {label.person for labels in (self.votes, self.remarks) for label in labels}
        return frozenset(spoke | {signal.person for signal in self.signals} | {each.reviewer for each in self.reviews})

    def for_dataset(self) -> LabelledExchange | None:
        """Return what a dataset may hold of it: None when nothing, and never labels of people who opted out."""
        if self.withheld is not None:
            return None
        return replace(
            self,
            votes=_consented(self.votes),
            remarks=_consented(self.remarks),
            reviews=_consented(self.reviews),
            signals=_consented(self.signals),
        )


def _consented(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    return tuple(label for label in labels if label.consented)


def withheld(exchange: Exchange, opted_out: frozenset[str]) -> Withheld | None:
    """Say why an exchange may not become part of a dataset; subjects are written `user:U1` and `channel:C1`."""
    question = exchange.question
    if exchange.erased:
        return Withheld.ERASED
    # Slack's ids of direct messages begin with D; `/ask` may be typed there as well.
    if question.surface is Surface.DIRECT or (question.channel or "").startswith("D"):
        return Withheld.DIRECT_MESSAGE
    people = {question.asker, *(turn.speaker for turn in question.history)}
    if any(f"user:{person}" in opted_out for person in people):
        return Withheld.PERSON_OPTED_OUT
    if f"channel:{question.channel}" in opted_out:
        return Withheld.CHANNEL_OPTED_OUT
    return None
