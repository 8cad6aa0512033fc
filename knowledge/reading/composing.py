"""Blocks of Markdown, one after the other, → a document whose sections know where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from knowledge.reading.titles import one_line
from knowledge.types import ParsedDocument, Section


@dataclass(slots=True)
class _Draft:
    """A section in the making."""

    heading: tuple[str, ...] = ()
    page: int | None = None
    location: str = ""
    level: int = 0
    """Of the heading that it stands under; 0 when it was not opened by one."""
    blocks: list[str] = field(default_factory=list)
    close: list[bool] = field(default_factory=list)
    """Whether a block stands close to the one before, as list items do."""


class Composer:
    """Takes headings and blocks in reading order; a heading over nothing at all becomes a section of itself."""

    def __init__(self) -> None:
        self._drafts = [_Draft()]
        self._path: list[tuple[int, str]] = []
        self.missing: list[str] = []

    @property
    def first_heading(self) -> str:
        """The first heading of all; empty when there is none."""
        return next((draft.heading[-1] for draft in self._drafts if draft.level), "")

    @property
    def has_blocks(self) -> bool:
        """Whether the section that is being written has any text yet."""
        return bool(self._drafts[-1].blocks)

    def place(self, *, page: int | None = None, location: str = "", heading: Sequence[str] | None = None) -> None:
        """Begin a section at another place; the headings stay what they were unless some are given."""
        if heading is not None:
            self._path = []
        names = self._names() if heading is None else tuple(name for name in map(one_line, heading) if name)
        self._drafts.append(_Draft(names, page, location))

    def heading(self, level: int, text: str) -> None:
        """Begin a section under a heading of this level, 1 being the outermost."""
        title = one_line(text)
        if not title:
            return
        above = self._drafts[-1]
        if above.level >= level and not above.blocks:
            self.block(above.heading[-1])
        self._path = [*((depth, name) for depth, name in self._path if depth < level), (level, title)]
        self._drafts.append(_Draft(self._names(), above.page, above.location, level))

    def block(self, text: str, *, close: bool = False) -> None:
        """Add a paragraph, a table, a fence; or close to the one before, a list item."""
        body = text.strip("\n").rstrip()
        if body.strip():
            self._drafts[-1].blocks.append(body)
            self._drafts[-1].close.append(close)

    def insert(self, document: ParsedDocument, *, heading: Sequence[str] = (), location: str = "") -> None:
        """Add what another reader made of a part, under more headings and a location of its own."""
        for section in document.sections:
            names = (*heading, *section.heading)
            self.place(page=section.page, location=_joined(location, section.location), heading=names)
            self.block(section.text)
        self.missing += [f"{location}: {missing}" if location else missing for missing in document.missing]

    def document(self, title: str) -> ParsedDocument:
        """Put everything together."""
        last = self._drafts[-1]
        if last.level and not last.blocks:
            self.block(last.heading[-1])
        parts: list[str] = []
        sections: list[Section] = []
        length = 0
        for draft in self._drafts:
            if not draft.blocks:
                continue
            gap = "\n\n" if sections else ""
            body = _text(draft)
            parts += [gap, body]
            sections.append(Section(body, draft.heading, length + len(gap), draft.page, draft.location))
            length += len(gap) + len(body)
        return ParsedDocument(one_line(title), "".join(parts), tuple(sections), missing=tuple(self.missing))

    def _names(self) -> tuple[str, ...]:
        return tuple(name for _, name in self._path)


def _text(draft: _Draft) -> str:
    parts = [draft.blocks[0]]
    for number in range(1, len(draft.blocks)):
        tight = draft.close[number] and draft.close[number - 1]
        parts += ["\n" if tight else "\n\n", draft.blocks[number]]
    return "".join(parts)


def _joined(*locations: str) -> str:
    return ", ".join(location for location in locations if location)
