"""The one generation of tests that hand an index and an embedder to a reindex by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from knowledge import Embedder, Index
from knowledge.generations import generation_key
from knowledge.indexing import Backend
from knowledge.store import Store
from knowledge.store.generations import GenerationPlan


def only(store: Store, embedder: Embedder, index: Index) -> Callable[[], Awaitable[Sequence[Backend]]]:
    """Have a reindex tell this index, which answers."""

    async def backends() -> Sequence[Backend]:
        plan = GenerationPlan(generation_key(embedder, index), "", "", embedder.name, {})
        return (Backend((await store.generations.want(plan)).id, embedder, index),)

    return backends
