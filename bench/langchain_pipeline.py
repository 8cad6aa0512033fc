"""The LangChain pipeline that keeps its index, on the same files and with the same embedder: what we compare with.

With Chroma, the store on disk that LangChain's guides use, if `make bench` has installed it; and with the least that a
store on disk can be, so that nobody's store is what the comparison hangs on.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import warnings
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder


class SameEmbedder(Embeddings):
    """Our default embedder as LangChain takes it."""

    def __init__(self) -> None:
        self._embedder = WordLlamaEmbedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = asyncio.run(self._embedder.embed_documents(texts)).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


OpenStore = Callable[[Embeddings, Path], VectorStore]


class FileStore(VectorStore):
    """The least that a store on disk does: rows in a SQLite file, one transaction for each call."""

    def __init__(self, embedding: Embeddings, folder: Path) -> None:
        self._embedding = embedding
        self._file = sqlite3.connect(folder / "store.db")
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("CREATE TABLE entries (id TEXT PRIMARY KEY, text TEXT, metadata TEXT, vector BLOB)")

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **_: Any,
    ) -> list[str]:
        """Embed and store."""
        texts = list(texts)
        vectors = np.asarray(self._embedding.embed_documents(texts), dtype=np.float32)
        kept = [json.dumps(metadata) for metadata in metadatas or [{}] * len(texts)]
        rows = zip(ids or [], texts, kept, (vector.tobytes() for vector in vectors), strict=True)
        with self._file:
            self._file.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", rows)
        return ids or []

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Remove."""
        with self._file:
            self._file.executemany("DELETE FROM entries WHERE id = ?", [(each,) for each in ids or []])
        return True

    def similarity_search(self, query: str, k: int = 4, **_: Any) -> list[Document]:
        """Nobody searches here."""
        raise NotImplementedError

    @classmethod
    def from_texts(cls, *_: Any, **__: Any) -> FileStore:
        """Nobody begins like this."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def chroma() -> OpenStore | None:
    """Return Chroma as their guide opens it, if it is installed."""
    if find_spec("langchain_chroma") is None:
        return None
    from langchain_chroma import Chroma

    return lambda embedding, folder: Chroma(
        collection_name="bench", embedding_function=embedding, persist_directory=str(folder / "chroma")
    )


def index_folder(docs: Path, home: Path, open_store: OpenStore = FileStore) -> int:
    """Load, split and index a folder as their documentation does it; count the chunks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # langchain-community says that it is being sunset
        from langchain_classic.indexes import SQLRecordManager, index
        from langchain_community.document_loaders import DirectoryLoader, TextLoader
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    home.mkdir(parents=True)
    records = SQLRecordManager("bench", db_url=f"sqlite:///{home / 'records.db'}")
    records.create_schema()
    store = open_store(SameEmbedder(), home)
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=100)
    loader = DirectoryLoader(str(docs), glob="**/*.md", loader_cls=TextLoader)
    documents = splitter.split_documents(loader.load())
    done = index(documents, records, store, cleanup="full", source_id_key="source", key_encoder="sha256")
    if isinstance(store, FileStore):
        store.close()
    return int(done["num_added"])
