"""Markdown: sections under their heading paths, cut from the text as it stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token

from knowledge.reading.decoding import decode
from knowledge.reading.slices import section
from knowledge.reading.titles import one_line, readable_name
from knowledge.types import ParsedDocument, Section

YAML_FRONT = re.compile(r"\A---[^\S\n]*\n(?P<fields>(?:.*\n)*?)(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)")
TOML_FRONT = re.compile(r"\A\+\+\+[^\S\n]*\n(?P<fields>(?:.*\n)*?)\+\+\+[^\S\n]*(?:\n|\Z)")
YAML_FIELD = re.compile(r"\A(?:[^\S\n]*(?:#.*)?\n)*[\w-]+[^\S\n]*:(?:\s|\Z)")
"""How front matter begins; anything else between two rules is text."""
YAML_TITLE = re.compile(r"^title[^\S\n]*:[^\S\n]*(?P<title>\S.*)$", re.MULTILINE | re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
HTML_HEADING = re.compile(
    r"\A\s*<h(?P<level>[1-6])\b[^>]*>(?P<title>.*?)</h(?P=level)>\s*\Z", re.DOTALL | re.IGNORECASE
)
TAG = re.compile(r"<[^>]*>")
MARKUP = frozenset("*_`[]<>\\&!~")
"""A heading without any of these is its own plain text."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and the lines that it takes, end exclusive."""

    level: int
    title: str
    first_line: int
    end_line: int


class MarkdownReader:
    """Reads CommonMark with tables and front matter."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        text = decode(data)
        front_title, body_start = _front_matter(text)
        tokens = _block_parser().parse(text[body_start:])
        starts = _line_starts(text, body_start)
        text = _without_comments(text, tokens, starts)
        headings = list(_headings(tokens))
        title = front_title or next((h.title for h in headings if h.level == 1 and h.title), "") or readable_name(path)
        sections = tuple(_sections(text, headings, starts))
        return ParsedDocument(title=title, text=text, sections=sections)


@cache
def _block_parser() -> MarkdownIt:
    """Blocks alone carry line numbers; leaving inline markup unparsed halves the time."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@cache
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("strikethrough")


def _front_matter(text: str) -> tuple[str, int]:
    """Return the title in the front matter and where the body begins."""
    if (yaml := YAML_FRONT.match(text)) and YAML_FIELD.search(yaml["fields"]):
        found = YAML_TITLE.search(yaml["fields"])
        return one_line(_unquoted(found["title"])) if found else "", yaml.end()
    if toml := TOML_FRONT.match(text):
        return _toml_title(toml["fields"]), toml.end()
    return "", 0


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[0] in "'\"":
        return value[1:].partition(value[0])[0]
    return "" if value[0] in "|>&*{[" else value.partition(" #")[0]


def _toml_title(fields: str) -> str:
    try:
        title = tomllib.loads(fields).get("title", "")
    except tomllib.TOMLDecodeError:
        return ""
    return one_line(title) if isinstance(title, str) else ""


def _line_starts(text: str, body_start: int) -> list[int]:
    """Where each line of the body begins in the whole text; one more entry marks the end."""
    lines = text[body_start:].split("\n")
    return list(accumulate((len(line) + 1 for line in lines), initial=body_start))


def _without_comments(text: str, tokens: list[Token], starts: list[int]) -> str:
    """Blank out HTML comments, which no reader of the page would see; every offset stays."""
    if "<!--" not in text:
        return text
    parts, done = [], 0
    for token in tokens:
        if token.map and _may_hold_comment(token):
            start, end = starts[token.map[0]], min(starts[token.map[1]], len(text))
            parts += [text[done:start], COMMENT.sub(_blank, text[start:end])]
            done = end
    return "".join([*parts, text[done:]])


def _may_hold_comment(token: Token) -> bool:
    if "<!--" not in token.content:
        return False
    return token.type == "html_block" or (token.type == "inline" and "`" not in token.content)


def _blank(comment: re.Match[str]) -> str:
    return re.sub(r"\S", " ", comment[0])


def _headings(tokens: list[Token]) -> Iterator[Heading]:
    """Headings at the top level of the document; one inside a list or quotation belongs to that."""
    for place, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        if token.type == "heading_open":
            yield Heading(int(token.tag[1]), _plain(tokens[place + 1].content), *token.map)
        elif token.type == "html_block" and (found := HTML_HEADING.match(token.content)):
            yield Heading(int(found["level"]), _plain(TAG.sub("", found["title"])), *token.map)


def _plain(markup: str) -> str:
    """A heading's words without their markup."""
    if MARKUP.isdisjoint(markup):
        return one_line(markup)
    inline = _inline_parser().parseInline(markup)[0].children or []
    return one_line("".join(_words(token) for token in inline))


def _words(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    return "" if token.type == "html_inline" else token.content


def _sections(text: str, headings: list[Heading], starts: list[int]) -> Iterator[Section]:
    first = starts[headings[0].first_line] if headings else len(text)
    if opening := section(text, starts[0], first):
        yield opening
    path: list[Heading] = []
    for place, heading in enumerate(headings):
        path = [*(above for above in path if above.level < heading.level), heading]
        following = headings[place + 1] if place + 1 < len(headings) else None
        if found := _under(text, heading, following, path, starts):
            yield found


def _under(
    text: str, heading: Heading, following: Heading | None, path: list[Heading], starts: list[int]
) -> Section | None:
    """Cut what stands under a heading; a heading over nothing at all is a section of itself."""
    names = tuple(above.title for above in path if above.title)
    end = min(starts[following.first_line], len(text)) if following else len(text)
    body = section(text, min(starts[heading.end_line], end), end, names)
    if body or (following and following.level > heading.level):
        return body
    return section(text, starts[heading.first_line], end, names)
