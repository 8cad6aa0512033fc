"""reStructuredText: sections under their headings, cut from the text as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from knowledge.reading.decoding import decode
from knowledge.reading.slices import section
from knowledge.reading.titles import one_line, readable_name
from knowledge.types import ParsedDocument, Section

ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}\s*$")
UNSEEN = re.compile(
    r"^\.\.[^\S\n]+(?:_[^\n]*:[^\n]*|(?:toctree|index|meta|highlight|currentmodule|contents|raw|include)::[^\n]*"
    r"|(?![^\n]*::|\[|\|)[^\n]*)(?:\n(?:[^\S\n]+[^\n]*|(?=\n[^\S\n]+\S)))*$",
    re.MULTILINE,
)
"""Targets, comments and directives that put no words on the page."""
ROLE = re.compile(r":[a-zA-Z:+-]+:`~?([^`<]+?)(?:\s*<[^`>]*>)?`|`([^`<]+?)(?:\s*<[^`>]*>)?`_{0,2}")


@dataclass(frozen=True, slots=True)
class _Heading:
    """A heading, the lines it takes (end exclusive), and how it is adorned."""

    first: int
    end: int
    title: str
    style: str


class RestructuredTextReader:
    """Reads .rst; how deep a heading is follows from the order in which the adornments appear."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        text = UNSEEN.sub(lambda found: re.sub(r"\S", " ", found[0]), decode(data))
        lines = text.split("\n")
        headings = list(_headings(lines))
        title = headings[0].title if headings else readable_name(path)
        return ParsedDocument(title, text, tuple(_sections(text, lines, headings)))


def _headings(lines: Sequence[str]) -> Iterator[_Heading]:
    number = 0
    while number + 1 < len(lines):
        found = _heading(lines, number)
        if found is not None:
            yield found
        number = found.end if found else number + 1


def _heading(lines: Sequence[str], number: int) -> _Heading | None:
    """Recognise a title with a line under it, and perhaps one above."""
    above = ADORNMENT.match(lines[number])
    place = number + 1 if above else number
    below = ADORNMENT.match(lines[place + 1]) if place + 1 < len(lines) else None
    title = lines[place].strip()
    if not below or not title or ADORNMENT.match(lines[place]) or len(lines[place + 1].rstrip()) < len(title) * 0.6:
        return None
    if above:
        return _Heading(number, place + 2, _plain(title), above[1] * 2) if above[1] == below[1] else None
    if lines[place][:1].isspace() or (place and lines[place - 1].strip()):
        return None
    return _Heading(place, place + 2, _plain(title), below[1])


def _plain(title: str) -> str:
    words = ROLE.sub(lambda found: found[1] or found[2], title)
    return one_line(words.replace("``", "").replace("**", ""))


def _sections(text: str, lines: Sequence[str], headings: Sequence[_Heading]) -> Iterator[Section]:
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    first = starts[headings[0].first] if headings else len(text)
    if opening := section(text, 0, min(first, len(text))):
        yield opening
    styles: list[str] = []
    path: list[str] = []
    for heading, following in pairwise([*headings, None]):
        assert heading is not None  # noqa: S101 - only the last is none
        if heading.style not in styles:
            styles.append(heading.style)
        path = [*path[: styles.index(heading.style)], heading.title]
        end = starts[following.first] if following else len(text)
        if body := section(text, min(starts[heading.end], end), min(end, len(text)), tuple(path)):
            yield body
