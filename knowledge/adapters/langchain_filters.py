"""How each LangChain vector store is told to search only some sources: every one has a language of its own.

A store that is not in the table searches everything; the index then drops what it may not use and asks for more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

from langchain_core.documents import Document
from langchain_core.vectorstores import VectorStore

SOURCE = "source"
"""The metadata field that names a document's source."""

Restriction = Callable[[Any, Sequence[str]], dict[str, Any]]


def restriction(store: VectorStore, sources: Sequence[str] | None) -> dict[str, Any]:
    """Return the arguments for a search of these sources; none for all of them, or for a store that is not known."""
    if sources is None:
        return {}
    for known in type(store).__mro__:
        package = known.__module__.partition(".")[0]
        build = RESTRICTIONS.get(f"{package}.{known.__name__}")
        if build is not None:
            return build(store, sources)
    return {}


def _one_of(_store: Any, sources: Sequence[str]) -> dict[str, Any]:
    return {"filter": {SOURCE: {"$in": list(sources)}}}


def _in_memory(_store: Any, sources: Sequence[str]) -> dict[str, Any]:
    wanted = frozenset(sources)

    def admits(document: Document) -> bool:
        return document.metadata.get(SOURCE) in wanted

    return {"filter": admits}


def _qdrant(store: Any, sources: Sequence[str]) -> dict[str, Any]:
    models = import_module("qdrant_client.models")
    field = f"{store.metadata_payload_key}.{SOURCE}"
    condition = models.FieldCondition(key=field, match=models.MatchAny(any=list(sources)))
    return {"filter": models.Filter(must=[condition])}


def _weaviate(_store: Any, sources: Sequence[str]) -> dict[str, Any]:
    query = import_module("weaviate.classes.query")
    return {"filters": query.Filter.by_property(SOURCE).contains_any(list(sources))}


RESTRICTIONS: Mapping[str, Restriction] = MappingProxyType(
    {
        "langchain_chroma.Chroma": _one_of,
        "langchain_core.InMemoryVectorStore": _in_memory,
        "langchain_postgres.PGVector": _one_of,
        "langchain_postgres.PGVectorStore": _one_of,
        "langchain_qdrant.QdrantVectorStore": _qdrant,
        "langchain_weaviate.WeaviateVectorStore": _weaviate,
    }
)
