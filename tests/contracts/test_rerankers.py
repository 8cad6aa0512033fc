"""What every reranker must do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from knowledge import Chunk, Passage, Reranker
from tests.contracts.backends import RERANKERS

TEXTS = ["The canteen opens at noon.", "Annual leave is 27 days.", "Laptops are replaced every four years."]


@pytest.fixture(params=RERANKERS)
async def reranker(request: pytest.FixtureRequest) -> AsyncIterator[Reranker]:
    made = RERANKERS[request.param]()
    yield made
    close = getattr(made, "close", None)
    if close is not None:
        await close()


def passage(text: str, rank: int) -> Passage:
    chunk = Chunk(f"c{rank}", f"d{rank}", "handbook", f"{rank}.md", "", None, "", None, 0, 0, len(text), text)
    return Passage(chunk, rank, 1 / rank, {"dense": 0.5})


def passages(count: int = len(TEXTS)) -> list[Passage]:
    return [passage(TEXTS[rank % len(TEXTS)] + " " * rank, rank) for rank in range(1, count + 1)]


def chunk_ids(found: list[Passage]) -> list[str]:
    return [passage.chunk.id for passage in found]


@pytest.mark.parametrize("count", [0, 1, 3, 100, 130])
async def test_the_same_passages_come_back_numbered_from_one(reranker: Reranker, count: int):
    found = await reranker.rerank("How many days of leave?", passages(count))
    assert sorted(chunk_ids(found)) == sorted(chunk_ids(passages(count)))
    assert [passage.rank for passage in found] == list(range(1, count + 1))


async def test_the_scores_of_the_searches_stay(reranker: Reranker):
    for found in await reranker.rerank("How many days of leave?", passages()):
        assert found.scores["dense"] == 0.5


async def test_scores_go_from_one_to_nothing_in_the_order_of_the_passages(reranker: Reranker):
    scores = [found.score for found in await reranker.rerank("How many days of leave?", passages(130))]
    assert scores[0] == 1
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] >= 0


@pytest.mark.parametrize("question", ["", " ", "\x00", "?!", "x" * 20_000])
async def test_no_question_is_too_strange(reranker: Reranker, question: str):
    assert len(await reranker.rerank(question, passages())) == len(TEXTS)
