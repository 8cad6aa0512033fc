"""A knowledge base on Pinecone: nothing leaks, nothing is done before it is visible, nothing is missing meanwhile."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, Outcome, Question, Scope, Settings, SourceSettings, TeamFile
from knowledge.adapters.pinecone_reranker import PineconeReranker
from tests.standins.pinecone_api import PineconeApi

LEADS = Scope(channel="C0LEADS")
PINECONE = {"index": "pinecone", "embedder": "pinecone", "embedder_dimensions": 384}
SECRET = "The salary of Ada Quist is 91,000 euros."


@pytest.fixture
def team(tmp_path: Path, handbook: Path) -> TeamFile:
    private = tmp_path / "private"
    private.mkdir()
    (private / "salaries.md").write_text(f"# Salaries\n\n{SECRET}\n", "utf-8")
    return TeamFile(
        sources={
            "handbook": SourceSettings(path=handbook),
            "salaries": SourceSettings(path=private, channels=("C0LEADS",)),
        }
    )


@pytest.fixture
async def kb(
    pinecone_settings: Settings, team: TeamFile, make_reranker: Callable[..., PineconeReranker]
) -> AsyncIterator[KnowledgeBase]:
    """Everything that Pinecone offers: index, embedder and reranker."""
    settings = pinecone_settings.model_copy(update=PINECONE).with_team(team)
    opened = await KnowledgeBase.open(settings, reranker=make_reranker(deadline=10.0))
    await opened.reindex("handbook")
    await opened.reindex("salaries")
    yield opened
    await opened.close()


async def found(kb: KnowledgeBase, question: str, scope: Scope | None = None) -> str:
    result = await kb.search(Question(question, scope=scope or Scope()), k=20)
    return "\n".join(passage.chunk.text for passage in result.passages)


async def test_a_question_is_answered_from_what_pinecone_finds(kb: KnowledgeBase):
    answer = await kb.ask(Question("How many days of annual leave do full-time employees get?"))
    assert answer.outcome is Outcome.ANSWERED
    assert "27 days" in answer.text
    assert answer.citations[0].chunk.path == "leave.md"


async def test_passages_carry_the_scores_of_both_searches_and_of_the_reranker(kb: KnowledgeBase):
    result = await kb.search(Question("Who orders new laptops?"), k=3)
    assert {"dense", "lexical", "rerank"} <= set(result.passages[0].scores)


async def test_an_index_that_ignores_the_filter_leaks_nothing(api: PineconeApi, kb: KnowledgeBase):
    question = "What is the salary of Ada Quist?"
    assert SECRET in await found(kb, question, LEADS)
    api.ignores_filter = True
    for scope in (Scope(), Scope(channel="C0OTHER"), Scope(user="U1"), Scope(usergroups=("S1",))):
        assert "91,000" not in await found(kb, question, scope)
        answer = await kb.ask(Question(question, scope=scope))
        shown = [answer.text, *(citation.chunk.text for citation in answer.citations)]
        assert not any("91,000" in text for text in [*shown, *(chunk.text for chunk in answer.nearest)])
        assert not any(chunk.source == "salaries" for chunk in answer.nearest)


async def test_a_removed_document_is_gone_at_once_whatever_pinecone_still_shows(
    api: PineconeApi, kb: KnowledgeBase, team: TeamFile
):
    api.lag = 60
    (team.sources["handbook"].path / "travel/expenses.md").unlink()
    report = await kb.reindex("handbook", allow_empty=True)
    assert report.removed == 1
    assert any("140 euros" in str(document) or "hotel" in str(document) for document in api.visible().values())
    assert "140 euros" not in await found(kb, "How much is a hotel per night?")


async def test_a_reindex_is_done_when_answers_use_it_and_the_old_text_serves_until_then(
    api: PineconeApi, kb: KnowledgeBase, team: TeamFile
):
    api.lag = 1.0
    page = team.sources["handbook"].path / "leave.md"
    page.write_text(page.read_text("utf-8").replace("27 days", "31 days"), "utf-8")
    os.utime(page)
    running = asyncio.create_task(kb.reindex("handbook"))
    question = "How many days of paid annual leave?"
    while not running.done():
        text = await found(kb, question)
        assert ("27 days" in text) != ("31 days" in text)
        await asyncio.sleep(0.05)
    assert (await running).changed == 1
    assert "31 days" in await found(kb, question)


async def test_what_pinecone_loses_is_not_lost(api: PineconeApi, kb: KnowledgeBase, team: TeamFile):
    api.losing = 1
    (team.sources["handbook"].path / "pets.md").write_text("# Dogs\n\nDogs are welcome on Fridays.\n", "utf-8")
    await kb.reindex("handbook")
    assert "Fridays" in await found(kb, "When are dogs welcome?")


async def test_an_outage_fails_with_words_and_passes_by_itself(api: PineconeApi, kb: KnowledgeBase):
    api.fail("/search", 500, times=8)
    answer = await kb.ask(Question("Who orders new laptops?"))
    assert answer.outcome is Outcome.FAILED
    assert "Something went wrong" in answer.text
    api.faults.clear()
    assert (await kb.ask(Question("Who orders new laptops?"))).outcome is Outcome.ANSWERED


async def test_a_question_costs_one_embedding_and_two_searches_at_once_and_little_besides(
    api: PineconeApi, kb: KnowledgeBase
):
    api.latency = {"embed": 0.1, "search": 0.1, "rerank": 0.1}
    await kb.search(Question("Is everything imported?"))
    own = []
    for _ in range(9):
        api.calls.clear()
        began = time.monotonic()
        await kb.search(Question("How many days of leave do I get?"), k=8)
        own.append(time.monotonic() - began - 0.3)
        assert sorted(call.action for call in api.calls) == ["embed", "rerank", "search", "search"]
    assert statistics.median(own) < 0.08  # one after the other, the searches would take 0.1 more
