"""What a score of shared words overlooks: definitions, persons, titles, rows, footers; added to the score (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.extracting.answer_kinds import fits, names_somebody
from knowledge.extracting.covering import Bag, Word, held
from knowledge.language.function_words import QUESTION_WORDS
from knowledge.language.lexical import fold, terms
from knowledge.language.questions import Asked, Expected, any_of
from knowledge.language.statements import Form
from knowledge.language.word_families import base, bases

VETO = -9.0
"""Below any threshold, whatever else speaks for a statement."""
_UNNAMED_LIST, _TASK, _NO_WAY, _NO_HEAD, _WRONG_KIND = -1.2, -4.0, -2.0, -2.0, -1.5
_DEFINES, _TITLED, _TITLED_WAY, _PLACED_WAY, _NAMED_ROW = 1.2, 1.2, 2.0, 1.5, 1.0
_SLIGHT = 0.4
"""Weight up to which a word says little about the subject."""
_TITLE_FITS, _TITLE_FITS_WAY = 0.75, 0.66
"""How well title and question agree at least, 0..1."""

_FOOTER_OPENS = re.compile(
    r"(?:last (?:changed|updated|modified|edited|reviewed)|page owner|all rights reserved|©|back to|see also|"
    r"read more|next:|previous:|zuletzt geändert|dernière mise à jour)\b",
    re.IGNORECASE,
)
_DEFINITION = re.compile(
    r"\s*what\s+(?:is|are)\s+(?:an?\s+)?(?P<subject>(?!the\b|my\b|our\b|your\b|their\b|its\b)[^\s?]+(?:\s+[^\s?]+){0,2})"
    r"\s*\?*\s*$|\s*what\s+does\s+(?:an?\s+|the\s+)?(?P<word>.{2,40}?)\s+(?:mean|stand for)\s*\?*\s*$",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    rf"\b{any_of('of in on at by for to from with about than times used called done')}\b", re.IGNORECASE
)
_ROLE_ASKED = re.compile(
    r"\s*who(?:'s|’s| is| was| are| were)\s+(?:the|our|my)\s+(?P<role>[a-z][\w-]*(?:\s+[a-z][\w-]*){0,4})\s*\?*\s*$"
)
_RANGE = re.compile(r"(?P<low>\d{1,6})\s*(?:\+|[–-]\s*(?P<high>\d{1,6}))")
_PLAIN_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_IN_A_PLACE = re.compile(r"\b(?:in|at|for)\s+([A-Z][a-z]{2,})\s*\?*\s*$")
"""The last word, a name: it limits what is asked."""
_INSTRUCTION = re.compile(r"\s*how (?:do|can|should|must) (?:i|we|you|one)\b", re.IGNORECASE)
_SOME_WAY = 0.5
_HEAD = re.compile(
    r"\s*what(?:'s|’s| is| was| are| were)\s+"
    r"(?:(?:the|our|my)\s+(?:[\w-]+\s+){0,3}?(?P<of>[^\W\d_]{3,})\s+(?:of|for|to)\b|.{2,40}['’]s?\s+(?P<own>[^\W\d_]{3,})\s*\?*$)",
    re.IGNORECASE,
)
_NEAR = 0.4
"""A word that is held less than this stands at most elsewhere in the passage."""
_LIST_WANTED = frozenset((Expected.ANYTHING, Expected.WAY, Expected.MEANING))
_SAID_BY_NAME = frozenset((Expected.MONEY, Expected.ADDRESS))
_KINDS_TOLD = frozenset((Expected.MONEY, Expected.ADDRESS, Expected.NUMBER))
_PAIRED = re.compile(r"(?<![\w-])([a-z]{2,})[-_]([a-z]{2,})(?![\w(-])")
_WITH = re.compile(r"\b(?P<not>without|with)\s+(?:(?:its|the|an?|their|your)\s+)?(?P<thing>[^\W\d_]+)", re.IGNORECASE)


def second_look(question: Asked, words: Sequence[Word], bag: Bag, shares: Sequence[float]) -> float:
    """Return what to add to the score of a statement; `shares` says how much it holds of each word."""
    return (
        _vetoes(question, words, bag, shares)
        + _definition(question, bag)
        + title(question, words, bag)
        + _shape(question, words, bag)
    )


def names_row(question: Asked, words: Sequence[Word], bag: Bag) -> bool:
    """Say whether the question names the row of a table: the words of its first cell, or a number within it."""
    if bag.statement.form is not Form.ROW:
        return False
    cell = bag.statement.quote.split(" | ")[0]
    asked_for = {part for word in words for part in (word.whole, *word.parts)}
    first = bases(cell) - QUESTION_WORDS
    return bool(first and first <= asked_for) or (bool(bag.lead & asked_for) and _spans(cell, question))


def _spans(cell: str, question: Asked) -> bool:
    """Say whether a number of the question lies within the range of a cell."""
    found = _RANGE.fullmatch(cell.strip())
    if found is None:
        return False
    low, high = float(found["low"]), float(found["high"] or "inf")
    numbers = (float(value) for part in question.numbers for value in part if _PLAIN_NUMBER.fullmatch(str(value)))
    return any(low <= number < high for number in numbers)


# --- what must not be missing ----------------------------------------------------------------------------------------


def _vetoes(question: Asked, words: Sequence[Word], bag: Bag, shares: Sequence[float]) -> float:
    text = bag.statement.text
    if _FOOTER_OPENS.match(text) and not _FOOTER_OPENS.search(question.text):
        return VETO
    if contradicts(question, bag):
        return VETO
    where = {base(term) for word in _IN_A_PLACE.findall(question.text) for term in terms(word)[:1]}
    if any(word.whole in where and word.used and not share for word, share in zip(words, shares, strict=True)):
        return VETO
    if _ROLE_ASKED.match(question.text) and not names_somebody(question, text):
        return VETO
    return _NO_HEAD * _lacks_head(question, words, bag, shares) + _WRONG_KIND * _of_another_kind(question, words, bag)


def _lacks_head(question: Asked, words: Sequence[Word], bag: Bag, shares: Sequence[float]) -> bool:
    """Say whether what is asked for, as `password` in `the password for the wiki`, is nowhere near the statement."""
    found = _HEAD.match(question.text)
    if found is None or question.expected not in _SAID_BY_NAME or names_row(question, words, bag):
        return False
    head = bases(found["of"] or found["own"])
    return any(word.whole in head and share < _NEAR for word, share in zip(words, shares, strict=True))


def _of_another_kind(question: Asked, words: Sequence[Word], bag: Bag) -> bool:
    told = fits(question, bag.statement) > 0 or names_row(question, words, bag)
    return not told and question.expected in _KINDS_TOLD


def contradicts(question: Asked, bag: Bag) -> bool:
    """Say whether a statement speaks of another thing of the same kind than the question."""
    text = bag.statement.text
    return _with_and_without(question.text, text) or _another_one(question.text, text)


def _another_one(question: str, text: str) -> bool:
    """Say whether a text speaks of `priority-one` where the question has `priority-two`."""
    for left, right in _PAIRED.findall(question):
        other = rf"\b{left}[-_](?!{right}\b)\w+|\b(?!{left}[-_])[a-z]+[-_]{right}\b"
        if re.search(other, text, re.IGNORECASE) and not re.search(rf"\b{left}[-_ ]{right}", text, re.IGNORECASE):
            return True
    return False


def _with_and_without(question: str, text: str) -> bool:
    """Say whether one speaks of a thing with what the other speaks of without."""
    asked_for = {(fold(found["thing"]), fold(found["not"])) for found in _WITH.finditer(question)}
    said = {(fold(found["thing"]), fold(found["not"])) for found in _WITH.finditer(text)}
    things = {thing for thing, _ in asked_for} & {thing for thing, _ in said}
    return any(
        not {way for thing, way in asked_for if thing == one} & {way for thing, way in said if thing == one}
        for one in things
    )


# --- what is X? ------------------------------------------------------------------------------------------------------


def defined(text: str) -> str:
    """Return what a question wants defined, or nothing."""
    found = _DEFINITION.match(text)
    subject = (found["subject"] or found["word"]).strip(" \"'“”`") if found else ""
    return "" if _NO_SUBJECT.search(subject) or re.search(r"['’]s?\b", subject) else subject


def _definition(question: Asked, bag: Bag) -> float:
    subject = defined(question.text)
    if not subject:
        return 0.0
    if _says_what(subject, bag):
        return _DEFINES
    return 0.0 if _title_is(subject, bag) else VETO


def _says_what(subject: str, bag: Bag) -> bool:
    """Say whether a statement opens with the subject and says what it is, names it, or explains it in passing."""
    name = rf"(?<!\w){re.escape(subject)}s?(?!\w)"
    forms = (
        rf"^(?:an?\s+|the\s+|our\s+)?{name}(?:\s*\([^)]*\))?(?:,| –|:|\s+(?:stands|refers|has|have)\b|\s+\()",
        rf"\b(?:is|are|called|named|known as|termed)\s+(?:the\s+|an?\s+)?{name}",
        rf"{name}\s+(?:is|are|was|were|means|stands for)\b",
        rf"\(\s*{name}\s*\)|{name}\s*\(",
        rf"{name},\s+(?:an?|the|our|which|who|when|where)\b",
    )
    return any(re.search(form, bag.statement.text, re.IGNORECASE) for form in forms)


def _title_is(subject: str, bag: Bag) -> bool:
    wanted = bases(subject)
    return bool(wanted) and wanted == bases(bag.statement.heading) - QUESTION_WORDS


# --- the title above -------------------------------------------------------------------------------------------------


def title(question: Asked, words: Sequence[Word], bag: Bag) -> float:
    """Favour what opens the section whose title says what the question says."""
    way = question.expected is Expected.WAY
    steps = way and bag.statement.form in (Form.LIST, Form.ITEM, Form.CODE)
    if not (bag.opens or steps) or (bag.statement.form is Form.ITEM and not steps):
        return 0.0
    fit = _title_fit(words, bag.heading) if _nothing_nearer(words, bag) else 0.0
    if fit >= (_TITLE_FITS_WAY if way else _TITLE_FITS):
        return (_TITLED_WAY if way else _TITLED) * fit
    return _PLACED_WAY if steps and bag.opens and all(held(word, bag.place) for word in words) else 0.0


def _nothing_nearer(words: Sequence[Word], bag: Bag) -> bool:
    """Say whether the statement holds all words of the question that the passage has and the title lacks."""
    if bag.statement.form is Form.ITEM:
        return True
    rest = [word for word in words if word.weight > _SLIGHT and not held(word, bag.heading)]
    return all(held(word, bag.own | bag.lead) or not held(word, bag.around) for word in rest)


def _title_fit(words: Sequence[Word], heading: frozenset[str]) -> float:
    """Say how well title and question agree: the harmonic mean of what either holds of the other."""
    title = heading - QUESTION_WORDS
    matter = [word for word in words if word.whole not in QUESTION_WORDS]
    total = sum(word.weight for word in matter)
    if not title or not total:
        return 0.0
    ours = sum(word.weight * held(word, title) for word in matter) / total
    forms = {form for word in matter for form in (word.whole, *word.parts, *word.derived, *word.alike)}
    theirs = len(title & forms) / len(title)
    return 2 * ours * theirs / (ours + theirs) if ours + theirs else 0.0


# --- lists and rows --------------------------------------------------------------------------------------------------


def _shape(question: Asked, words: Sequence[Word], bag: Bag) -> float:
    statement = bag.statement
    if bag.task and (statement.form is Form.ITEM or question.expected not in _LIST_WANTED):
        return _TASK
    if _INSTRUCTION.match(question.text) and fits(question, statement) < _SOME_WAY:
        return _NO_WAY
    if names_row(question, words, bag):
        return _NAMED_ROW
    asked_for = {part for word in words for part in (word.whole, *word.parts)}
    titled = bag.lead | bag.heading
    unnamed = statement.form is Form.LIST and titled and not asked_for & titled
    return _UNNAMED_LIST if unnamed and question.expected in (Expected.ANYTHING, Expected.MEANING) else 0.0
