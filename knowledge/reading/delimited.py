"""CSV and TSV: rows under their header, whatever separates the cells."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import PurePosixPath

from knowledge.errors import UnreadableFileError
from knowledge.reading.composing import Composer
from knowledge.reading.decoding import decode
from knowledge.reading.spreadsheets import Numbered, sheet_parts
from knowledge.reading.tables import cell_text, numbered
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument

SEPARATORS = ",;\t|"
SAMPLE = 65_536
"""Characters by which the separator is found."""
LONGEST_CELL = 1_000_000


class DelimitedReader:
    """Reads tables of text; a location is a range of rows, the header being row 1."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text, or a quotation mark swallows the rest."""
        text = decode(data)
        composer = Composer()
        csv.field_size_limit(LONGEST_CELL)
        try:
            for part, first, last in sheet_parts(_rows(text, path)):
                composer.place(location=numbered(first, last))
                composer.block(part)
        except csv.Error as exc:
            raise UnreadableFileError(f"no table: {exc}") from exc
        return composer.document(readable_name(path))


def _rows(text: str, path: str) -> Iterator[Numbered]:
    for number, row in enumerate(csv.reader(text.splitlines(keepends=True), delimiter=_separator(text, path)), 1):
        cells = [cell_text(cell) for cell in row]
        if any(cells):
            yield number, cells


def _separator(text: str, path: str) -> str:
    """Find the separator: the one that cuts most of the first lines into the same number of cells."""
    if PurePosixPath(path).suffix.lower() == ".tsv" and "\t" in text[:SAMPLE]:
        return "\t"
    lines = [line for line in text[:SAMPLE].splitlines()[:50] if line.strip()]
    counts = {mark: [len(row) for row in csv.reader(lines, delimiter=mark)] for mark in SEPARATORS}
    return max(SEPARATORS, key=lambda mark: _agreement(counts[mark]))


def _agreement(widths: list[int]) -> tuple[float, int]:
    if not widths or max(widths) == 1:
        return 0.0, 0
    usual = max(set(widths), key=widths.count)
    return (widths.count(usual) / len(widths) if usual > 1 else 0.0), usual
