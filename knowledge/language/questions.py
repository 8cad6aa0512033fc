# ruff: noqa: RUF001 - typographic signs and words of several languages
"""What a question asks for: the kind of answer, the words that matter, the names and numbers to be met (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from knowledge.language.function_words import QUESTION_WORDS
from knowledge.language.lexical import fold, query_terms, terms
from knowledge.language.quantities import quantities


class Expected(StrEnum):
    """The kind of answer that a question asks for."""

    DATE = "date"
    FREQUENCY = "frequency"
    DURATION = "duration"
    NUMBER = "number"
    AMOUNT = "amount"
    MONEY = "money"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"
    WAY = "way"
    ADDRESS = "address"
    """A web or mail address, a telephone number, a channel."""
    YES_NO = "yes or no"
    MEANING = "meaning"
    """What something is."""
    ANYTHING = "anything"


def any_of(words: str) -> str:
    """Write a pattern for any of some words, separated by white space; an underscore stands for a space."""
    return f"(?:{'|'.join(word.replace('_', ' ') for word in words.split())})"


_IS = any_of("is are was were")
_DOES = any_of("do does did")
_PERSONS = any_of(
    "person people team department manager employee king queen president emperor scientist author architect engineer "
    "role group company organi[sz]ation man woman individual general leader"
)
_PLACES = any_of(
    "city country place location building room area region state town continent office floor folder directory file "
    "district street river"
)
_MEASURES = any_of(
    "percent\\w* amount rate price cost fee salary budget limit maximum minimum allowance population number total size "
    "ratio speed temperature area height weight"
)
_MONEY = any_of("price cost fee salary budget wage allowance bonus subsidy")
_TIMES = any_of("time date day year month century decade season")

_KINDS: tuple[tuple[Expected, tuple[str, ...]], ...] = (
    (
        Expected.DURATION,
        (
            any_of("how_long how_soon how_quickly how_fast wie_lange combien_de_temps cu[aá]nto_tiempo cu[aá]nto_dura"),
            rf"what (?:{_IS} )?(?:the )?(?:\w+ )?{any_of('duration length_of_time notice_period retention_period')}",
            rf"for how many {any_of('days weeks months years hours')}",
        ),
    ),
    (
        Expected.FREQUENCY,
        (any_of("how_often how_frequently how_many_times at_what_intervals? wie_oft [aà]_quelle_fr[eé]quence"),),
    ),
    (
        Expected.DATE,
        (
            any_of("when since_when until_when by_when wann um_wie_?viel_uhr bis_wann ab_wann quand [àa]_quelle_heure"),
            any_of("cu[aá]ndo a_qu[eé]_hora"),
            rf"what {any_of('time date day days year month century decade season weekday hours')}\b",
            rf"(?:in|on|at|during|by) (?:what|which) {_TIMES}",
            rf"which {any_of('year month day date century weekday')}",
            rf"what {_IS} the (?:\w+ )?{any_of('deadline date due_date cutoff')}",
        ),
    ),
    (
        Expected.NUMBER,
        (
            any_of("how_many what_number_of wie_?viele combien_de cu[aá]nt[oa]s"),
            r"(?:number|count) of .{1,60}\?$",
        ),
    ),
    (
        Expected.MONEY,
        (
            rf"how much (?:{_DOES}|{_IS}|will|would) .{{1,60}}\b{any_of('cost paid pay earn charge[ds]?')}\b",
            rf"how (?:much|expensive)\b.{{0,40}}\b(?:{_MONEY}|money|spend|earn|pay)\b",
            rf"what {_DOES} .{{1,60}} cost",
            rf"what {_IS} (?:the |my |our )?(?:[\w'’]+ ){{0,3}}{_MONEY}\b",
            any_of("was_kostet wie_?viel_kostet wie_teuer combien_co[uû]te cu[aá]nto_cuesta"),
        ),
    ),
    (
        Expected.ADDRESS,
        (rf"what {_IS} .{{0,40}}\b{any_of('phone telephone')}(?: number)?\b",),
    ),
    (
        Expected.AMOUNT,
        (
            rf"how {any_of('much big large high tall far deep heavy wide hot cold old')}",
            rf"what (?:{_MEASURES}|proportion|share|fraction|age|percentage)\b",
            rf"what {_IS} the (?:\w+ ){{0,2}}{_MEASURES}\b",
            rf"what {_IS} the (?:\w+ ){{1,2}}{any_of('time timeout delay interval')}\b",
            rf"wie ?viel(?! uhr)\b|wie {any_of('hoch gro(?:ß|ss) teuer alt weit')}|combien|cu[aá]nt[oa]\b",
        ),
    ),
    (
        Expected.ADDRESS,
        (
            rf"what {_IS} .{{0,60}}\b"
            + any_of(
                "url link address e-?mail phone telephone number_to_call hotline extension channel password port ip"
            )
            + r"\b",
            rf"(?:which|what) {any_of('e-?mail url address channel phone_number port number')}\b",
        ),
    ),
    (
        Expected.PERSON,
        (
            any_of("who whom whose wer wem wen wessen qui [àa]_qui qui[eé]n(?:es)?") + r"\b",
            rf"(?:which|what) {_PERSONS}\b",
        ),
    ),
    (
        Expected.PLACE,
        (
            any_of("where wherein wo wohin woher o[uù] d[oó]nde") + r"\b",
            rf"(?:in|at|on|to|from|near) (?:what|which) {_PLACES}\b",
            rf"(?:which|what) {any_of('city country room building location office place state town folder')}\b",
        ),
    ),
    (
        Expected.REASON,
        (
            any_of("why for_what_reason for_what_purpose warum wieso weshalb pourquoi por_qu[eé]"),
            rf"what {_IS} the cause",
        ),
    ),
    (
        Expected.WAY,
        (
            rf"how {any_of('do does did can could should to would is are was were must will')}",
            any_of("what_steps what_is_the_process what_is_the_procedure what_do_i_need_to_do comment c[oó]mo"),
            rf"wie {any_of('kann muss soll macht mache beantrage geht wird werden ist sind ich')}",
        ),
    ),
    (
        Expected.YES_NO,
        (
            any_of(
                "is are was were do does did can could may must should will would has have had am isn't aren't don't"
            )
            + r"\s+\w+",
            any_of("kann darf muss ist sind gibt habe hat haben wird werden soll") + r" \w+",
            any_of("est-ce_que puis-je peut-on puedo se_puede hay_que"),
        ),
    ),
    (
        Expected.MEANING,
        (
            rf"what {_IS} (?:an? |the )?[\w`'’. -]{{2,60}}\??$",
            r"what does .{2,60} (?:mean|stand for)",
            any_of("was_ist was_bedeutet was_sind qu'est-ce_qu qu[eé]_es qu[eé]_son"),
        ),
    ),
)
_OPENS = r"(?:^|[,;:.?!] |\band |\bund |^(?:in|on|at|by|to|from|for|of) )\s*"
_SPECIFIC = frozenset(
    (Expected.DURATION, Expected.DATE, Expected.AMOUNT, Expected.NUMBER, Expected.PERSON, Expected.PLACE)
)
"""Kinds whose question words are looked for within a sentence too, when it opens with none."""
_PATTERNS = tuple((kind, re.compile(rf"{_OPENS}(?:{'|'.join(forms)})(?!\w)", re.IGNORECASE)) for kind, forms in _KINDS)
_ANYWHERE = tuple(
    (kind, re.compile(rf"\b(?:{'|'.join(forms)})(?!\w)", re.IGNORECASE)) for kind, forms in _KINDS if kind in _SPECIFIC
)
_SLOT_WORDS = frozenset(
    """
    year years date day days month months time times number numbers percent percentage proportion amount kind
    kinds type types sort name names named called call many much long often person people place places location
    city country reason reasons way ways happen happened occur occurred purpose example examples thing things
    mean meaning term word known first last main some exactly currently current actual really specific process
    procedure steps step need want tell explain describe give list find show us one ones use used refer referred
    title far big large high tall deep old fast quickly soon frequently wide heavy ahead come comes go goes ask
    asked happens deadline phone telephone e-mail email address url link viel viele oft lange hoch heisst jours
    tage dias
    """.split()
)
"""Words that name the kind of answer, or next to nothing: they need not stand in the sentence that answers."""
_NEGATION = re.compile(
    r"\b(?:not|never|no longer|without|cannot|nor|neither|none|nobody|nicht|kein\w*|nie|ne|pas|nunca)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOW = re.compile(r"\b(?:this|last|next|previous|coming) (week|month|quarter|year|semester|season)\b", re.IGNORECASE)
"""A time that moves with the asker: a document that answers says it too."""
_NOUNS_CAPITAL = re.compile(
    r"\b(?:wie|was|wer|wann|wo|der|die|das|den|dem|ich|gibt|ist|muss|kann|darf|für|bei)\b", re.IGNORECASE
)
"""German: capitals say nothing there."""
_NAME = re.compile(r"[^\W\d_][\w’'-]*")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, taken apart."""

    text: str
    expected: Expected
    words: tuple[tuple[str, ...], ...]
    """Each word that matters, as its terms (an identifier has several); first the whole."""
    surface: tuple[str, ...]
    """The same words as written, folded."""
    slots: tuple[bool, ...]
    """True for a word that names the kind of answer rather than its subject."""
    names: tuple[bool, ...]
    """True for a word that is a name, an identifier or a number: another one is not as good."""
    negated: bool
    numbers: tuple[frozenset[str], ...]
    """Values that the question itself states."""


def asked(text: str) -> Asked:
    """Take a question apart."""
    found = _content_words(text)
    folded = tuple(fold(word) for word in found)
    deictic = {fold(match[1]) for match in _NOW.finditer(text)}
    names = _names(text)
    return Asked(
        text=text,
        expected=expected(text),
        words=tuple(tuple(dict.fromkeys(terms(word))) for word in found),
        surface=folded,
        slots=tuple(word in _SLOT_WORDS and word not in deictic for word in folded),
        names=tuple(word in names or _is_number(word) for word in folded),
        negated=_NEGATION.search(text) is not None,
        numbers=tuple(part for quantity in quantities(text) if quantity.kind != "loose" for part in quantity.parts),
    )


def expected(text: str) -> Expected:
    """Say which kind of answer a question asks for: the first question word that opens a clause decides."""
    text = " ".join(text.split())
    opening = [
        (match.start(), number, kind) for number, (kind, form) in enumerate(_PATTERNS) if (match := form.search(text))
    ]
    if opening:
        return min(opening)[2]
    return next((kind for kind, form in _ANYWHERE if form.search(text)), Expected.ANYTHING)


def negated(text: str) -> bool:
    """Say whether a text denies something."""
    return _NEGATION.search(text) is not None


def _is_number(word: str) -> bool:
    """Say whether a word is, or like `priority-two` holds, a number."""
    return any(character.isdigit() for character in word) or any(
        found.kind == "word" for piece in re.split(r"[-_]", word) for found in quantities(piece)
    )


def _content_words(text: str) -> list[str]:
    """Return the words that name something, each once, in order; all words when none does."""
    naming = set(query_terms(text))
    found: dict[str, str] = {}
    for raw in text.split():
        word = raw.strip("?!.,;:()[]{}\"'“”‘’„«»*`")
        own = terms(word)
        if own and naming.issuperset(own[:1]) and fold(word) not in QUESTION_WORDS:
            found.setdefault(fold(word), word)
    return list(found.values()) or text.split()


def _names(text: str) -> frozenset[str]:
    """Return the folded words that are written as names: capitals within the sentence or the word, code."""
    matches = list(_NAME.finditer(text))
    inner = [match[0] for match in matches[1:] if match[0][0].isupper()]
    if len(inner) > 0.7 * len(matches) > 3 or _NOUNS_CAPITAL.search(text):
        inner = []
    shaped = [match[0] for match in matches if any(letter.isupper() for letter in match[0][1:])]
    code = [piece for match in re.findall(r"`([^`]+)`", text) for piece in match.split()]
    return frozenset(fold(word) for word in [*inner, *shaped, *code]) - QUESTION_WORDS
