"""What the index over a LangChain vector store promises beyond the contract of every index."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from knowledge import (
    ConfigurationError,
    IndexEntry,
    IndexHits,
    IndexQuery,
    IndexUnavailableError,
    KnowledgeBase,
    Question,
    Scope,
    Settings,
    SourceSettings,
    TeamFile,
)
from knowledge.adapters.langchain_filters import restriction
from tests.contracts.index_backend import IndexBackend
from tests.contracts.langchain_backends import LANGCHAIN_INDEXES, langchain
from tests.contracts.test_indexes import entry, ids, query, vector
from tests.langchain import stores

OPERATOR = Scope(operator=True)


def placed(path: str, **more: Any) -> Any:
    return langchain(path, lambda _: {"place": uuid4().hex, **more})


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[Any]:
    async with placed("tests.langchain.stores.PlainStore")(tmp_path) as backend:
        yield backend


async def test_a_store_without_filters_is_asked_for_more_until_enough_is_allowed(plain: Any):
    others = [IndexEntry(f"o{n}", "board", vector(1), f"secret {n}", "") for n in range(60)]
    ours = [IndexEntry(f"h{n}", "handbook", vector(1, 2, 0.5), f"leave {n}", "") for n in range(5)]
    await plain.put([*others, *ours])
    hits = await plain.index.search(query("", 1, k=5, sources=("handbook",)))
    assert set(ids(hits.dense)) == {f"h{n}" for n in range(5)}


async def test_equal_texts_under_different_headings_keep_their_own_vectors(plain: Any):
    same = "It takes ten days."
    await plain.put(
        [IndexEntry("a", "s", vector(1), same, "Laptops"), IndexEntry("b", "s", vector(2), same, "Refunds")]
    )
    assert ids((await plain.index.search(query("", 2))).dense)[0] == "b"
    assert ids((await plain.index.search(query("", 1))).dense)[0] == "a"


async def test_a_chunk_without_a_vector_is_found_by_its_words(plain: Any):
    await plain.put([IndexEntry("a", "s", vector(1) * 0, "leave", ""), entry(2, "leave")])
    hits = await plain.index.search(query("leave", 2))
    assert set(ids(hits.lexical)) == {"a", "c2"}
    assert ids(hits.dense)[0] == "c2"


async def test_scores_are_cosines_whatever_the_store_measures(plain: Any):
    await plain.put([entry(1, "leave"), IndexEntry("far", "s", vector(1, 2, 1.0), "laptops", "")])
    hits = await plain.index.search(query("", 1))
    assert dict(hits.dense) == pytest.approx({"c1": 1.0, "far": 0.5**0.5})


async def test_other_peoples_documents_in_the_collection_are_passed_over(plain: Any):
    place = plain.index._blueprint.make()
    place._rows["theirs"] = (vector(1).tolist(), "something else", {"page": 3})
    await plain.put([entry(1, "leave")])
    assert ids((await plain.index.search(query("", 1))).dense) == ["c1"]


async def test_a_store_that_is_away_is_an_error_and_comes_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with placed("tests.langchain.stores.SwitchableStore")(tmp_path) as backend:
        monkeypatch.setattr(stores.SwitchableStore, "on", False)
        with pytest.raises(IndexUnavailableError) as raised:
            await backend.index.search(query("leave", 1))
        assert isinstance(raised.value.__cause__, ConnectionError)
        monkeypatch.setattr(stores.SwitchableStore, "on", True)
        await backend.put([entry(1, "leave")])
        assert ids((await backend.index.search(query("leave", 1))).dense) == ["c1"]


@pytest.mark.postgres
async def test_a_postgres_that_was_killed_is_used_again_when_it_is_back(tmp_path: Path):
    async with LANGCHAIN_INDEXES["langchain-pgvector"](tmp_path) as backend:
        server = stores.pgvector()
        await backend.put([entry(1, "leave")])
        server.stop()
        try:
            with pytest.raises(IndexUnavailableError):
                await backend.index.search(query("leave", 1))
        finally:
            server.start()
        assert ids((await _patient_search(backend)).dense) == ["c1"]


async def _patient_search(backend: IndexBackend) -> IndexHits:
    """Search until the last connection from before the crash has been noticed."""
    for _ in range(10):
        try:
            return await backend.index.search(query("leave", 1))
        except IndexUnavailableError:
            await asyncio.sleep(0)
    return await backend.index.search(query("leave", 1))


@pytest.mark.parametrize(
    ("path", "arguments", "named"),
    [
        ("nowhere.at.all.Store", {}, "nowhere"),
        ("tests.langchain.stores.NoSuchStore", {}, "NoSuchStore"),
        ("tests.langchain.stores.PlainStore", {"colour": "red"}, "FOOTNOTE_INDEX_ARGUMENTS"),
        ("tests.langchain.stores.PlainStore", {}, "place"),
        ("tests.langchain.stores.PlainStore", {"place": {"()": "no.such.thing"}}, "FOOTNOTE_INDEX_ARGUMENTS=no.such"),
        ("tests.langchain.stores.TextOnlyStore", {}, "cannot be searched by a vector"),
        ("pathlib.Path", {}, "takes no embeddings"),
    ],
)
async def test_what_cannot_work_refuses_the_start_and_is_named(
    tmp_path: Path, path: str, arguments: dict[str, Any], named: str
):
    settings = Settings(home=tmp_path, index=f"langchain:{path}", index_arguments=arguments)
    with pytest.raises(ConfigurationError) as raised:
        await KnowledgeBase.open(settings)
    assert named in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize("value", ["{no json", '["a list"]', "3"])
def test_arguments_that_are_no_json_object_are_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.setenv("FOOTNOTE_INDEX_ARGUMENTS", value)
    with pytest.raises(ConfigurationError, match="FOOTNOTE_INDEX_ARGUMENTS"):
        Settings.load()


def two_sources(home: Path, handbook: Path, store: str) -> Settings:
    """The handbook's pages on laptops are for one channel only."""
    team = TeamFile(
        sources={
            "travel": SourceSettings(path=handbook / "travel"),
            "it": SourceSettings(path=handbook / "it", channels=("C0IT",)),
        }
    )
    index = f"langchain:tests.langchain.stores.{store}"
    return Settings(home=home, index=index, index_arguments={"place": uuid4().hex}).with_team(team)


@pytest.mark.parametrize("store", ["PlainStore", "shared_memory"])
async def test_a_store_that_ignores_the_filter_leaks_nothing(tmp_path: Path, handbook: Path, store: str):
    kb = await KnowledgeBase.open(two_sources(tmp_path / "home", handbook, store))
    for source in ("travel", "it"):
        await kb.reindex(source)
    asked = "Who orders new laptops?"
    seen = await kb.search(Question(asked, scope=Scope(channel="C0IT")), k=20)
    hidden = await kb.search(Question(asked), k=20)
    answer = await kb.ask(Question(asked))
    await kb.close()
    assert {passage.chunk.source for passage in seen.passages} == {"travel", "it"}
    assert {passage.chunk.source for passage in hidden.passages} == {"travel"}
    assert "Priya" not in answer.text + "".join(chunk.text for chunk in answer.nearest)


async def test_what_a_store_forgot_to_delete_is_not_found(tmp_path: Path, handbook: Path):
    kb = await KnowledgeBase.open(two_sources(tmp_path / "home", handbook, "ForgetfulStore"))
    await kb.reindex("travel")
    (handbook / "travel/expenses.md").write_text("# Travel\n\nAll travel is by bicycle.\n")
    await kb.reindex("travel")
    found = await kb.search(Question("hotels up to 140 euros per night", scope=OPERATOR), k=20)
    await kb.close()
    assert [passage.chunk.text for passage in found.passages]
    assert all("euros" not in passage.chunk.text for passage in found.passages)


async def test_search_ranks_as_the_embedded_index_does(tmp_path: Path, handbook: Path):
    settings = Settings(
        home=tmp_path / "other", index="langchain:tests.langchain.stores.PlainStore", index_arguments={"place": "same"}
    )
    found = []
    for each in (Settings(home=tmp_path / "home"), settings):
        kb = await KnowledgeBase.open(each)
        await kb.reindex_folder(handbook)
        results = [await kb.search(Question(text), k=5) for text in ("hotel limits", "encrypt the disk", "holiday")]
        await kb.close()
        found.append([(p.chunk.path, p.chunk.heading, p.scores) for result in results for p in result.passages])
    assert [place[:2] for place in found[0]] == [place[:2] for place in found[1]]
    for one, other in zip(*found, strict=True):
        assert one[2] == pytest.approx(other[2], rel=1e-5)


async def test_words_of_a_question_are_searched_in_another_process_too(plain: Any):
    other = plain.again()
    await plain.put([entry(1, "leave")])
    hits = await other.search(IndexQuery("leave", vector(3), 5))
    assert ids(hits.lexical) == ["c1"]
    assert hits.term_weights


def test_every_known_store_is_told_the_sources_in_its_own_language():
    from langchain_core.documents import Document

    memory = restriction(stores.shared_memory(None, "anywhere"), ["a"])["filter"]  # type: ignore[arg-type]
    assert memory(Document("", metadata={"source": "a"}))
    assert not memory(Document("", metadata={"source": "b"}))
    assert restriction(stores.PlainStore(None, "anywhere"), ["a"]) == {}  # type: ignore[arg-type]
    assert restriction(stores.shared_memory(None, "anywhere"), None) == {}  # type: ignore[arg-type]


@pytest.mark.skipif(find_spec("langchain_weaviate") is None, reason="langchain-weaviate is not installed")
def test_weaviate_is_told_the_sources_by_its_own_client():
    from langchain_weaviate import WeaviateVectorStore

    told = restriction(WeaviateVectorStore.__new__(WeaviateVectorStore), ["a", "b"])["filters"]
    assert (told.target, told.value) == ("source", ["a", "b"])
