"""Pinecone itself, where a key is set: what the stand-in only pretends. It makes an index `footnote-live`."""

from __future__ import annotations

import os

import pytest

from knowledge import IndexEntry, IndexQuery, Settings, new_id
from knowledge.adapters.pinecone_client import connect
from knowledge.adapters.pinecone_embedder import PineconeEmbedder
from knowledge.adapters.pinecone_index import PineconeIndex, Place
from knowledge.adapters.pinecone_reranker import PineconeReranker
from tests.contracts.test_rerankers import passages

KEY = os.environ.get("PINECONE_API_KEY")  # read before the fixtures clear the environment
TEXTS = [
    "Employees have 27 vacation days each year.",
    "The compiler emits a warning for unused imports.",
    "Laptops are ordered by Priya Raman in the IT team.",
]

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture
def live(request: pytest.FixtureRequest) -> Settings:
    if not KEY:
        pytest.skip("PINECONE_API_KEY is not set")
    if "live" not in request.config.getoption("markexpr"):
        pytest.skip("asks the real service, which costs money: make test-live")
    return Settings(pinecone_api_key=KEY, embedder_dimensions=384, rerank_deadline=10)


async def test_what_was_written_is_found_by_meaning_and_by_words_and_gone_when_removed(live: Settings):
    embedder = PineconeEmbedder.build(settings=live)
    place = Place("footnote-live", f"test.{new_id()}")
    index = PineconeIndex(connect(live, chosen_by="FOOTNOTE_INDEX"), place, dimensions=embedder.dimensions)
    try:
        vectors = await embedder.embed_documents(TEXTS)
        await index.upsert([IndexEntry(f"c{n}", "live", vectors[n], text, "Handbook") for n, text in enumerate(TEXTS)])
        for question, best in (("How much holiday do I get?", "c0"), ("Who orders laptops?", "c2")):
            vector = await embedder.embed_query(question)
            hits = await index.search(IndexQuery(question, vector, 3, ("live",)))
            assert hits.dense[0][0] == best
            assert len(hits.dense) == 3
        assert hits.lexical[0][0] == "c2"
        assert (await index.search(IndexQuery("laptops", vector, 3, ("other",)))).dense == ()
        assert index.costs.read_units > 0
        assert embedder.costs.embedding_tokens > 0
    finally:
        await index.delete([f"c{n}" for n in range(len(TEXTS))])
        await index.close()
        await embedder.close()


async def test_the_reranker_puts_what_answers_first(live: Settings):
    reranker = PineconeReranker.build(settings=live)
    await reranker.check()
    first, *_ = await reranker.rerank("When are laptops replaced?", passages(3))
    await reranker.close()
    assert "Laptops" in first.chunk.text
    assert reranker.costs.rerank_units > 0
