"""From the embedded index to Pinecone and back, by settings alone: nothing is lost, and somebody always answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from knowledge import GenerationState, KnowledgeBase, Question, Settings, SourceSettings, TeamFile
from tests.jobs.parts import until
from tests.standins.pinecone_api import PineconeApi

HERE = {"index": "embedded", "embedder": "wordllama"}
THERE = {"index": "pinecone", "embedder": "pinecone", "embedder_dimensions": 384}


@asynccontextmanager
async def process(settings: Settings, chosen: dict[str, object]) -> AsyncIterator[KnowledgeBase]:
    """Run a knowledge base that works in the background, as `footnote serve` does."""
    kb = await KnowledgeBase.open(settings.model_copy(update=chosen))
    working = asyncio.create_task(kb.work())
    try:
        yield kb
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await kb.close()


async def answers(kb: KnowledgeBase) -> None:
    found = await kb.search(Question("How many days of annual leave do full-time employees get?"), k=3)
    assert any("27 days" in passage.chunk.text for passage in found.passages)


async def serving(kb: KnowledgeBase) -> str:
    return next(each.index for each in await kb.generations() if each.state is GenerationState.SERVING)


async def until_serving(kb: KnowledgeBase, index: str) -> None:
    async def switched() -> bool:
        return await serving(kb) == index

    await until(switched, within=60)


async def keeps_answering(kbs: list[KnowledgeBase], index: str) -> None:
    """Ask every process again and again until the index serves, and some more."""

    async def switched() -> bool:
        for kb in kbs:
            await answers(kb)
        return await serving(kbs[0]) == index

    await until(switched, within=60)
    for kb in kbs:
        await answers(kb)


async def test_there_and_back_nothing_is_lost_and_somebody_always_answers(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path
) -> None:
    settings = pinecone_settings.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook)}))
    async with process(settings, HERE) as old:
        chunks = (await old.reindex("handbook")).chunks
        async with process(settings, THERE) as new:
            await keeps_answering([old, new], "pinecone")
            (handbook / "new.md").write_text("# Parking\n\nThe parking code is 4711.", "utf-8")
            report = await old.reindex("handbook")  # a process of before works for what answers now
            assert (report.added, report.chunks) == (1, chunks + 1)
            assert await new._parts.index.size() == chunks + 1  # type: ignore[attr-defined]
    async with process(settings, THERE) as new, process(settings, HERE) as back:
        await keeps_answering([new, back], "embedded")
        for kb in (new, back):
            found = await kb.search(Question("What is the parking code?"), k=1)
            assert "4711" in found.passages[0].chunk.text


async def test_what_answers_until_the_switch_is_counted_and_examined_too(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path
) -> None:
    settings = pinecone_settings.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook)}))
    async with process(settings, THERE) as kb:
        await kb.reindex("handbook")
    kb = await KnowledgeBase.open(settings.model_copy(update=HERE))
    await answers(kb)
    assert kb.costs.embedding_tokens > 0
    assert kb.costs.read_units == 2
    found = {finding.part: finding for finding in await kb.examine()}
    assert found["index"].ok
    assert found["index that answers now"].says.startswith("Pinecone index footnote, 384 dimensions")
    api.fail("/embed", 500, times=99)
    found = {finding.part: finding for finding in await kb.examine()}
    assert found["embedder"].ok
    assert not found["embedder that answers now"].ok
    await kb.close()


async def test_what_answers_and_is_being_replaced_does_not_stop_a_start(
    api: PineconeApi, pinecone_settings: Settings, handbook: Path
) -> None:
    settings = pinecone_settings.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook)}))
    async with process(settings, THERE) as kb:
        await kb.reindex("handbook")
    api.key = "pcsk_another"
    async with process(settings, HERE) as kb:
        await kb.warm_up()
        await until_serving(kb, "embedded")
        await answers(kb)


async def test_a_process_without_the_key_says_what_is_missing_and_takes_over_when_its_own_is_complete(
    pinecone_settings: Settings, handbook: Path
) -> None:
    settings = pinecone_settings.with_team(TeamFile(sources={"handbook": SourceSettings(path=handbook)}))
    async with process(settings, THERE) as kb:
        await kb.reindex("handbook")
    without = settings.model_copy(update=HERE | {"pinecone_api_key": None})
    kb = await KnowledgeBase.open(without)
    said = (await kb.ready())["index"]
    assert "the index pinecone with the embedder pinecone, which this process cannot use" in said
    assert "PINECONE_API_KEY" in said
    await kb.reindex("handbook")
    assert (await kb.ready())["index"] == "ok"
    await answers(kb)
    await kb.close()
