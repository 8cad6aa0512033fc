"""Jupyter notebooks: text and code cell by cell, with the outputs that are text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.markdown import MarkdownReader
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

LONGEST_OUTPUT = 4_000
"""Characters of one output; the rest is rarely read by anybody."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ENCODED = re.compile(r"[A-Za-z0-9+/=]{400,}")
"""Pictures and the like, written as text."""

Json = Mapping[str, Any]


class NotebookReader:
    """Reads notebooks of format 3 and 4; the headings of text cells hold for the cells below them."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when it is no notebook."""
        try:
            book = orjson.loads(data)
            sheets = [book] if "cells" in book else book["worksheets"]
            sheets = [book] if "cells" in book else book["worksheets"]
            cells = [cell for sheet in sheets for cell in sheet["cells"]]
        except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
            raise UnreadableFileError("damaged: no notebook that can be opened") from exc
        composer = Composer()
        heading: tuple[str, ...] = ()
        for number, cell in enumerate(cells, 1):
            heading = _write(cell, number, heading, composer)
        return composer.document(composer.first_heading or _first_title(cells) or readable_name(path))


def _write(cell: Json, number: int, heading: tuple[str, ...], composer: Composer) -> tuple[str, ...]:
    """Write a cell; return the headings that hold after it."""
    location, source = f"cell {number}", _joined(cell.get("source", cell.get("input", "")))
    kind = cell.get("cell_type")
    if kind == "markdown":
        return _write_text(source, heading, location, composer)
    composer.place(location=location, heading=heading)
    if kind == "code":
        _write_fence(source, composer, "python")
        for output in cell.get("outputs", ()):
            _write_fence(_output(output), composer)
    else:
        composer.block(source)
    return heading


def _write_text(source: str, heading: tuple[str, ...], location: str, composer: Composer) -> tuple[str, ...]:
    document = MarkdownReader().read(source.encode(), "cell.md")
    own = [section for section in document.sections if section.heading]
    for section in document.sections:
        composer.place(location=location, heading=section.heading or heading)
        composer.block(section.text)
    return own[-1].heading if own else heading


def _write_fence(text: str, composer: Composer, language: str = "") -> None:
    if text.strip():
        marks = "`" * max(3, *(len(run) + 1 for run in re.findall(r"`{3,}", text)), 3)
        composer.block(f"{marks}{language}\n{text.strip(chr(10)).rstrip()}\n{marks}")


def _output(output: Json) -> str:
    """Return an output's text; pictures and pages are none."""
    data = output.get("data", {})
    if any(kind.startswith("image/") for kind in data):
        return ""
    if output.get("output_type") in ("error", "pyerr"):
        text = f"{output.get('ename', '')}: {output.get('evalue', '')}"
    else:
        text = _joined(output.get("text", data.get("text/markdown", data.get("text/plain", ""))))
    text = ENCODED.sub("…", ESCAPES.sub("", text))
    return text if len(text) <= LONGEST_OUTPUT else f"{text[:LONGEST_OUTPUT]}…"


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(map(str, value))
    return value if isinstance(value, str) else ""


def _first_title(cells: list[Json]) -> str:
    return next(_titles(cells), "")


def _titles(cells: list[Json]) -> Iterator[str]:
    for cell in cells:
        source = _joined(cell.get("source", ""))
        if cell.get("cell_type") == "markdown" and (found := re.search(r"^# +(.+)$", source, re.MULTILINE)):
            yield found[1].strip()
