"""Databases that share one Pinecone index by settings that name nothing: none of them touches what another holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from knowledge import KnowledgeBase, Question, Settings, SourceSettings, TeamFile
from knowledge.store import Store
from tests.standins.pinecone_api import PineconeApi

BY_KEY = {"index": "pinecone", "embedder": "pinecone", "embedder_dimensions": 384}


def of(settings: Settings, home: Path, handbook: Path, **more: object) -> Settings:
    """Return what one of several installations runs with."""
    settings = settings.model_copy(update={"home": home} | BY_KEY | more)
    return settings.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook)}))


async def finds_leave(kb: KnowledgeBase) -> bool:
    found = await kb.search(Question("How many days of annual leave do full-time employees get?"), k=3)
    return any("27 days" in passage.chunk.text for passage in found.passages)


async def test_what_one_database_removes_stays_with_the_other(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path, tmp_path: Path
):
    one = await KnowledgeBase.open(of(pinecone_settings, tmp_path / "one", handbook))
    other = await KnowledgeBase.open(of(pinecone_settings, tmp_path / "other", handbook))
    try:
        for kb in (one, other):
            await kb.reindex("handbook")
        kept = len(api.visible())  # both have chunks of the same ids
        (handbook / "leave.md").unlink()
        await one.reindex("handbook", allow_empty=True)
        assert await finds_leave(other)
        assert not await finds_leave(one)
        assert await other._parts.index.size() == kept  # type: ignore[attr-defined]
    finally:
        await one.close()
        await other.close()


async def test_a_database_keeps_its_place_over_restarts_and_between_processes(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path, tmp_path: Path
):
    settings = of(pinecone_settings, tmp_path / "one", handbook)
    kb = await KnowledgeBase.open(settings)
    await kb.reindex("handbook")
    await kb.close()
    again = await KnowledgeBase.open(settings)
    assert await finds_leave(again)
    await again.close()
    assert len(api.indexes["footnote"].namespaces) == 1


async def test_a_namespace_that_is_named_is_used(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path, tmp_path: Path
):
    kb = await KnowledgeBase.open(of(pinecone_settings, tmp_path / "one", handbook, pinecone_namespace="staging"))
    await kb.reindex("handbook")
    await kb.close()
    assert [name.partition(".")[0] for name in api.indexes["footnote"].namespaces] == ["staging"]


async def test_processes_that_open_a_new_database_at_once_agree_on_its_id(on_both: Settings):
    first, second = await asyncio.gather(Store.open(on_both), Store.open(on_both))
    assert first.installation == second.installation
    assert len(first.installation) == 26
    await first.close()
    await second.close()
