"""LangChain's vector stores under the contract of an index, and its embeddings under the contract of an embedder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from knowledge import Embedder, Index, IndexEntry, Settings, adapters
from knowledge.store import Store
from tests.contracts.index_backend import DIMENSIONS, IndexBackend, store_entries
from tests.langchain.models import tiny_model
from tests.langchain.stores import needs, pgvector_url

Arguments = Callable[[Path], Mapping[str, Any]]
Backend = Callable[[Path], AbstractAsyncContextManager[IndexBackend]]


@dataclass(frozen=True)
class _Named:
    """As much of an embedder as an index is built from."""

    name: str = "test"
    dimensions: int = DIMENSIONS


def langchain(path: str, arguments: Arguments, *, modules: Sequence[str] = ()) -> Backend:
    """Register the store that this dotted path names, with these arguments in `FOOTNOTE_INDEX_ARGUMENTS`."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[IndexBackend]:
        needs(*modules)
        settings = Settings(home=folder, index_arguments=dict(arguments(folder)))
        store = await Store.open(settings)
        made: list[Any] = []

        def again() -> Index:
            parts = {"settings": settings, "corpus": store.corpus, "embedder": _Named()}
            made.append(adapters.build(adapters.INDEXES, f"langchain:{path}", variable="FOOTNOTE_INDEX", **parts))
            return made[-1]

        index = again()

        async def put(entries: Sequence[IndexEntry]) -> None:
            await store_entries(store, entries)
            await index.upsert(entries)

        yield IndexBackend(index, put, again)
        for each in made:
            await each.close()
        await store.close()

    return opened


def _place(_folder: Path) -> Mapping[str, Any]:
    return {"place": uuid4().hex}


def _pgvector(_folder: Path) -> Mapping[str, Any]:
    return {
        "connection": {"()": "sqlalchemy.ext.asyncio.create_async_engine", "url": pgvector_url()},
        "collection_name": f"{uuid4().hex}_{{embedder}}",
        "embedding_length": "{dimensions}",
    }


def _pgvector_table(_folder: Path) -> Mapping[str, Any]:
    engine = {"()": "langchain_postgres.PGEngine.from_connection_string", "url": pgvector_url()}
    return {"engine": engine, "table": f"t{uuid4().hex}"}


def _chroma(folder: Path) -> Mapping[str, Any]:
    return {"persist_directory": str(folder / "chroma"), "collection_name": "footnote-{embedder}"}


LANGCHAIN_INDEXES: dict[str, Backend] = {
    "langchain-memory": langchain("tests.langchain.stores.shared_memory", _place),
    "langchain-plain": langchain("tests.langchain.stores.PlainStore", _place),
    "langchain-pgvector": langchain("langchain_postgres.PGVector", _pgvector, modules=["langchain_postgres"]),
    "langchain-pgvector-table": langchain(
        "tests.langchain.servers.postgres_table", _pgvector_table, modules=["langchain_postgres"]
    ),
}
WHERE_INSTALLED: dict[str, tuple[str, Backend]] = {
    "langchain-qdrant": ("langchain_qdrant", langchain("tests.langchain.servers.qdrant", _place)),
    "langchain-chroma": ("langchain_chroma", langchain("langchain_chroma.Chroma", _chroma)),
}
"""Packages that the tests do not ask for: their stores run under the contract where somebody has them."""
LANGCHAIN_INDEXES |= {name: backend for name, (module, backend) in WHERE_INSTALLED.items() if find_spec(module)}


def _own_class() -> Embedder:
    """WordLlama's vectors behind LangChain's interface: found by its dotted path, as a team's own class is."""
    return _built("langchain:tests.langchain.models.LlamaWords")


def _fastembed() -> Embedder:
    """A real ONNX model, made for the tests: nothing is downloaded."""
    needs("fastembed")
    folder = tiny_model()
    return _built("fastembed:sentence-transformers/all-MiniLM-L6-v2", specific_model_path=str(folder))


def _built(choice: str, **arguments: Any) -> Embedder:
    settings = Settings(embedder_arguments=arguments)
    embedder: Embedder = adapters.build(adapters.EMBEDDERS, choice, variable="FOOTNOTE_EMBEDDER", settings=settings)
    return embedder


LANGCHAIN_EMBEDDERS: dict[str, Callable[[], Embedder]] = {"langchain": _own_class, "fastembed": _fastembed}
