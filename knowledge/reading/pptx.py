"""PowerPoint presentations: slide by slide, with its title, text, tables and the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.packages import Package
from knowledge.reading.tables import cell_text, markdown_table
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MAIN = "ppt/presentation.xml"
FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr"})
"""Placeholders that say the same on every slide: date, footer, number."""


class PptxReader:
    """Reads .pptx and its relatives; each slide is a section with its number as the page."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the package is broken, locked or no presentation."""
        package = Package(data)
        main = next((target for kind, target in package.related("").values() if kind == "officeDocument"), MAIN)
        composer = Composer()
        slides = enumerate(_slides(package, main), 1)
        titles = [_write_slide(package, part, number, composer) for number, part in slides]
        return composer.document(next(filter(None, titles), "") or readable_name(path))


def _slides(package: Package, main: str) -> list[str]:
    """Name the slides' parts in the order in which they are shown."""
    tree = package.xml(main)
    if tree is None:
        raise UnreadableFileError("damaged: there is no presentation in it")
    related = package.related(main)
    shown = (slide.get(f"{R}id", "") for slide in tree.iter(f"{P}sldId"))
    return [related[name][1] for name in shown if name in related]


def _write_slide(package: Package, part: str, number: int, composer: Composer) -> str:
    """Write a slide; return its title."""
    try:
        tree = package.xml(part)
    except UnreadableFileError as exc:
        composer.missing.append(f"slide {number} is {exc}")
        return ""
    if tree is None:
        return ""
    title = next((cell_text(_words(shape)) for shape in _shapes(tree) if _role(shape) in ("title", "ctrTitle")), "")
    composer.place(page=number, location=f"slide {number}", heading=[title] if title else [])
    for shape in _shapes(tree):
        if _role(shape) not in ("title", "ctrTitle") and _role(shape) not in FURNITURE:
            _write_shape(shape, composer)
    related = package.related(part)
    for kind, target in related.values():
        if kind == "diagramData":
            _write_diagram(package.xml(target), composer)
    _write_notes(package, related, composer)
    if title and not composer.has_blocks:
        composer.block(title)
    return title


def _shapes(tree: etree._Element) -> Iterator[etree._Element]:
    """Yield what holds text or a table; groups are looked into by the iteration itself."""
    yield from tree.iter(f"{P}sp", f"{P}graphicFrame")


def _role(shape: etree._Element) -> str:
    placeholder = shape.find(f"{P}nvSpPr/{P}nvPr/{P}ph")
    return "" if placeholder is None else placeholder.get("type", "body")


def _write_shape(shape: etree._Element, composer: Composer) -> None:
    for table in shape.iter(f"{A}tbl"):
        rows = [[cell_text(_words(cell)) for cell in row.iter(f"{A}tc")] for row in table.iter(f"{A}tr")]
        composer.block(markdown_table([row for row in rows if any(row)]))
    body = shape.find(f"{P}txBody")
    paragraphs = list(body.iter(f"{A}p")) if body is not None else []
    filled = [(paragraph, text) for paragraph in paragraphs if (text := _paragraph(paragraph).strip())]
    for paragraph, text in filled:
        level = paragraph.find(f"{A}pPr")
        depth = int(level.get("lvl", "0")) if level is not None and level.get("lvl", "0").isdecimal() else 0
        listed = len(filled) > 1 and _role(shape) in ("body", "obj", "subTitle")
        composer.block(f"{'  ' * depth}- {cell_text(text)}" if listed else text, close=listed)


def _words(element: etree._Element) -> str:
    return "\n".join(map(_paragraph, element.iter(f"{A}p")))


def _paragraph(paragraph: etree._Element) -> str:
    parts = ("\n" if element.tag == f"{A}br" else element.text or "" for element in paragraph.iter(f"{A}t", f"{A}br"))
    return "".join(parts)


def _write_diagram(tree: etree._Element | None, composer: Composer) -> None:
    for paragraph in tree.iter(f"{A}p") if tree is not None else ():
        if text := cell_text(_paragraph(paragraph)):
            composer.block(f"- {text}", close=True)


def _write_notes(package: Package, related: dict[str, tuple[str, str]], composer: Composer) -> None:
    target = next((target for kind, target in related.values() if kind == "notesSlide"), "")
    tree = package.xml(target) if target else None
    for shape in _shapes(tree) if tree is not None else ():
        if _role(shape) == "body" and (text := _words(shape).strip()):
            composer.block(f"Notes: {text}")
