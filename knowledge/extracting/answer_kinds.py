"""Is a statement the kind of answer that a question asks for: a date for when, a number for how many? Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from knowledge.language.lexical import fold
from knowledge.language.quantities import Quantity, quantities
from knowledge.language.questions import Asked, Expected, any_of
from knowledge.language.statements import Form, Statement
from knowledge.language.word_families import bases

_WEEKDAY = any_of(
    "(?:mon|tues|wednes|thurs|fri|satur|sun)days? (?:mon|diens|donners|frei|sams|sonn)tags? mittwochs? "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo"
)
_MONTH = any_of(
    "january february march april june july august september october november december januar februar märz juni juli "
    "oktober dezember janvier février juin juillet août décembre enero febrero junio julio agosto diciembre"
)
_ORDINAL = any_of(
    "\\d{1,2}(?:th|st|nd|rd) \\w+teenth \\w+tieth first second third fourth fifth sixth seventh eighth ninth"
)
_SPAN = any_of("minutes? hours? days? weeks? months? years?")
_DATE = re.compile(
    "|".join(
        (
            r"\b(?:1[0-9]|20)\d\ds?\b",
            rf"\b{_ORDINAL}\s+{any_of('century day week month quarter of')}",
            r"\d+(?:st|nd|rd|th)\b",
            r"\b\d{3,4}\s?(?:bc|ad|bce|ce)\b",
            rf"\b(?:{_WEEKDAY}|{_MONTH})\b",
            r"\b\d{1,2}:\d\d\b|\b\d{1,2}\s*[ap]\.?m\b",
            rf"\b{any_of('within no_later_than at_the_latest by_the midnight noon spring summer autumn winter')}\b",
            rf"\b{any_of('century immediately at_once today end_of start_of beginning_of')}\b",
            rf"\b(?:at|by|until|after|before) the {any_of('end beginning start')}\b",
            rf"\b(?:after|before|every|for|in|\d+)\s+(?:\w+\s+){{0,2}}{_SPAN}\b",
        )
    ),
    re.IGNORECASE,
)


def _word(words: str, *others: str) -> re.Pattern[str]:
    """Return a pattern that finds any of some whole words, or of other patterns."""
    return re.compile("|".join((rf"\b{any_of(words)}\b", *others)), re.IGNORECASE)


_LOOSE_DATE = _word(
    "before after until since during when while as_soon once following later earlier early late from bis vor nach ab "
    "sobald avant après dès antes después hasta never always any_time anytime"
)
_OFTEN = _word(
    "daily weekly monthly quarterly annually yearly hourly nightly every each once twice times per regularly always "
    "never rarely sometimes often jede[nrsm]? täglich wöchentlich monatlich jährlich chaque par cada "
    "a_(?:day|week|month|year|quarter)"
)
_MONEY = _word(
    "euros? eur dollars? usd pounds? gbp francs? chf yen cents? kronor rupees? shillings? marks? million billion free "
    "unpaid paid salary percent kostenlos gratuit gratis",
    "[$€£¥%]",
)
_UNIT = any_of(
    "(?:(?:milli|micro)?(?:second|minute|hour|day|night|week|month|quarter|year|decade|century|centurie|semester|term|"
    "sekunde|minute|stunde|tag|woche|monat|jahr)(?:s|e|en|n)?) jours? semaines? mois ans? heures? días? semanas? "
    "mes(?:es)? años? horas? ms min h"
)
_FEW = any_of(
    "one two three four five six seven eight nine ten eleven twelve half several few many an? ein\\w* zwei drei sechs "
    "zwölf"
)
_DURATION = _word(
    "permanent indefinite forever until immediately at_once unlimited long from_.{1,40}_to",
    rf"(?:\d|\b{_FEW}\b)[\w.,]*[\s-]+(?:\w+[\s-]+){{0,2}}{_UNIT}\b",
)
_SOME_NUMBER = _word(
    "one no none nobody both all several few unlimited half single pair couple hundreds? thousands? millions? "
    "billions? majority twice once ein\\w* kein\\w*"
)
_AMOUNT = _word(
    "free percent per_cent prozent gratis kostenlos unpaid half third quarter double unlimited fully full", "[$€£¥%°]"
)
_ROLE = _word(
    "team manager lead leader department officer hr people director head council committee board chair\\w* owner "
    "admin\\w* staff employees? everyone everybody anyone anybody nobody colleagues? customers? users? recruiter "
    "engineers? reception desk parents? doctors? teachers? students? scientists? researchers? authors? king queen "
    "emperor president minister government parliament court company group members? settlers army workers? leitung "
    "teamleitung abteilung chef\\w* responsable équipe equipo jefe \\w+(?:ists|ians|ers|ors|men)"
)
_HEADCOUNT = re.compile(r"\b\d+\s+(?:people|employees|members|users|customers|engineers|colleagues)\b", re.IGNORECASE)
_NO_PLACE = any_of(
    "order addition case general particular time turn which total fact contrast other least first all average once "
    "what be do have his her their its"
)
_WHERE = _word(
    "room floor building street page section tab menu folder office headquarters reception desk city country region "
    "north south east west\\w* northern southern eastern coast island river raum zimmer stock bureau salle oficina "
    "sala",
    r"https?://|#[a-z]|(?<!\w)/\w+",
    rf"\b{any_of('in at on near from under inside outside into through to across along between throughout around')}\s+"
    rf"(?!(?:1[0-9]|20)\d\d|\d|(?:{_MONTH}|{_WEEKDAY}|{_NO_PLACE})\b)\w",
    rf"\b{any_of('im am auf bei unter dans à en sur au')}\s+\w",
)
_ADDRESSED = re.compile(r"https?://|\bwww\.|\S+@\S+|#[a-z]|\d{3,}|:\s*\S|`|\b(?:called|named|is|are)\b", re.IGNORECASE)
_TELEPHONE = re.compile(r"\b(?:tele)?phone(?: number)?\b|\bhotline\b|\bnumber to call\b", re.IGNORECASE)
_DIALLED = re.compile(r"\b(?:ext|extension|tel|phone|call|dial|hotline)\b|\+?\d[\d /()-]{5,}\d", re.IGNORECASE)
_TYPED = re.compile(r"(?:^|\s)/[a-z]\w+|\b(?:types|runs|presses|enters|clicks)\b", re.IGNORECASE)
_BECAUSE = _word(
    "because since due so_that in_order therefore thus hence reason caused? causes leads? led result\\w* as to for by "
    "if when weil da damit denn wegen aufgrund car parce porque pour para"
)
_PROPER = re.compile(r"(?<!\bin )(?<!\bat )(?<!\bnear )(?<!\bfrom )(?<![.!?:]\s)(?<!^)\b[^\W\d_a-z][\w\u2019'-]+")
_CALENDAR = re.compile(rf"{_WEEKDAY}|{_MONTH}|may", re.IGNORECASE)
_COUNTED = re.compile(
    rf"{any_of('how_many what_number_of wie_?viele combien_de cu[aá]nt[oa]s')}\s+"
    r"(?:of the |different |other |total )?([^\W\d_]+)",
    re.IGNORECASE,
)
_VERBS = any_of(
    "add apply ask book call check choose click close complete configure connect contact copy create download drag "
    "edit email enter file fill find follow go hold install join launch log make move navigate open pay pick press "
    "pull push put read register remove replace report request reset restart return run save scan search select send "
    "set sign start stop submit switch take talk tell turn type unplug update upload use visit wait write öffne\\w* "
    "wähle\\w* klicke\\w* sende\\w*"
)
_ORDER = re.compile(rf"(?:please |first,? |then |simply |just )?{_VERBS}\b", re.IGNORECASE)
_MEANS = _word(
    "by with using through via must need_to needs_to have_to has_to should is_done are_done can_be to first then when "
    "allows? durch mit über muss müssen avec par doit doivent mediante con debe"
)


def fits(question: Asked, statement: Statement) -> float:
    """Say whether a statement holds the kind of thing that is asked for: 1 yes, 0 no, one half where any will do."""
    test = _TESTS.get(question.expected)
    if test is None:
        return 0.5
    return test(question, statement)


@lru_cache(4096)
def _numbers(text: str) -> tuple[Quantity, ...]:
    return tuple(quantities(text))


def _new_numbers(question: Asked, text: str) -> list[Quantity]:
    """Return the numbers of a text that the question did not already name."""
    stated = frozenset(value for part in question.numbers for value in part)
    return [found for found in _numbers(text) if not all(part & stated for part in found.parts)]


def _finds(pattern: re.Pattern[str]) -> Callable[[Asked, Statement], float]:
    return lambda _, statement: float(pattern.search(statement.text) is not None)


def _says_when(question: Asked, statement: Statement) -> float:
    if any(found.kind in ("date", "time") for found in _new_numbers(question, statement.text)) or _DATE.search(
        statement.text
    ):
        return 1.0
    return 0.6 if _LOOSE_DATE.search(statement.text) else 0.0


def _says_how_many(question: Asked, statement: Statement) -> float:
    """A number, best of all next to the thing that is counted."""
    numbers = [found for found in _new_numbers(question, statement.text) if found.kind in ("number", "word", "loose")]
    counted = _COUNTED.search(question.text)
    if not numbers:
        one = counted and re.search(
            rf"\ban?\s+(?:\w+\s+)?{re.escape(counted[1].rstrip('s'))}", statement.text, re.IGNORECASE
        )
        return 0.5 if one or _SOME_NUMBER.search(statement.text) else 0.0
    if counted is None or statement.form is Form.ROW:
        return 1.0
    thing = bases(counted[1])
    return 1.0 if any(thing & bases(_beside(statement.text, found)) for found in numbers) else 0.7


def _beside(text: str, number: Quantity) -> str:
    """Return the few words after a number, and one before."""
    return " ".join([*text[: number.start].split()[-1:], *text[number.end :].split()[:4]])


def _says_how_much(question: Asked, statement: Statement) -> float:
    text = statement.text
    numbers = any(found.kind in ("number", "word", "date", "name", "time") for found in _new_numbers(question, text))
    return 1.0 if numbers or _AMOUNT.search(text) else 0.0


def _says_money(question: Asked, statement: Statement) -> float:
    if _MONEY.search(f"{statement.lead} {statement.text}"):
        return _says_how_much(question, statement)
    return 0.0


def names_somebody(question: Asked, text: str) -> bool:
    """Say whether a text holds a name that the question does not."""
    known = frozenset(question.surface)
    names = (name for name in _PROPER.findall(text) if not _CALENDAR.fullmatch(name) and not name.isupper())
    return any(fold(name) not in known for name in names)


def _says_who(question: Asked, statement: Statement) -> float:
    if names_somebody(question, statement.text):
        return 1.0
    known = frozenset(question.surface)
    roles = _ROLE.findall(_HEADCOUNT.sub("", statement.text))
    return 1.0 if any(fold(role) not in known for role in roles) else 0.0


def _says_address(question: Asked, statement: Statement) -> float:
    """An address of any kind; of a telephone a number to dial."""
    pattern = _DIALLED if _TELEPHONE.search(question.text) else _ADDRESSED
    return float(pattern.search(statement.text) is not None)


def _says_how(_: Asked, statement: Statement) -> float:
    """Steps, commands, orders, or a sentence that names a means."""
    if statement.form in (Form.CODE, Form.LIST) or "`" in statement.text or _TYPED.search(statement.text):
        return 1.0
    return 1.0 if _ORDER.match(statement.text) or _MEANS.search(statement.text) else 0.1


_TESTS: Mapping[Expected, Callable[[Asked, Statement], float]] = {
    Expected.DATE: _says_when,
    Expected.FREQUENCY: _finds(_OFTEN),
    Expected.DURATION: _finds(_DURATION),
    Expected.NUMBER: _says_how_many,
    Expected.AMOUNT: _says_how_much,
    Expected.MONEY: _says_money,
    Expected.PERSON: _says_who,
    Expected.PLACE: _finds(_WHERE),
    Expected.ADDRESS: _says_address,
    Expected.REASON: _finds(_BECAUSE),
    Expected.WAY: _says_how,
}
