# ruff: noqa: RUF001 - typographic signs and words of several languages
"""Law two: is every footnote true? Quotes, numbers and names are checked here for every answerer, in one place."""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Literal

from knowledge.language.plain_text import Block, Kind, PlainText, plain_text
from knowledge.language.quantities import quantities, values
from knowledge.language.sentences import sentence_spans
from knowledge.types import Answer, Citation, Draft, DraftSentence, Passage, Quote, Sentence

Unsupported = Literal["mark", "drop"]


class Rejection(StrEnum):
    """Why a quote or a sentence did not pass."""

    UNKNOWN_PASSAGE = "unknown_passage"
    """The passage's number is not among those that were sent."""
    ALTERED_QUOTE = "altered_quote"
    """The words do not stand in the passage."""
    TRIVIAL_QUOTE = "trivial_quote"
    """Nothing, punctuation, or a single word that stands everywhere."""
    NO_QUOTE = "no_quote"
    """The sentence named no source."""
    NUMBER = "number"
    """A number, date or identifier of the sentence is not in what it cites."""
    NAME = "name"
    """A name of the sentence is not in the passages that it cites."""
    LINK = "link"
    """A web or mail address of the sentence is not in the passages that it cites."""
    CODE = "code"
    """A command or identifier set as code is not in the passages that it cites."""


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """What may be shown of a draft."""

    sentences: tuple[Sentence, ...]
    """Empty when no sentence is supported: then there is nothing to show, and the question is declined."""
    citations: tuple[Citation, ...]
    """Each number once, in order of first appearance."""
    rejected: dict[Rejection, int]
    """How often something was rejected, by reason."""

    @property
    def text(self) -> str:
        """The answer as Markdown with footnote marks."""
        return " ".join(render(sentence) for sentence in self.sentences)


def check(draft: Draft, passages: Sequence[Passage], *, unsupported: Unsupported = "mark") -> CheckedAnswer:
    """Check a whole draft against the passages of its request."""
    checker = Checker(passages, unsupported=unsupported)
    for sentence in draft.sentences:
        checker.add(sentence)
    return checker.finish()


def render(sentence: Sentence) -> str:
    """Write a checked sentence with its footnote marks, or marked as unsupported."""
    if not sentence.supported:
        return f"{sentence.text} _(unsupported)_"
    return " ".join([sentence.text, "".join(f"[{number}]" for number in sentence.citations)])


def only_quotes(answer: Answer) -> bool:
    """Say whether every sentence is nothing but words that its own footnotes quote.

    Any other answer was written by somebody who had all passages of the request before them.
    """
    return only_quoted(answer.sentences, {citation.number: citation.quote for citation in answer.citations})


def only_quoted(sentences: Sequence[Sentence], quotes: Mapping[int, str]) -> bool:
    """Say the same of sentences and the quotes of their footnotes by number."""
    bare = {number: _bare(quote) for number, quote in quotes.items()}
    return all(
        sentence.supported and _bare(sentence.text) in "".join(bare.get(number, "") for number in sentence.citations)
        for sentence in sentences
    )


def _bare(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


class Checker:
    """Checks an answer sentence by sentence, so that a stream shows only what has passed.

    A number stands for one quote: a quote cited again, or a part of one, keeps its number; another quote
    of the same passage gets its own, so that every footnote shows exactly the words that carry the claim.
    """

    def __init__(self, passages: Sequence[Passage], *, unsupported: Unsupported = "mark") -> None:
        self._evidence = [_Evidence(passage) for passage in passages]
        self._mark = unsupported == "mark"
        self._held: list[Sentence] = []
        self._shown: list[Sentence] = []
        self._footnotes: list[_Found] = []
        self._rejected: Counter[Rejection] = Counter()

    def add(self, sentence: DraftSentence) -> tuple[Sentence, ...]:
        """Take the next sentence and return what may be shown now, in order.

        Unsupported sentences are held back until a supported one has come: an answer without any is never begun.
        """
        checked = self._checked(sentence)
        if checked is None or not (checked.supported or self._mark):
            return ()
        self._held.append(checked)
        if not (checked.supported or self._shown):
            return ()
        released, self._held = tuple(self._held), []
        self._shown.extend(released)
        return released

    def opening(self, words: DraftSentence) -> str:
        """Return the first words of an answer if they may be shown before their sentence is finished; else nothing.

        They carry no footnote yet, so they must say nothing of their own: every word that carries meaning stands in
        what they cite. Where sentences are dropped, none is begun before it is known to stay.
        """
        found = [quote for quote in map(self._look_up, words.quotes) if isinstance(quote, _Found)]
        early = self._mark and not (self._held or self._shown) and found and len(found) == len(words.quotes)
        if not early or _MARK.search(words.text) or _unsupported_part(words.text, found) is not None:
            return ""
        tokens = frozenset().union(*(quote.evidence.tokens for quote in found))
        meant = (word for word in _WORD.findall(_fold(words.text).text.casefold()) if word not in _TRIVIAL)
        known = all(_stands_in(word, tokens) or {f"{word}s", word.removesuffix("s")} & tokens for word in meant)
        return words.text if known else ""

    def extend(self, passages: Sequence[Passage]) -> None:
        """Take further passages that were sent; they continue the numbering of those before."""
        self._evidence.extend(_Evidence(passage) for passage in passages)

    def finish(self) -> CheckedAnswer:
        """Return everything that was released, and what was rejected."""
        citations = tuple(found.citation(number) for number, found in enumerate(self._footnotes, 1))
        return CheckedAnswer(tuple(self._shown), citations, dict(self._rejected))

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The footnotes so far."""
        return tuple(found.citation(number) for number, found in enumerate(self._footnotes, 1))

    def _checked(self, sentence: DraftSentence) -> Sentence | None:
        text = _without_marks(sentence.text)
        if not text:
            return None
        found = [quote for quote in map(self._find, sentence.quotes) if quote is not None]
        if not sentence.quotes:
            self._rejected[Rejection.NO_QUOTE] += 1
        fault = _unsupported_part(text, found) if found else None
        if fault is not None:
            self._rejected[fault] += 1
        if fault is not None or not found:
            return Sentence(text, supported=False)
        return Sentence(text, tuple(dict.fromkeys(self._number(quote) for quote in found)))

    def _find(self, quote: Quote) -> _Found | None:
        result = self._look_up(quote)
        if isinstance(result, Rejection):
            self._rejected[result] += 1
            return None
        return result

    def _look_up(self, quote: Quote) -> _Found | Rejection:
        known = isinstance(quote.passage, int) and 0 <= quote.passage < len(self._evidence)
        return self._evidence[quote.passage].find(quote.text) if known else Rejection.UNKNOWN_PASSAGE

    def _number(self, found: _Found) -> int:
        for number, footnote in enumerate(self._footnotes, 1):
            if footnote.covers(found):
                return number
        self._footnotes.append(found)
        return len(self._footnotes)


@dataclass(frozen=True, slots=True)
class _Found:
    """A quote that stands in its passage."""

    evidence: _Evidence
    start: int
    """In the chunk's text."""
    end: int
    quote: str

    def covers(self, other: _Found) -> bool:
        same = self.evidence.passage.chunk.id == other.evidence.passage.chunk.id
        return same and self.start <= other.start and other.end <= self.end

    def citation(self, number: int) -> Citation:
        chunk = self.evidence.passage.chunk
        before = chunk.start - chunk.repeated
        start, end = max(chunk.start, before + self.start), max(chunk.start, before + self.end)
        return Citation(number, chunk, self.quote, start, end)


class _Evidence:
    """One passage, prepared once for every quote that is said to stand in it."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage

    @cached_property
    def plain(self) -> PlainText:
        return plain_text(self.passage.chunk.text)

    @cached_property
    def words(self) -> str:
        """Everything a name may stand in, folded: the passage and what says where it is from."""
        chunk = self.passage.chunk
        return _fold(f"{self.plain.text}\n{chunk.title}\n{chunk.heading}\n{chunk.path}").text.casefold()

    @cached_property
    def tokens(self) -> frozenset[str]:
        words = _WORD.findall(self.words)
        return frozenset(words).union(part for word in words for part in _PARTS.split(word))

    def find(self, quote: str) -> _Found | Rejection:
        """Find a quote, typography and markup aside. Returns why not when it is not there."""
        if not _says_something(quote):
            return Rejection.TRIVIAL_QUOTE
        place = next((place for wording in _wordings(quote) if (place := self._place(wording)) is not None), None)
        if place is None:
            return Rejection.ALTERED_QUOTE
        words = self._display(*place)
        return _Found(self, *place, words) if _says_something(words) else Rejection.TRIVIAL_QUOTE

    def _place(self, wording: str) -> tuple[int, int] | None:
        """Find one wording in the plain text, in the source as written, and in the plain text without list markers."""
        for text, origin in (
            (self._folded_plain, self.plain),
            (self._folded_source, None),
            (self._folded_loose, self.plain),
        ):
            for folded in text:
                span = folded.find(wording)
                if span is not None:
                    return origin.source_span(*span) if origin is not None else self._words_only(*span)
        return None

    def _words_only(self, start: int, end: int) -> tuple[int, int] | None:
        """Narrow a span of the source to its words: markup at its edges is no part of a quote."""
        first, last = self.plain.plain_span(start, end)
        return self.plain.source_span(first, last) if first < last else None

    @cached_property
    def _folded_plain(self) -> list[_Folded]:
        return _folds(self.plain.text)

    @cached_property
    def _folded_source(self) -> list[_Folded]:
        return _folds(self.passage.chunk.text)

    @cached_property
    def _folded_loose(self) -> list[_Folded]:
        return _folds(self.plain.text, skip=_markers(self.plain))

    def _display(self, start: int, end: int) -> str:
        """Write the words of a span of the source: markup and line breaks gone, one line per block."""
        first, last = self.plain.plain_span(start, end)
        parts = [
            self.plain.text[max(first, block.start) : min(last, block.end)]
            for block in self.plain.blocks
            if block.start < last and first < block.end
        ]
        lines = [line for part in parts if (line := " ".join(part.split()))]
        return _BULLET.sub("", lines[0]) if len(lines) == 1 else "\n".join(lines)

    def around(self, start: int, end: int) -> str:
        """Return the sentences that the quote stands in, and what those lean on: headings, the head of a table."""
        first, last = self.plain.plain_span(start, end)
        chunk = self.passage.chunk
        return "\n".join([*self._enclosing(first, last), chunk.heading, chunk.title])

    def _enclosing(self, first: int, last: int) -> Iterator[str]:
        for number, block in enumerate(self.plain.blocks):
            if block.start < last and first < block.end:
                yield from self._sentences(block, first, last)
                yield from (self.plain.text[head.start : head.end] for head in _heads(self.plain.blocks, number))

    def _sentences(self, block: Block, first: int, last: int) -> Iterator[str]:
        words = self.plain.text[block.start : block.end]
        whole = block.kind is not Kind.PARAGRAPH
        for start, end in [(0, len(words))] if whole else sentence_spans(words):
            if block.start + start < last and first < block.start + end:
                yield words[start:end]


def _heads(blocks: Sequence[Block], number: int) -> Iterator[Block]:
    """Yield what a block leans on: its table's header, the paragraph that opens its list, its nearest heading."""
    kind = blocks[number].kind
    for block in reversed(blocks[:number]):
        if block.kind is Kind.HEADING:
            yield block
            return
        if kind is Kind.ROW and block.kind is Kind.HEADER:
            yield block
        if kind in (Kind.ITEM, Kind.CODE) and block.kind is Kind.PARAGRAPH:
            yield block
            kind = Kind.PARAGRAPH


def _markers(plain: PlainText) -> list[tuple[int, int]]:
    """Return the spans of list markers and of the bars between cells."""
    spans = [(block.start, block.body) for block in plain.blocks if block.start < block.body]
    rows = (block for block in plain.blocks if block.kind in (Kind.ROW, Kind.HEADER))
    bars = [
        (row.start + bar.start() + 1, row.start + bar.end()) for row in rows for bar in _BAR.finditer(plain.slice(row))
    ]
    return sorted(spans + bars)


# --- folding: one spelling for everything that typography varies ---------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:['.-][^\W_]+)*")
_PARTS = re.compile(r"[_'.&-]")
_BAR = re.compile(r" \| ")
_BULLET = re.compile(r"^[-*+•‣◦] ")
"""Keeps the items of a list apart; before a single one it is only markup."""
_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
_PIECES = re.compile(
    rf"""
      (?P<wrap> (?<=[^\W\d_])[-\u2010\u00ad][^\S\n]*\n\s*(?=[^\W\d_]) | (?<=[a-z])[-\u2010][ ](?=[a-z]) )
    | (?P<space> \s+ )
    | (?P<drop> [{_INVISIBLE}]+ )
    | (?P<dash> [-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+ )
    | (?P<double> ["\u201c-\u201f\u00ab\u00bb\uff02\u2033] | `` | '' )
    | (?P<single> ['\u2018-\u201b\u2039\u203a\u00b4\u2032`] )
    | (?P<ascii> (?:(?:[!\#-&(-,./0-9:-_a-{{|}}~]|[ ](?!\s))(?![\u0300-\u036f]))+ )
    | (?P<other> .[\u0300-\u036f]* )
    """,
    re.VERBOSE | re.DOTALL,
)
_MAYBE_BROKEN = re.compile(r"[-\u2010\u00ad][^\S\n]*[\n ]")
_FOLDED = {"space": " ", "drop": "", "dash": "-", "double": '"', "single": "'"}


@dataclass(frozen=True, slots=True)
class _Folded:
    """Folded text; each character knows the span it came from."""

    text: str
    starts: array[int]
    ends: array[int]

    def find(self, words: str) -> tuple[int, int] | None:
        """Return where the words stand, whole words only, as a span of the text before folding."""
        at = self.text.find(words)
        while at >= 0:
            if _stands_alone(self.text, at, at + len(words)):
                return self.starts[at], self.ends[at + len(words) - 1]
            at = self.text.find(words, at + 1)
        return None


def _fold(text: str, *, joined: bool = True, skip: Iterable[tuple[int, int]] = ()) -> _Folded:
    """Fold Unicode forms (NFKC), quotation marks, dashes and white space.

    A word broken at a line's end is `joined`, or keeps its hyphen; `skip` are spans to leave out.
    """
    runs: list[str] = []
    starts, ends = array("l"), array("l")
    gaps = dict(skip)
    position = 0
    while position < len(text):
        if (after := gaps.get(position)) is not None:
            position = max(after, position + 1)
            continue
        match = _PIECES.match(text, position)
        if match is None:
            break
        position = _emit(match, joined, runs, starts, ends)
    return _Folded("".join(runs), starts, ends)


def _emit(match: re.Match[str], joined: bool, runs: list[str], starts: array[int], ends: array[int]) -> int:
    """Write one piece in its folded form and return where the next one begins."""
    start, end = match.span()
    if match.lastgroup == "ascii":
        runs.append(match[0])
        starts.extend(range(start, end))
        ends.extend(range(start + 1, end + 1))
        return end
    folded = _folded_piece(match, joined)
    if folded == " " and (not runs or runs[-1] == " "):
        return end
    if folded:
        runs.append(folded)
        starts.extend([start] * len(folded))
        ends.extend([end] * len(folded))
    return end


def _folded_piece(match: re.Match[str], joined: bool) -> str:
    if match.lastgroup == "wrap":
        return "" if joined else "-"
    if match.lastgroup in _FOLDED:
        return _FOLDED[match.lastgroup]
    return unicodedata.normalize("NFKC", match[0]).strip()


def _folds(text: str, *, skip: Sequence[tuple[int, int]] = ()) -> list[_Folded]:
    """Fold a text, both ways where a line ends in a hyphen."""
    joined = _fold(text, skip=skip)
    return [joined, _fold(text, joined=False, skip=skip)] if _MAYBE_BROKEN.search(text) else [joined]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Say whether a slice is not cut out of a word or a number."""
    return _apart(text[start - 1 : start], text[start], text[max(0, start - 2) : start - 1]) and _apart(
        text[end : end + 1], text[end - 1], text[end + 1 : end + 2]
    )


def _apart(outside: str, inside: str, beyond: str) -> bool:
    """Say whether two neighbouring characters belong to different words; `beyond` is the next one outward."""
    if outside in {".", ","} and inside.isdigit() and beyond.isdigit():
        return False
    return not (_joins(outside) and _joins(inside))


def _joins(character: str) -> bool:
    """Letters and digits of scripts that write spaces between words."""
    return character.isalnum() and character < "\u2e80"


# --- quotes ---------------------------------------------------------------------------------------------------------

_WRAPPING = "\"'“”„«»‘’‚‹›` \t\r\n"
_TRIVIAL = frozenset(
    "a an and any are as at be been but by can could did do does for from had has have he her his i if in is it its "
    "may me more most must my no not of on one or our she should so some such than that the their them then there "
    "these they this those to was we were what when where which who will with would yes you your also der die das und "
    "ist ein eine im in zu den dem von mit le la les de des du et est un une en el los las y es que".split()
)


def _says_something(quote: str) -> bool:
    """Refuse what stands everywhere and so proves nothing: a single small word, a letter, a digit."""
    words: list[str] = _WORD.findall(quote.casefold())
    if len(words) > 1:
        return any(word not in _TRIVIAL for word in words)
    return bool(words) and words[0] not in _TRIVIAL and (len(words[0]) > 1 or words[0] > "\u2e80")


def _wordings(quote: str) -> Iterator[str]:
    """Yield the ways a quote may have been written down: as it is, without markup, without what was put around it."""
    seen: set[str] = set()
    bare = quote.strip().strip(_WRAPPING).removesuffix("...").removesuffix("…").removeprefix("...").removeprefix("…")
    trimmed = bare.strip().strip("*_~#>|").strip(_WRAPPING)
    for text in (quote, bare, trimmed, trimmed.rstrip(".,;:")):
        for version in (plain_text(text, code=False).text, text):
            for folded in _folds(version):
                wording = folded.text.strip()
                if wording and wording not in seen:
                    seen.add(wording)
                    yield wording


# --- what a sentence claims -----------------------------------------------------------------------------------------

_MARK = re.compile(r"\s*(?:\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\]|【[^】]{0,40}】|[¹²³⁰⁴-⁹]+(?=[\s.,;:!?]|$))(?!\()")
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"https?://[^\s<>()\[\]\"'`]+|\bwww\.[^\s<>()\[\]\"'`]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_NAME = re.compile(r"(?<!\w)[^\W\d_][\w’'&-]*(?:\.[\w’'&-]+)*")
_OPENING = re.compile(r"(?:^|[.!?:;•|\n(\"“„«*_–—]|\d[.)])[\s\"“„«(*_]*$")
_NO_NAMES = frozenset(
    "i i'm i'd i'll i've ok okay no yes not note tip warning important monday tuesday wednesday thursday friday "
    "saturday sunday mr mrs ms dr am pm uhr".split()
) - frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
_CURRENCIES = {
    code: frozenset(words.split())
    for words in ("eur euro euros €", "usd dollar dollars $", "gbp pound pounds £", "chf franc francs franken")
    for code in words.split()
}
_GERMAN = re.compile(r"\b(?:der|die|das|und|ist|nicht|ein|eine|werden|wird|sind|für|mit|auf)\b")
_TITLE_SHARE = 0.6
_STEM = 4
_ENDING = 3


def _without_marks(text: str) -> str:
    """Take out footnote marks that the answerer wrote itself: only checked ones are shown. Code keeps its brackets."""
    pieces = re.split(r"(`+[^`]*`+)", text)
    return "".join(piece if number % 2 else _MARK.sub("", piece) for number, piece in enumerate(pieces)).strip()


def _unsupported_part(text: str, found: Sequence[_Found]) -> Rejection | None:
    """Say what of a sentence is not in the passages that it cites, if anything."""
    faults = (
        (Rejection.CODE, _foreign_code),
        (Rejection.LINK, _foreign_link),
        (Rejection.NUMBER, _foreign_number),
        (Rejection.NAME, _foreign_name),
    )
    return next((fault for fault, foreign in faults if foreign(text, found)), None)


def _foreign_code(text: str, found: Sequence[_Found]) -> bool:
    sources = [_fold(quote.evidence.passage.chunk.text).text for quote in found] if "`" in text else []
    return any(not any(_fold(code).text.strip() in source for source in sources) for _, code in _CODE.findall(text))


def _foreign_link(text: str, found: Sequence[_Found]) -> bool:
    sources = [f"{quote.evidence.passage.chunk.text} {quote.evidence.passage.chunk.url}".casefold() for quote in found]
    links = (link.rstrip(".,;:!?/*_").casefold() for link in _LINK.findall(text))
    return any(not any(link in source for source in sources) for link in links)


def _foreign_number(text: str, found: Sequence[_Found]) -> bool:
    """Compare with the sentences around the quotes: the rest of a passage holds other numbers."""
    claims = [quantity for quantity in quantities(_LINK.sub(" ", text)) if quantity.kind != "loose"]
    if not claims:
        return False
    stated = frozenset().union(*(values(quote.evidence.around(quote.start, quote.end)) for quote in found))
    counted = frozenset({str(len(found))})
    return any(
        not part & (stated | counted if claim.kind == "word" else stated)
        and not _spelled(text[claim.start : claim.end], claim.kind, found)
        for claim in claims
        for part in claim.parts
    )


def _spelled(claim: str, kind: str, found: Sequence[_Found]) -> bool:
    """An identifier may stand in the passage in one piece with something else (a path, a URL)."""
    return kind == "name" and any(claim.casefold() in quote.evidence.words for quote in found)


def _foreign_name(text: str, found: Sequence[_Found]) -> bool:
    names = list(_names(_fold(_without_dates(_CODE.sub(" ", _LINK.sub(" ", text)))).text))
    tokens = frozenset().union(*(quote.evidence.tokens for quote in found)) if names else frozenset()
    return any(not _stands_in(name, tokens) and not _is_currency(name, found) for name in names)


def _without_dates(text: str) -> str:
    """Leave out dates, whose months look like names: they are compared by their value."""
    for date in reversed([quantity for quantity in quantities(text) if quantity.kind == "date"]):
        text = f"{text[: date.start]} 1 {text[date.end :]}"
    return text


def _is_currency(name: str, found: Sequence[_Found]) -> bool:
    """Say whether a name is a currency that the passages write in another way."""
    ways = _CURRENCIES.get(name.casefold(), frozenset())
    return any(
        way in (quote.evidence.tokens if way.isalpha() else quote.evidence.words) for way in ways for quote in found
    )


def _names(text: str) -> Iterator[str]:
    """Yield the words that are names by their capitals: within a sentence, or several in a row, or in capitals."""
    words = list(_NAME.finditer(text))
    capital = [match[0][0].isupper() for match in words]
    title_like = len(words) > 4 and sum(capital) > _TITLE_SHARE * len(words)
    nouns_too = _GERMAN.search(text) is not None
    for number, match in enumerate(words):
        word = match[0]
        if not capital[number] or word.casefold() in _TRIVIAL or word.casefold() in _NO_NAMES:
            continue
        shaped = any(letter.isupper() for letter in word[1:])
        opening = _OPENING.search(text, max(0, match.start() - 12), match.start()) is not None or match.start() == 0
        beside = text[match.end() : match.end() + 2][:1] == " " and text[match.end() + 1 : match.end() + 2].isupper()
        if shaped or not (title_like or nouns_too or (opening and not beside)):
            yield word


def _stands_in(name: str, tokens: frozenset[str]) -> bool:
    """Say whether a name stands among the words of the passages, in this or another inflection."""
    folded = name.casefold().removesuffix("'s").strip("'.-&")
    if all(part in tokens or not part for part in _PARTS.split(folded)):
        return True
    return any(_inflected(folded, token) for token in tokens if token[:_STEM] == folded[:_STEM])


def _inflected(name: str, token: str) -> bool:
    """Same beginning, at most a short ending apart: Berlins, Germany's, Huguenots."""
    short, long = sorted((name, token), key=len)
    if long.startswith(short) and len(short) >= _STEM:
        return len(long) - len(short) <= _ENDING or long[len(short)] in "-'."
    return False
