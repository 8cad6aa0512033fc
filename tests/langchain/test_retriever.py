"""Footnote's search as a part of other people's chains: the same passages, and never more than the scope may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, Question, Scope, Settings, SourceSettings, TeamFile, UsageError
from knowledge.adapters.langchain_retriever import FootnoteRetriever, footnote_retriever, search_tool

LAPTOPS = "Who orders new laptops?"


@pytest.fixture
async def guarded(settings: Settings, handbook: Path) -> AsyncIterator[KnowledgeBase]:
    """A knowledge base whose pages on laptops are for U1 only."""
    team = TeamFile(
        sources={
            "travel": SourceSettings(path=handbook / "travel"),
            "it": SourceSettings(path=handbook / "it", users=("U1",)),
        }
    )
    kb = await KnowledgeBase.open(settings.with_team(team))
    for source in team.sources:
        await kb.reindex(source)
    yield kb
    await kb.close()


async def test_the_passages_are_those_of_footnotes_own_search(kb: KnowledgeBase):
    passages = (await kb.search(Question(LAPTOPS), k=3)).passages
    documents = await FootnoteRetriever(kb=kb, k=3).ainvoke(LAPTOPS)
    assert [document.id for document in documents] == [passage.chunk.id for passage in passages]
    first, chunk = documents[0], passages[0].chunk
    assert first.page_content == chunk.text
    assert first.metadata == {
        "source": "handbook",
        "path": "it/laptops.md",
        "title": "Laptops",
        "heading": "Laptops > Ordering a laptop",
        "location": "",
        "page": None,
        "url": None,
        "start": chunk.start,
        "end": chunk.end,
        "score": 1.0,
        "rank": 1,
    }


async def test_only_what_the_scope_may_see_is_found(guarded: KnowledgeBase):
    everyone = FootnoteRetriever(kb=guarded)
    for retriever, sources in ((everyone, {"travel"}), (everyone.seen_by(Scope(user="U1")), {"travel", "it"})):
        found = await retriever.ainvoke(LAPTOPS)
        assert {document.metadata["source"] for document in found} == sources
    assert {document.metadata["source"] for document in await everyone.ainvoke(LAPTOPS)} == {"travel"}


async def test_nothing_that_a_model_writes_widens_the_scope(guarded: KnowledgeBase):
    tool = search_tool(FootnoteRetriever(kb=guarded))
    assert set(tool.args) == {"query"}
    said = await tool.ainvoke({"query": LAPTOPS, "scope": {"operator": True}, "user": "U1"})
    assert "expenses" in said
    assert "Priya" not in said


async def test_the_tool_says_where_each_passage_stands(kb: KnowledgeBase):
    tool = search_tool(FootnoteRetriever(kb=kb, k=2))
    message = await tool.ainvoke({"type": "tool_call", "name": tool.name, "args": {"query": LAPTOPS}, "id": "1"})
    assert message.content.startswith("[1] Laptops (it/laptops.md) Laptops > Ordering a laptop\n")
    assert [document.metadata["rank"] for document in message.artifact] == [1, 2]


async def test_it_works_from_threads_and_from_other_event_loops(kb: KnowledgeBase):
    retriever = FootnoteRetriever(kb=kb, k=1)
    (here,) = await retriever.ainvoke(LAPTOPS)
    (from_thread,) = await asyncio.to_thread(retriever.invoke, LAPTOPS)
    (from_loop,) = await asyncio.to_thread(lambda: asyncio.run(retriever.ainvoke(LAPTOPS)))
    assert here == from_thread == from_loop


async def test_waiting_for_itself_is_refused(kb: KnowledgeBase):
    retriever = FootnoteRetriever(kb=kb)
    with pytest.raises(UsageError, match="ainvoke"):
        retriever.invoke(LAPTOPS)


async def test_made_outside_of_a_loop_it_says_what_to_use(kb: KnowledgeBase):
    with pytest.raises(UsageError, match="footnote_retriever"):
        await asyncio.to_thread(FootnoteRetriever, kb=kb)


def test_a_program_without_a_loop_opens_searches_and_closes(settings: Settings, handbook: Path):
    with footnote_retriever(settings, k=3) as retriever:
        assert retriever.invoke(LAPTOPS) == []
    assert asyncio.run(_index(settings, handbook)) > 0
    with footnote_retriever(settings, k=3) as retriever:
        assert "Priya Raman" in retriever.invoke(LAPTOPS)[0].page_content


async def _index(settings: Settings, handbook: Path) -> int:
    kb = await KnowledgeBase.open(settings)
    report = await kb.reindex_folder(handbook)
    await kb.close()
    return report.added


async def test_an_unavailable_service_is_raised_not_hidden(kb: KnowledgeBase):
    from knowledge import IndexHits, IndexQuery, IndexUnavailableError

    class Away:
        name = "embedded"  # in the place of what answers

        async def search(self, query: IndexQuery) -> IndexHits:
            raise IndexUnavailableError

        async def upsert(self, entries: object) -> None: ...

        async def delete(self, chunk_ids: object) -> None: ...

    other = await KnowledgeBase.open(kb.settings, index=Away())  # type: ignore[arg-type]
    with pytest.raises(IndexUnavailableError):
        await FootnoteRetriever(kb=other).ainvoke(LAPTOPS)
    await other.close()
