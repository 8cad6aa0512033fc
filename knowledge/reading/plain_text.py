"""Plain text and whatever else is nothing but lines: one section, no headings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

from knowledge.reading.decoding import decode
from knowledge.reading.formats import PROSE_SUFFIXES
from knowledge.reading.slices import section
from knowledge.reading.titles import readable_name
from knowledge.types import ParsedDocument


class PlainTextReader:
    """Reads text whose lines are all the structure it has."""

    def read(self, data: bytes, path: str) -> ParsedDocument:
        """Parse. Raises UnreadableFileError when the bytes are no text."""
        text = decode(data)
        whole = section(text, 0, len(text))
        if whole:
            whole = replace(whole, first_line=text.count("\n", 0, whole.start) + 1)
        return ParsedDocument(title=_title(path), text=text, sections=(whole,) if whole else ())


def _title(path: str) -> str:
    """Prose gets a readable title; code and configuration are known by their file name."""
    file = PurePosixPath(path)
    return readable_name(path) if file.suffix.lower() in PROSE_SUFFIXES.split() else file.name
