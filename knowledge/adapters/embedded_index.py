"""The index that needs no service: the vectors are rows of the database, what is searched is a cache of them on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from knowledge.ports import IndexEntry


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One change of the index as the database remembers it."""

    seq: int
    chunk_id: str
    source: str = ""
    title: str = ""
    """Document title, path and heading path as one line."""
    text: str = ""
    vector: bytes | None = None
    """float32, little endian; None says that the chunk leaves the index."""


class VectorLog(Protocol):
    """The database's side of the embedded index: a log of additions and removals for one embedder.

    `seq` starts at 1 and grows; an entry becomes visible together with, or after, every entry with a smaller `seq`.
    The latest entry of a chunk counts. Entries that a later one made void may be left out.
    """

    async def append(self, entries: Sequence[IndexEntry]) -> None:
        """Store the vectors and log their chunks as added, in one transaction; an id that is there is replaced."""
        ...

    async def remove(self, chunk_ids: Sequence[str]) -> None:
        """Log the chunks as removed and drop vectors that nothing uses; unknown ids are ignored."""
        ...

    async def newest(self) -> int:
        """Return the `seq` of the newest entry, 0 when there is none. Called by every search: one cheap read."""
        ...

    async def changes(self, after: int, limit: int) -> Sequence[LogEntry]:
        """Return at most `limit` entries with a larger `seq` than `after`, in ascending order."""
        ...
