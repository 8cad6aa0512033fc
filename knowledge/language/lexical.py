"""Analysis of words: what of a text, and of a question, the lexical search compares (pure).

Every word is folded (case, accents, width) and stemmed. An identifier or compound yields its parts and the whole
written together, so that `run_target`, `runTarget`, `run-target` and "run target" meet. Scripts without spaces
yield pairs of characters. Text in another European language than English yields its own stems besides the English
ones, so that a question too short to tell its language still finds it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain, repeat
from threading import Lock
from types import MappingProxyType

import Stemmer

from knowledge.language.function_words import FUNCTION_WORDS, QUESTION_WORDS

MAX_TERM = 64
"""Characters: longer words (keys, base64) say nothing and would bloat the index."""
_CACHED_RUNS = 100_000
_LANGUAGE_SAMPLE = 1000
"""Characters of a text that are looked at to tell its language."""
_LANGUAGE_EVIDENCE = 2
"""Distinct function words that another language must show, and more of them than English shows."""
_VERSION_DOTS = 2

_SPACELESS = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul: particles hang on the words
)
_INDIC = "\u0900-\u0dff"  # vowel signs are marks, not letters, and must not break a word
_ALNUM = rf"(?:[^\W_{_SPACELESS}]|[{_INDIC}])"
# Letters and digits with what joins identifiers, versions, compounds and contractions; 1,000; C++ and C#.
_WORD = re.compile(
    rf"{_ALNUM}+(?:(?:_+|[.'\u2019&\-\u2010\u2011]|(?<=\d),(?=\d\d\d)){_ALNUM}+)*(?:\+\+|#)?|[{_SPACELESS}]+"
)
_SPACELESS_RUN = re.compile(rf"[{_SPACELESS}]")
_MARKS = re.compile("[\u00ad\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670]")
_JOINTS = re.compile(r"[_.'\u2019&\-\u2010\u2011]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^\W\dA-Za-z_]+")
_HUMP = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z]\d|\d[A-Za-z]")
_NUMBER = re.compile(r"v?\d[\d.,]*", re.IGNORECASE)
_CONTRACTION = re.compile(r"(?:(?<=\w)n['\u2019]t|(?<=\w)['\u2019](?:s|re|ve|ll|d|m))$", re.IGNORECASE)

_SIGNS: Mapping[str, frozenset[str]] = MappingProxyType(
    {language: words - QUESTION_WORDS for language, words in FUNCTION_WORDS.items()}
)
_ANY_SIGN = frozenset(chain.from_iterable(_SIGNS.values()))
_stemming = Lock()  # a Stemmer is not safe to share between threads; what it returns is cached


def terms(text: str) -> list[str]:
    """Return the terms of a text in order, repeated as often as they occur."""
    text = _composed(text)
    language = _language(text)
    runs = text.split()
    remembered = max(map(len, runs), default=0) <= MAX_TERM
    return list(chain.from_iterable(map(_short_run_terms if remembered else _run_terms, runs, repeat(language))))


def query_terms(question: str) -> list[str]:
    """Return the distinct terms of a question that name something; all of them when none does."""
    question = _composed(question)
    language = _language(question)
    stop = QUESTION_WORDS | _SIGNS[language] if language else QUESTION_WORDS
    words = _WORD.findall(question)
    naming = [word for word in words if fold(_CONTRACTION.sub("", word)) not in stop]
    return list(dict.fromkeys(chain.from_iterable(_word_terms(word, language) for word in naming or words)))


def fold(text: str) -> str:
    """Fold case, width, ligatures and accents; vowel signs of Indic scripts stay."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))


def _composed(text: str) -> str:
    """Join letters with their accents, drop soft hyphens and the vowel points that Arabic readers leave out."""
    return text if text.isascii() else _MARKS.sub("", unicodedata.normalize("NFKC", text))


def _language(text: str) -> str | None:
    """Name the language other than English that the function words of the text speak for, if any."""
    seen = set(fold(text[:_LANGUAGE_SAMPLE]).split())
    foreign = seen & _ANY_SIGN
    if len(foreign) < _LANGUAGE_EVIDENCE:
        return None
    evidence, language = max((len(foreign & signs), language) for language, signs in _SIGNS.items())
    return language if evidence >= _LANGUAGE_EVIDENCE and evidence > len(seen & QUESTION_WORDS) else None


def _run_terms(run: str, language: str | None) -> Sequence[str]:
    """Return the terms of what stands between two spaces."""
    if len(run) <= MAX_TERM:
        return _short_run_terms(run, language)
    return [term for word in _WORD.findall(run) for term in _word_terms(word, language)]


@lru_cache(_CACHED_RUNS)
def _short_run_terms(run: str, language: str | None) -> tuple[str, ...]:
    return tuple(term for word in _WORD.findall(run) for term in _word_terms(word, language))


def _word_terms(word: str, language: str | None) -> list[str]:
    found = [_stem(part, "english") for part in _parts(word)]
    if language is not None:
        own = (fold(_stem(part, language)) for part in _parts(word, accents=True))
        found += [stem for stem in own if stem not in found]
    return found


def _parts(word: str, *, accents: bool = False) -> list[str]:
    """Return the folded parts of a word: itself, or the whole written together and what it is made of."""
    if _SPACELESS_RUN.match(word):
        return [word[i : i + 2] for i in range(max(len(word) - 1, 1))]
    if _NUMBER.fullmatch(word):
        return _number_parts(word.lower().strip("v.,").replace(",", ""))
    word = _CONTRACTION.sub("", word)
    lower = str.lower if accents else fold
    pieces = _JOINTS.split(word)
    parts = [lower("".join(pieces))]
    if len(pieces) > 1 or _HUMP.search(word):
        humps = [hump for piece in pieces for hump in _CAMEL.findall(piece) if len(hump) > 1 or hump == piece]
        parts += map(lower, humps)
    return [part for part in dict.fromkeys(parts) if len(part) <= MAX_TERM]


def _number_parts(number: str) -> list[str]:
    """Return a number as it is; of a version its first two numbers too, since people ask for 3.11 and mean 3.11.2."""
    parts = number.split(".")
    return [number, ".".join(parts[:2])] if len(parts) > _VERSION_DOTS else [number]


@lru_cache(16)
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language)


def _stem(word: str, language: str) -> str:
    with _stemming:
        return str(_stemmer(language).stemWord(word))
