"""What the contract of an index works with: an opened index, and how entries get into it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from knowledge import Audience, Index, IndexEntry, content_id
from knowledge.store import Store
from knowledge.store.corpus import DocumentVersion, NewChunk, SourceRecord

DIMENSIONS = 8


@dataclass(frozen=True)
class IndexBackend:
    """An index under test, and how entries get into it the way a reindex does it."""

    index: Index
    put: Callable[[Sequence[IndexEntry]], Awaitable[None]]
    again: Callable[[], Index]
    """Opens the same index once more, as another process would."""


async def store_entries(store: Store, entries: Sequence[IndexEntry]) -> None:
    """Record entries in the database, one document each, as a reindex does before it tells the index."""
    for source in {entry.source for entry in entries}:
        await store.corpus.put_source(SourceRecord(source, f"/{source}", Audience(), configured=True))
        token = None
        while token is None:
            token = await store.corpus.acquire(source, owner="test", lease=60)
            await asyncio.sleep(0)
        ours = [entry for entry in entries if entry.source == source]
        vectors = {_text_hash(entry): entry.vector.astype("<f4").tobytes() for entry in ours}
        await store.corpus.intend(source, token, [_version(e) for e in ours], new_vectors={"test": vectors})
        await store.corpus.release(source, token)


def _text_hash(entry: IndexEntry) -> str:
    return content_id(entry.text, entry.vector.tobytes().hex())


def _version(entry: IndexEntry) -> DocumentVersion:
    chunk = NewChunk(entry.chunk_id, _text_hash(entry), "", None, 0, 0, len(entry.text), entry.text)
    return DocumentVersion(
        content_id(entry.chunk_id), f"{entry.chunk_id}.md", entry.title, None, "", 0, 0, 0, "", (chunk,)
    )
