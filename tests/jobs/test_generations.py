"""Another embedder or another index is filled in the shadow: the old one answers until nothing is missing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from knowledge import (
    GenerationState,
    IndexEntry,
    IndexHits,
    IndexQuery,
    IndexUnavailableError,
    KnowledgeBase,
    Question,
    Settings,
    SourceSettings,
    TeamFile,
)
from tests.databases import rows
from tests.jobs.parts import SlowEmbedder, until

OLD, NEW = "slow-1", "slow-2"


class Shop:
    """What several processes see of one service: the entries of an index, found by their words."""

    def __init__(self) -> None:
        self.entries: dict[str, IndexEntry] = {}
        self.upserts = 0


class ShopIndex:
    """A distributed index of another kind."""

    name = "shop"

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    async def upsert(self, entries: list[IndexEntry]) -> None:
        self._shop.upserts += len(entries)
        self._shop.entries |= {entry.chunk_id: entry for entry in entries}

    async def delete(self, chunk_ids: list[str]) -> None:
        for chunk_id in chunk_ids:
            self._shop.entries.pop(chunk_id, None)

    drop = delete

    async def search(self, query: IndexQuery) -> IndexHits:
        words = set(query.text.lower().split())
        found = [each for each in self._shop.entries.values() if words & set(each.text.lower().strip(".").split())]
        hits = tuple((entry.chunk_id, float(np.dot(entry.vector, query.vector))) for entry in found)
        return IndexHits(dense=hits, lexical=hits)


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


def embedder(name: str, seconds: float = 0.0) -> SlowEmbedder:
    made = SlowEmbedder(seconds)
    made.name = name
    return made


@asynccontextmanager
async def process(
    settings: Settings, name: str, *, shop: Shop | None = None, works: bool = False, made: SlowEmbedder | None = None
) -> AsyncIterator[KnowledgeBase]:
    """Open a knowledge base as a process does that was started with this embedder, and with this index if any."""
    index = ShopIndex(shop) if shop is not None else None
    kb = await KnowledgeBase.open(settings, embedder=made or embedder(name), index=index)
    # The parts that tests give by argument are built again as others would be that have names.
    kb._generations._build = lambda generation: again(settings, kb, generation.key, shop)
    working = asyncio.create_task(kb.work()) if works else None
    try:
        yield kb
    finally:
        if working is not None:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working
        await kb.close()


SHOPS: list[Shop] = []


def again(settings: Settings, kb: KnowledgeBase, key: str, shop: Shop | None) -> tuple[SlowEmbedder, object]:
    from knowledge.adapters.embedded_index import EmbeddedIndex

    place, name, _ = key.split(" | ")
    made = embedder(name)
    if place == "shop":
        return made, ShopIndex(shop or SHOPS[-1])
    return made, EmbeddedIndex.build(settings=settings, corpus=kb._store.corpus, embedder=made)


@pytest.fixture
def shop() -> Shop:
    SHOPS.append(Shop())
    return SHOPS[-1]


@pytest.fixture
def settings(on_both: Settings, team: TeamFile) -> Settings:
    return on_both.with_team(team)


async def finds(kb: KnowledgeBase, number: int) -> bool:
    found = await kb.search(Question(f"word{number}"), k=1)
    return bool(found.passages) and found.passages[0].chunk.path == f"{number}.md"


async def serving(kb: KnowledgeBase) -> str:
    return next(each.embedder for each in await kb.generations() if each.state is GenerationState.SERVING)


def serves(kb: KnowledgeBase, name: str) -> Callable[[], Awaitable[bool]]:
    async def met() -> bool:
        return await serving(kb) == name

    return met


async def test_the_old_embedder_answers_until_the_new_one_lacks_nothing(settings: Settings) -> None:
    async with process(settings, OLD) as old, process(settings, NEW, made=embedder(NEW, 0.4)) as new:
        await old.reindex("handbook")
        working = asyncio.create_task(new.work())
        seen: set[int] = set()

        async def switched() -> bool:
            filling = [each for each in await new.generations() if each.state is GenerationState.FILLING]
            seen.update(each.documents for each in filling)
            assert await finds(old, 17)
            assert await finds(new, 17)
            return await serving(new) == NEW

        await until(switched)
        assert any(0 < documents < 300 for documents in seen)
        assert await serving(old) == NEW
        assert await finds(old, 33)
        assert rows(settings, "SELECT count(*) FROM chunks") == [(300,)]
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_no_file_is_read_again_for_another_embedder_and_no_text_embedded_for_another_index(
    settings: Settings, shop: Shop, documents: Path
) -> None:
    made = embedder(OLD)
    async with process(settings, OLD, made=made) as old:
        await old.reindex("handbook")
        texts = made.texts
        empty(documents)
        async with process(settings, OLD, shop=shop, works=True, made=made) as new:

            async def moved() -> bool:
                return [each.index for each in await new.generations() if each.state is GenerationState.RETIRED] != []

            await until(moved)
            assert made.texts == texts
            assert await finds(new, 5)
            assert await finds(old, 5)
    assert len(shop.entries) == 300


async def test_what_changes_meanwhile_is_in_both_and_the_old_answers_stay_true(
    settings: Settings, documents: Path
) -> None:
    async with process(settings, OLD) as old:
        await old.reindex("handbook")
        answer = await old.ask(Question("What is the word of this page, word17?"))
        async with process(settings, NEW, works=True, made=embedder(NEW, 0.2)) as new:
            (documents / "5.md").write_text("# Page\n\nNow it says changed5 and other things.")
            (documents / "6.md").unlink()
            await old.reindex("handbook")
            await until(serves(new, NEW))
            for kb in (old, new):
                found = await kb.search(Question("changed5"), k=1)
                assert found.passages[0].chunk.path == "5.md"
                assert not await finds(kb, 6)
            assert await new.answer(answer.id) == await old.answer(answer.id)
    held = "SELECT generation, count(*) FROM generation_documents GROUP BY generation ORDER BY generation"
    assert rows(settings, held)[-1][1] == 299


async def test_going_back_brings_over_only_what_has_changed_since(
    settings: Settings, shop: Shop, documents: Path
) -> None:
    async with process(settings, OLD) as kb:
        await kb.reindex("handbook")
    async with process(settings, NEW, shop=shop, works=True) as kb:
        await until(serves(kb, NEW))
        (documents / "5.md").write_text("# Page\n\nNow it says changed5 and other things.")
        (documents / "6.md").unlink()
        await kb.reindex("handbook")
        assert len(shop.entries) == 299
    made = embedder(OLD)
    async with process(settings, OLD, made=made) as kb:
        await kb.reindex("handbook")
        assert await serving(kb) == OLD
        assert made.texts == 1
        assert (await kb.search(Question("changed5"), k=1)).passages[0].chunk.path == "5.md"
        assert not await finds(kb, 6)
        assert await finds(kb, 7)
    assert rows(settings, "SELECT count(*) FROM removals r JOIN generation_roles USING (generation)") == [(0,)]


async def test_a_process_that_only_asks_changes_nothing(settings: Settings) -> None:
    async with process(settings, OLD) as old:
        await old.reindex("handbook")
        async with process(settings, NEW) as stranger:
            assert await finds(stranger, 3)
        assert [each.embedder for each in await old.generations()] == [OLD]


async def test_who_cannot_use_what_answers_says_so_and_answers_once_its_own_is_complete(settings: Settings) -> None:
    async with process(settings, OLD) as old:
        await old.reindex("handbook")
    kb = await KnowledgeBase.open(settings, embedder=embedder(NEW, 0.1))
    ready = await kb.ready()
    assert "which this process cannot use: it was given to another process by argument." in ready["index"]
    assert (await kb.ask(Question("word17"))).outcome == "failed"
    with pytest.raises(IndexUnavailableError, match="cannot use"):
        await kb._generations.told()
    await kb._generations.fill()
    assert (await kb.ready())["index"] == "ok"
    assert await finds(kb, 17)
    await kb.close()


async def test_a_reindex_waits_for_the_filling_and_the_filling_for_a_reindex(settings: Settings) -> None:
    async with process(settings, OLD, made=embedder(OLD, 0.2)) as old:
        running = asyncio.create_task(old.reindex("handbook"))

        async def some() -> bool:
            return rows(settings, "SELECT count(*) FROM documents")[0][0] > 0

        await until(some)
        async with process(settings, NEW, works=True) as new:
            assert (await running).added == 300
            await until(serves(new, NEW))
            assert await finds(new, 299)


async def test_a_retired_generation_is_given_up_after_a_while(
    settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with process(settings, OLD, shop=shop) as kb:
        await kb.reindex("handbook")
    async with process(settings, NEW) as kb:
        await kb.reindex("handbook")
        await kb._generations._purge()
        assert len(shop.entries) == 300
        monkeypatch.setattr("knowledge.generations.GRACE", timedelta(0))
        monkeypatch.setattr("knowledge.generations.PURGE_SECONDS", 0.0)
        await kb._generations._purge()
        assert shop.entries == {}
        assert [each.embedder for each in await kb.generations()] == [NEW]
        assert rows(settings, f"SELECT count(*) FROM vectors WHERE embedder = '{OLD}'") == [(0,)]
        assert await finds(kb, 17)


async def test_every_source_must_be_brought_over_before_the_switch(
    settings: Settings, tmp_path: Path, documents: Path
) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "a.md").write_text("About secondword.")
    sources = {"handbook": SourceSettings(path=documents), "second": SourceSettings(path=tmp_path / "second")}
    both = settings.with_team(TeamFile(sources=sources))
    async with process(both, OLD) as old, process(both, NEW) as new:
        await old.reindex("handbook")
        await old.reindex("second")
        token = await old._store.corpus.acquire("second", owner="busy", lease=30)
        assert token is not None
        working = asyncio.create_task(new.work())

        async def one_is_over() -> bool:
            filling = [each for each in await new.generations() if each.state is GenerationState.FILLING]
            return [each.documents for each in filling] == [300]

        await until(one_is_over)
        assert await serving(new) == OLD
        await old._store.corpus.release("second", token)
        await until(serves(new, NEW))
        assert (await new.search(Question("secondword"), k=1)).passages
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_killed_filling_goes_on_where_it_was(settings: Settings) -> None:
    async with process(settings, OLD) as old:
        await old.reindex("handbook")
    slow = embedder(NEW, 0.3)
    async with process(settings, NEW, made=slow) as kb:
        filling = asyncio.create_task(kb._generations.fill())

        async def begun() -> bool:
            return rows(settings, "SELECT count(*) FROM generation_documents")[0][0] > 300

        await until(begun)
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
        assert await serving(kb) == OLD
    made = embedder(NEW)
    async with process(settings, NEW, made=made) as kb:
        await kb._generations.fill()
        assert await serving(kb) == NEW
    assert made.texts < 300
