"""Markdown as a reader sees it: the words without the markup, every character traceable to its place in the source."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

_REACH = 400
"""Longest run of characters that one pair of markers may enclose: keeps hostile input linear."""

_TAGS = (
    "a|abbr|b|big|blockquote|br|center|cite|code|dd|del|details|dfn|div|dl|dt|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|"
    "ol|p|pre|q|s|samp|small|span|strike|strong|sub|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|var"
)
_TARGET = r"\([^()\n]{0,1000}(?:\([^()\n]{0,400}\)[^()\n]{0,400}){0,4}\)"
_INLINE = re.compile(
    rf"""
      (?P<wrap> [ \t]*\\?\r?\n[ \t]*(?:>[ ]?)*[ \t]* )
    | (?P<escape> \\ (?P<escaped>[!-/:-@\[-`{{-~]) )
    | (?P<code> (?<!`)(?P<ticks>`{{1,4}})(?!`) (?P<verbatim>.{{1,{_REACH}}}?) (?<!`)(?P=ticks)(?!`) )
    | (?P<image> !\[ (?P<alt>[^\]\n]{{0,300}}) \] {_TARGET} )
    | (?P<link> \[ (?P<label>(?!\^)(?:[^\[\]]|\[[^\[\]\n]{{0,80}}\]){{1,300}}) \] (?:{_TARGET}|\[[^\]\n]{{0,80}}\]) )
    | (?P<note> \[\^[^\]\s]{{1,40}}\]:? )
    | (?P<auto> <(?P<address>(?:https?://|mailto:)[^\s<>]{{1,1000}}|[^\s<>@]{{1,80}}@[^\s<>]{{1,80}})> )
    | (?P<comment> <!--.{{0,2000}}?--> )
    | (?P<tag> </?(?:{_TAGS})(?:\s[^<>]{{0,400}})?/?> )
    | (?P<entity> &(?:\#\d{{1,7}}|\#x[0-9a-f]{{1,6}}|[a-z]{{2,31}}\d{{0,2}}); )
    | (?P<emphasis> (?P<mark>\*\*\*|\*\*|\*(?!\*)|~~|(?<!\w)(?:___|__|_)(?!_)) (?=[^\s*])
        (?P<body>.{{1,{_REACH}}}?) (?<=\S)(?P=mark)(?![\w*]|(?<=\w)_) )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:[\w-]+:.*\n|[ \t]+.*\n|- .*\n|\n){1,60}---[ \t]*(?:\n|$)")
_QUOTED = re.compile(r" {0,3}(?:> ?)+")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$")
_ITEM = re.compile(r"([ \t]*)([-*+•‣◦]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")
_CODE_LINE = re.compile(
    r"[;{}]\s*(?://.*)?$|^\s*(?:\}|\)|//|/\*|\*/|#include|#define|@\w+|import |from \S+ import|def |class |func |fn |"
    r"pub |use |package |public |private |protected |static |return\b|namespace |template|struct |impl |let |const |"
    r"var |"
    r"if \(|for \(|while \(|self\.|\w+\(.*\)\s*[;:{,]?$|[\w.]+ = )"
)
_CODE_SHARE = 0.5
"""Share of code-like lines from which text without any markup is taken as source code."""


_CODE_SYMBOL = re.compile(r"[(){}\[\]=;<>_\"/:]")
_INLINE_SYMBOLS = re.compile(rf"`[^`\n]+`|\](?:{_TARGET})|\[(?=[^\[\]\n]{{1,300}}\]\()|https?://\S+")
"""What prose has symbols for: links and code within a line."""
_SYMBOL_SHARE = 0.07
"""Share of symbols from which text of several lines is taken as source code; prose has 1 to 2 %."""


class Kind(StrEnum):
    """What a block is to a reader."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"
    HEADER = "header"
    """The first row of a table, which names its columns."""
    ROW = "row"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """One block of Markdown, as a slice of the plain text."""

    kind: Kind
    start: int
    end: int
    body: int
    """Where the words begin: after a list marker, else the start."""
    level: int = 0
    """Depth of a heading, or columns of indentation of an item."""
    language: str = ""
    """Of a fence, as written."""


@dataclass(frozen=True, slots=True)
class PlainText:
    """Text without markup. Blocks are separated by newlines; list markers and the bars between cells stay."""

    text: str
    source: str
    blocks: tuple[Block, ...]
    _plain: tuple[int, ...]
    _origin: tuple[tuple[int, int], ...]

    def source_span(self, start: int, end: int) -> tuple[int, int]:
        """Say where a non-empty slice of the plain text stands in the source, in characters."""
        return self._place(start)[0], self._place(end - 1)[1]

    def plain_span(self, start: int, end: int) -> tuple[int, int]:
        """Say which slice of the plain text came from a slice of the source; empty when that was all markup."""
        first, last = self._plain_at(start), self._plain_at(end)
        return first, max(first, last)

    def _plain_at(self, place: int) -> int:
        """Count the plain characters that came from before a place in the source."""
        number = bisect_right(self._origin, (place, -1)) - 1
        if number < 0:
            return 0
        begin, finish = self._origin[number]
        plain_begin = self._plain[number]
        plain_end = self._plain[number + 1] if number + 1 < len(self._plain) else len(self.text)
        if place >= finish or finish - begin != plain_end - plain_begin:
            return plain_end if place >= finish else plain_begin
        return plain_begin + place - begin

    def _place(self, position: int) -> tuple[int, int]:
        """Return the source span of one plain character."""
        number = bisect_right(self._plain, position) - 1
        begin, finish = self._origin[number]
        plain_begin = self._plain[number]
        plain_end = self._plain[number + 1] if number + 1 < len(self._plain) else len(self.text)
        if finish - begin != plain_end - plain_begin:
            return begin, finish
        at = begin + position - plain_begin
        return at, at + 1

    def slice(self, block: Block) -> str:
        """Return a block's words without its list marker."""
        return self.text[block.body : block.end]


def plain_text(source: str, *, code: bool | None = None) -> PlainText:
    """Take the markup off a piece of Markdown.

    `code=True` keeps everything as one block of code, `None` decides by the look of the lines.
    """
    writer = _Writer(source)
    if looks_like_code(source) if code is None else code:
        writer.write(_Draft(Kind.CODE, [(0, len(source))]))
        return writer.finish()
    for draft in _blocks(source):
        writer.write(draft)
    return writer.finish()


def looks_like_code(source: str) -> bool:
    """Say whether text without fences is source code, by the shape of its lines."""
    if re.search(r"^(?:#{1,6} |```|~~~|\|.*\|)", source, re.MULTILINE) and "#include" not in source:
        return False
    lines = [line for line in source.splitlines() if line.strip(" \t=-_*")]
    if len(lines) <= 2:
        return False
    symbols = sum(len(_CODE_SYMBOL.findall(_INLINE_SYMBOLS.sub("", line))) for line in lines)
    hits = sum(1 for line in lines if _CODE_LINE.search(line))
    return hits >= _CODE_SHARE * len(lines) or symbols >= _SYMBOL_SHARE * sum(map(len, lines))


@dataclass(slots=True)
class _Draft:
    """A block before its inline markup is gone: spans of the source."""

    kind: Kind
    spans: list[tuple[int, int]]
    level: int = 0
    marker: tuple[int, int] | None = None
    language: str = ""
    columns: int = 0


def _lines(source: str) -> Iterator[tuple[int, int, str]]:
    """Yield each line's start after quotation marks of Markdown, its end, and its text."""
    position = 0
    for line in source.split("\n"):
        quoted = _QUOTED.match(line)
        skip = quoted.end() if quoted else 0
        yield position + skip, position + len(line.rstrip("\r")), line[skip:].rstrip("\r")
        position += len(line) + 1


class _Parser:
    """Groups lines into blocks; one state, one line at a time."""

    def __init__(self) -> None:
        self.done: list[_Draft] = []
        self.open: _Draft | None = None
        self.fence = ""
        self.in_table = False

    def close(self) -> None:
        if self.open is not None and self.open.spans:
            self.done.append(self.open)
        self.open, self.in_table = None, False

    def line(self, start: int, end: int, text: str, following: str) -> None:
        """Take one line; the following one tells a table's header."""
        if self.fence:
            self.fenced(start, end, text)
        elif not text.strip():
            self.close()
        elif not (self.marked(start, end, text) or self.table(start, end, text, following)):
            self.words(start, end, text)

    def fenced(self, start: int, end: int, text: str) -> None:
        closing = text.strip()
        if closing.startswith(self.fence) and not closing.strip(self.fence[0]):
            self.fence = ""
            self.close()
        elif self.open is not None:
            self.open.spans.append((start, end))

    def marked(self, start: int, end: int, text: str) -> bool:
        """Handle a line that says by its first characters what it is."""
        if fence := _FENCE.match(text):
            self.close()
            self.fence, self.open = fence[1], _Draft(Kind.CODE, [], language=fence[2])
        elif heading := _HEADING.match(text):
            self.close()
            self.done.append(_Draft(Kind.HEADING, [_shift(start, heading.span(2))], level=len(heading[1])))
        elif self.open is not None and self.open.kind is Kind.PARAGRAPH and (underline := _UNDERLINE.match(text)):
            self.open.kind, self.open.level = Kind.HEADING, 1 if underline[1][0] == "=" else 2
            self.close()
        elif _RULE.match(text):
            self.close()
        elif item := _ITEM.match(text):
            self.close()
            marker = _shift(start, item.span(2))
            self.open = _Draft(Kind.ITEM, [(start + item.end(), end)], level=len(item[1]), marker=marker)
        else:
            return False
        return True

    def table(self, start: int, end: int, text: str, following: str) -> bool:
        """Handle a row of a table: with a leading bar, or within a table that a rule announced."""
        bar = text.lstrip().startswith("|")
        announced = "|" in text and "|" in following and _TABLE_RULE.match(following) is not None
        if not (bar or announced or (self.in_table and "|" in text)):
            return False
        if _TABLE_RULE.match(text):
            return True
        self.close()
        kind = Kind.HEADER if announced else Kind.ROW
        self.done.append(_Draft(kind, [(start, end)]))
        self.in_table = True
        return True

    def words(self, start: int, end: int, text: str) -> None:
        if self.open is None or self.open.kind is Kind.CODE:
            self.close()
            self.open = _Draft(Kind.PARAGRAPH, [])
        indent = len(text) - len(text.lstrip())
        self.open.spans.append((start + indent, end))


def _blocks(source: str) -> list[_Draft]:
    parser = _Parser()
    matter = _FRONT_MATTER.match(source)
    lines = [line for line in _lines(source) if matter is None or line[0] >= matter.end()]
    for number, (start, end, text) in enumerate(lines):
        following = lines[number + 1][2] if number + 1 < len(lines) else ""
        parser.line(start, end, text, following)
    parser.close()
    return parser.done


def _shift(by: int, span: tuple[int, int]) -> tuple[int, int]:
    return span[0] + by, span[1] + by


class _Writer:
    """Writes plain text and remembers where each run came from."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.runs: list[str] = []
        self.length = 0
        self.plain: list[int] = []
        self.origin: list[tuple[int, int]] = []
        self.blocks: list[Block] = []

    def put(self, text: str, start: int, end: int) -> None:
        """Write text that stands for a span of the source."""
        if text:
            self.plain.append(self.length)
            self.origin.append((start, end))
            self.runs.append(text)
            self.length += len(text)

    def copy(self, start: int, end: int) -> None:
        self.put(self.source[start:end], start, end)

    def write(self, draft: _Draft) -> None:
        """Write one block, separated from the one before; a block without words leaves no trace."""
        before = self.length
        if self.blocks:
            self.put("\n", self.origin[-1][1], draft.spans[0][0])
        begin = self.length
        if draft.marker is not None:
            self.copy(*draft.marker)
            self.put(" ", draft.marker[1], draft.spans[0][0])
        body = self.length
        self.lines(draft)
        if any(run.strip() for run in self.runs[bisect_right(self.plain, body - 1) :]):
            self.blocks.append(Block(draft.kind, begin, self.length, body, draft.level, draft.language))
        else:
            self.forget(before)

    def lines(self, draft: _Draft) -> None:
        if draft.kind is Kind.CODE:
            self.verbatim(draft.spans)
        elif draft.kind in (Kind.ROW, Kind.HEADER):
            self.cells(*draft.spans[0])
        else:
            self.inline(draft.spans[0][0], draft.spans[-1][1])

    def verbatim(self, spans: list[tuple[int, int]]) -> None:
        for number, (start, end) in enumerate(spans):
            if number:
                self.put("\n", spans[number - 1][1], start)
            self.copy(start, end)

    def cells(self, start: int, end: int) -> None:
        """Write a row's cells with ` | ` between them and none around."""
        row = self.source[start:end]
        edges = [-1, *(bar.start() for bar in _PIPE.finditer(row)), len(row)]
        pieces = [_trim(row, left + 1, right) for left, right in pairwise(edges)]
        while len(pieces) > 1 and pieces[0][0] == pieces[0][1]:
            pieces.pop(0)
        while len(pieces) > 1 and pieces[-1][0] == pieces[-1][1]:
            pieces.pop()
        for number, (left, right) in enumerate(pieces):
            if number:
                self.put(" | ", start + pieces[number - 1][1], start + left)
            self.inline(start + left, start + right)

    def inline(self, start: int, end: int) -> None:
        """Write a run of the source without its inline markup."""
        position = start
        for match in _INLINE.finditer(self.source, start, end):
            self.copy(position, match.start())
            self.markup(match)
            position = match.end()
        self.copy(position, end)

    def markup(self, match: re.Match[str]) -> None:
        """Write what remains of one piece of markup: its words."""
        for group in ("label", "body"):
            if match[group] is not None:
                return self.inline(*match.span(group))
        for group in ("escaped", "verbatim", "alt", "address"):
            if match[group] is not None:
                return self.copy(*match.span(group))
        if match["wrap"]:
            return self.put("\n", *match.span())
        if match["entity"]:
            return self.put(html.unescape(match["entity"]), *match.span())
        if match["tag"] and match["tag"].lower().startswith(("<br", "</p", "</td", "</li")):
            return self.put(" ", *match.span())
        return None

    def forget(self, length: int) -> None:
        """Take back everything written after this length."""
        keep = bisect_right(self.plain, length - 1) if length else 0
        del self.plain[keep:], self.origin[keep:], self.runs[keep:]
        self.length = length

    def finish(self) -> PlainText:
        return PlainText("".join(self.runs), self.source, tuple(self.blocks), tuple(self.plain), tuple(self.origin))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Narrow a span to what is not white space."""
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, end - (len(piece) - len(piece.rstrip())))
