"""A stand-in for Pinecone, and our adapters that speak to it through the real SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy as np
import pytest

from knowledge import IndexEntry, IndexQuery, Settings
from knowledge.adapters.pinecone_client import connect
from knowledge.adapters.pinecone_embedder import PineconeEmbedder
from knowledge.adapters.pinecone_index import PineconeIndex, Place
from knowledge.adapters.pinecone_reranker import PineconeReranker
from tests.standins.pinecone_api import PineconeApi, serving

DIMENSIONS = 8


@pytest.fixture
def api() -> Iterator[PineconeApi]:
    with serving(PineconeApi()) as running:
        yield running


@pytest.fixture
def pinecone_settings(api: PineconeApi, settings: Settings) -> Settings:
    return settings.model_copy(
        update=Settings(pinecone_api_key=api.key, pinecone_host=api.url).model_dump(
            include={"pinecone_api_key", "pinecone_host"}
        )
    )


@pytest.fixture
async def make_index(pinecone_settings: Settings) -> AsyncIterator[Callable[..., PineconeIndex]]:
    made: list[PineconeIndex] = []

    def make(namespace: str = "team", *, settings: Settings = pinecone_settings, **more: Any) -> PineconeIndex:
        client = connect(settings, chosen_by="FOOTNOTE_INDEX")
        made.append(
            PineconeIndex(client, Place("footnote", namespace), **{"dimensions": DIMENSIONS, "patience": 0.3} | more)
        )
        return made[-1]

    yield make
    for index in made:
        await index.close()


@pytest.fixture
async def make_embedder(pinecone_settings: Settings) -> AsyncIterator[Callable[..., PineconeEmbedder]]:
    made: list[PineconeEmbedder] = []

    def make(argument: str = "", **changed: Any) -> PineconeEmbedder:
        settings = pinecone_settings.model_copy(update=changed)
        made.append(PineconeEmbedder.build(settings=settings, argument=argument))
        return made[-1]

    yield make
    for embedder in made:
        await embedder.close()


@pytest.fixture
async def make_reranker(pinecone_settings: Settings) -> AsyncIterator[Callable[..., PineconeReranker]]:
    made: list[PineconeReranker] = []

    def make(**more: Any) -> PineconeReranker:
        made.append(PineconeReranker(connect(pinecone_settings, chosen_by="FOOTNOTE_RERANKER"), **more))
        return made[-1]

    yield make
    for reranker in made:
        await reranker.close()


def vector(number: int, dimensions: int = DIMENSIONS) -> np.ndarray:
    made = np.random.default_rng(number).standard_normal(dimensions).astype(np.float32)
    return made / np.linalg.norm(made)


def entry(
    number: int, text: str = "annual leave", *, source: str = "handbook", dimensions: int = DIMENSIONS
) -> IndexEntry:
    return IndexEntry(f"chunk-{number}", source, vector(number, dimensions), text, f"Page {number}")


def query(text: str = "leave", number: int = 1, *, k: int = 10, sources: tuple[str, ...] | None = None) -> IndexQuery:
    return IndexQuery(text, vector(number), k, sources)


def ids(found: tuple[tuple[str, float], ...]) -> set[str]:
    return {chunk_id for chunk_id, _ in found}
