"""What a question asks for: the kind of answer, the words that matter, and the names and numbers that must be met (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from knowledge.lexical import QUESTION_WORDS, fold, query_terms, terms
from knowledge.quantities import quantities


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


_KINDS: tuple[tuple[Expected, str], ...] = (
    (
        Expected.DURATION,
        r"how (?:long|soon|quickly|fast)|what (?:is |are )?(?:the )?(?:\w+ )?(?:duration|length of time|notice period|retention period)|"
        r"for how (?:long|many (?:days|weeks|months|years|hours))|wie lange|combien de temps|cu[aá]nto tiempo|cu[aá]nto dura",
    ),
    (
        Expected.FREQUENCY,
        r"how often|how frequently|how many times|at what intervals?|wie oft|à quelle fréquence|con qu[eé] frecuencia",
    ),
    (
        Expected.DATE,
        r"when|since when|until when|by when|what (?:time|date|day|days|year|month|century|decade|season|weekday|hours)\b|"
        r"(?:in|on|at|during|by) (?:what|which) (?:time|date|day|year|month|century|decade|season)|"
        r"which (?:year|month|day|date|century|weekday)|what (?:is|are|was) the (?:\w+ )?(?:deadline|date|due date|cutoff)|"
        r"wann|um wie ?viel uhr|bis wann|ab wann|quand|[àa] quelle heure|cu[aá]ndo|a qu[eé] hora",
    ),
    (
        Expected.NUMBER,
        r"how many|what number of|wie ?viele|combien de|cu[aá]nt[oa]s|(?:number|count) of .{1,60}\?$",
    ),
    (
        Expected.MONEY,
        r"how much (?:does|do|did|will|would|is|are) .{1,60}\b(?:cost|paid|pay|earn|charge[ds]?)\b|how (?:much|expensive)\b.{0,40}\b(?:cost|money|salary|bonus|"
        r"budget|fee|price|allowance|wage|spend|earn|pay)\b|what (?:does|do|did) .{1,60} cost|"
        r"what (?:is|are|was|were) (?:the |my |our )?(?:\w+ ){0,3}(?:price|cost|fee|salary|budget|wage|allowance|bonus|subsidy)\b|"
        r"(?:was|wie ?viel) kostet|wie teuer|combien co[uû]te|cu[aá]nto cuesta",
    ),
    (
        Expected.AMOUNT,
        r"how much|how (?:big|large|high|tall|far|deep|heavy|wide|hot|cold|old)|what (?:percent\w*|proportion|share|fraction|amount|rate|price|cost|"
        r"salary|budget|size|age|limit|temperature|percentage)\b|what (?:is|are|was|were) the (?:\w+ ){0,2}(?:percent\w*|amount|rate|price|cost|fee|"
        r"salary|budget|limit|maximum|minimum|allowance|population|number|total|size|ratio|speed|temperature|area|height|weight)\b|"
        r"what (?:does|do|did) .{1,60} cost|wie ?viel(?! uhr)\b|wie (?:hoch|gro(?:ß|ss)|teuer|alt|weit)|combien|cu[aá]nt[oa]\b",
    ),
    (
        Expected.ADDRESS,
        r"what (?:is|are|was) .{0,60}\b(?:url|link|address|e-?mail|phone|telephone|number to call|hotline|extension|channel|password|port|ip)\b|"
        r"(?:which|what) (?:e-?mail|url|address|channel|phone number|port|number)\b",
    ),
    (
        Expected.PERSON,
        r"who|whom|whose|(?:to|by|from|with|for|of) whom|(?:which|what) (?:person|people|team|department|manager|employee|king|queen|president|emperor|"
        r"scientist|author|architect|engineer|role|group|company|organi[sz]ation|man|woman|individual|general|leader)\b|"
        r"wer|wem|wen|wessen|qui\b|[àa] qui|qui[eé]n(?:es)?",
    ),
    (
        Expected.PLACE,
        r"where|wherein|(?:in|at|on|to|from|near) (?:what|which) (?:city|country|place|location|building|room|area|region|state|town|continent|office|"
        r"floor|folder|directory|file|district|street|river)\b|(?:which|what) (?:city|country|room|building|location|office|place|state|town|folder|"
        r"directory|continent|region|floor)\b|wo|wohin|woher|o[uù]\b|d[oó]nde",
    ),
    (
        Expected.REASON,
        r"why|for what (?:reason|purpose)|what (?:is|was) the (?:reason|cause)|warum|wieso|weshalb|pourquoi|por qu[eé]",
    ),
    (
        Expected.WAY,
        r"how (?:do|does|did|can|could|should|to|would|is|are|was|were|must|will)|what (?:steps|is the process|is the procedure|do i (?:need|have) to do)|"
        r"wie (?:kann|muss|soll|macht|mache|beantrage|geht|wird|werden|ist|sind|ich)|comment|c[oó]mo",
    ),
    (
        Expected.YES_NO,
        r"(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had|am|isn't|aren't|don't|doesn't|can't)\s+\w|"
        r"(?:kann|darf|muss|ist|sind|gibt|habe|hat|haben|wird|werden|soll) \w+|est-ce que|puis-je|peut-on|puedo|se puede|hay que",
    ),
    (
        Expected.MEANING,
        r"what (?:is|are|was|were) (?:an? |the )?[\w`'’. -]{2,60}\??$|what does .{2,60} (?:mean|stand for)|was (?:ist|bedeutet|sind)|qu'est-ce qu|qu[eé] (?:es|son)",
    ),
)
_PATTERNS = tuple(
    (
        kind,
        re.compile(
            rf"(?:^|[,;:.?!] |\band |\bund |^(?:in|on|at|by|to|from|for|of) )\s*(?:{form})(?!\w)", re.IGNORECASE
        ),
    )
    for kind, form in _KINDS
)
_ANYWHERE = tuple(
    (kind, re.compile(rf"\b(?:{form})(?!\w)", re.IGNORECASE))
    for kind, form in _KINDS
    if kind in (Expected.DURATION, Expected.DATE, Expected.AMOUNT, Expected.NUMBER, Expected.PERSON, Expected.PLACE)
)
_SLOT_WORDS = frozenset(
    """
    year years date day days month months time times number numbers percent percentage proportion amount kind kinds type types sort name names named
    called call many much long often person people place places location city country reason reasons way ways happen happened occur occurred
    purpose example examples thing things mean meaning term word known first last main some exactly currently current actual really specific
    process procedure steps step need want tell explain describe give list find show us one ones use used refer referred title
    far big large high tall deep old fast quickly soon frequently wide heavy ahead come comes go goes ask asked happen happens
    far deadline phone telephone e-mail email address url link viel viele oft lange hoch heisst name jours tage dias
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
    """Say which kind of answer a question asks for."""
    text = " ".join(text.split())
    for patterns, search in ((_PATTERNS, True), (_ANYWHERE, False)):
        hits = [
            (match.start(), number, kind)
            for number, (kind, form) in enumerate(patterns)
            if (match := form.search(text))
        ]
        if hits:
            return min(hits)[2] if search else hits[0][2]
    return Expected.ANYTHING


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
    """Return the folded words that are written as names: capitals within the sentence, capitals within the word, code."""
    matches = list(_NAME.finditer(text))
    inner = [match[0] for match in matches[1:] if match[0][0].isupper()]
    if len(inner) > 0.7 * len(matches) > 3 or _NOUNS_CAPITAL.search(text):  # noqa: PLR2004
        inner = []
    shaped = [match[0] for match in matches if any(letter.isupper() for letter in match[0][1:])]
    code = [piece for match in re.findall(r"`([^`]+)`", text) for piece in match.split()]
    return frozenset(fold(word) for word in [*inner, *shaped, *code]) - QUESTION_WORDS
