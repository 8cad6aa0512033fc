"""The index for a team that already runs a vector store: any of LangChain's finds by vector, our own by words.

A LangChain store searches by vector only. Vectors of the default embedder alone reach a recall@1 of 65 % on SQuAD and
34 % on code, words alone 88 and 62, both together 89 and 61. So the words are searched in the text index that the
embedded index keeps on this machine, fed by the database. What a store calls a score differs from store to store,
hence only its choice of chunks is taken: the cosines are computed from the vectors in the database, and fusion and
relevance mean the same with every store.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from knowledge.adapters.dotted_objects import Plan, Workshop, check_arguments, find, give_back, parameters
from knowledge.adapters.embedded_index import EmbeddedIndex, VectorLog
from knowledge.adapters.langchain_filters import SOURCE, restriction
from knowledge.errors import ConfigurationError, FootnoteError, IndexUnavailableError
from knowledge.ports import Embedder, IndexEntry, IndexHits, IndexQuery
from knowledge.settings import Settings
from knowledge.types import Vectors

CHUNK = "chunk"
"""The metadata field that holds the chunk's id; a store's own ids are often limited to UUIDs."""
_NO_VECTOR = np.zeros(0, dtype=np.float32)
BATCH = 256
"""Entries handed to the store, or ids deleted, in one call."""
OVERFETCH = 4
ROUNDS = 5
"""How often a search is widened where the store returned chunks of other sources, each time by `OVERFETCH`."""
_ARGUMENTS = "FOOTNOTE_INDEX_ARGUMENTS"
_EMBEDDINGS = ("embedding", "embeddings", "embedding_function", "embedding_service")
"""How the constructors call what embeds."""
_PLACE = re.compile("collection|table|index|schema|namespace|tenant|database|name")
"""Arguments that say where in a server the entries are."""


class Vault(VectorLog, Protocol):
    """What this index needs of the database."""

    async def chunk_vectors(self, embedder: str, chunk_ids: Sequence[str]) -> Mapping[str, bytes]:
        """Return the vectors that the embedder made of these chunks, float32 little endian."""
        ...


class LangChainIndex:
    """Searches a LangChain vector store and this machine's text index side by side.

    The store is made at first use: one that cannot be reached makes the index unavailable, and it is tried again.
    """

    def __init__(self, blueprint: Blueprint, vault: Vault, embedder: str, home: Path) -> None:
        self.name = f"langchain:{blueprint.place}"
        self._blueprint = blueprint
        self._vault = vault
        self._embedder = embedder
        self._words = EmbeddedIndex(_WordsOnly(vault, embedder), f"the words of {embedder}", 0, home)
        self._store: VectorStore | None = None
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()

    @classmethod
    def build(
        cls, *, settings: Settings, corpus: Vault, embedder: Embedder, argument: str = "", **_parts: object
    ) -> Self:
        """Build from `FOOTNOTE_INDEX=langchain:<dotted path>` and its arguments. Raises ConfigurationError."""
        if not argument:
            raise ConfigurationError(
                "FOOTNOTE_INDEX=langchain needs a vector store: langchain:langchain_postgres.PGVector, for example."
            )
        blueprint = Blueprint(argument, settings.index_arguments, embedder)
        return cls(blueprint, corpus, embedder.name, settings.home.expanduser())

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        """Give the store what can be found by vector, then log everything for the words.

        Returns when the store says that it has the entries. Raises IndexUnavailableError.
        """
        if not entries:
            return
        async with self._writing:
            await self._put([entry for entry in entries if np.any(entry.vector)])
        await self._words.upsert([replace(entry, vector=_NO_VECTOR) for entry in entries])

    async def _put(self, entries: Sequence[IndexEntry]) -> None:
        with _translated():
            store = await self._opened()
            for batch in _batches(entries):
                documents = [_document(entry, self._id(entry.chunk_id)) for entry in batch]
                with self._blueprint.handed_over.vectors_of(batch):
                    await store.aadd_documents(documents, ids=[str(document.id) for document in documents])

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        """Remove from the store, then from the words. Raises IndexUnavailableError."""
        if chunk_ids:
            await self.drop(chunk_ids)
            await self._words.delete(chunk_ids)

    async def drop(self, chunk_ids: Sequence[str]) -> None:
        """Remove from the store what a retired generation holds; the words may serve another one."""
        with _translated():
            store = await self._opened()
            for start in range(0, len(chunk_ids), BATCH):
                await store.adelete([self._id(chunk_id) for chunk_id in chunk_ids[start : start + BATCH]])

    async def fetch(self, chunk_ids: Sequence[str]) -> Mapping[str, Vectors | None]:
        """Return what is both in the store and among the words; no store tells its vectors.

        A store that cannot be asked for documents by id is taken at its word. Raises IndexUnavailableError.
        """
        words = {chunk_id async for ids in self._words.ids() for chunk_id in ids}
        return dict.fromkeys(words & set(chunk_ids) & await self._stored(chunk_ids))

    async def _stored(self, chunk_ids: Sequence[str]) -> set[str]:
        names = {self._id(chunk_id): chunk_id for chunk_id in chunk_ids}
        with _translated():
            store = await self._opened()
            try:
                found = await store.aget_by_ids(list(names))
            except NotImplementedError:
                return set(chunk_ids)
        there = {str(document.metadata.get(CHUNK)) for document in found}
        left = [chunk_id for chunk_id in chunk_ids if chunk_id not in there]
        vectors = await self._vault.chunk_vectors(self._embedder, left)
        return there | {name for name, vector in vectors.items() if not any(vector)}  # zeros are not put there

    async def search(self, query: IndexQuery) -> IndexHits:
        """Search both at once; a hit of either gets its cosine. Raises IndexUnavailableError."""
        if query.sources is not None and not query.sources:
            return IndexHits()
        by_words = replace(query, vector=_NO_VECTOR)
        nearest, words = await asyncio.gather(self._nearest(query), self._words.search(by_words))
        candidates = dict.fromkeys([*nearest, *(chunk_id for chunk_id, _ in words.lexical)])
        return replace(words, dense=await self._cosines(query.vector, list(candidates)))

    async def close(self) -> None:
        """Give back what is open."""
        await self._words.close()
        store, self._store = self._store, None
        await give_back(store)
        await self._blueprint.workshop.close()

    def _id(self, chunk_id: str) -> str:
        """Return the store's id of a chunk: several stores take UUIDs only."""
        return str(uuid5(NAMESPACE_URL, f"footnote:{self._blueprint.place}:{chunk_id}"))

    async def _nearest(self, query: IndexQuery) -> list[str]:
        """Return the ids of the k nearest chunks, as the store sees it."""
        if not np.any(query.vector):
            return []
        with _translated():
            store = await self._opened()
            narrowed = restriction(store, query.sources)
            vector, wanted, ours = query.vector.tolist(), query.k, list[str]()
            for _ in range(ROUNDS):
                found = await store.asimilarity_search_by_vector(vector, k=wanted, **narrowed)
                ours = _ours(found, query.sources)
                if len(ours) >= query.k or len(found) < wanted:
                    break
                wanted *= OVERFETCH
        return ours[: query.k]

    async def _cosines(self, vector: Vectors, chunk_ids: Sequence[str]) -> tuple[tuple[str, float], ...]:
        """Score chunks, best first; those whose vectors another embedder made have none."""
        if not chunk_ids or not np.any(vector):
            return ()
        stored = await self._vault.chunk_vectors(self._embedder, chunk_ids)
        if not stored:
            return ()
        matrix = np.frombuffer(b"".join(stored.values()), dtype="<f4").reshape(len(stored), -1)
        scores = zip(stored, (matrix @ vector).tolist(), strict=True)
        return tuple(sorted(scores, key=lambda hit: -hit[1]))

    async def _opened(self) -> VectorStore:
        async with self._opening:
            if self._store is None:
                try:
                    self._store = await self._open()
                except BaseException:
                    await self._blueprint.workshop.close()
                    raise
        return self._store

    async def _open(self) -> VectorStore:
        """Make the store and search it once: it is reached, and whatever it prepares at first use is prepared."""
        store = await asyncio.to_thread(self._blueprint.make)
        if inspect.isawaitable(store):
            store = await store
        if not isinstance(store, VectorStore):
            raise ConfigurationError(f"FOOTNOTE_INDEX: {type(store).__name__} is no LangChain vector store.")
        if not _searches_by_vector(type(store)):
            raise ConfigurationError(f"FOOTNOTE_INDEX: {type(store).__name__} cannot be searched by a vector.")
        await store.asimilarity_search_by_vector(self._blueprint.handed_over.any_vector(), k=1)
        return store


class Blueprint:
    """How the store is made; whatever can be checked without reaching it is checked at once."""

    def __init__(self, path: str, arguments: Mapping[str, Any], embedder: Embedder) -> None:
        """Raises ConfigurationError."""
        target = find(path, "FOOTNOTE_INDEX")
        if isinstance(target, type) and issubclass(target, VectorStore) and not _searches_by_vector(target):
            raise ConfigurationError(f"FOOTNOTE_INDEX=langchain:{path}: this store cannot be searched by a vector.")
        self.handed_over = HandedOver(embedder.dimensions)
        embeddings = {_embeddings_parameter(target, path): self.handed_over}
        check_arguments(target, {**arguments, **embeddings}, variable=_ARGUMENTS)
        self.workshop = Workshop(
            _ARGUMENTS, {"embedder": _short_hash(embedder.name), "dimensions": embedder.dimensions}
        )
        plans = {name: self.workshop.plan(value) for name, value in arguments.items()}
        self.make: Plan = lambda: target(**{name: make() for name, make in plans.items()}, **embeddings)
        self.place = self._place(path, arguments)

    def _place(self, path: str, arguments: Mapping[str, Any]) -> str:
        """Name the place within the server: PGVector's ids, for one, are unique over all of its collections."""
        where = {
            name: self.workshop.filled(value)
            for name, value in arguments.items()
            if isinstance(value, str) and _PLACE.search(name)
        }
        return json.dumps([path, where], sort_keys=True)


class HandedOver(Embeddings):
    """Gives a store the vectors that the knowledge base made, where it expects to have texts embedded."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._vectors: dict[str, list[float]] = {}

    @contextmanager
    def vectors_of(self, entries: Sequence[IndexEntry]) -> Iterator[None]:
        """Know these entries' vectors, by their texts, for as long as the block lasts."""
        self._vectors = {_text(entry): entry.vector.tolist() for entry in entries}
        try:
            yield
        finally:
            self._vectors = {}

    def any_vector(self) -> list[float]:
        """Return a vector of the right length: some stores embed a word to see how long vectors are."""
        return [1.0] + [0.0] * (self._dimensions - 1)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors handed over for these texts. Raises LookupError for one that the store has changed."""
        if not self._vectors:
            return [self.any_vector() for _ in texts]
        found = [self._vectors[text] for text in texts if text in self._vectors]
        if len(found) != len(texts):
            raise LookupError("the store changes texts before it has them embedded")
        return found

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)


class _WordsOnly:
    """The database's log with the vectors left out, so that the embedded index keeps the text index alone."""

    def __init__(self, log: VectorLog, embedder: str) -> None:
        self._log, self._embedder = log, embedder

    async def log_added(self, embedder: str, chunk_ids: Sequence[str]) -> int:  # noqa: ARG002 - the cache's own name
        return await self._log.log_added(self._embedder, chunk_ids)

    async def log_removed(self, embedder: str, chunk_ids: Sequence[str]) -> int:  # noqa: ARG002
        return await self._log.log_removed(self._embedder, chunk_ids)

    async def generation(self, embedder: str) -> int:  # noqa: ARG002
        return await self._log.generation(self._embedder)

    async def live_since(self, embedder: str, seq: int) -> bool:  # noqa: ARG002
        return await self._log.live_since(self._embedder, seq)

    async def log_since(self, embedder: str, seq: int, *, limit: int = 5000) -> Sequence[Any]:  # noqa: ARG002
        entries = await self._log.log_since(self._embedder, seq, limit=limit)
        return [replace(entry, vector=b"") for entry in entries]


def _embeddings_parameter(target: Any, path: str) -> str:
    taken = parameters(target)
    for name in _EMBEDDINGS:
        if name in taken:
            return name
    raise ConfigurationError(
        f"FOOTNOTE_INDEX=langchain:{path}: it takes no embeddings (none of {', '.join(_EMBEDDINGS)})."
    )


def _short_hash(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:12]


def _searches_by_vector(kind: type[VectorStore]) -> bool:
    names = ("similarity_search_by_vector", "asimilarity_search_by_vector")
    return any(getattr(kind, name) is not getattr(VectorStore, name) for name in names)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FootnoteError:
        raise
    except Exception as exc:
        raise IndexUnavailableError from exc


def _batches(entries: Sequence[IndexEntry]) -> Iterator[list[IndexEntry]]:
    """Cut into batches in which no text occurs twice: headings may give equal texts different vectors."""
    seen: Counter[str] = Counter()
    rounds: dict[int, list[IndexEntry]] = {}
    for entry in entries:
        rounds.setdefault(seen[_text(entry)], []).append(entry)
        seen[_text(entry)] += 1
    for same in rounds.values():
        yield from (same[start : start + BATCH] for start in range(0, len(same), BATCH))


def _document(entry: IndexEntry, store_id: str) -> Document:
    metadata = {CHUNK: entry.chunk_id, SOURCE: entry.source, "title": entry.title}
    return Document(id=store_id, page_content=_text(entry), metadata=metadata)


def _text(entry: IndexEntry) -> str:
    return entry.text.replace("\x00", "")  # which Postgres refuses


def _ours(found: Sequence[Document], sources: Sequence[str] | None) -> list[str]:
    """Return the chunk ids among what a store found; the store may hold other people's documents too."""
    allowed = None if sources is None else set(sources)
    return list(
        dict.fromkeys(
            str(document.metadata[CHUNK])
            for document in found
            if CHUNK in document.metadata and (allowed is None or document.metadata.get(SOURCE) in allowed)
        )
    )
