"""The embedded index's cache: shared by processes, rebuilt when damaged, right after any crash."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from knowledge import IndexEntry, IndexQuery, IndexUnavailableError, Settings
from knowledge.adapters import embedded_index
from knowledge.adapters.embedded_index import EmbeddedIndex
from knowledge.store import Store
from tests.contracts.backends import DIMENSIONS, store_entries

ROOT = Path(__file__).parent.parent
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.test_embedded_index import change
asyncio.run(change(Path(sys.argv[1]), int(sys.argv[2])))
"""
READER = """
import asyncio, sys
from pathlib import Path
from tests.test_embedded_index import found
print(len(asyncio.run(found(Path(sys.argv[1])))))
"""


def entries(first: int, last: int, source: str = "handbook") -> list[IndexEntry]:
    rows = np.random.default_rng(first).normal(size=(last - first, DIMENSIONS)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return [
        IndexEntry(f"c{number}", source, vector, f"common word{number}", f"title{number}")
        for number, vector in zip(range(first, last), rows, strict=True)
    ]


def everything() -> IndexQuery:
    return IndexQuery("common", np.zeros(DIMENSIONS, dtype=np.float32), 5000)


async def lexical(index: EmbeddedIndex) -> set[str]:
    return {chunk_id for chunk_id, _ in (await index.search(everything())).lexical}


async def change(home: Path, seed: int) -> None:
    """Add and remove chunks and search for ever; a process that does this is killed by the tests."""
    store = await Store.open(Settings(home=home))
    index = EmbeddedIndex(store.corpus, "test", DIMENSIONS, home)
    dice = random.Random(seed)
    while True:
        first = dice.randrange(0, 500)
        added = entries(first, first + 20, f"source{seed}")  # its own: a killed process leaves its source's lease
        await store_entries(store, added)
        await index.upsert(added)
        await index.delete([f"c{number}" for number in dice.sample(range(500), 10)])
        await index.search(everything())


async def found(home: Path) -> set[str]:
    store = await Store.open(Settings(home=home))
    index = EmbeddedIndex(store.corpus, "test", DIMENSIONS, home)
    try:
        return await lexical(index)
    finally:
        await index.close()
        await store.close()


async def logged(store: Store) -> set[str]:
    """What the database says is in the index."""
    newest = {entry.chunk_id: entry.added for entry in await store.corpus.log_since("test", 0, limit=100_000)}
    return {chunk_id for chunk_id, added in newest.items() if added}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(Settings(home=tmp_path))
    yield opened
    await opened.close()


async def filled(store: Store, home: Path, last: int = 50) -> EmbeddedIndex:
    index = EmbeddedIndex(store.corpus, "test", DIMENSIONS, home)
    await store_entries(store, entries(0, last))
    await index.upsert(entries(0, last))
    return index


def files(home: Path, name: str) -> list[Path]:
    matching = sorted((home / "index").rglob(name))
    assert matching
    return matching


def damage(path: Path, how: str) -> None:
    if how == "gone":
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        path.write_bytes(b"" if how == "empty" else random.Random(1).randbytes(path.stat().st_size))


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, "gone") for name in ("manifest.json", "vectors", "rows", "ids", "words", "meta.json", "*.term")),
        *((name, "empty") for name in ("manifest.json", "vectors", "meta.json", "*.fast")),
        *((name, "noise") for name in ("manifest.json", "ids", "rows", "meta.json", "*.term")),
    ],
)
async def test_a_damaged_cache_is_built_anew(store: Store, tmp_path: Path, name: str, how: str):
    before = await lexical(await filled(store, tmp_path))
    assert len(before) == 50
    for path in files(tmp_path, name):
        damage(path, how)
    assert await lexical(EmbeddedIndex(store.corpus, "test", DIMENSIONS, tmp_path)) == before


def remove_database(home: Path) -> None:
    for path in home.glob("footnote.db*"):
        path.unlink()


async def test_a_cache_of_another_database_is_not_used(tmp_path: Path):
    first = await Store.open(Settings(home=tmp_path))
    index = await filled(first, tmp_path)
    assert len(await lexical(index)) == 50
    await first.close()
    remove_database(tmp_path)
    second = await Store.open(Settings(home=tmp_path))
    other = [IndexEntry(f"n{e.chunk_id}", "handbook", e.vector, f"{e.text} new", e.title) for e in entries(0, 60)]
    await store_entries(second, other)
    index = EmbeddedIndex(second.corpus, "test", DIMENSIONS, tmp_path)
    await index.upsert(other)
    assert await lexical(index) == {entry.chunk_id for entry in other}
    await second.close()


async def test_dead_rows_are_compacted_away_and_the_rest_is_found(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(embedded_index, "_FEW_ROWS", 50)
    index = await filled(store, tmp_path, 100)
    other = EmbeddedIndex(store.corpus, "test", DIMENSIONS, tmp_path)
    assert len(await lexical(other)) == 100
    size = files(tmp_path, "vectors")[0].stat().st_size
    for first in range(0, 60, 20):
        await index.delete([f"c{number}" for number in range(first, first + 20)])
        assert len(await lexical(index)) == 80 - first
    (vectors,) = files(tmp_path, "vectors")
    assert vectors.stat().st_size < size
    assert await lexical(other) == await logged(store)
    hits = await index.search(IndexQuery("", entries(0, 100)[77].vector, 1))
    assert hits.dense[0][0] == "c77"


async def test_many_searches_that_come_at_once_make_one_update(store: Store, tmp_path: Path):
    index = await filled(store, tmp_path)
    results = await asyncio.gather(*(lexical(index) for _ in range(50)))
    assert all(len(result) == 50 for result in results)


async def test_a_search_waits_only_for_chunks_that_answers_may_use(store: Store, tmp_path: Path):
    index = await filled(store, tmp_path)
    (folder,) = (tmp_path / "index").iterdir()
    await store_entries(store, entries(50, 60))
    async with embedded_index.Cache(folder, DIMENSIONS).lock():  # as a process that is writing
        await store.corpus.log_added("test", [entry.chunk_id for entry in entries(50, 60)])
        assert len(await asyncio.wait_for(lexical(index), 10)) == 50
        make_live(tmp_path)
        search = asyncio.create_task(lexical(index))
        done, _ = await asyncio.wait([search], timeout=0.3)
        assert not done
    assert len(await asyncio.wait_for(search, 10)) == 60


def make_live(home: Path) -> None:
    with closing(sqlite3.connect(home / "footnote.db")) as connection, connection:
        connection.execute("UPDATE chunks SET state = 'live'")


async def test_a_cancelled_search_leaves_the_lock_to_others(store: Store, tmp_path: Path):
    index = await filled(store, tmp_path, 400)
    search = asyncio.create_task(index.search(everything()))
    await asyncio.sleep(0)
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    other = EmbeddedIndex(store.corpus, "test", DIMENSIONS, tmp_path)
    assert len(await asyncio.wait_for(lexical(other), 10)) == 400
    await index.close()


async def test_a_folder_that_cannot_be_written_is_said_in_words(store: Store, tmp_path: Path):
    index = EmbeddedIndex(store.corpus, "test", DIMENSIONS, tmp_path)
    (tmp_path / "index").joinpath(next((tmp_path / "index").iterdir()).name, "lock").mkdir()
    with pytest.raises(IndexUnavailableError, match="disk"):
        await index.search(everything())
    with pytest.raises(IndexUnavailableError, match="disk"):
        await filled(store, tmp_path)


def start_writer(home: Path, seed: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(home), str(seed)], cwd=ROOT)


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def count_in_another_process(home: Path) -> int:
    done = subprocess.run([sys.executable, "-c", READER, home], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


async def grown(store: Store, by: int) -> None:
    """Wait until the log has grown."""
    goal = await store.corpus.generation("test") + by
    while await store.corpus.generation("test") < goal:  # noqa: ASYNC110 - other processes write it
        await asyncio.sleep(0.02)


async def test_processes_that_are_killed_at_any_moment_leave_a_right_index(store: Store, tmp_path: Path):
    dice = random.Random(7)
    for round_number in range(2):
        writers = [start_writer(tmp_path, 2 * round_number + n) for n in range(2)]
        try:
            await asyncio.wait_for(grown(store, 40), 60)
            await asyncio.sleep(dice.random() * 0.2)  # the moment of death
        finally:
            for writer in writers:
                kill(writer)
        expected = await logged(store)
        assert expected
        assert await found(tmp_path) == expected
    assert count_in_another_process(tmp_path) == len(expected)
