"""How reading a file can end: a closed set, each with words that a person understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from knowledge.types import ParsedDocument, Piece


class ReadOutcome(StrEnum):
    """How reading one file ended."""

    OK = "ok"
    EMPTY = "empty"
    """Readable, but without any text."""
    NEEDS_PASSWORD = "needs_password"  # noqa: S105 - an outcome, not a secret
    TOO_LARGE = "too_large"
    """The file, or the text in it, is above a limit."""
    UNREADABLE = "unreadable"
    """It could not be opened; tried again in every run."""
    UNSUPPORTED = "unsupported"
    """No reader is declared for this type."""
    CORRUPT = "corrupt"
    """The contents are not what the name says."""
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    """The reading process ended, or ran out of memory."""
    PARTIAL = "partial"
    """Only a part could be read."""


LISTED = 3
"""How many missing parts are named before the rest is counted."""


def partly_read(missing: Sequence[str]) -> str:
    """Say what of a file could not be read; empty when nothing is missing."""
    if not missing:
        return ""
    more = f"; and {len(missing) - LISTED} more" if len(missing) > LISTED else ""
    return f"partly read: {'; '.join(missing[:LISTED])}{more}"


PASSING = frozenset({ReadOutcome.TIMEOUT, ReadOutcome.CRASHED, ReadOutcome.UNREADABLE})
"""Outcomes that may be the moment's fault, not the file's."""

INDEXED = frozenset({ReadOutcome.OK, ReadOutcome.PARTIAL})
"""Outcomes after which answers can use the file."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What became of one file: a document with its pieces, or an outcome with a reason."""

    outcome: ReadOutcome
    reason: str = ""
    """In words for a person; empty when the outcome is `OK`."""
    document: ParsedDocument | None = None
    pieces: tuple[Piece, ...] = ()
