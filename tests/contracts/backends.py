"""Where an adapter registers for the contract of its port: one line here, and every law below is checked on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from knowledge import Embedder, IndexEntry, Reranker, Settings
from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.adapters.no_reranker import NoReranker
from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder
from knowledge.store import Store
from tests.contracts.index_backend import DIMENSIONS, IndexBackend, store_entries
from tests.contracts.langchain_backends import LANGCHAIN_EMBEDDERS, LANGCHAIN_INDEXES
from tests.contracts.pinecone_backends import PINECONE_EMBEDDERS, pinecone, reranker

__all__ = ["DIMENSIONS", "EMBEDDERS", "INDEXES", "RERANKERS", "IndexBackend", "store_entries"]


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


INDEXES: dict[str, Callable[[Path], AbstractAsyncContextManager[IndexBackend]]] = {
    "embedded": embedded,
    "pinecone": pinecone,
    **LANGCHAIN_INDEXES,
}
EMBEDDERS: dict[str, Callable[[], Embedder]] = {
    "wordllama": WordLlamaEmbedder,
    **PINECONE_EMBEDDERS,
    **LANGCHAIN_EMBEDDERS,
}
RERANKERS: dict[str, Callable[[], Reranker]] = {"none": NoReranker, "pinecone": reranker}
