"""Where an adapter registers for the contract of its port: one line here, and every law below is checked on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from knowledge import Audience, Embedder, Index, IndexEntry, Settings, content_id
from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder
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


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[IndexBackend]:
    """The embedded index over a real database."""
    store = await Store.open(Settings(home=folder))
    opened: list[EmbeddedIndex] = []

    def again() -> EmbeddedIndex:
        opened.append(EmbeddedIndex(store.corpus, "test", DIMENSIONS, folder))
        return opened[-1]

    index = again()

    async def put(entries: Sequence[IndexEntry]) -> None:
        await store_entries(store, entries)
        await index.upsert(entries)

    yield IndexBackend(index, put, again)
    for each in opened:
        await each.close()
    await store.close()


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
        await store.corpus.intend(source, token, [_version(e) for e in ours], embedder="test", new_vectors=vectors)
        await store.corpus.release(source, token)


def _text_hash(entry: IndexEntry) -> str:
    return content_id(entry.text, entry.vector.tobytes().hex())


def _version(entry: IndexEntry) -> DocumentVersion:
    chunk = NewChunk(entry.chunk_id, _text_hash(entry), "", None, 0, 0, len(entry.text), entry.text)
    return DocumentVersion(
        content_id(entry.chunk_id), f"{entry.chunk_id}.md", entry.title, None, "", 0, 0, 0, "", (chunk,)
    )


INDEXES: dict[str, Callable[[Path], AbstractAsyncContextManager[IndexBackend]]] = {"embedded": embedded}
EMBEDDERS: dict[str, Callable[[], Embedder]] = {"wordllama": WordLlamaEmbedder}
