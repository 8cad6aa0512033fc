"""Documents change at random and processes die at random: every run that ends leaves what a fresh index would hold.

Ten rounds on each database; FOOTNOTE_TEST_TORTURE_ROUNDS asks for more, FOOTNOTE_TEST_TORTURE_SEED for others.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from knowledge import IndexQuery, KnowledgeBase, Settings
from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.reading.pool import ReaderPool
from knowledge.store import Store
from tests.databases import rows
from tests.postgres import Cluster
from tests.torture.nursery import FILES_AT_ONCE, NotingEmbedder, Nursery, Order, nursery, reindex_once

ROUNDS = int(os.environ.get("FOOTNOTE_TEST_TORTURE_ROUNDS", "10"))
SEED = int(os.environ.get("FOOTNOTE_TEST_TORTURE_SEED", "11"))
pytestmark = pytest.mark.timeout(60 + 30 * ROUNDS)
PAGES = 72
IN_FLIGHT = 4 * FILES_AT_ONCE * 3
"""Texts that a process has embedded and not yet stored, at most: four lots, three parts a page."""
STATE = {
    "chunks": """
        SELECT c.id, c.document_id, c.path, c.title, c.heading, c.position, c.start, c."end", c.text, v.vector
        FROM chunks c JOIN vectors v ON v.text_hash = c.text_hash WHERE c.state = 'live' ORDER BY c.id
    """,
    "documents": "SELECT id, path, live, fingerprint, size, chunk_count, outcome FROM documents ORDER BY id",
    "index": "SELECT chunk_id FROM index_log WHERE added ORDER BY chunk_id",
    "unfinished": "SELECT id FROM chunks WHERE state != 'live'",
    "removals": "SELECT chunk_id FROM removals",
    "held": "SELECT document_id FROM generation_documents ORDER BY document_id",
}
SENTENCE = re.compile(r"Edition (\d+) of page (\d+), part (\d+) of (\d+)\.")


class Folder:
    """Documents that somebody works on; every sentence says of which edition of its page it is."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root, self._chance, self._edition = root, chance, 0
        root.mkdir()
        self._write_all(range(PAGES))

    def change(self) -> None:
        """Edit some pages, delete some, bring some back, rename some, touch some."""
        self._edition += 1
        pages = self._chance.sample(range(PAGES), PAGES)
        self._write_all(pages[:36])
        for page in pages[36:44]:
            self._file(page).unlink(missing_ok=True)
        for page in pages[44:50]:
            file = self._file(page)
            if file.exists():
                file.rename(file.with_name(f"renamed {self._edition} {page}.md"))
        for file in self.root.glob("renamed*"):
            if self._chance.random() < 0.3:
                file.unlink()
        for page in pages[50:]:
            if self._file(page).exists():
                self._file(page).touch()

    def _file(self, page: int) -> Path:
        return self.root / f"{page}.md"

    def _write_all(self, pages: range | list[int]) -> None:
        for page in pages:
            parts = self._chance.randint(1, 3)
            texts = [f"Edition {self._edition} of page {page}, part {part} of {parts}. " * 16 for part in range(parts)]
            body = "\n\n".join(f"## Part {part}\n\n{text}" for part, text in enumerate(texts))
            self._file(page).write_text(f"# Page {page}\n\n{body}\n")


def state(settings: Settings) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(rows(settings, query)) for name, query in STATE.items()}


def editions(texts: list[tuple[str, str]]) -> dict[str, set[tuple[str, str, str, str]]]:
    found: dict[str, set[tuple[str, str, str, str]]] = {}
    for path, text in texts:
        found.setdefault(path, set()).update(SENTENCE.findall(text))
    return found


def is_whole(sentences: set[tuple[str, str, str, str]]) -> bool:
    """Say whether these are all the parts of one edition of a page."""
    (edition, page, _, parts), *_ = sentences
    return sentences == {(edition, page, str(part), parts) for part in range(int(parts))}


class Torture:
    """One database, one folder, and what is true after every round."""

    def __init__(self, settings: Settings, tmp_path: Path, processes: Nursery, pool: ReaderPool) -> None:
        self.settings, self.processes, self._tmp, self._pool = settings, processes, tmp_path, pool
        self.chance = random.Random(f"{SEED} {settings.on_postgres}")
        self.folder = Folder(tmp_path / "docs", self.chance)
        self.log = tmp_path / "embedded"
        self.log.touch()
        self._empty = tmp_path / "empty"

    def order(self, *, works: bool = False) -> Order:
        url = self.settings.database_url
        return Order(str(self.settings.home), url, str(self.folder.root), str(self.log), works)

    async def clean_run(self) -> None:
        """Run in this process, where nobody kills it."""
        await reindex_once(self.order(), pool=self._pool)

    async def check(self, *, in_flight: int = 0) -> None:
        """Compare with a fresh index, and count who has embedded what.

        `in_flight` texts may have been embedded again that living helpers had embedded when the run they helped died.
        """
        fresh = Settings(home=self._tmp / "fresh")
        shutil.rmtree(fresh.home, ignore_errors=True)
        if not self._empty.exists():
            await (await Store.open(Settings(home=self._empty))).close()
        shutil.copytree(self._empty, fresh.home)
        elsewhere = Order(str(fresh.home), None, str(self.folder.root), str(self._tmp / "elsewhere"), works=False)
        await reindex_once(elsewhere, pool=self._pool)
        assert state(self.settings) == state(fresh)
        assert state(fresh)["unfinished"] == []
        by_survivors = Counter(text for pid, text in self._embedded() if int(pid) not in self.processes.killed)
        assert sum(times - 1 for times in by_survivors.values()) <= in_flight

    def _embedded(self) -> list[list[str]]:
        return [line.split() for line in self.log.read_text().splitlines()]

    @asynccontextmanager
    async def killing(self, *pids: int) -> AsyncIterator[None]:
        """Kill processes; whatever is embedded inside was not stored before."""
        stored = {str(row[0]) for row in rows(self.settings, "SELECT text_hash FROM vectors")}
        before = len(self._embedded())
        for pid in pids:
            self.processes.kill(pid)
        self._free_what_the_killed_held()
        yield
        assert not stored & {text for _, text in self._embedded()[before:]}

    def _free_what_the_killed_held(self) -> None:
        """Let the time pass after which what a process held that died is anybody's."""
        for pid in self.processes.killed:
            for table in ("source_leases", "runs", "run_batches"):
                rows(self.settings, f"UPDATE {table} SET lease_until = 0 WHERE owner LIKE '%:{pid}:%'")

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Read all the time, as others do: whole editions only, and nothing that is not live any more."""
        over = asyncio.Event()
        readers = [asyncio.create_task(self._read(over)), asyncio.create_task(self._search(over))]
        try:
            yield
        finally:
            over.set()
            looks = await asyncio.gather(*readers)
        assert min(looks) > 0

    async def _read(self, over: asyncio.Event) -> int:
        looks = 0
        while not over.is_set() or not looks:
            live = await asyncio.to_thread(rows, self.settings, "SELECT path, text FROM chunks WHERE state = 'live'")
            torn = [path for path, sentences in editions(live).items() if not is_whole(sentences)]
            assert torn == []
            looks += 1
            await asyncio.sleep(0.02)
        return looks

    async def _search(self, over: asyncio.Event) -> int:
        """Search with an index that stays open all the time, and believe what the database says of its hits."""
        store = await Store.open(self.settings)
        embedder = NotingEmbedder(os.devnull)
        index = EmbeddedIndex.build(settings=self.settings, corpus=store.corpus, embedder=embedder)
        hits: list[str] = []
        looks = 0
        while not over.is_set() or not looks:
            stale = await store.corpus.live_chunks(hits, in_sources=["handbook"])
            query = IndexQuery("edition page part", await embedder.embed_query("edition"), 100)
            hits = [chunk_id for chunk_id, _ in (await index.search(query)).lexical]
            found = await store.corpus.live_chunks(hits, in_sources=["handbook"])
            for chunks in (stale, found):
                seen = editions([(chunk.path, chunk.text) for chunk in chunks.values()])
                assert all(len({sentence[0] for sentence in sentences}) == 1 for sentences in seen.values())
            looks += 1
            await asyncio.sleep(0.02)
        await index.close()
        await store.close()
        return looks


@pytest.fixture(scope="module")
def processes() -> Iterator[Nursery]:
    with nursery() as made:
        yield made


@pytest.fixture
async def pool() -> AsyncIterator[ReaderPool]:
    async with ReaderPool() as made:
        yield made


async def test_two_processes_on_one_file_that_are_killed_leave_what_a_fresh_index_holds(
    tmp_path: Path, processes: Nursery, pool: ReaderPool
) -> None:
    torture = Torture(Settings(home=tmp_path / "home"), tmp_path, processes, pool)
    await (await Store.open(torture.settings)).close()
    for number in range(ROUNDS):
        async with torture.watched():
            both = [processes.begin(torture.order()) for _ in range(2)]
            await asyncio.sleep(torture.chance.uniform(0.2, 1.5))
            async with torture.killing(*(both if number % 3 else both[:1])):
                await torture.clean_run()
                await ended(processes, both)
        await torture.check()
        torture.folder.change()
    assert processes.killed


async def test_two_workers_that_are_killed_leave_what_a_fresh_index_holds(
    tmp_path: Path, processes: Nursery, pool: ReaderPool, postgres: Cluster
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=postgres.migrated_database())
    torture = Torture(settings, tmp_path, processes, pool)
    killed_before = len(processes.killed)
    workers = [processes.begin(torture.order(works=True)) for _ in range(2)]
    async with knowledge_base(torture) as kb:
        for number in range(ROUNDS):
            async with torture.watched():
                report = asyncio.create_task(kb.request_reindex("handbook", allow_empty=True))
                await asyncio.sleep(torture.chance.uniform(0.2, 2.0))
                victim = torture.chance.randrange(2)
                async with torture.killing(workers[victim]):
                    workers[victim] = processes.begin(torture.order(works=True))
                    await asyncio.wait_for(report, 100)
            await kb.request_reindex("handbook", allow_empty=True)
            await torture.check(in_flight=IN_FLIGHT * (number + 1))
            torture.folder.change()
    processes.kill_all()
    assert len(processes.killed) > killed_before + ROUNDS


@asynccontextmanager
async def knowledge_base(torture: Torture) -> AsyncIterator[KnowledgeBase]:
    kb = await KnowledgeBase.open(torture.order().settings, embedder=NotingEmbedder(str(torture.log)))
    try:
        yield kb
    finally:
        await kb.close()


async def ended(processes: Nursery, pids: list[int]) -> None:
    async with asyncio.timeout(100):
        while any(processes.lives(pid) for pid in pids):  # noqa: ASYNC110 - they are no children of this process
            await asyncio.sleep(0.02)
