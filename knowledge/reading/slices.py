"""Sections as exact slices of a document's text."""

from __future__ import annotations

import re

from knowledge.types import Section

BLANK_LINES = re.compile(r"(?:[^\S\n]*\n)*")


def section(text: str, start: int, end: int, heading: tuple[str, ...] = ()) -> Section | None:
    """Cut a section without the blank lines around it; None when nothing is left.

    The indentation of the first line stays: in Markdown it means something.
    """
    blank = BLANK_LINES.match(text, start, end)
    first = blank.end() if blank else start
    body = text[first:end].rstrip()
    return Section(text=body, heading=heading, start=first) if body.strip() else None
