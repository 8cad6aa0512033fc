"""HTML: what a person would see of the page, as Markdown with headings, lists, tables and fences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from knowledge.reading.decoding import decode
from knowledge.reading.slices import section
from knowledge.reading.titles import one_line, readable_name
from knowledge.types import ParsedDocument, Section

CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
CHARSET_WITHIN = 4096
"""Bytes in which the charset is declared; the standard asks for the first 1024."""
UNSEEN = frozenset(
    "audio button canvas datalist dialog embed head iframe input math nav noscript object script select style svg "
    "template textarea video".split()
)
"""Elements that are no part of the text: never shown, or means of getting around the page."""
BLOCKS = frozenset(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form "
    "header hgroup html legend main p section summary tbody td tfoot th thead tr".split()
)
HEADINGS = {f"h{level}": level for level in range(1, 7)}
LISTS = frozenset({"ul", "ol", "menu", "dir"})
INVISIBLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE)
PLACE_MARKS = frozenset("¶#§🔗")
"""What generators of documentation put behind a heading: a link to the place itself, shown under the pointer only."""
LAYOUT = "table, h1, h2, h3, h4, h5, h6, pre, ul, ol"
"""A table that holds one of these arranges a page rather than data."""
BACKTICKS = re.compile(r"`{3,}")


@dataclass(slots=True)
class _Writer:
    """Collects blocks of Markdown; inline text gathers until the block ends."""

    blocks: list[str] = field(default_factory=list)
    headings: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Number of a block → level and title of the heading that it is."""
    inline: list[str] = field(default_factory=list)
    lists: list[int | None] = field(default_factory=list)
    """Open lists, outermost first: the next number of an ordered one, None for bullets."""
    item: str = ""
    """The bullet or number that the next block begins with."""
    title: str = ""

    def end_block(self) -> None:
        text = _collapsed("".join(self.inline))
        self.inline.clear()
        if text:
            self.add(text)

    def add(self, text: str) -> None:
        indent = "  " * (len(self.lists) - 1)
        first = f"{indent}{self.item}" if self.item else indent
        self.item = ""
        self.blocks.append(first + text)

    def heading(self, level: int, text: str) -> None:
        self.end_block()
        title = one_line(text)
        if title:
            self.headings[len(self.blocks)] = (level, title)
            self.blocks.append(f"{'#' * level} {title}")

    def begin_item(self) -> None:
        self.end_block()
        number = self.lists[-1] if self.lists else None
        if number is None:
            self.item = "- "
        else:
            self.item = f"{number}. "
            self.lists[-1] = number + 1


class HtmlReader:
    """Reads HTML pages; scripts, navigation and hidden elements are left out."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        declared = CHARSET.search(data[:CHARSET_WITHIN])
        tree = LexborHTMLParser(decode(data, declared=declared[1].decode("ascii") if declared else None))
        writer = _Writer()
        if tree.root is not None:
            _write(tree.root, writer)
        text, starts = _joined(writer.blocks)
        title = _title(writer, tree) or readable_name(path)
        return ParsedDocument(title=title, text=text, sections=tuple(_sections(text, starts, writer)))


def _title(writer: _Writer, tree: LexborHTMLParser) -> str:
    first = next((title for level, title in writer.headings.values() if level == 1), "")
    element = tree.css_first("head > title")
    return first or (one_line(element.text()) if element is not None else "")


def _write(root: LexborNode, writer: _Writer) -> None:
    """Walk the tree without recursion: pages nest deeper than Python's stack."""
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, entering = stack.pop()
        if not entering:
            _leave(node.tag or "", writer)
        elif _enter(node, writer):
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(list(node.iter(include_text=True))))
    writer.end_block()


def _enter(node: LexborNode, writer: _Writer) -> bool:
    """Write what stands at the beginning of a node; say whether to go on inside."""
    tag = node.tag or ""
    if tag == "-text":
        writer.inline.append(node.text_content or "")
        return False
    if tag.startswith(("-", "!")) or tag in UNSEEN or _hidden(node):
        return False
    if tag in HEADINGS:
        writer.heading(HEADINGS[tag], _visible_text(node))
        return False
    if tag == "pre":
        writer.end_block()
        _write_fence(node, writer)
        return False
    if tag == "table" and not _arranges_a_page(node):
        writer.end_block()
        _write_table(node, writer)
        return False
    _open(tag, node, writer)
    return True


def _arranges_a_page(table: LexborNode) -> bool:
    return any(inner.mem_id != table.mem_id for inner in table.css(LAYOUT))


def _open(tag: str, node: LexborNode, writer: _Writer) -> None:
    if tag == "br":
        writer.inline.append("\0")
    elif tag == "li":
        writer.begin_item()
    elif tag in LISTS:
        writer.end_block()
        writer.lists.append(_first_number(node) if tag == "ol" else None)
    elif tag in BLOCKS or tag in ("table", "hr"):
        writer.end_block()


def _leave(tag: str, writer: _Writer) -> None:
    if tag in LISTS:
        writer.end_block()
        writer.lists.pop()
        writer.item = ""
    elif tag == "li":
        writer.end_block()
        writer.item = ""
    elif tag in BLOCKS or tag in ("table", "hr"):
        writer.end_block()


def _first_number(node: LexborNode) -> int:
    start = node.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 else 1


def _hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    if not attributes:
        return False
    return (
        "hidden" in attributes
        or (attributes.get("aria-hidden") or "").strip().lower() == "true"
        or INVISIBLE.search(attributes.get("style") or "") is not None
        or (node.tag == "a" and (node.text() or "").strip() in PLACE_MARKS)
    )


def _visible_text(node: LexborNode) -> str:
    """Everything visible inside a node, on one line."""
    parts: list[str] = []
    stack = [node]
    while stack:
        current = stack.pop()
        tag = current.tag or ""
        if tag == "-text":
            parts.append(current.text_content or "")
        elif not (tag.startswith(("-", "!")) or tag in UNSEEN or _hidden(current)):
            if tag in BLOCKS or tag in LISTS or tag in ("br", "li"):
                parts.append(" ")
            stack.extend(reversed(list(current.iter(include_text=True))))
    return _collapsed("".join(parts)).replace("\n", " ")


def _collapsed(text: str) -> str:
    """Collapse white space as a browser does; a NUL stands for a line break."""
    lines = (" ".join(line.split()) for line in text.split("\0"))
    return "\n".join(line for line in lines if line)


def _write_fence(node: LexborNode, writer: _Writer) -> None:
    code = node.text(deep=True).strip("\n").rstrip()
    if code.strip():
        longest = max((len(run) for run in BACKTICKS.findall(code)), default=2)
        fence = "`" * (longest + 1)
        writer.item = ""
        writer.blocks.append(f"{fence}\n{code}\n{fence}")


def _write_table(table: LexborNode, writer: _Writer) -> None:
    rows = [cells for row in table.css("tr") if not _hidden(row) and any(cells := list(_cells(row)))]
    for caption in table.css("caption"):
        writer.inline.append(_visible_text(caption))
        writer.end_block()
    if not rows:
        return
    width = max(map(len, rows))
    lines = ["| " + " | ".join([*row, *[""] * (width - len(row))]) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    writer.item = ""
    writer.blocks.append("\n".join(lines))


def _cells(row: LexborNode) -> Iterator[str]:
    for cell in row.iter():
        if cell.tag in ("td", "th") and not _hidden(cell):
            yield _visible_text(cell).replace("|", "\\|")


def _joined(blocks: list[str]) -> tuple[str, list[int]]:
    """Join the blocks with a blank line; list items stand close together."""
    parts: list[str] = []
    starts: list[int] = []
    length = 0
    for place, block in enumerate(blocks):
        if place:
            gap = "\n" if _is_item(blocks[place - 1]) and _is_item(block) else "\n\n"
            parts.append(gap)
            length += len(gap)
        starts.append(length)
        parts.append(block)
        length += len(block)
    return "".join(parts), starts


def _is_item(block: str) -> bool:
    return re.match(r"\s*(?:- |\d+\. )", block) is not None


def _sections(text: str, starts: list[int], writer: _Writer) -> Iterator[Section]:
    """Cut at the headings; a heading over nothing at all is a section of itself."""
    marks = sorted(writer.headings)
    opening = section(text, 0, starts[marks[0]] if marks else len(text))
    if opening:
        yield opening
    path: list[tuple[int, str]] = []
    for place, mark in enumerate(marks):
        level, title = writer.headings[mark]
        path = [*(above for above in path if above[0] < level), (level, title)]
        following = marks[place + 1] if place + 1 < len(marks) else None
        end = starts[following] if following is not None else len(text)
        names = tuple(name for _, name in path)
        body = section(text, starts[mark] + len(writer.blocks[mark]), end, names)
        parent_of_next = following is not None and writer.headings[following][0] > level
        if body is None and not parent_of_next:
            body = section(text, starts[mark], end, names)
        if body:
            yield body
