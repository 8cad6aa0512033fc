"""Does a statement say what is asked? What speaks for it, and one calibrated score (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise

from knowledge.extracting.answer_kinds import fits
from knowledge.language.function_words import QUESTION_WORDS
from knowledge.language.lexical import terms
from knowledge.language.questions import Asked, Expected, negated
from knowledge.language.statements import Statement
from knowledge.language.word_families import base, derived, is_common, misspelt, opposites, synonyms

Frequency = Callable[[str], float]
"""The share of all chunks, 0..1, that hold a term as `lexical.terms` yields it."""

_LEAD, _HEADING, _BEFORE, _POINTED, _PLACE, _AROUND = 0.95, 0.85, 0.6, 0.85, 0.6, 0.35
"""What a question's word counts for when it stands not in the statement but in what the statement is bound to."""
_DERIVED, _ALIKE, _PARTS = 0.85, 0.75, 0.9
"""What a derived word, one of the same meaning, and the parts of a compound count for."""
_SLOT, _USUAL = 0.25, 0.5
"""Weights of a word that names the kind of answer, and of one that says little in any collection."""
_RAREST = 1e-4
_HEAVIEST = 1.5
_LEANS = re.compile(
    r"(?:it|this|that|these|those|they|he|she|its|their|his|her|such|both|there|then|however|but|so|also|er|sie|es|diese[rs]?|dies|"
    r"dort|il|elle|ils|cela|esto|este)\b",
    re.IGNORECASE,
)
_POINTS = re.compile(
    r"\b(?:it|its|this|that|these|those|they|them|their|he|she|his|her|him|such|es|sie|er|diese[rsn]?|ihn|elle|il|ils)\b",
    re.IGNORECASE,
)
_NEIGHBOURS = 2
_A_SENTENCE = 2
"""Different words from which a statement can say yes."""


@dataclass(frozen=True, slots=True)
class Bag:
    """A statement and the terms it can be found by, each irregular word in its base form."""

    statement: Statement
    own: frozenset[str]
    lead: frozenset[str]
    before: frozenset[str]
    heading: frozenset[str]
    place: frozenset[str]
    """Of the document's title, path and heading path."""
    around: frozenset[str]
    """Of the whole passage."""
    opens: bool = False
    """Whether nothing is said before it under the same heading."""
    task: bool = False
    """Whether it is a line of a checklist, to be ticked off."""

    @property
    def bound(self) -> frozenset[str]:
        """The statement with what it cannot be read without."""
        return self.own | self.lead | self.heading


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the question and what may stand for it."""

    whole: str
    parts: tuple[str, ...]
    derived: frozenset[str]
    alike: frozenset[str]
    weight: float
    exact: bool
    """A name or number: nothing else may stand for it."""
    used: bool
    """Whether any document uses it."""


def leans(text: str) -> bool:
    """Say whether a sentence opens with a word that points back to the one before."""
    return _LEANS.match(text) is not None


def words(question: Asked, vocabulary: frozenset[str], frequency: Frequency) -> tuple[Word, ...]:
    """Prepare the words of a question against the vocabulary of its passages; an opposite too says yes or no."""
    entries = zip(question.words, question.slots, question.names, strict=True)
    prepared = (_word(word, slot, name, vocabulary, frequency) for word, slot, name in entries if word)
    if question.expected is Expected.YES_NO:
        return tuple(replace(word, alike=word.alike | (opposites(word.whole) & vocabulary)) for word in prepared)
    return tuple(prepared)


def _word(word: Sequence[str], slot: bool, name: bool, vocabulary: frozenset[str], frequency: Frequency) -> Word:
    whole, share = base(word[0]), frequency(word[0])
    rarity = min(max(0.3, -math.log(max(share, _RAREST)) / 5), _HEAVIEST)
    kind = _SLOT if slot else _USUAL if is_common(whole) else 1.0
    return Word(
        whole=whole,
        parts=tuple(base(part) for part in word[1:]),
        derived=misspelt(whole, vocabulary) if not share else frozenset() if name else derived(whole, vocabulary),
        alike=frozenset() if name else synonyms(whole) & vocabulary,
        weight=rarity * kind,
        exact=name,
        used=share > 0,
    )


def held(word: Word, found: frozenset[str]) -> float:
    """Say how much of a word stands among terms, 0..1: its parts count too, of a name only all of them."""
    if word.whole in found:
        return 1.0
    if word.parts:
        share = sum(part in found for part in word.parts) / len(word.parts)
        return max(
            _PARTS * (float(share == 1) if word.exact else share), _DERIVED * (not word.derived.isdisjoint(found))
        )
    if not word.derived.isdisjoint(found):
        return _DERIVED
    return 0.0 if word.alike.isdisjoint(found) else _ALIKE


def match(asked_words: Sequence[Word], bag: Bag) -> list[float]:
    """Say for each word how well the statement, with all it may lean on, holds it."""
    before = _POINTED if _POINTS.search(bag.statement.text) else _BEFORE
    levels = (
        (1.0, bag.own),
        (_LEAD, bag.lead),
        (_HEADING, bag.heading),
        (before, bag.before),
        (_PLACE, bag.place),
        (_AROUND, bag.around),
    )
    return [max(value * held(word, found) for value, found in levels) for word in asked_words]


def covered(asked_words: Sequence[Word], shares: Sequence[float]) -> float:
    """Return the share of the question's weight that is held."""
    total = sum(word.weight for word in asked_words)
    return sum(word.weight * share for word, share in zip(asked_words, shares, strict=True)) / total if total else 0.0


def says_nothing_new(question: Asked, bag: Bag) -> bool:
    """Say whether a statement only repeats the question's words, which answers nothing but a yes-or-no question."""
    if question.expected is Expected.YES_NO and len(bag.own) >= _A_SENTENCE:
        return False
    return bag.own <= {base(part) for word in question.words for part in word} | QUESTION_WORDS


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for and against a statement; every one grows with the confidence, each about 0..1."""

    coverage: float
    """Share of the question's weight that is held, context and synonyms included."""
    own: float
    """The same, by the statement and what it is bound to alone."""
    hole: float
    """One minus the heaviest missing word that no document uses: perhaps only another word for it."""
    gap: float
    """One minus the heaviest missing word that the documents do use elsewhere: had they meant it, they would say it."""
    names: float
    """One minus the share of names and numbers of the question that are missing around the statement."""
    kind: float
    """Whether it is the kind of answer that is asked for."""
    cosine: float
    """Of the question and the statement with what it is bound to."""
    order: float
    """Share of neighbouring words of the question that are neighbours in the statement too."""
    fit: float
    """0 when a certain kind of answer is asked for and the statement has nothing of it, else 1."""
    agrees: float
    """0 when one of question and statement is denied and the other is not, else 1."""
    same: float
    """0 when the statement holds the opposite of a word of the question in its place, else 1."""
    rank: float
    """The passage's fused score."""
    short: float
    """Near one for a statement of ordinary length."""
    code: float
    """1 when the question names an identifier and the statement has it."""
    terse: float
    """Near one for a question of few words."""


def signals(
    question: Asked, asked_words: Sequence[Word], bag: Bag, shares: Sequence[float], *, cosine: float, rank: float
) -> Signals:
    """Measure one statement; `shares` are its matches, words of similar meaning included."""
    own = [held(word, bag.bound) for word in asked_words]
    missing = [
        (word.weight * (1 - share) / _HEAVIEST, word.used) for word, share in zip(asked_words, shares, strict=True)
    ]
    kind = fits(question, bag.statement)
    return Signals(
        coverage=covered(asked_words, shares),
        own=covered(asked_words, own),
        hole=1 - max((heavy for heavy, used in missing if not used), default=0.0),
        gap=1 - max((heavy for heavy, used in missing if used), default=0.0),
        names=_names_held(asked_words, shares),
        kind=kind,
        cosine=cosine,
        order=_in_order(asked_words, bag.statement),
        fit=float(kind > 0),
        agrees=float(question.expected is Expected.YES_NO or negated(bag.statement.text) == question.negated),
        same=float(question.expected is Expected.YES_NO or not _opposed(asked_words, bag)),
        rank=rank,
        short=1 / (1 + len(bag.statement.text) / 300),
        code=float(any(share == 1 and word.parts and word.exact for word, share in zip(asked_words, own, strict=True))),
        terse=1 / (1 + sum(word.weight for word in asked_words) / 4),
    )


def _names_held(asked_words: Sequence[Word], shares: Sequence[float]) -> float:
    named = [(word.weight, share) for word, share in zip(asked_words, shares, strict=True) if word.exact]
    total = sum(weight for weight, _ in named)
    return sum(weight * share for weight, share in named) / total if total else 1.0


def _in_order(asked_words: Sequence[Word], statement: Statement) -> float:
    pairs = list(pairwise(word.whole for word in asked_words))
    if not pairs:
        return 0.5
    said = [base(term) for term in terms(f"{statement.lead} {statement.text}") if term not in QUESTION_WORDS]
    places: dict[str, list[int]] = {}
    for number, word in enumerate(said):
        places.setdefault(word, []).append(number)
    close = (
        any(abs(a - b) <= _NEIGHBOURS for a in places.get(left, ()) for b in places.get(right, ()))
        for left, right in pairs
    )
    return sum(close) / len(pairs)


def _opposed(asked_words: Sequence[Word], bag: Bag) -> bool:
    """Say whether the statement holds the opposite of a word of the question instead of the word."""
    bound = bag.own | bag.lead
    asked_for = {part for word in asked_words for part in (word.whole, *word.parts)}
    return any(word not in bound and _said_instead(word, bound, asked_for) for word in asked_for)


def _said_instead(word: str, bound: frozenset[str], asked_for: set[str]) -> bool:
    against = opposites(word)
    return not against.isdisjoint(bound) and against.isdisjoint(asked_for)


_NAMES = tuple(field.name for field in fields(Signals))


def as_row(found: Signals) -> list[float]:
    """Return the signals as numbers, in order."""
    return [float(getattr(found, name)) for name in _NAMES]


def score(found: Signals, weights: Signals) -> float:
    """Return the log odds, up to a constant, that a statement with these signals answers."""
    return sum(value * weight for value, weight in zip(as_row(found), as_row(weights), strict=True))
