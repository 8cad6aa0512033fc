"""Retrieving: the index proposes, the database decides, what is left is ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from knowledge import ranking
from knowledge.ports import Embedder, Index, IndexQuery, Reranker
from knowledge.store import Corpus
from knowledge.types import Chunk, Passage, Stage, Vectors

OVERFETCH = 4
"""Hits asked of the index per passage wanted: some are duplicates, some are not live or not visible any more."""
MOST_ROUNDS = 4
"""How often a search is widened when the database turns hits down."""
WIDENED = 3
"""Passages whose neighbours are given to an answerer that reads them."""


class Adjusting(Protocol):
    """What was learned, as a search uses it."""

    async def adapt(self, vector: Vectors) -> Vectors: ...

    async def adjust(self, passages: Sequence[Passage], vector: Vectors) -> list[Passage]: ...


async def retrieve(
    text: str,
    *,
    sources: Sequence[str],
    k: int,
    corpus: Corpus,
    embedder: Embedder,
    index: Index,
    reranker: Reranker,
    learned: Adjusting,
    vector: Vectors | None = None,
    keep_near_duplicates: bool = False,
) -> list[Passage]:
    """Search by vector and by words in these sources, and return the k best passages that are live there now.

    Where the database turns hits down, the search is widened until k passages are left or the index has no more.
    `vector` is the text's, shape (dimensions,), where it is known already. Raises ServiceError.
    """
    if not sources:
        return []
    if vector is None:
        vector = await embedder.embed_query(text)
    adapted = await learned.adapt(vector)
    share = ranking.dense_share(embedder.name)
    wanted, passages = k * OVERFETCH, []
    for _ in range(MOST_ROUNDS):
        hits = await index.search(IndexQuery(text=text, vector=adapted, k=wanted, sources=tuple(sources)))
        ids = list(dict.fromkeys(chunk_id for found in (hits.dense, hits.lexical) for chunk_id, _ in found))
        usable = await corpus.live_chunks(ids, in_sources=sources)
        passages = ranking.passages(
            hits, usable, dense_share=share, keep_near_duplicates=keep_near_duplicates, limit=wanted
        )
        if len(passages) >= k or max(len(hits.dense), len(hits.lexical)) < wanted:
            break
        wanted *= OVERFETCH
    return (await learned.adjust(await reranker.rerank(text, passages), vector))[:k]


async def with_neighbours(passages: Sequence[Passage], *, sources: Sequence[str], corpus: Corpus) -> list[Passage]:
    """Add the chunks before and after the best passages: what an answer needs often stands just beside it.

    Measured elsewhere on source code: recall within the first five passages 86.0 to 91.5.
    """
    here = {passage.chunk.id for passage in passages}
    beside = await corpus.neighbours([passage.chunk for passage in passages[:WIDENED]], in_sources=sources)
    added = [chunk for chunk in beside if chunk.id not in here]
    return [*passages, *(_neighbour(chunk, rank) for rank, chunk in enumerate(added, len(passages) + 1))]


def _neighbour(chunk: Chunk, rank: int) -> Passage:
    return Passage(chunk, rank, 0.0, stage=Stage.NEIGHBOUR)
