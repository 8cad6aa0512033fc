"""Word documents: the words of the body as Markdown; headers, footers, comments and deleted text are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.packages import Package
from knowledge.reading.tables import cell_text, markdown_table
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
MAIN = "word/document.xml"
LEFT_OUT = frozenset(
    f"{W}{name}" for name in "del moveFrom instrText delText rPr pPr fldChar commentReference annotationRef".split()
) | {"{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"}
"""What is no text of the document, or the same text a second time for older programs."""
SIGNS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-", f"{W}softHyphen": ""}
TITLE = 0
"""The level that stands for the style Title."""
DEEPEST = 9


@dataclass(slots=True)
class _Word:
    """What the other parts say about the paragraphs of the body."""

    levels: dict[str, int] = field(default_factory=dict)
    """Style → level of the heading that it makes."""
    list_styles: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Style → list and depth."""
    ordered: set[tuple[str, int]] = field(default_factory=set)
    """Lists and depths that count."""
    notes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Kind and number → text."""
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    title: str = ""


class DocxReader:
    """Reads .docx and its relatives with macros or as templates."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the package is broken, locked or no Word document."""
        package = Package(data)
        main = next((target for kind, target in package.related("").values() if kind == "officeDocument"), MAIN)
        tree = package.xml(main)
        body = tree.find(f"{W}body") if tree is not None else None
        if body is None:
            raise UnreadableFileError("damaged: there is no Word text in it")
        word = _word(package, main)
        composer = Composer()
        for block in _blocks(body):
            _write(block, word, composer)
        return composer.document(word.title or composer.first_heading or readable_name(path))


def _word(package: Package, main: str) -> _Word:
    parts = dict(package.related(main).values())
    word = _Word()
    _learn_styles(package.xml(parts.get("styles", "")), word)
    _learn_lists(package.xml(parts.get("numbering", "")), word)
    for kind in ("footnote", "endnote"):
        notes = package.xml(parts.get(f"{kind}s", ""))
        for note in notes if notes is not None else ():
            if note.get(f"{W}type") is None:
                word.notes[kind, note.get(f"{W}id", "")] = cell_text(" ".join(map(_text, note.iter(f"{W}p"))))
    return word


def _learn_styles(tree: etree._Element | None, word: _Word) -> None:
    """Learn which styles are headings: by an outline level, by the name, or by the style they build on."""
    based: dict[str, str] = {}
    for style in tree.iter(f"{W}style") if tree is not None else ():
        style_id, name = style.get(f"{W}styleId", ""), _value(style.find(f"{W}name")).lower()
        based[style_id] = _value(style.find(f"{W}basedOn"))
        outline = style.find(f"{W}pPr/{W}outlineLvl")
        first, _, last = name.partition(" ")
        if name == "title":
            word.levels[style_id] = TITLE
        elif first in ("heading", "überschrift", "titre") and last.isdecimal():
            word.levels[style_id] = int(last)
        elif outline is not None and _value(outline).isdecimal() and int(_value(outline)) < DEEPEST:
            word.levels[style_id] = int(_value(outline)) + 1
        number = style.find(f"{W}pPr/{W}numPr")
        if number is not None:
            word.list_styles[style_id] = _list(number)
    for style_id, parent in based.items():
        if parent in word.levels:
            word.levels.setdefault(style_id, word.levels[parent])
        if parent in word.list_styles:
            word.list_styles.setdefault(style_id, word.list_styles[parent])


def _learn_lists(tree: etree._Element | None, word: _Word) -> None:
    if tree is None:
        return
    counting: dict[str, set[int]] = {}
    for kind in tree.iter(f"{W}abstractNum"):
        formats = {int(level.get(f"{W}ilvl", "0")): _value(level.find(f"{W}numFmt")) for level in kind.iter(f"{W}lvl")}
        ordered = {level for level, name in formats.items() if name not in ("bullet", "none")}
        counting[kind.get(f"{W}abstractNumId", "")] = ordered
    for number in tree.iter(f"{W}num"):
        for level in counting.get(_value(number.find(f"{W}abstractNumId")), ()):
            word.ordered.add((number.get(f"{W}numId", ""), level))


def _value(element: etree._Element | None) -> str:
    return "" if element is None else element.get(f"{W}val", "")


def _list(number: etree._Element) -> tuple[str, int]:
    depth = _value(number.find(f"{W}ilvl"))
    return _value(number.find(f"{W}numId")), int(depth) if depth.isdecimal() else 0


def _blocks(parent: etree._Element) -> Iterator[etree._Element]:
    """Yield paragraphs and tables, looking into what merely wraps them."""
    for child in parent:
        if child.tag in (f"{W}p", f"{W}tbl"):
            yield child
        elif child.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}moveTo", f"{W}customXml", f"{W}smartTag"):
            yield from _blocks(child)


def _write(block: etree._Element, word: _Word, composer: Composer) -> None:
    if block.tag == f"{W}tbl":
        composer.block(_table(block))
    else:
        _write_paragraph(block, word, composer)
        for box in block.iter(f"{W}txbxContent"):
            if not any(above.tag in LEFT_OUT for above in box.iterancestors()):
                for inner in _blocks(box):
                    _write(inner, word, composer)
    for kind in ("footnote", "endnote"):
        for mark in block.iter(f"{W}{kind}Reference"):
            note = word.notes.pop((kind, mark.get(f"{W}id", "")), "")
            composer.block(f"Note: {note}" if note else "")


def _write_paragraph(paragraph: etree._Element, word: _Word, composer: Composer) -> None:
    text = _text(paragraph).strip()
    if not text:
        return
    style = _value(paragraph.find(f"{W}pPr/{W}pStyle"))
    outline = _value(paragraph.find(f"{W}pPr/{W}outlineLvl"))
    level = int(outline) + 1 if outline.isdecimal() and int(outline) < DEEPEST else word.levels.get(style)
    if level == TITLE and not word.title:
        word.title = " ".join(text.split())
    elif level is not None:
        composer.heading(max(1, level), text)
    elif item := _item(paragraph, style, word):
        composer.block(f"{item}{' '.join(text.split())}", close=True)
    else:
        composer.block(text)


def _item(paragraph: etree._Element, style: str, word: _Word) -> str:
    """Return the bullet or number of a list item; nothing for any other paragraph."""
    number = paragraph.find(f"{W}pPr/{W}numPr")
    name, depth = _list(number) if number is not None else word.list_styles.get(style, ("", 0))
    if name in ("", "0"):
        return ""
    for deeper in [key for key in word.counts if key[0] == name and key[1] > depth]:
        del word.counts[deeper]
    word.counts[name, depth] += 1
    return "  " * depth + (f"{word.counts[name, depth]}. " if (name, depth) in word.ordered else "- ")


def _text(paragraph: etree._Element) -> str:
    """A paragraph's visible words; text boxes anchored in it are paragraphs of their own."""
    parts: list[str] = []
    stack = [paragraph]
    while stack:
        element = stack.pop()
        if element.tag == f"{W}t":
            parts.append(element.text or "")
        elif element.tag in SIGNS:
            parts.append(SIGNS[element.tag])
        elif element.tag in LEFT_OUT or element.tag == f"{W}txbxContent" or _hidden(element):
            continue
        else:
            stack.extend(reversed(element))
    return "".join(parts)


def _hidden(element: etree._Element) -> bool:
    vanish = element.find(f"{W}rPr/{W}vanish") if element.tag == f"{W}r" else None
    return vanish is not None and vanish.get(f"{W}val", "1") not in ("0", "false", "off")


def _table(table: etree._Element) -> str:
    rows = [list(_cells(row)) for row in table.iter(f"{W}tr") if _table_of(row) is table]
    return markdown_table([row for row in rows if any(row)])


def _table_of(row: etree._Element) -> etree._Element | None:
    return next(row.iterancestors(f"{W}tbl"), None)


def _cells(row: etree._Element) -> Iterator[str]:
    """Yield a row's cells; a cell over several columns keeps the others in their places."""
    for cell in row.iter(f"{W}tc"):
        if next(cell.iterancestors(f"{W}tr"), None) is not row:
            continue
        yield cell_text(" ".join(map(_text, cell.iter(f"{W}p"))))
        span = _value(cell.find(f"{W}tcPr/{W}gridSpan"))
        yield from [""] * (min(int(span), 100) - 1 if span.isdecimal() else 0)
