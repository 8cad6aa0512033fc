"""`reindex --verify`: whatever became of an index, it is found out and put right."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge import IndexEntry, IndexHits, IndexQuery, KnowledgeBase, Settings, SourceError
from knowledge.types import Vectors
from tests.databases import rows
from tests.jobs.parts import SlowEmbedder


class Shelf:
    """A service of its own, whose entries somebody else may touch; says what it holds as far as `tells` has it."""

    name = "shelf"

    def __init__(self) -> None:
        self.entries: dict[str, IndexEntry] = {}
        self.upserted: list[str] = []
        self.deleted: list[str] = []

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        self.upserted += [entry.chunk_id for entry in entries]
        self.entries |= {entry.chunk_id: entry for entry in entries}

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        self.deleted += chunk_ids
        for chunk_id in chunk_ids:
            self.entries.pop(chunk_id, None)

    async def search(self, query: IndexQuery) -> IndexHits:
        return IndexHits()


class OpenShelf(Shelf):
    """Says all that it holds, with the vectors."""

    async def ids(self) -> AsyncIterator[Sequence[str]]:
        yield sorted(self.entries)

    async def fetch(self, chunk_ids: Sequence[str]) -> dict[str, Vectors | None]:
        return {each: self.entries[each].vector for each in chunk_ids if each in self.entries}


class HalfOpenShelf(Shelf):
    """Knows what it is asked for, and cannot list."""

    async def fetch(self, chunk_ids: Sequence[str]) -> dict[str, Vectors | None]:
        return {each: None for each in chunk_ids if each in self.entries}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("hr", "it"):
        (tmp_path / name).mkdir()
        for number in range(5):
            (tmp_path / name / f"{number}.md").write_text(f"# {name} {number}\n\nPage {number} of {name}.\n")
    return tmp_path / "hr", tmp_path / "it"


@pytest.fixture
async def opened(on_both: Settings, folders: tuple[Path, Path]) -> AsyncIterator[Callable[..., object]]:
    made: list[KnowledgeBase] = []

    async def open_with(index: Shelf | None = None) -> KnowledgeBase:
        kb = await KnowledgeBase.open(on_both, embedder=SlowEmbedder(), index=index)
        made.append(kb)
        for folder in folders:
            await kb.reindex_folder(folder)
        return kb

    yield open_with
    for kb in made:
        await kb.close()


async def test_an_exact_index_is_left_alone(opened: Callable[..., object], on_both: Settings):
    shelf = OpenShelf()
    kb = await opened(shelf)
    told = list(shelf.upserted)
    report = await kb.verify()
    (index,) = report.indexes
    assert report.sound
    assert (index.chunks, index.missing, index.unknown, index.wrong, index.sampled) == (10, 0, 0, 0, 10)
    assert (shelf.upserted, shelf.deleted) == (told, [])


async def test_what_is_missing_unknown_or_wrong_is_put_right(opened: Callable[..., object], on_both: Settings):
    shelf = OpenShelf()
    kb = await opened(shelf)
    exact = dict(shelf.entries)
    lost, turned, *_ = sorted(exact)
    del shelf.entries[lost]
    shelf.entries[turned] = replace(exact[turned], vector=-exact[turned].vector)
    shelf.entries["nobody knows it"] = replace(exact[lost], chunk_id="nobody knows it")
    embedded = kb._parts.embedder.texts
    (index,) = (await kb.verify()).indexes
    assert (index.missing, index.unknown, index.wrong, index.sound) == (1, 1, 1, False)
    assert shelf.entries.keys() == exact.keys()
    assert all(np.array_equal(shelf.entries[each].vector, exact[each].vector) for each in exact)
    assert kb._parts.embedder.texts == embedded
    assert (await kb.verify()).sound


async def test_an_index_that_was_emptied_elsewhere_is_filled_again(opened: Callable[..., object], on_both: Settings):
    shelf = OpenShelf()
    kb = await opened(shelf)
    shelf.entries.clear()
    assert (await kb.verify()).indexes[0].missing == 10
    assert len(shelf.entries) == 10


async def test_a_source_is_verified_alone_and_what_belongs_to_nobody_left_to_the_audit_of_all(
    opened: Callable[..., object], folders: tuple[Path, Path]
):
    shelf = OpenShelf()
    kb = await opened(shelf)
    shelf.entries.clear()
    shelf.entries["nobody knows it"] = IndexEntry("nobody knows it", "it", np.ones(8, dtype=np.float32), "", "")
    report = await kb.verify(str(folders[0]))
    assert (report.source, report.indexes[0].missing, report.indexes[0].unknown) == ("hr", 5, 0)
    assert (await kb.verify("hr")).sound
    assert {entry.source for entry in shelf.entries.values()} == {"hr", "it"}
    assert (await kb.verify("it")).indexes[0].missing == 5
    assert (await kb.verify()).indexes[0].unknown == 1
    with pytest.raises(SourceError, match=r"Nothing was indexed of 'nowhere'. The sources are: hr, it."):
        await kb.verify("nowhere")


async def test_an_index_that_cannot_list_is_asked_for_what_it_should_hold(opened: Callable[..., object]):
    shelf = HalfOpenShelf()
    kb = await opened(shelf)
    shelf.entries.pop(min(shelf.entries))
    shelf.entries["nobody knows it"] = next(iter(shelf.entries.values()))
    (index,) = (await kb.verify()).indexes
    assert (index.missing, index.unknown, index.listed, index.sampled) == (1, 0, False, 0)
    assert len(shelf.entries) == 11


async def test_the_embedded_index_is_verified_down_to_its_files(opened: Callable[..., object], on_both: Settings):
    kb = await opened(None)
    assert (await kb.verify()).sound
    chunks = [row[0] for row in rows(on_both, "SELECT id FROM chunks ORDER BY id")]
    index = kb._parts.index
    await index.delete(chunks[:2])
    rows(on_both, f"UPDATE chunks SET state = 'dead' WHERE id = '{chunks[2]}'")
    (found,) = (await kb.verify()).indexes
    assert (found.chunks, found.missing, found.unknown) == (9, 2, 1)
    assert (await kb.verify()).sound
    held = {chunk_id async for some in index.ids() for chunk_id in some}
    assert held == set(chunks) - {chunks[2]}
    vectors = next(on_both.home.rglob("vectors"))
    await index.close()
    vectors.write_bytes(bytes(len(vectors.read_bytes())))
    assert (await kb.verify()).indexes[0].wrong == 9
    assert (await kb.verify()).sound


async def test_an_audit_waits_for_a_run_and_agrees_with_it(opened: Callable[..., object], folders: tuple[Path, Path]):
    shelf = OpenShelf()
    kb = await opened(shelf)
    kb._parts.embedder.seconds = 0.3
    (folders[0] / "new.md").write_text("# New\n\nNew words.")
    run, audit = await asyncio.gather(kb.reindex_folder(folders[0]), kb.verify())
    assert (run.added, audit.sound) == (1, True)
    assert len(shelf.entries) == 11


async def command(*words: str, **environment: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *words, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_command_line_says_what_was_found(tmp_path: Path, folders: tuple[Path, Path]):
    home = {"FOOTNOTE_HOME": str(tmp_path / "home")}
    assert (await command("reindex", str(folders[0]), **home))[0] == 0
    code, said = await command("reindex", "--verify", **home)
    assert (code, said.startswith("all sources in embedded (wordllama-")) == (0, True)
    assert said.endswith("5 chunks, 0 missing, 0 unknown, 0 of 5 vectors compared wrong; all as it should be.\n")
    code, said = await command("reindex", "--verify", str(folders[0]), "--json", **home)
    report = json.loads(said)
    assert (code, report["source"], report["sound"], report["indexes"][0]["chunks"]) == (0, "hr", True, 5)
