"""Factories for stores that a constructor alone does not prepare: what a team would write in a file of its own."""

from __future__ import annotations

from typing import Any

from langchain_core.embeddings import Embeddings

_CLIENTS: dict[str, Any] = {}


async def postgres_table(embedding: Embeddings, engine: Any, table: str) -> Any:
    """A table of its own in Postgres, made when it is missing."""
    from langchain_postgres import PGVectorStore
    from sqlalchemy.exc import ProgrammingError

    dimensions = len(await embedding.aembed_query("dimensions"))
    try:
        await engine.ainit_vectorstore_table(table, dimensions)
    except ProgrammingError as exc:
        if "already exists" not in str(exc):
            raise
    return await PGVectorStore.create(engine, embedding, table)


def qdrant(embedding: Embeddings, place: str) -> Any:
    """A collection in this process's memory, made when it is missing."""
    from langchain_qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient, models

    client = _CLIENTS.setdefault(place, QdrantClient(":memory:"))
    if not client.collection_exists("footnote"):
        size = len(embedding.embed_query("dimensions"))
        client.create_collection("footnote", models.VectorParams(size=size, distance=models.Distance.COSINE))
    return QdrantVectorStore(client, "footnote", embedding)
