"""The Pinecone reranker: a better order in time, or the order as it was."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from knowledge import ConfigurationError
from knowledge.adapters.circuit_breaker import CircuitBreaker
from knowledge.adapters.pinecone_reranker import PineconeReranker
from tests.contracts.test_rerankers import chunk_ids, passages
from tests.standins.pinecone_api import PineconeApi

MakeReranker = Callable[..., PineconeReranker]

QUESTION = "When are laptops replaced?"


async def test_what_answers_comes_first_with_the_score_of_the_model(make_reranker: MakeReranker):
    first, *_ = await make_reranker().rerank(QUESTION, passages(3))
    assert "Laptops" in first.chunk.text
    assert first.rank == 1
    assert first.scores["rerank"] > 0


async def test_only_as_many_passages_as_a_request_takes_are_sent(api: PineconeApi, make_reranker: MakeReranker):
    found = await make_reranker().rerank(QUESTION, passages(130))
    assert [len(call.body["documents"]) for call in api.calls] == [100]
    assert chunk_ids(found)[100:] == chunk_ids(passages(130))[100:]


async def test_the_order_stands_when_the_deadline_passes(api: PineconeApi, make_reranker: MakeReranker):
    api.fail("/rerank", 0)
    began = time.monotonic()
    found = await make_reranker(deadline=0.3).rerank(QUESTION, passages(5))
    assert found == passages(5)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
async def test_the_order_stands_when_the_service_fails(api: PineconeApi, make_reranker: MakeReranker, status: int):
    api.fail("/rerank", status, times=9)
    assert await make_reranker(deadline=0.5).rerank(QUESTION, passages(5)) == passages(5)


async def test_a_service_that_is_down_is_not_asked_for_every_question(api: PineconeApi, make_reranker: MakeReranker):
    api.fail("/rerank", 400, times=99)
    reranker = make_reranker(breaker=CircuitBreaker(threshold=2, pause=60))
    for _ in range(6):
        assert await reranker.rerank(QUESTION, passages(3)) == passages(3)
    assert api.count("rerank") == 2


async def test_a_model_that_is_not_there_is_refused_with_those_that_are(make_reranker: MakeReranker):
    await make_reranker().check()
    with pytest.raises(ConfigurationError, match="bge-reranker-v2-m3"):
        await make_reranker(model="rerank-9").check()


async def test_what_it_costs_is_counted(make_reranker: MakeReranker):
    reranker = make_reranker()
    await reranker.rerank(QUESTION, passages(3))
    assert reranker.costs.rerank_units == 1
