"""Grounding: finds the words of the documents that carry what a person wrote, so that it gets true footnotes (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.citing import CheckedAnswer, Checker, check
from knowledge.language.function_words import QUESTION_WORDS
from knowledge.language.lexical import query_terms
from knowledge.language.plain_text import plain_text
from knowledge.language.sentences import sentences
from knowledge.language.statements import statements
from knowledge.language.word_families import bases
from knowledge.types import Draft, DraftSentence, Passage, Quote

ENOUGH = 0.5
"""Share of a sentence's words that a quote must hold to carry it."""
ENOUGH_IF_NAMED = 0.25
"""The same where the person named the document: then it may say so in quite other words."""
_TRIED = 8
"""Quotes that are checked for one sentence, best first."""
_REACH = 3
"""Words behind a number among which it says what it counts."""
_WORD = re.compile(r"\d[\d.,:]*\d|\w+")
_EMPTY = bases(" ".join(QUESTION_WORDS))
_FOOTNOTE = re.compile(r"\s*\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class _Candidate:
    quote: Quote
    words: frozenset[str]


def ground(text: str, passages: Sequence[Passage], *, named: bool = False) -> CheckedAnswer:
    """Give each sentence the quote that carries it best; a sentence that none carries is marked as unsupported.

    `named` says that the person named the documents of these passages. No sentence is supported: then neither is the
    text, and `sentences` is empty.
    """
    candidates = list(_candidates(passages))
    drafts = [
        _grounded(sentence, candidates, passages, ENOUGH_IF_NAMED if named else ENOUGH) for sentence in _said(text)
    ]
    checker = Checker(passages)
    for draft in drafts:
        checker.add(draft)
    return checker.finish()


def _said(text: str) -> list[str]:
    return [sentence for line in _FOOTNOTE.sub("", text).splitlines() for sentence in sentences(line)]


def _candidates(passages: Sequence[Passage]) -> Iterator[_Candidate]:
    for number, passage in enumerate(passages):
        place = bases(f"{passage.chunk.title} {passage.chunk.heading}")
        for statement in statements(plain_text(passage.chunk.text), passage.chunk.heading.rpartition(" > ")[2]):
            words = bases(statement.text) | bases(statement.heading) | bases(statement.lead) | place
            yield _Candidate(Quote(number, statement.quote), words)


def _counts_the_same(sentence: str, quote: str) -> bool:
    """Say whether the numbers of a sentence count in the quote what they count in the sentence: days, not March."""
    there = _counted(quote)
    return all(not there.get(number) or counted & there[number] for number, counted in _counted(sentence).items())


def _counted(text: str) -> dict[str, frozenset[str]]:
    """Return per number the terms of the words that follow it closely; numbers at the end count nothing."""
    words = _WORD.findall(text)
    found: dict[str, frozenset[str]] = {}
    for at, word in enumerate(words):
        following = bases(" ".join(words[at + 1 : at + 1 + _REACH])) - _EMPTY
        if word[0].isdigit() and following:
            found[word] = found.get(word, frozenset()) | following
    return found


def _grounded(
    sentence: str, candidates: Sequence[_Candidate], passages: Sequence[Passage], enough: float
) -> DraftSentence:
    wanted = frozenset(base for term in query_terms(sentence) for base in bases(term))
    if not wanted:
        return DraftSentence(sentence)
    shares = [(len(wanted & candidate.words) / len(wanted), candidate) for candidate in candidates]
    fitting = (found for found in shares if found[0] >= enough and _counts_the_same(sentence, found[1].quote.text))
    likely = sorted(fitting, key=lambda found: -found[0])
    for _, candidate in likely[:_TRIED]:
        draft = DraftSentence(sentence, (candidate.quote,))
        checked = check(Draft((draft,)), passages)
        if checked.sentences and checked.sentences[0].supported:
            return draft
    return DraftSentence(sentence)
