"""A file's bytes → a document with headings and pages, in a process of its own with limits."""

from __future__ import annotations

from knowledge.reading.formats import READING_VERSION, reader_for, reader_name
from knowledge.reading.limits import ReadLimits
from knowledge.reading.outcomes import INDEXED, PASSING, ReadOutcome, ReadResult

__all__ = [
    "INDEXED",
    "PASSING",
    "READING_VERSION",
    "ReadLimits",
    "ReadOutcome",
    "ReadResult",
    "reader_for",
    "reader_name",
]
