"""OpenDocument texts and presentations (ODT, ODP): headings, lists, tables, slides with their notes."""

from __future__ import annotations

from lxml import etree

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.outcomes import ReadOutcome
from knowledge.reading.packages import Package
from knowledge.reading.tables import cell_text, markdown_table
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

_NAMESPACE = "{{urn:oasis:names:tc:opendocument:xmlns:{}:1.0}}"
TEXT, TABLE, DRAW, OFFICE, PRESENTATION = map(_NAMESPACE.format, "text table drawing office presentation".split())
LEFT_OUT = frozenset({f"{TEXT}tracked-changes", f"{OFFICE}annotation", f"{TEXT}note", f"{TEXT}bibliography-source"})
MOST_REPEATED = 50
"""A cell or row that says it stands more often than this is empty space up to the edge."""


class OpenDocumentReader:
    """Reads .odt and .odp; spreadsheets of the family are read with the other spreadsheets."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the package is broken, locked or holds no text."""
        package = Package(data)
        if b"encryption-data" in (package.read("META-INF/manifest.xml") or b""):
            raise UnreadableFileError("needs a password", outcome=ReadOutcome.NEEDS_PASSWORD)
        tree = package.xml("content.xml")
        body = tree.find(f"{OFFICE}body") if tree is not None else None
        if body is None:
            raise UnreadableFileError("damaged: there is no text document in it")
        composer = Composer()
        for number, slide in enumerate(body.iter(f"{DRAW}page"), 1):
            _write_slide(slide, number, composer)
        for text in body.iter(f"{OFFICE}text"):
            _write_children(text, composer, 0)
        return composer.document(composer.first_heading or readable_name(path))


def _write_slide(slide: etree._Element, number: int, composer: Composer) -> None:
    frames = [frame for frame in slide if frame.tag != f"{PRESENTATION}notes"]
    titles = (cell_text(_words(frame)) for frame in frames if frame.get(f"{PRESENTATION}class") == "title")
    title = next(filter(None, titles), "")
    composer.place(page=number, location=f"slide {number}", heading=[title] if title else [])
    for frame in frames:
        if frame.get(f"{PRESENTATION}class") != "title":
            _write_children(frame, composer, 0)
    for notes in slide.iter(f"{PRESENTATION}notes"):
        if words := _words(notes).strip():
            composer.block(f"Notes: {words}")
    if title and not composer.has_blocks:
        composer.block(title)


def _write_children(parent: etree._Element, composer: Composer, depth: int) -> None:
    for child in parent:
        if child.tag == f"{TEXT}h":
            level = child.get(f"{TEXT}outline-level", "1")
            composer.heading(int(level) if level.isdecimal() else 1, _line(child))
        elif child.tag == f"{TEXT}p":
            composer.block(_line(child).strip())
            _write_notes(child, composer)
        elif child.tag == f"{TEXT}list":
            _write_list(child, composer, depth)
        elif child.tag == f"{TABLE}table":
            composer.block(_table(child))
        elif child.tag not in LEFT_OUT:
            _write_children(child, composer, depth)


def _write_list(parent: etree._Element, composer: Composer, depth: int) -> None:
    for item in parent.iter(f"{TEXT}list-item", f"{TEXT}list-header"):
        if item.getparent() is not parent:
            continue
        words = " ".join(cell_text(_line(child)) for child in item if child.tag in (f"{TEXT}p", f"{TEXT}h"))
        composer.block(f"{'  ' * depth}- {words}" if words.strip() else "", close=True)
        for inner in item:
            if inner.tag == f"{TEXT}list":
                _write_list(inner, composer, depth + 1)


def _write_notes(paragraph: etree._Element, composer: Composer) -> None:
    for body in paragraph.iter(f"{TEXT}note-body"):
        composer.block(f"Note: {cell_text(_words(body))}")


def _table(table: etree._Element) -> str:
    rows = []
    for row in table.iter(f"{TABLE}table-row"):
        cells = []
        for cell in row:
            if cell.tag in (f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
                times = cell.get(f"{TABLE}number-columns-repeated", "1")
                count = int(times) if times.isdecimal() and int(times) <= MOST_REPEATED else 1
                cells += [cell_text(_words(cell))] * count
        if any(cells):
            rows.append(cells)
    return markdown_table(rows)


def _words(element: etree._Element) -> str:
    return "\n".join(filter(None, map(_line, element.iter(f"{TEXT}p", f"{TEXT}h"))))


def _line(element: etree._Element) -> str:
    """A paragraph's words with its tabs, spaces and line breaks; notes are paragraphs of their own."""
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{TEXT}s":
            count = child.get(f"{TEXT}c", "1")
            parts.append(" " * (min(int(count), 100) if count.isdecimal() else 1))
        elif child.tag in (f"{TEXT}tab", f"{TEXT}line-break"):
            parts.append("\t" if child.tag == f"{TEXT}tab" else "\n")
        elif isinstance(child.tag, str) and child.tag not in LEFT_OUT:
            parts.append(_line(child))
        parts.append(child.tail or "")
    return "".join(parts)
