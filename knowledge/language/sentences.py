# ruff: noqa: RUF001 - typographic signs and words of several languages
"""Where sentences begin and end: exact offsets, several languages, nothing learned."""

from __future__ import annotations

import re
from itertools import pairwise

_END = re.compile(
    r"""
    (?=[.!?…。！？｡\s])  # what any of them begins with: most characters are passed over three times as fast
    (?:
      (?P<stop>\.{1,3}|[!?…]+|[.!?]{2,}) ["'”’»)\]]{0,3} (?=\s|$)
    | (?P<wide>[。！？｡]+) [」』”’）】]{0,3}
    | (?P<gap>[ \t]*\n[ \t]*\n\s*)
    | (?P<line>[ \t]*\n[ \t]*)
    )
    """,
    re.VERBOSE,
)
_ABBREVIATIONS = frozenset(
    "adj adm al anm approx apt art assn ave bd bldg bzw ca capt cf ch chap cit co col corp dept dr ed eds eg einschl "
    "engl est etw evtl ext fa fig figs ff gen ggf gov hon hr hrsg ie inc incl inkl insb inst jr lt ltd m max mag maj "
    "mgr min mio mme mlle mr mrd mrs ms mt nr no nos núm op p para pp prof pt pvt ref rep resp rev sen sept sec sect "
    "sgt sog sr sra st ste str tel u univ usw vgl vol vols vs z zzgl zt jan feb mar apr jun jul aug sep oct nov "
    "dec".split()
)
_MAY_END = frozenset("al co corp inc jr ltd sr usw etc no u".split())
"""Abbreviations after which a new sentence is usual when a capital follows."""
_OPENERS = frozenset(
    "a after all also although an and as at because before both but by each for from he her his however i if in it its "
    "many most no on one other our she since so some such that the their then there these they this those to under we "
    "what when where while with you your das der die ein eine er es ich in sie wir le la les il elle el los".split()
)
"""Words that open a sentence more often than they follow initials in a name."""
_MONTHS = frozenset(
    "januar februar märz april mai juni juli august september oktober november dezember quartal jahrhundert".split()
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“”‘’«„]+$")
_WORD_AFTER = re.compile(r"[\s\"'“‘«„(\[*_]*([^\s]*)")
_FIELD = re.compile(r"[^\W\d_][\w /&().-]{0,40}:(?:\s|$)")
_SHORT_LINE = 45
"""Characters; lines that are all shorter were broken on purpose (addresses, fields, verse)."""


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the sentences as (start, end), in order, without the white space around them.

    Together they hold every character that is not white space, each once.
    """
    cuts = [0, *(match.end() for match in _END.finditer(text) if _ends(text, match)), len(text)]
    spans = (_trimmed(text, start, end) for start, end in pairwise(cuts))
    return [(start, end) for start, end in spans if start < end]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, end - (len(piece) - len(piece.rstrip())))


def _ends(text: str, match: re.Match[str]) -> bool:
    if match["line"] is not None:
        return _line_ends(text, match.start(), match.end())
    if match["stop"] is None:
        return True
    return _stop_ends(text, match)


def _line_ends(text: str, start: int, end: int) -> bool:
    """Say whether a single line break ends a sentence: between fields, or where short lines stand alone."""
    above = text[text.rfind("\n", 0, start) + 1 : start]
    below = text[end : text.find("\n", end) if "\n" in text[end:] else len(text)]
    if _FIELD.match(below) and (_FIELD.match(above) or len(above) <= _SHORT_LINE):
        return True
    short = len(above) <= _SHORT_LINE and len(below) <= _SHORT_LINE
    return short and below[:1].isupper() and not above.rstrip().endswith((",", ";", "-"))


def _stop_ends(text: str, match: re.Match[str]) -> bool:
    after = _WORD_AFTER.match(text, match.end())
    following = after[1] if after else ""
    if not following:
        return True
    if following[0].islower() and following[:2] not in {"e-", "i-"}:
        return _closes_before_lower(match, following)
    if match["stop"] != ".":
        return True
    before = _WORD_BEFORE.search(text, max(0, match.start() - 40), match.start())
    return before is None or _full_stop(before[0], following, text[: before.start()].rstrip()[-1:])


def _closes_before_lower(match: re.Match[str], following: str) -> bool:
    """A lower-case word continues the sentence, except one that is never anything but a name (iPhone, eBay)."""
    return len(following) > 1 and following[1].isupper() and match["stop"] == "."


def _full_stop(word: str, following: str, previous: str) -> bool:
    """Decide for one full stop after `word`, with the next word and the character before it."""
    plain = word.lower().rstrip(".")
    opener = following.rstrip(",.;:").lower() in _OPENERS
    if word.isdigit():
        return not (previous in {"", "\n"} or following.rstrip(".,").lower() in _MONTHS)
    if "." in word and all(len(part) == 1 for part in plain.split(".")):
        return opener
    if len(plain) == 1 and plain.isalpha() and word.isupper():
        return opener and plain != "v"
    if plain in _MAY_END:
        return following[0].isupper() if plain != "no" else not following[0].isdigit()
    return plain not in _ABBREVIATIONS
