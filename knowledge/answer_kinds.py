"""Is a statement the kind of answer that a question asks for: a date for when, a number for how many? (pure)"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from knowledge.lexical import fold
from knowledge.quantities import Quantity, quantities
from knowledge.questions import Asked, Expected
from knowledge.statements import Form, Statement
from knowledge.word_families import bases

_WEEKDAY = (
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:mon|diens|donners|frei|sams|sonn)tags?|mittwochs?|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|"
    r"lunes|martes|miércoles|jueves|viernes|sábado|domingo"
)
_MONTH = (
    r"january|february|march|april|june|july|august|september|october|november|december|januar|februar|märz|juni|juli|oktober|dezember|janvier|février|"
    r"juin|juillet|août|décembre|enero|febrero|junio|julio|agosto|diciembre"
)
_DATE = re.compile(
    rf"\b(?:1[0-9]|20)\d\ds?\b|\b(?:\d{{1,2}}(?:th|st|nd|rd)|\w+teenth|\w+tieth|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\s+"
    rf"(?:century|day|week|month|quarter|of)|\d+(?:st|nd|rd|th)\b|\b\d{{3,4}}\s?(?:bc|ad|bce|ce)\b|\b(?:{_WEEKDAY}|{_MONTH})\b|"
    r"\b\d{1,2}:\d\d\b|\b\d{1,2}\s*[ap]\.?m\b|\b(?:within|no later than|at the latest|by the|(?:at|by|until|after|before) the (?:end|beginning|start)|end of|"
    r"start of|beginning of|midnight|noon|spring|summer|autumn|winter|century|immediately|at once|today)\b|"
    r"\b(?:after|before|every|for|in|\d+)\s+(?:\w+\s+){0,2}(?:minutes?|hours?|days?|weeks?|months?|years?)\b",
    re.IGNORECASE,
)
_LOOSE_DATE = re.compile(
    r"\b(?:before|after|until|since|during|when|while|as soon|once|following|later|earlier|early|late|from|bis|vor|nach|ab|sobald|avant|après|dès|antes|después|"
    r"hasta|never|always|any time|anytime)\b",
    re.IGNORECASE,
)
_OFTEN = re.compile(
    r"\b(?:daily|weekly|monthly|quarterly|annually|yearly|hourly|nightly|every|each|once|twice|times|per|regularly|always|never|rarely|sometimes|often|"
    r"jede[nrsm]?|täglich|wöchentlich|monatlich|jährlich|chaque|par|cada|a (?:day|week|month|year|quarter))\b",
    re.IGNORECASE,
)
_MONEY_WORDS = re.compile(
    r"[$€£¥]|\b(?:euros?|eur|dollars?|usd|pounds?|gbp|francs?|chf|yen|cents?|kronor|rupees?|shillings?|marks?|million|billion|free|unpaid|paid|salary|percent|"
    r"kostenlos|gratuit|gratis)\b|%",
    re.IGNORECASE,
)
_UNIT = (
    r"(?:milli|micro)?(?:second|minute|hour|day|night|week|month|quarter|year|decade|century|centurie|semester|term|sekunde|minute|stunde|tag|woche|monat|jahr)"
    r"(?:s|e|en|n)?\b|(?:jours?|semaines?|mois|ans?|heures?|días?|semanas?|mes(?:es)?|años?|horas?)\b|(?:ms|min|h)\b"
)
_DURATION = re.compile(
    rf"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|several|few|many|an?|ein\w*|zwei|drei|sechs|zwölf)\b)[\w.,]*[\s-]+"
    rf"(?:\w+[\s-]+){{0,2}}(?:{_UNIT})|\b(?:permanent|indefinite|forever|until|immediately|at once|unlimited|long|from .{{1,40}} to)\b",
    re.IGNORECASE,
)
_SOME_NUMBER = re.compile(
    r"\b(?:one|a|an|no|none|both|all|several|few|unlimited|half|single|pair|couple|hundreds?|thousands?|millions?|billions?|majority|twice|once|ein\w*|kein\w*)\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"[$€£¥%°]|\b(?:free|percent|per cent|prozent|gratis|kostenlos|unpaid|half|third|quarter|double|unlimited|fully|full)\b",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"\b(?:team|manager|lead|leader|department|officer|hr|people|director|head|council|committee|board|chair\w*|owner|admin\w*|staff|employees?|"
    r"everyone|everybody|anyone|anybody|nobody|colleagues?|customers?|users?|recruiter|engineers?|reception|desk|parents?|doctors?|teachers?|students?|"
    r"scientists?|researchers?|authors?|king|queen|emperor|president|minister|government|parliament|court|company|group|members?|settlers|army|"
    r"workers?|leitung|teamleitung|abteilung|chef\w*|responsable|équipe|equipo|jefe|\w+(?:ists|ians|ers|ors|men))\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"https?://|#[a-z]|(?<!\w)/\w+|\b(?:room|floor|building|street|page|section|tab|menu|folder|office|headquarters|reception|desk|city|country|region|"
    r"north|south|east|west\w*|northern|southern|eastern|coast|island|river|raum|zimmer|stock|bureau|salle|oficina|sala)\b|"
    r"\b(?:in|at|on|near|from|under|inside|outside|into|through|to|across|along|between|throughout|around|im|am|auf|bei|unter|dans|à|en|sur|au)\s+"
    rf"(?!(?:1[0-9]|20)\d\d|\d|(?:{_MONTH}|{_WEEKDAY})\b|(?:order|addition|case|general|particular|time|turn|which|total|fact|contrast|other|least|first|"
    r"least|all|average|once|what|be|do|have|his|her|their|its)\b)\w",
    re.IGNORECASE,
)
_ADDRESSED = re.compile(
    r"https?://|\bwww\.|\S+@\S+|#[a-z]|\d{3,}|:\s*\S|`|called|named|is the|at reception", re.IGNORECASE
)
_BECAUSE = re.compile(
    r"\b(?:because|since|due|so that|so as|in order|therefore|thus|hence|reason|caused?|causes|leads?|led|result\w*|as|to|for|by|if|when|"
    r"weil|da|damit|denn|wegen|aufgrund|car|parce|porque|pour|para)\b",
    re.IGNORECASE,
)
_PROPER = re.compile(r"(?<!\bin )(?<!\bat )(?<!\bnear )(?<!\bfrom )(?<![.!?:]\s)(?<!^)\b[^\W\d_a-z][\w’'-]+")


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


def _found(pattern: re.Pattern[str]) -> Callable[[Asked, Statement], float]:
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
    if not numbers:
        return 0.5 if _SOME_NUMBER.search(statement.text) else 0.0
    counted = _COUNTED.search(question.text)
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
    if _MONEY_WORDS.search(f"{statement.lead} {statement.text}"):
        return _says_how_much(question, statement)
    return 0.0


def _says_who(question: Asked, statement: Statement) -> float:
    known = frozenset(question.surface)
    names = (name for name in _PROPER.findall(statement.text) if not _CALENDAR.fullmatch(name) and not name.isupper())
    if any(fold(name) not in known for name in names):
        return 1.0
    return 1.0 if any(fold(role) not in known for role in _ROLE.findall(statement.text)) else 0.0


def _says_how(_: Asked, statement: Statement) -> float:
    """Steps, commands, orders, or a sentence that names a means."""
    if statement.form in (Form.CODE, Form.LIST) or "`" in statement.text:
        return 1.0
    return 1.0 if _ORDER.match(statement.text) or _MEANS.search(statement.text) else 0.4


_CALENDAR = re.compile(rf"{_WEEKDAY}|{_MONTH}|may", re.IGNORECASE)
_COUNTED = re.compile(
    r"(?:how many|what number of|wie ?viele|combien de|cu[aá]nt[oa]s)\s+(?:of the |different |other |total )?([^\W\d_]+)",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:please |first,? |then |simply |just )?(?:add|apply|ask|book|call|check|choose|click|close|complete|configure|connect|contact|copy|create|download|drag|"
    r"edit|email|enter|file|fill|find|follow|go|hold|install|join|launch|log|make|move|navigate|open|pay|pick|press|pull|push|put|read|register|remove|"
    r"replace|report|request|reset|restart|return|run|save|scan|search|select|send|set|sign|start|stop|submit|switch|take|talk|tell|turn|type|unplug|update|"
    r"upload|use|visit|wait|write|öffne\w*|wähle\w*|klicke\w*|sende\w*)\b",
    re.IGNORECASE,
)
_MEANS = re.compile(
    r"\b(?:by|with|using|through|via|must|need to|needs to|have to|has to|should|is done|are done|can be|to|first|then|when|allows?|durch|mit|über|muss|müssen|"
    r"avec|par|doit|doivent|mediante|con|debe)\b",
    re.IGNORECASE,
)
_TESTS: Mapping[Expected, Callable[[Asked, Statement], float]] = {
    Expected.DATE: _says_when,
    Expected.FREQUENCY: _found(_OFTEN),
    Expected.DURATION: _found(_DURATION),
    Expected.NUMBER: _says_how_many,
    Expected.AMOUNT: _says_how_much,
    Expected.MONEY: _says_money,
    Expected.PERSON: _says_who,
    Expected.PLACE: _found(_WHERE),
    Expected.ADDRESS: _found(_ADDRESSED),
    Expected.REASON: _found(_BECAUSE),
    Expected.WAY: _says_how,
}
