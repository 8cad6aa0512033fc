"""The index in Pinecone: a document index with a dense field and full text, two searches at once, fused by `ranking`.

Texts are stored as our own analysis of their words, so a question meets them in the same form as in the embedded
index: identifiers with their parts, stems in the text's own language.

Pinecone shows a write some time after it took it. `upsert` therefore returns only when a search has caught up with
the write and every document can be fetched, and writes again what got lost. A search that is answered from behind
what this process has seen before is asked again. The rest is law one's: the database checks every hit.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
import orjson
from pinecone import AsyncIndex, AsyncPinecone
from pinecone.errors import ConflictError, NotFoundError
from pinecone.models.batch import BatchResult
from pinecone.models.documents.document import Document
from pinecone.models.documents.responses import SearchDocumentsResponse
from pinecone.models.documents.score_by import DenseVectorQuery, TextQuery
from pinecone.models.indexes.index import IndexModel
from pinecone.models.indexes.schema import DenseVectorField, StringField

from knowledge.adapters.pinecone_client import connect, translated_errors
from knowledge.costs import Costs
from knowledge.errors import ConfigurationError, IndexUnavailableError
from knowledge.ids import new_id
from knowledge.language.lexical import query_terms, terms
from knowledge.ports import Embedder, IndexEntry, IndexHits, IndexQuery
from knowledge.settings import Settings
from knowledge.types import Vectors

log = logging.getLogger(__name__)

Clause = DenseVectorQuery | TextQuery
Hits = tuple[tuple[str, float], ...]

VECTOR, TITLE, BODY = "embedding", "title", "body"
"""The searched fields; the title counts as much as the text, which its shortness makes more."""
SOURCE, UPSERT = "source", "upsert"
"""Metadata: what is filtered by, and which call of `upsert` wrote the document."""

MOST_DOCUMENTS = 1000
"""In one upsert, delete or fetch."""
MOST_VECTORS = 100
"""In one fetch with their numbers, which are large."""
MOST_BYTES = 1_900_000
"""Of one request; 2 MB are refused."""
MOST_TEXT_BYTES = 60_000
"""Of one text; longer chunks are found by their beginning."""
MOST_HITS = 10_000
MOST_TERMS = 64
"""Of a question: a pasted page has more than anybody means."""
DECIMALS = 7
"""Of a vector's numbers: what float32 holds of a unit vector, at half the bytes of writing it in full."""
STALE_READS = 3
"""Answers from behind what was seen before, after which one is taken as it is."""
READY_SECONDS = 120.0
"""For a new index to become ready."""
STRAGGLER_SECONDS = 3.0
"""Fetches and searches see a write at different times."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the documents are."""

    index: str
    namespace: str
    cloud: str = "aws"
    region: str = "us-east-1"


class PineconeIndex:
    """Keeps chunks in one namespace of a Pinecone index, which is looked at, and made if missing, at the first call."""

    def __init__(
        self,
        client: AsyncPinecone,
        place: Place,
        *,
        dimensions: int,
        search_deadline: float = 10.0,
        visible_deadline: float = 120.0,
        patience: float = STRAGGLER_SECONDS,
        costs: Costs | None = None,
    ) -> None:
        """Connect nothing yet. `search_deadline` and `visible_deadline` are seconds for a search and an upsert.

        `patience` is the seconds that fetches have to show what searches have caught up with, before it is written
        again.
        """
        self.name = f"pinecone:{place.index}/{place.namespace}"
        self.costs = costs or Costs()
        self._client = client
        self._place = place
        self._dimensions = dimensions
        self._search_deadline = search_deadline
        self._visible_deadline = visible_deadline
        self._patience = patience
        self._opened: AsyncIndex | None = None
        self._forgotten: list[AsyncIndex] = []
        self._opening = asyncio.Lock()
        self._seen = 0
        """The furthest log position that a search of this process has reached."""

    @classmethod
    def build(
        cls,
        *,
        settings: Settings,
        embedder: Embedder,
        installation: str,
        argument: str = "",
        costs: Costs | None = None,
        **_parts: object,
    ) -> Self:
        """Build from the settings. Raises ConfigurationError without a key."""
        if argument:
            raise ConfigurationError(f"FOOTNOTE_INDEX=pinecone:{argument}: name the index in PINECONE_INDEX.")
        place = Place(
            settings.pinecone_index,
            namespace(settings.pinecone_namespace or f"footnote-{installation}", embedder.name),
            settings.pinecone_cloud,
            settings.pinecone_region,
        )
        return cls(
            connect(settings, chosen_by="FOOTNOTE_INDEX"),
            place,
            dimensions=embedder.dimensions,
            search_deadline=settings.search_deadline,
            visible_deadline=settings.visible_deadline,
            costs=costs,
        )

    async def check(self) -> str:
        """Look at the index, or make it, and say how much it holds.

        Raises ConfigurationError when the key or an existing index does not fit, IndexUnavailableError when Pinecone
        does not answer.
        """
        size = await self.size()
        return f"Pinecone index {self._place.index}, {self._dimensions} dimensions, {size} chunks for this embedder"

    async def size(self) -> int:
        """Count the documents that are kept for this embedder; zero also when the index was emptied elsewhere."""
        with translated_errors(IndexUnavailableError):
            index = await self._index()
            with suppress(NotFoundError):
                return (await index.describe_namespace(name=self._place.namespace)).record_count
        return 0

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        """Write the entries and wait until searches find them. Raises IndexUnavailableError after the deadline."""
        if not entries:
            return
        mark = new_id()
        documents = await asyncio.to_thread(_documents, entries, mark)
        with translated_errors(IndexUnavailableError):
            index = await self._index()
            try:
                async with asyncio.timeout(self._visible_deadline) as patience:
                    await self._write_until_shown(index, documents, mark)
            except TimeoutError as exc:
                if not patience.expired():
                    raise
                raise IndexUnavailableError(
                    f"Pinecone does not show what it was given {self._visible_deadline:.0f} seconds ago. "
                    "Reindex again in a moment."
                ) from exc

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        """Remove documents; the database has forgotten them already, so nothing waits for searches to notice."""
        with translated_errors(IndexUnavailableError):
            for ids in _slices(list(dict.fromkeys(chunk_ids)), MOST_DOCUMENTS):
                index = await self._index()
                with suppress(NotFoundError):  # the namespace begins with the first document
                    await index.documents.delete(namespace=self._place.namespace, ids=ids)

    async def drop(self, chunk_ids: Sequence[str]) -> None:
        """Remove what a retired generation holds."""
        await self.delete(chunk_ids)

    async def ids(self) -> AsyncIterator[Sequence[str]]:
        """List the documents of this installation's namespace, page by page. Raises IndexUnavailableError."""
        with translated_errors(IndexUnavailableError):
            index = await self._index()
            page: list[str] = []
            with suppress(NotFoundError):  # the namespace begins with the first document
                async for document in index.documents.list(namespace=self._place.namespace):
                    page.append(document.id)
                    if len(page) == MOST_DOCUMENTS:
                        yield page
                        page = []
            yield page

    async def fetch(self, chunk_ids: Sequence[str]) -> Mapping[str, Vectors | None]:
        """Return the vectors as they are stored. Raises IndexUnavailableError."""
        found: dict[str, Vectors | None] = {}
        with translated_errors(IndexUnavailableError):
            index = await self._index()
            for ids in _slices(list(chunk_ids), MOST_VECTORS):
                with suppress(NotFoundError):
                    got = await index.documents.fetch(namespace=self._place.namespace, ids=ids, include_fields=[VECTOR])
                    self.costs.read_units += got.usage.read_units if got.usage else 0
                    for name, document in got.documents.items():
                        found[name] = np.asarray(document.get(VECTOR), dtype=np.float32)
        return found

    async def search(self, query: IndexQuery) -> IndexHits:
        """Search by vector and by words at once. Raises IndexUnavailableError."""
        if query.sources == ():
            return IndexHits()
        with translated_errors(IndexUnavailableError):
            async with asyncio.timeout(self._search_deadline):
                index = await self._index()
                dense, lexical = await self._both(index, query)
        return IndexHits(dense, lexical)

    async def _both(self, index: AsyncIndex, query: IndexQuery) -> tuple[Hits, Hits]:
        """Run the two searches side by side."""
        clauses = (_dense_clause(query.vector), _text_clause(query.text))
        searches = (self._hits(index, clause, query) for clause in clauses)
        dense, lexical = await asyncio.gather(*searches, return_exceptions=True)
        for found in (dense, lexical):
            if isinstance(found, NotFoundError):
                self._forget(index)
        if isinstance(dense, BaseException):
            raise dense
        if isinstance(lexical, BaseException):
            raise lexical
        return dense, lexical

    async def close(self) -> None:
        """Give back the connections."""
        for index in (*self._forgotten, self._opened):
            if index is not None:
                await index.close()
        await self._client.close()

    # --- Searching --------------------------------------------------------------------------------------------------

    async def _hits(self, index: AsyncIndex, clause: Clause | None, query: IndexQuery) -> Hits:
        if clause is None:
            return ()
        condition = None if query.sources is None else {SOURCE: {"$in": list(query.sources)}}
        for _ in range(STALE_READS):
            found = await self._ask(index, clause, min(query.k, MOST_HITS), condition)
            if not self._is_behind(found):
                break
        else:
            self._seen = 0  # the index was made anew, and its log with it
        return tuple((match.id, match.score or 0.0) for match in found.matches)

    async def _ask(
        self, index: AsyncIndex, clause: Clause, k: int, condition: Mapping[str, Any] | None
    ) -> SearchDocumentsResponse:
        try:
            found = await index.documents.search(
                namespace=self._place.namespace, score_by=[clause], top_k=k, filter=condition
            )
        except NotFoundError as exc:
            if "namespace" in str(exc).lower():  # it begins with the first document
                return SearchDocumentsResponse([], self._place.namespace)
            raise
        self.costs.read_units += found.usage.read_units if found.usage else 0
        return found

    def _is_behind(self, found: SearchDocumentsResponse) -> bool:
        position = found.response_info.lsn_reconciled if found.response_info else None
        if position is None:
            return False
        behind = position < self._seen
        self._seen = max(self._seen, position)
        return behind

    # --- Writing ----------------------------------------------------------------------------------------------------

    async def _write_until_shown(self, index: AsyncIndex, documents: Mapping[str, dict[str, Any]], mark: str) -> None:
        missing = list(documents)
        while missing:
            written = await self._write(index, [documents[name] for name in missing])
            if written.successful_item_count:
                probe = DenseVectorQuery(field=VECTOR, values=documents[missing[0]][VECTOR])
                await self._caught_up(index, probe, written, mark)
            missing = await self._still_missing(index, missing, mark)
            if missing:
                log.warning("pinecone.documents_lost", extra={"count": len(missing)})

    async def _write(self, index: AsyncIndex, documents: Sequence[dict[str, Any]]) -> BatchResult:
        """Send in requests within every limit; what failed for good is raised, the rest shows itself as missing."""
        largest = max(len(orjson.dumps(document)) for document in documents)
        result = await index.documents.batch_upsert(
            namespace=self._place.namespace,
            documents=documents,
            batch_size=max(1, min(MOST_DOCUMENTS, MOST_BYTES // (largest + 1))),
            show_progress=False,
        )
        for error in result.errors:
            log.warning("pinecone.batch_failed", extra={"count": len(error.items), "cause": type(error.error).__name__})
            if not error.retryable:
                raise error.error
        return result

    async def _caught_up(self, index: AsyncIndex, probe: Clause, written: BatchResult, mark: str) -> None:
        """Wait until searches see the write; without log positions, until one finds anything of it."""
        target = written.response_info.lsn_committed if written.response_info else None
        async for _ in _growing_pauses():
            found = await self._ask(index, probe, 1, {UPSERT: {"$eq": mark}})
            self._is_behind(found)
            if found.matches if target is None else found.response_info and found.response_info.is_reconciled(target):
                return

    async def _still_missing(self, index: AsyncIndex, names: Sequence[str], mark: str) -> list[str]:
        """Name the documents that cannot be fetched as they were written, after some patience."""
        began = time.monotonic()
        missing = list(names)
        async for _ in _growing_pauses():
            batches = [await self._absent(index, ids, mark) for ids in _slices(missing, MOST_DOCUMENTS)]
            missing = [name for batch in batches for name in batch]
            if not missing or time.monotonic() - began > self._patience:
                break
        return missing

    async def _absent(self, index: AsyncIndex, ids: Sequence[str], mark: str) -> list[str]:
        found: Mapping[str, Document] = {}
        with suppress(NotFoundError):
            response = await index.documents.fetch(namespace=self._place.namespace, ids=ids, include_fields=[UPSERT])
            self.costs.read_units += response.usage.read_units if response.usage else 0
            found = response.documents
        return [name for name in ids if name not in found or found[name].get(UPSERT) != mark]

    # --- Connecting -------------------------------------------------------------------------------------------------

    async def _index(self) -> AsyncIndex:
        async with self._opening:
            if self._opened is None:
                model = await self._existing() or await self._create()
                _require_fit(model, self._dimensions)
                model = model if model.status.ready and model.host else await self._ready()
                self._opened = await self._client.index(host=model.host or "")
            return self._opened

    async def _existing(self) -> IndexModel | None:
        try:
            return await self._client.indexes.describe(self._place.index)
        except NotFoundError:
            return None

    async def _create(self) -> IndexModel:
        place = self._place
        try:
            made = await self._client.indexes.create(
                name=place.index,
                schema=_schema(self._dimensions),
                deployment={"deployment_type": "managed", "cloud": place.cloud, "region": place.region},
                timeout=-1,
            )
        except ConflictError:  # another process was faster
            return await self._client.indexes.describe(place.index)
        log.info("pinecone.index_created", extra={"index": place.index, "region": place.region})
        return made

    async def _ready(self) -> IndexModel:
        async with asyncio.timeout(READY_SECONDS):
            async for _ in _growing_pauses():
                model = await self._client.indexes.describe(self._place.index)
                if model.status.ready and model.host:
                    return model
        raise TimeoutError

    def _forget(self, index: AsyncIndex) -> None:
        """Look at the index anew with the next call: it was removed, or moved to another host.

        Its connections are given back at the end only: other searches may be on their way through them.
        """
        if self._opened is index:
            self._opened = None
            self._seen = 0
            self._forgotten.append(index)


def namespace(installation: str, embedder: str) -> str:
    """Name the place of one installation's chunks as one embedder makes them: vectors of two are never compared."""
    readable = re.sub(r"[^A-Za-z0-9-]+", "-", embedder)[:80]
    return f"{installation}.{readable}.{sha256(embedder.encode()).hexdigest()[:8]}"


def _schema(dimensions: int) -> dict[str, Any]:
    """Declare what is searched; words arrive analysed, so they are compared as they are."""
    text = {"type": "string", "full_text_search": {"language": "en"}}
    vector = {"type": "dense_vector", "dimension": dimensions, "metric": "cosine"}
    return {"fields": {VECTOR: vector, TITLE: text, BODY: text}}


def _require_fit(model: IndexModel, dimensions: int) -> None:
    """Raise ConfigurationError when an existing index cannot hold our documents."""
    vector = model.schema.fields.get(VECTOR)
    texts = [model.schema.fields.get(name) for name in (TITLE, BODY)]
    other = f"Choose another name in PINECONE_INDEX and it is made to fit, or remove {model.name}."
    if not isinstance(vector, DenseVectorField) or not all(
        isinstance(text, StringField) and text.full_text_search is not None for text in texts
    ):
        raise ConfigurationError(
            f"The Pinecone index {model.name} was not made for Footnote: it lacks the dense field {VECTOR} "
            f"or the full-text fields {TITLE} and {BODY}. {other}"
        )
    if (vector.dimension, vector.metric.lower()) != (dimensions, "cosine"):
        raise ConfigurationError(
            f"The Pinecone index {model.name} compares vectors of {vector.dimension} dimensions by {vector.metric}, "
            f"the embedder makes {dimensions} for cosine. {other}"
        )


def _documents(entries: Iterable[IndexEntry], mark: str) -> dict[str, dict[str, Any]]:
    return {
        entry.chunk_id: {
            "_id": entry.chunk_id,
            VECTOR: _values(entry.vector),
            TITLE: _words(entry.title),
            BODY: _words(entry.text),
            SOURCE: entry.source,
            UPSERT: mark,
        }
        for entry in entries
    }


def _values(vector: Vectors) -> list[float]:
    """Return plain numbers; a vector of zeros, which Pinecone refuses, becomes one that is near nothing."""
    values = np.round(np.asarray(vector, dtype=np.float64), DECIMALS)
    if not values.any():
        values = np.where(np.random.default_rng(len(values)).random(len(values)) < 0.5, -1.0, 1.0)
    numbers: list[float] = values.tolist()
    return numbers


def _words(text: str) -> str:
    return " ".join(terms(text)).encode()[:MOST_TEXT_BYTES].decode(errors="ignore")


def _dense_clause(vector: Vectors) -> DenseVectorQuery | None:
    return DenseVectorQuery(field=VECTOR, values=_values(vector)) if np.any(vector) else None


def _text_clause(text: str) -> TextQuery | None:
    words = query_terms(text)[:MOST_TERMS]
    return TextQuery(query=" ".join(words), fields=[TITLE, BODY]) if words else None


def _slices(values: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))


async def _growing_pauses() -> AsyncIterator[None]:
    """Yield at once, then again and again after a pause that grows to a second."""
    pause = 0.05
    while True:
        yield
        await asyncio.sleep(pause)
        pause = min(pause * 1.6, 1.0)
