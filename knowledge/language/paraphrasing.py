"""Paraphrasing: do two questions ask for the same thing, so that the answer to one answers the other? (pure).

Vectors alone cannot tell: "how do I encrypt the disk" and "how do I decrypt it" are nearer to each other than many
questions that mean the same. So a near vector only makes a candidate, and every word that matters must have its
counterpart. Whoever is wrong here gets somebody else's answer: in doubt it is another question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from knowledge.language.lexical import fold, terms
from knowledge.language.questions import Asked, Expected, asked
from knowledge.language.word_families import base, bases, derived, opposites

NEAR: Mapping[str, float] = MappingProxyType({"wordllama": 0.6})
"""Cosine from which two questions are worth comparing, by the first word of the embedder's name."""
USUALLY_NEAR = 0.7

_LIGHT = frozenset(
    base(term)
    for word in """
    year years yearly day days date time times hour hours number numbers percent proportion amount kind kinds type
    types sort name names called many much long often person people place places location reason reasons way ways
    exact exactly actual actually currently current really specific procedure process step steps need want tell list
    find us mean meaning term word known big large high tall deep new far fast quickly soon frequently please per
    each any every own take make made have has get got keep kept receive turn period environment maximum max during
    team machine member members bring zeiten must should shall may can could would allowed possible required require
    able there here one ones use used say says company our my i we you me your within until by of for from forget
    forgot follow exist exists responsible question help know where when who what how which why whom whose wie viele
    viel oft lange hoch bekomme habe haben gibt kann muss darf man ich wir tage tag jour jours dias
    """.split()
    for term in terms(word)
)
"""Words that a question may have more or fewer of without asking for something else."""
_HEAVY = frozenset(base(terms(word)[0]) for word in "before after above below under without".split())
"""Small words that turn a question into another one."""
_SAME = """
leave vacation holiday holidays pto
request apply ask get receive obtain
salary salaries wage wages pay payment paid
ill sick illness sickness unwell
laptop notebook
wifi wlan wireless
phone telephone
cost costs price expensive
begin begins start starts
end ends finish
boss manager supervisor
visitor visitors guest guests
book reserve
buy purchase
order ordered
reimburse reimbursed refund refunded
maximum max limit
minimum min
forbidden prohibited banned
send submit
delete remove erase
fix repair
abroad overseas
contact ask
doctor physician
bill invoice
mandatory required obligatory necessary
store stored keep kept
support supported
allowance subsidy diem
daily diem
colour colors color colours
largest maximum
size large big
location located place
deadline until
log logs
staging stage
urgency urgent
retention kept keep
off vacation
url link address
desk helpdesk
sign signed signature
urlaub ferien
krank krankheit
"""
_KINDS = (
    frozenset((Expected.NUMBER, Expected.AMOUNT)),
    frozenset((Expected.AMOUNT, Expected.MONEY)),
    frozenset((Expected.WAY, Expected.PLACE, Expected.ADDRESS)),
    frozenset((Expected.DATE, Expected.DURATION)),
)
"""Kinds of answers that one and the same thing is asked for with."""
_WHICH = re.compile(r"\bwhich\b", re.IGNORECASE)
_LOOSE = frozenset((Expected.ANYTHING, Expected.MEANING))


def near(embedder: str) -> float:
    """Return the cosine from which questions are compared with the embedder of this name."""
    return NEAR.get(embedder.split("-", 1)[0], USUALLY_NEAR)


def same_question(one: str, other: str) -> bool:
    """Say whether an answer to one question answers the other; their vectors are near already."""
    if _plain(one) == _plain(other):
        return True
    first, second = asked(one), asked(other)
    if first.negated != second.negated or set(first.numbers) != set(second.numbers):
        return False
    if not _kinds_agree(first, second):
        return False
    words, others = _words(first), _words(second)
    return (
        bool(words and others) and _carried(words, second) and _carried(others, first) and not _opposed(words, others)
    )


def _plain(text: str) -> str:
    return " ".join(fold(text).split()).rstrip(" ?!.")


def _kinds_agree(one: Asked, other: Asked) -> bool:
    kinds = {one.expected, other.expected}
    if len(kinds) == 1 or any(kinds <= group for group in (*_KINDS, _LOOSE)):
        return True
    if not kinds & _LOOSE or Expected.REASON in kinds:
        return False
    # "What is …" asks for the thing itself, unless it names the kind, as in "what is the way to …".
    loose = one if one.expected in _LOOSE else other
    if _WHICH.search(loose.text):
        return False
    return Expected.ANYTHING in kinds or bool(_all_words(loose) - _words(loose))


def _words(question: Asked) -> frozenset[str]:
    """The words that must have a counterpart."""
    return (_all_words(question) - _LIGHT) | (bases(question.text) & _HEAVY)


def _all_words(question: Asked) -> frozenset[str]:
    return frozenset(base(word[0]) for word in question.words if word)


def _carried(words: frozenset[str], other: Asked) -> bool:
    """Say whether each word has a counterpart in the other question."""
    there = bases(other.text)
    return all(word in there or _counterparts(word) & there or derived(word, there) for word in words)


def _opposed(words: frozenset[str], others: frozenset[str]) -> bool:
    return any(opposites(word) & (others - words) for word in words - others)


def _counterparts(word: str) -> frozenset[str]:
    return _groups().get(word, frozenset())


@lru_cache(1)
def _groups() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _SAME.split("\n"):
        group = {base(terms(word)[0]) for word in line.split()}
        for word in group:
            found.setdefault(word, set()).update(group)
    return {word: frozenset(others - {word}) for word, others in found.items()}
