"""Numbers, dates, times and identifiers in a text, in a form that does not depend on how they were written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_SMALL = {
    word: value
    for value, words in {
        2: "two zwei deux dos",
        3: "three drei trois tres",
        4: "four vier quatre cuatro",
        5: "five fünf cinq cinco",
        6: "six sechs seis",
        7: "seven sieben siete",
        8: "eight acht huit ocho",
        9: "nine neun neuf nueve",
        10: "ten zehn dix diez",
        11: "eleven elf onze",
        12: "twelve zwölf douze doce dozen dutzend",
        13: "thirteen dreizehn",
        14: "fourteen vierzehn",
        15: "fifteen fünfzehn",
        16: "sixteen sechzehn",
        17: "seventeen siebzehn",
        18: "eighteen achtzehn",
        19: "nineteen neunzehn",
    }.items()
    for word in words.split()
}
_TENS = {
    word: 10 * (number + 2)
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())
} | {word: 10 * (number + 2) for number, word in enumerate("zwanzig dreißig vierzig fünfzig sechzig".split())}
_ORDINALS = {
    word: number + 1
    for number, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
    )
}
_SCALES = {
    **dict.fromkeys(("hundred", "hundert"), 100),
    **dict.fromkeys(("thousand", "tausend", "k", "mille", "mil"), 1_000),
    **dict.fromkeys(("million", "millions", "mio", "mn", "m", "millionen"), 1_000_000),
    **dict.fromkeys(("billion", "billions", "bn", "mrd", "milliarden", "milliarde"), 1_000_000_000),
}
_MONTH_NAMES = (
    "jan january januar janvier enero|feb february februar février febrero|mar march märz mars marzo|"
    "apr april avril abril|may mai mayo|jun june juni juin junio|jul july juli juillet julio|"
    "aug august août agosto|sep sept september septembre septiembre|oct october oktober okt octobre octubre|"
    "nov november novembre noviembre|dec december dezember dez décembre diciembre"
)
_MONTHS = {word: number + 1 for number, words in enumerate(_MONTH_NAMES.split("|")) for word in words.split()}
_MONTH = rf"(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\b\.?"
_HALF_DAY = 720
_YEAR_PIVOT = 70

_FORMS = re.compile(
    rf"""
      (?P<iso> (?<!\d)(?P<iy>\d{{4}})-(?P<im>0\d|1[0-2])-(?P<id>[0-3]\d)(?!\d) )
    | (?P<numeric> (?<![\d./-])(?P<n1>\d{{1,2}})(?P<sep>[./-])(?P<n2>\d{{1,2}})(?P=sep)(?P<ny>\d{{4}}|\d{{2}})(?![\d]) )
    | (?P<dayfirst> (?<!\w)(?P<d1>[0-3]?\d)(?:st|nd|rd|th|er|\.)?\s+(?:of\s+|de\s+)?(?P<m1>{_MONTH})
        (?:,?\s+(?:de\s+)?(?P<y1>\d{{4}})\b)? )
    | (?P<monthfirst> \b(?P<m2>{_MONTH})\s+(?P<d2>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:)(?:,?\s+(?P<y2>\d{{4}})\b)? )
    | (?P<monthyear> \b(?P<m3>{_MONTH}),?\s+(?:of\s+|de\s+)?(?P<y3>\d{{4}})\b )
    | (?P<slashed> (?<![\d./-])(?P<m4>0?[1-9]|1[0-2])/(?P<y4>(?:19|20)\d\d)(?![\d/]) )
    | (?P<clock> (?<![\d:])(?P<hour>[0-2]?\d)(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?|(?:[.h](?P<minute2>[0-5]\d))?
        (?=\s*(?:[ap]\.?m\b|uhr\b|o'clock)))(?![\d:])(?:\s*(?P<half>[ap])\.?m\b\.?)? )
    | (?P<name> (?<![\w])[^\W\d_]{{1,12}}[-_]?\d[\w-]*(?:\.\d+)* )
    | (?P<number> (?<![\w])(?P<digits>\d{{1,3}}(?:[ ,.'’\u00a0\u202f]\d{{3}})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,:]\d+)*)
        (?:st|nd|rd|th)?(?:[\s\u00a0-]?(?P<scale>hundred|hundert|thousand|tausend|millions?|millionen|mio|mn|billions?|
        bn|mrd|milliarden?|[km])\b)? )
    | (?P<word> \b(?:(?P<tens>{"|".join(_TENS)})(?:[-\s](?P<unit>one|{"|".join(_SMALL)}))?
        |(?P<small>{"|".join(_SMALL)}))\b
        (?:[\s-](?P<wordscale>hundred|thousand|millions?|billions?)\b)? )
    | (?P<ordinal> \b(?:{"|".join(_ORDINALS)})\b )
    | (?P<one> \b(?:one|eins?|eine[mnrs]?|un|une|uno|una|a\s+hundred|once|single)\b )
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number, date, time or identifier as it stands in a text."""

    kind: str
    """`date`, `time`, `name`, `number` or `word`; `loose` where the word often is no number (one, second)."""
    start: int
    end: int
    parts: tuple[frozenset[str], ...]
    """Each part (day, month, year; else a single one) with every way to read it."""


def quantities(text: str) -> list[Quantity]:
    """Return what is said in numbers, in order."""
    found = []
    for match in _FORMS.finditer(text):
        kind, parts = _read(match)
        found.append(Quantity(kind, match.start(), match.end(), parts))
    return found


def values(text: str) -> frozenset[str]:
    """Return every value that a text can be read to state."""
    return frozenset(value for quantity in quantities(text) for part in quantity.parts for value in part)


def _read(match: re.Match[str]) -> tuple[str, tuple[frozenset[str], ...]]:
    """Turn one form into its kind and parts."""
    form = match.lastgroup if match.lastgroup in _READERS else next(name for name in _READERS if match[name])
    return _READERS[form](match)


def _date(day: str | None, month: int, year: str | None) -> tuple[str, tuple[frozenset[str], ...]]:
    parts = [frozenset({f"month {month}"})]
    if day is not None:
        parts.append(frozenset({str(int(day))}))
    if year is not None:
        parts.append(frozenset({_year(year)}))
    return "date", tuple(parts)


def _year(digits: str) -> str:
    if len(digits) > 2:
        return digits
    return f"{19 if int(digits) >= _YEAR_PIVOT else 20}{digits}"


def _numeric_date(match: re.Match[str]) -> tuple[str, tuple[frozenset[str], ...]]:
    """Read 03/05/2024 both ways: day and month change places between countries."""
    first, second = int(match["n1"]), int(match["n2"])
    both = {f"month {value}" for value in (first, second) if value in range(1, 13)} or {str(first)}
    numbers = frozenset({str(first), str(second)})
    return "date", (frozenset(both), numbers, frozenset({_year(match["ny"])}))


def _clock(match: re.Match[str]) -> tuple[str, tuple[frozenset[str], ...]]:
    hour, minute = int(match["hour"]), int(match["minute"] or match["minute2"] or 0)
    minutes = {hour * 60 + minute}
    if match["half"]:
        since_midnight = (hour % 12) * 60 + minute + (_HALF_DAY if match["half"].lower() == "p" else 0)
        return "time", (frozenset({f"minute {since_midnight}"}),)
    if 0 < hour <= 12 and not match["hour"].startswith("0"):
        minutes.add((hour * 60 + minute + _HALF_DAY) % (2 * _HALF_DAY))
    readings = {f"minute {value}" for value in minutes}
    return "time", (frozenset(readings | ({str(hour)} if not minute else {f"{hour}:{minute:02}"})),)


def _number(match: re.Match[str]) -> tuple[str, tuple[frozenset[str], ...]]:
    scale = _SCALES[match["scale"].lower()] if match["scale"] else 1
    readings = set(_digits(match["digits"]))
    scaled = {
        _plain(float(value) * scale) for value in readings if scale > 1 and ":" not in value and value.count(".") < 2
    }
    ambiguous = (match["scale"] or "").lower() in {"", "k", "m"}
    return "number", (frozenset(readings | scaled if ambiguous else scaled or readings),)


def _digits(digits: str) -> frozenset[str]:
    """Read a run of digits: 1,000 and 1.000 are a thousand or a decimal fraction, 2.1.3 is a version."""
    if digits.isdigit():
        return frozenset({digits.lstrip("0") or "0"})
    groups = re.split(r"[ ,.'’\u00a0\u202f:]", digits)
    separators = set(re.findall(r"[ ,.'’\u00a0\u202f:]", digits))
    thousands = "".join(groups).lstrip("0") or "0"
    if separators == {":"} or (len(groups) > 2 and len(separators) == 1 and any(len(g) != 3 for g in groups[1:])):
        return frozenset({digits})
    fraction = _plain(float("".join(groups[:-1]) + "." + groups[-1]))
    if len(separators) == 1 and all(len(group) == 3 for group in groups[1:]):
        return frozenset({thousands} if len(groups) > 2 or separators & {" ", "'", "’"} else {thousands, fraction})
    return frozenset({fraction})


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def _word(match: re.Match[str]) -> tuple[str, tuple[frozenset[str], ...]]:
    if match["tens"]:
        unit = (match["unit"] or "").lower()
        value = _TENS[match["tens"].lower()] + (1 if unit == "one" else _SMALL.get(unit, 0))
    else:
        value = _SMALL[match["small"].lower()]
    scale = _SCALES[match["wordscale"].lower()] if match["wordscale"] else 1
    return "word", (frozenset({str(value * scale)}),)


_READERS: dict[str, Callable[[re.Match[str]], tuple[str, tuple[frozenset[str], ...]]]] = {
    "iso": lambda m: _date(m["id"], int(m["im"]), m["iy"]),
    "numeric": _numeric_date,
    "dayfirst": lambda m: _date(m["d1"], _MONTHS[m["m1"].lower().rstrip(".")], m["y1"]),
    "monthfirst": lambda m: _date(m["d2"], _MONTHS[m["m2"].lower().rstrip(".")], m["y2"]),
    "monthyear": lambda m: _date(None, _MONTHS[m["m3"].lower().rstrip(".")], m["y3"]),
    "slashed": lambda m: _date(None, int(m["m4"]), m["y4"]),
    "clock": _clock,
    "name": lambda m: ("name", (frozenset({re.sub(r"[-_]", "", m[0]).casefold()}),)),
    "number": _number,
    "word": _word,
    "ordinal": lambda m: ("loose", (frozenset({str(_ORDINALS[m[0].lower()])}),)),
    "one": lambda m: ("loose", (frozenset({"100" if "hundred" in m[0].lower() else "1"}),)),
}
