"""Pinecone under the contracts of an index, an embedder and a reranker: the real SDK against the strict stand-in."""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from pathlib import Path

from knowledge import Embedder, Index, IndexEntry, Reranker, Settings, adapters
from knowledge.adapters.pinecone_client import connect
from knowledge.adapters.pinecone_index import PineconeIndex, Place
from tests.contracts.index_backend import DIMENSIONS, IndexBackend
from tests.standins.pinecone_api import PineconeApi, serving


def settings_for(api: PineconeApi, **more: object) -> Settings:
    """The settings of a team that keeps its index in the stand-in."""
    return Settings(pinecone_api_key=api.key, pinecone_host=api.url, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def pinecone(folder: Path) -> AsyncIterator[IndexBackend]:
    """The Pinecone index in a service of its own."""
    with serving(PineconeApi()) as api:
        made: list[PineconeIndex] = []

        def again() -> Index:
            client = connect(settings_for(api), chosen_by="FOOTNOTE_INDEX")
            made.append(PineconeIndex(client, Place("footnote", folder.name), dimensions=DIMENSIONS))
            return made[-1]

        index = again()

        async def put(entries: Sequence[IndexEntry]) -> None:
            await index.upsert(entries)

        yield IndexBackend(index, put, again)
        for each in made:
            await each.close()


@cache
def shared_api() -> PineconeApi:
    """A stand-in for whoever changes nothing in it, running until the end of the tests."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(serving(PineconeApi()))


def embedder() -> Embedder:
    """The default model at its default length."""
    built: Embedder = adapters.build(
        adapters.EMBEDDERS, "pinecone", variable="FOOTNOTE_EMBEDDER", settings=settings_for(shared_api())
    )
    return built


def single_length_embedder() -> Embedder:
    """A model that takes no dimension."""
    built: Embedder = adapters.build(
        adapters.EMBEDDERS,
        "pinecone:multilingual-e5-large",
        variable="FOOTNOTE_EMBEDDER",
        settings=settings_for(shared_api()),
    )
    return built


def reranker() -> Reranker:
    """The default reranker."""
    built: Reranker = adapters.build(
        adapters.RERANKERS, "pinecone", variable="FOOTNOTE_RERANKER", settings=settings_for(shared_api())
    )
    return built


PINECONE_EMBEDDERS = {"pinecone": embedder, "pinecone-e5": single_length_embedder}
