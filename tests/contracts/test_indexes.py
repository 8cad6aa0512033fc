"""What every index must do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from knowledge import IndexEntry, IndexHits, IndexQuery
from knowledge.ports import Fetchable, Listable
from tests.contracts.backends import DIMENSIONS, INDEXES, IndexBackend


@pytest.fixture(params=INDEXES)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[IndexBackend]:
    async with INDEXES[request.param](tmp_path) as opened:
        yield opened


def vector(axis: int, other: int = 0, tilt: float = 0.0) -> np.ndarray:
    direction = np.zeros(DIMENSIONS, dtype=np.float32)
    direction[axis] = 1
    direction[other] += tilt
    return direction / np.linalg.norm(direction)


def entry(number: int, text: str, *, source: str = "handbook", title: str = "") -> IndexEntry:
    return IndexEntry(f"c{number}", source, vector(number % DIMENSIONS), text, title)


def query(
    text: str = "", axis: int | None = None, *, k: int = 10, sources: tuple[str, ...] | None = None
) -> IndexQuery:
    asked = np.zeros(DIMENSIONS, dtype=np.float32) if axis is None else vector(axis)
    return IndexQuery(text, asked, k, sources)


def ids(found: tuple[tuple[str, float], ...]) -> list[str]:
    return [chunk_id for chunk_id, _ in found]


def everything(hits: IndexHits) -> set[str]:
    return {*ids(hits.dense), *ids(hits.lexical)}


async def test_an_empty_index_finds_nothing(backend: IndexBackend):
    assert everything(await backend.index.search(query("leave", 1))) == set()


async def test_a_chunk_is_found_by_its_vector_and_by_its_words(backend: IndexBackend):
    await backend.put([entry(1, "annual leave"), entry(2, "laptop encryption")])
    hits = await backend.index.search(query("encrypting laptops", 1))
    assert ids(hits.dense)[0] == "c1"
    assert hits.dense[0][1] == pytest.approx(1)
    assert ids(hits.lexical) == ["c2"]
    assert hits.lexical[0][1] > 0


async def test_hits_come_best_first_and_at_most_k_per_search(backend: IndexBackend):
    await backend.put([entry(n, "leave " * (n + 1) + "word " * (20 - n)) for n in range(8)])
    hits = await backend.index.search(query("leave", 3, k=3))
    assert len(hits.lexical) == 3
    for found in (hits.dense, hits.lexical):
        scores = [score for _, score in found]
        assert scores == sorted(scores, reverse=True)


async def test_the_title_is_searched_too(backend: IndexBackend):
    await backend.put([entry(1, "It takes ten days.", title="Ordering a laptop"), entry(2, "It takes two days.")])
    assert ids((await backend.index.search(query("laptop"))).lexical) == ["c1"]


async def test_an_upsert_is_found_by_the_search_that_follows_in_every_process(backend: IndexBackend):
    other = backend.again()
    for number, word in enumerate(("leave", "laptops", "hotels", "visitors", "receipts")):
        await backend.put([entry(number, word)])
        for index in (backend.index, other):
            assert ids((await index.search(query(word))).lexical) == [f"c{number}"]


async def test_a_deleted_chunk_is_not_found_again_and_unknown_ids_are_ignored(backend: IndexBackend):
    await backend.put([entry(1, "annual leave"), entry(2, "sick leave")])
    await backend.index.delete(["c1", "never heard of it"])
    for index in (backend.index, backend.again()):
        hits = await index.search(query("leave", 1))
        assert everything(hits) == {"c2"}


async def test_an_upsert_of_a_known_id_replaces_it(backend: IndexBackend):
    await backend.put([entry(1, "annual leave")])
    await backend.put([entry(1, "annual leave")])
    hits = await backend.index.search(query("leave", 1))
    assert ids(hits.dense) == ids(hits.lexical) == ["c1"]


async def test_a_deleted_chunk_can_come_back(backend: IndexBackend):
    await backend.put([entry(1, "annual leave")])
    await backend.index.delete(["c1"])
    assert everything(await backend.index.search(query("leave", 1))) == set()
    await backend.put([entry(1, "annual leave")])
    assert everything(await backend.index.search(query("leave", 1))) == {"c1"}


async def test_what_an_index_holds_can_be_compared_with_the_database(backend: IndexBackend):
    await backend.put([entry(number, f"leave {number}") for number in range(4)])
    await backend.index.delete(["c1"])
    for index in (backend.index, backend.again()):
        assert isinstance(index, Fetchable)
        held = await index.fetch(["c0", "c2", "c3", "never heard of it"])
        assert held.keys() == {"c0", "c2", "c3"}
        for chunk_id, kept in held.items():
            assert kept is None or np.allclose(kept, vector(int(chunk_id[1])), atol=1e-6)
        if isinstance(index, Listable):
            assert sorted([each async for some in index.ids() for each in some]) == ["c0", "c2", "c3"]


async def test_only_the_named_sources_are_searched(backend: IndexBackend):
    await backend.put([entry(1, "leave"), entry(2, "leave", source="board"), entry(3, "leave", source="it")])
    assert everything(await backend.index.search(query("leave", 1, sources=("board", "it")))) == {"c2", "c3"}
    assert everything(await backend.index.search(query("leave", 1, sources=("unknown",)))) == set()
    assert everything(await backend.index.search(query("leave", 1))) == {"c1", "c2", "c3"}


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "a AND (b OR",
        "title:x^9~",
        "*",
        "\\",
        "source:board",
        "[1 TO 9]",
        "",
        "   ",
        "\x00",
        "🙂",
        "?!…",
        "x" * 9000,
    ],
)
async def test_no_question_is_too_strange_to_search(backend: IndexBackend, text: str):
    await backend.put([entry(1, "annual leave")])
    hits = await backend.index.search(query(text, 1))
    assert ids(hits.dense) == ["c1"]
    assert everything(await backend.index.search(query(text + " leave", 1))) == {"c1"}


async def test_k_may_be_larger_than_the_index(backend: IndexBackend):
    await backend.put([entry(1, "leave"), entry(2, "leave")])
    assert len(everything(await backend.index.search(query("leave", 1, k=200)))) == 2


async def test_searches_may_run_at_once_with_changes(backend: IndexBackend):
    await backend.put([entry(0, "leave")])

    async def change() -> None:
        for number in range(1, 12):
            await backend.put([entry(number, f"leave {number}")])

    async def look(index_again: bool) -> None:
        index = backend.again() if index_again else backend.index
        for _ in range(10):
            assert "c0" in everything(await index.search(query("leave", 0, k=50)))

    await asyncio.gather(change(), look(False), look(True), look(True))
    assert len((await backend.index.search(query("leave", k=50))).lexical) == 12
