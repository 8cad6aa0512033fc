"""Does a statement say what is asked? Measures of it, and one calibrated score (pure)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from knowledge.lexical import QUESTION_WORDS, fold, terms
from knowledge.quantities import Quantity, quantities
from knowledge.questions import Asked, Expected, negated
from knowledge.statements import Form, Statement
from knowledge.types import Vectors

Frequency = Callable[[str], float]
"""The share of all chunks, 0..1, that hold a term as `lexical.terms` yields it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A statement with where it was found, and its words ready to compare."""

    statement: Statement
    passage: int
    """Index into the passages of the request."""
    rank: float
    """The passage's fused score, 0..1."""
    own: frozenset[str]
    lead: frozenset[str]
    near: frozenset[str]
    """Terms of the sentence before."""
    heading: frozenset[str]
    place: frozenset[str]
    """Terms of the document's title and heading path."""
    around: frozenset[str]
    """Terms of the whole passage."""


_LEAD, _HEADING, _BEFORE, _LEANING, _PLACE, _AROUND = 0.95, 0.85, 0.6, 0.85, 0.6, 0.35
"""What a question's word counts for when it stands not in the statement but in what the statement is bound to."""
_ALIKE = 0.75
"""What a word counts for when another one of the same meaning stands there."""
_SLOT = 0.25
"""Weight of a word that names the kind of answer."""
_USUAL = 0.5
"""Weight of a word that says little in any collection."""
_RAREST = 1e-4
_LEANS = re.compile(
    r"(?:it|this|that|these|those|they|he|she|its|their|his|her|such|both|there|then|however|but|so|also|er|sie|es|diese[rs]?|dies|"
    r"dort|il|elle|ils|cela|esto|este)\b",
    re.IGNORECASE,
)


_POINTS = re.compile(r"\b(?:it|its|this|that|these|those|they|them|their|he|she|his|her|him|such|es|sie|er|diese[rsn]?|ihn|elle|il|ils)\b", re.IGNORECASE)


def leans(text: str) -> bool:
    """Say whether a sentence opens with a word that points back to the one before."""
    return _LEANS.match(text) is not None


def weights(question: Asked, frequency: Frequency) -> tuple[float, ...]:
    """Weigh each word of the question: rare words count, words that name the kind of answer hardly do."""
    rarity = (min(max(0.3, -math.log(max(frequency(word[0]), _RAREST)) / 5), 1.5) if word else 0.0 for word in question.words)
    kinds = (
        _SLOT if slot else _USUAL if word and base(word[0]) in _common() else 1.0
        for word, slot in zip(question.words, question.slots, strict=True)
    )
    return tuple(weight * kind for weight, kind in zip(rarity, kinds, strict=True))


def matches(question: Asked, candidate: Candidate) -> tuple[float, ...]:
    """Say for each word of the question how well the statement, with what it is bound to, holds it: 0..1."""
    before = _LEANING if _POINTS.search(candidate.statement.text) else _BEFORE
    levels = (
        (1.0, candidate.own),
        (_LEAD, candidate.lead),
        (_HEADING, candidate.heading),
        (before, candidate.near),
        (_PLACE, candidate.place),
        (_AROUND, candidate.around),
    )
    return tuple(
        max(value * _held(word, found, exact=name) for value, found in levels)
        for word, name in zip(question.words, question.names, strict=True)
    )


def _held(word: Sequence[str], found: frozenset[str], *, exact: bool) -> float:
    """Say how much of a word stands among terms: of a compound its parts count too, of a name only all of them."""
    if not word or base(word[0]) in found or word[0] in found:
        return 1.0 if word else 0.0
    parts = word[1:]
    if not parts:
        return 0.85 if not exact and _kin(word[0], found) else 0.0
    share = sum(base(part) in found for part in parts) / len(parts)
    return 0.9 * share if not exact else 0.9 * (share == 1)


def covered(held: Sequence[float], weight: Sequence[float]) -> float:
    """Return the share of the question's weight that is held."""
    total = sum(weight)
    return sum(h * w for h, w in zip(held, weight, strict=True)) / total if total else 0.0


# --- words --------------------------------------------------------------------------------------------------------

_IRREGULAR = """
be been was were is are|become became|begin began begun|break broke broken|bring brought|build built|buy bought|catch caught|choose chose chosen choice|
come came|cost cost|cut cut|deal dealt|do did done|draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feel felt|
fight fought|find found|fly flew flown flight|forbid forbade forbidden|forget forgot forgotten|get got gotten|give gave given|go went gone|grow grew grown growth|
hear heard|hide hid hidden|hold held|keep kept|know knew known|lay laid|lead led|learn learnt|leave left|lend lent|let let|lose lost loss|make made|
mean meant|meet met|pay paid payment|put put|read read|ride rode ridden|ring rang rung|rise rose risen|run ran|say said|see saw seen|seek sought|sell sold sale|
send sent|set set|shoot shot|show shown|shut shut|sing sang sung|sink sank sunk|sit sat|sleep slept|speak spoke spoken speech|spend spent|stand stood|steal stole stolen|
stick stuck|strike struck|swear swore sworn|swim swam swum|take took taken|teach taught|tear tore torn|tell told|think thought|throw threw thrown|
understand understood|wake woke woken|wear wore worn|win won|write wrote written|die dead death|bear bore born birth|choose selection|
approve approval|arrive arrival|decide decision|permit permission|apply application applicant|member membership|able ability|long length|high height|
strong strength|wide width|deep depth|sick sickness|ill illness|pregnant pregnancy|safe safety|secure security|expire expiry|renew renewal|
person people|child children|man men|woman women|foot feet|life lives|half halves
""".replace("\n", "")
_COMMON = frozenset(
    """
    able add allow allowed also ask asked become begin believe belong bring call change come common consider contain different follow full general go
    going group happen help hold important include involve keep know large let like live located look major make many mean member move much need new
    number offer old open part people place play possible produce provide put reach really receive refer related require result right run say see
    serve set show small start state stay still take talk thing think time try turn type use used using various want way well word work world would
    write give given gave get got find found made make create cause lead left leave main most more less least other others first last next two three
    primary responsible describe considered associated purpose role effect affect allow good bad best great high low long short early late end
    function method class file code return returns value values object implement define
    """.split()
)
"""Words that say little whatever a small collection's frequencies say."""


@lru_cache(1)
def _bases() -> Mapping[str, str]:
    return {terms(form)[0]: terms(line.split()[0])[0] for line in _IRREGULAR.split("|") for form in line.split()}


@lru_cache(1)
def _common() -> frozenset[str]:
    return frozenset(base(terms(word)[0]) for word in _COMMON)


def base(term: str) -> str:
    """Return the term that stands for all forms of an irregular word."""
    return _bases().get(term, term)


def bases(text: str) -> frozenset[str]:
    """Return the terms of a text, irregular forms as one."""
    known = _bases()
    return frozenset(known.get(term, term) for term in terms(text))


def _kin(term: str, found: frozenset[str]) -> bool:
    """Say whether a derived form stands there: inventor for invent, founder for found."""
    return len(term) >= 4 and any(  # noqa: PLR2004
        abs(len(other) - len(term)) <= 4 and (other.startswith(term) or (len(other) >= 4 and term.startswith(other))) for other in found  # noqa: PLR2004
    )


# --- words of the same meaning ---------------------------------------------------------------------------------------

_GROUPS = """
vacation holiday holidays leave pto urlaub
salary salaries pay paid wage wages payment compensation remuneration
ill sick illness sickness unwell
laptop notebook computer machine
wifi wlan wireless wi-fi
phone telephone mobile call hotline
cost costs price fee charge expensive
buy purchase order
begin begins start starts started began
end ends finish expire expires lapse lapses over
boss manager supervisor
employee employees staff worker workers personnel colleague everyone everybody
resign quit notice
home remote remotely
reimburse reimbursed refund refunded repaid claim claimed
maximum max limit most
minimum min least
allowed permitted may can possible permit allow
forbidden prohibited banned
send submit submitted hand
create created made built founded established set
car vehicle automobile
big large size
fast quick quickly speed
soon quickly within
company firm business organisation organization
child children kid baby birth
spouse wife husband partner
doctor physician medical
document doc file
delete deleted remove removed erase
fix repair
show display
choose select pick
get receive obtain entitled
abroad overseas country
lead leads led leader head chair chairs director run runs heads
maternity paternity parental
dog dogs pet pets
take takes took bring
happen happens occur occurs take
place located location where
bill invoice
purpose used use
mandatory required must need obligatory
optional voluntary
""".strip()


@lru_cache(1)
def _groups() -> Mapping[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, line in enumerate(_GROUPS.splitlines()):
        for word in line.split():
            found.setdefault(terms(word)[0], set()).add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def synonymous(term: str, found: frozenset[str]) -> bool:
    """Say whether a word of the same meaning, by our own small list, stands among terms."""
    groups = _groups()
    own = groups.get(term)
    return own is not None and any(own & groups.get(other, frozenset()) for other in found)


_SAME_FROM, _SAME_TO = 0.4, 0.75
"""Cosines of two words' embeddings: below, nothing in common; above, the same for our purpose."""


def alike(word: str, others: Sequence[str], vectors: Mapping[str, Vectors]) -> float:
    """Say how close in meaning the closest of some words comes to a word, 0..1, by their embeddings."""
    if word not in vectors:
        return 0.0
    rows = [vectors[other] for other in others if other in vectors]
    best = float(np.max(np.stack(rows) @ vectors[word])) if rows else 0.0
    return min(1.0, max(0.0, (best - _SAME_FROM) / (_SAME_TO - _SAME_FROM)))


# --- the kind of answer ----------------------------------------------------------------------------------------------

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
_AMOUNT = re.compile(r"[$€£¥%°]|\b(?:free|percent|per cent|prozent|gratis|kostenlos|unpaid|half|third|quarter|double|unlimited|fully|full)\b", re.IGNORECASE)
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
_ADDRESSED = re.compile(r"https?://|\bwww\.|\S+@\S+|#[a-z]|\d{3,}|:\s*\S|`|called|named|is the|at reception", re.IGNORECASE)
_BECAUSE = re.compile(
    r"\b(?:because|since|due|so that|so as|in order|therefore|thus|hence|reason|caused?|causes|leads?|led|result\w*|as|to|for|by|if|when|"
    r"weil|da|damit|denn|wegen|aufgrund|car|parce|porque|pour|para)\b",
    re.IGNORECASE,
)
_PROPER = re.compile(r"(?<![.!?:]\s)(?<!^)\b[^\W\d_a-z][\w’'-]+")


def fits(question: Asked, statement: Statement) -> float:
    """Say whether a statement holds the kind of thing that is asked for: 1 yes, 0 no, one half where any will do."""
    test = _TESTS.get(question.expected)
    if test is None:
        return 0.5
    return test(question, statement)


def _new_numbers(question: Asked, text: str) -> list[Quantity]:
    """Return the numbers of a text that the question did not already name."""
    stated = frozenset(value for part in question.numbers for value in part)
    return [found for found in quantities(text) if not all(part & stated for part in found.parts)]


def _found(pattern: re.Pattern[str]) -> Callable[[Asked, Statement], float]:
    return lambda _, statement: float(pattern.search(statement.text) is not None)


def _says_when(question: Asked, statement: Statement) -> float:
    if any(found.kind in ("date", "time") for found in _new_numbers(question, statement.text)) or _DATE.search(statement.text):
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
    return 0.4 * _says_how_much(question, statement)


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
_COUNTED = re.compile(r"(?:how many|what number of|wie ?viele|combien de|cu[aá]nt[oa]s)\s+(?:of the |different |other |total )?([^\W\d_]+)", re.IGNORECASE)
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


_OPPOSITES = """
increase decrease|faster slower|more less fewer|maximum minimum|before after|open close closed|begin end|start stop|start end|allowed forbidden|
paid unpaid|internal external|online offline|buy sell|arrive depart|enter leave|hire dismiss fire|up down|high low|highest lowest|largest smallest|
longest shortest|oldest youngest newest|first last|north south|east west|northern southern|eastern western|upload download|input output|public private|
hot cold|heavy light|early late|gain lose|win lose|accept reject refuse|full-time part-time|summer winter|inbound outbound|incoming outgoing|
male female|men women|husband wife|import export|inside outside|same different|better worse|best worst|strong weak|strongest weakest|permanent temporary|
mandatory optional|ascending descending|parent child|encrypt decrypt|lock unlock|enable disable|install uninstall|breakfast lunch dinner|day night|
employer employee|employees contractors interns freelancers
""".replace("\n", "")


@lru_cache(1)
def _opposites() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _OPPOSITES.split("|"):
        members = {base(terms(word)[0]) for word in line.split()}
        for member in members:
            found.setdefault(member, set()).update(members - {member})
    return {word: frozenset(others) for word, others in found.items()}


def contradicted(question: Asked, candidate: Candidate) -> bool:
    """Say whether the statement holds the opposite of a word of the question instead of the word."""
    opposites = _opposites()
    bound = candidate.own | candidate.lead
    words = {base(part) for word in question.words for part in word}
    return any(not {word} & bound and opposites[word] & bound and not opposites[word] & words for word in words if word in opposites)


# --- the score -------------------------------------------------------------------------------------------------------


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
    agrees: float
    """0 when question and statement contradict each other: one denied, or an opposite in place of a word."""
    rank: float
    """The passage's fused score."""
    short: float
    """Near one for a statement of ordinary length."""
    code: float
    """1 when the question names an identifier and the statement has it."""
    terse: float
    """Near one for a question of few words."""


def signals(
    question: Asked, candidate: Candidate, weight: Sequence[float], held: Sequence[float], cosine: float, frequency: Frequency
) -> Signals:
    """Measure one candidate; `held` are its matches with synonyms."""
    bound = candidate.own | candidate.lead | candidate.heading
    own = tuple(_held(word, bound, exact=name) for word, name in zip(question.words, question.names, strict=True))
    missing = [w * (1 - h) / 1.5 for w, h in zip(weight, held, strict=True)]
    used = [bool(word) and frequency(word[0]) > 0 for word in question.words]
    opposed = (negated(candidate.statement.text) != question.negated and question.expected is not Expected.YES_NO) or contradicted(question, candidate)
    return Signals(
        coverage=covered(held, weight),
        own=covered(own, weight),
        hole=1 - max((m for m, known in zip(missing, used, strict=True) if not known), default=0.0),
        gap=1 - max((m for m, known in zip(missing, used, strict=True) if known), default=0.0),
        names=_names_held(question, held, weight),
        kind=fits(question, candidate.statement),
        cosine=cosine,
        order=_in_order(question, candidate.statement),
        agrees=0.0 if opposed else 1.0,
        rank=candidate.rank,
        short=1 / (1 + len(candidate.statement.text) / 300),
        code=_has_identifier(question, own),
        terse=1 / (1 + sum(weight) / 4),
    )


def _has_identifier(question: Asked, own: Sequence[float]) -> float:
    return float(any(h == 1 and len(word) > 1 and not number for h, word, number in zip(own, question.words, map(str.isdigit, question.surface), strict=True)))


def _names_held(question: Asked, held: Sequence[float], weight: Sequence[float]) -> float:
    named = [(h, w) for h, w, name in zip(held, weight, question.names, strict=True) if name]
    total = sum(w for _, w in named)
    return sum(h * w for h, w in named) / total if total else 1.0


def _in_order(question: Asked, statement: Statement) -> float:
    pairs = [(base(left[0]), base(right[0])) for left, right in pairwise(question.words) if left and right]
    if not pairs:
        return 0.5
    words = [base(term) for term in terms(f"{statement.lead} {statement.text}") if term not in QUESTION_WORDS]
    places: dict[str, list[int]] = {}
    for number, word in enumerate(words):
        places.setdefault(word, []).append(number)
    close = sum(any(abs(a - b) <= 2 for a in places.get(left, ()) for b in places.get(right, ())) for left, right in pairs)  # noqa: PLR2004
    return close / len(pairs)


def as_row(found: Signals) -> list[float]:
    """Return the signals as numbers, in order."""
    return [float(value) for value in astuple(found)]


def new_words(question: Asked, candidate: Candidate) -> int:
    """Count what a statement says beyond the question's own words: nothing new is no answer."""
    known = {base(part) for word in question.words for part in word}
    return len(candidate.own - known - QUESTION_WORDS)


def is_steps(statement: Statement) -> bool:
    """Say whether a statement is a whole list or a command: what a question for a way wants."""
    return statement.form in (Form.LIST, Form.CODE)
