"""The Pinecone index: made to fit, done only when visible, within every limit, honest about what fails."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

import numpy as np
import pytest

from knowledge import ConfigurationError, IndexEntry, IndexQuery, IndexUnavailableError, Settings
from knowledge.adapters.pinecone_index import PineconeIndex, namespace
from tests.jobs.parts import until
from tests.pinecone.conftest import DIMENSIONS, entry, ids, query, vector
from tests.standins.pinecone_api import PineconeApi, serving
from tests.standins.pinecone_store import Json

MakeIndex = Callable[..., PineconeIndex]

TEXT: Json = {"type": "string", "full_text_search": {"language": "en"}}


def dense(dimension: int = DIMENSIONS, metric: str = "cosine") -> Json:
    return {"type": "dense_vector", "dimension": dimension, "metric": metric}


# --- Made to fit ------------------------------------------------------------------------------------------------------


async def test_a_missing_index_is_made_with_a_dense_field_and_full_text(api: PineconeApi, make_index: MakeIndex):
    await make_index().check()
    made = api.indexes["footnote"]
    assert made.schema.dense == {"embedding": DIMENSIONS}
    assert set(made.schema.text) == {"title", "body"}
    assert made.deployment == {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"}


async def test_an_index_that_fits_is_used_as_it_is(api: PineconeApi, make_index: MakeIndex):
    first, second = make_index(), make_index()
    await first.upsert([entry(1)])
    await second.check()
    assert ids((await second.search(query())).dense) == {"chunk-1"}


async def test_processes_that_start_at_once_make_one_index(api: PineconeApi, make_index: MakeIndex):
    await asyncio.gather(*(make_index().check() for _ in range(4)))
    assert list(api.indexes) == ["footnote"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"embedding": dense(1024), "title": TEXT, "body": TEXT}, "1024 dimensions"),
        ({"embedding": dense(metric="euclidean"), "title": TEXT, "body": TEXT}, "euclidean"),
        ({"embedding": dense()}, "full-text"),
        ({"vector": dense(), "title": TEXT, "body": TEXT}, "embedding"),
        ({"_values": dense()}, "was not made for Footnote"),
    ],
)
async def test_an_index_that_does_not_fit_is_refused_in_words(
    api: PineconeApi, make_index: MakeIndex, fields: Json, said: str
):
    api.add_index("footnote", fields)
    with pytest.raises(ConfigurationError, match=said) as caught:
        await make_index().check()
    assert "PINECONE_INDEX" in str(caught.value)
    assert len(str(caught.value)) < 400


async def test_an_index_that_is_not_ready_yet_is_waited_for(api: PineconeApi, make_index: MakeIndex):
    api.starting_seconds = 0.6
    index = make_index()
    await index.check()
    assert (await index.search(query())).dense == ()


async def test_a_key_that_is_not_accepted_is_wrong_configuration(api: PineconeApi, make_index: MakeIndex):
    wrong = Settings(pinecone_api_key="pcsk_wrong", pinecone_host=api.url)
    with pytest.raises(ConfigurationError, match="PINECONE_API_KEY") as caught:
        await make_index(settings=wrong).check()
    assert "pcsk_wrong" not in str(caught.value)


@pytest.mark.parametrize("key", [None, "  ", "pcsk_\u200b"])
def test_a_key_that_is_missing_or_garbled_is_named_at_once(key: str | None):
    settings = Settings(pinecone_api_key=key)
    with pytest.raises(ConfigurationError, match="PINECONE_API_KEY"):
        PineconeIndex.build(settings=settings, embedder=_Named(), installation="one")


class _Named:
    name = "an embedder/of 2 words"
    dimensions = DIMENSIONS


def test_each_installation_and_embedder_has_a_namespace_of_its_own():
    names = {namespace(team, model) for team in ("one", "two") for model in ("a b", "a-b", "a/b", "é" * 500)}
    assert len(names) == 8
    assert all(name.isascii() and len(name) < 512 for name in names)


async def test_namespaces_do_not_see_each_other(make_index: MakeIndex):
    one, two = make_index("one"), make_index("two")
    await one.upsert([entry(1)])
    assert (await two.search(query())).dense == ()
    await two.upsert([entry(1)])
    await two.delete(["chunk-1"])
    assert ids((await one.search(query())).dense) == {"chunk-1"}


# --- Done only when visible -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", [True, False])
async def test_an_upsert_is_done_when_searches_show_it(api: PineconeApi, make_index: MakeIndex, positions: bool):
    api.tells_positions = positions
    index = make_index()
    await index.check()
    api.lag = 0.8
    began = time.monotonic()
    await index.upsert([entry(number) for number in range(30)])
    assert time.monotonic() - began >= 0.8
    assert len(api.visible()) == 30
    assert len((await index.search(query(k=50))).dense) == 30


async def test_an_upsert_that_replaces_is_done_when_the_new_text_is_found(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1, "old words")])
    api.lag = 0.5
    await index.upsert([entry(1, "fresh words")])
    assert ids((await index.search(query("fresh"))).lexical) == {"chunk-1"}


async def test_documents_that_were_taken_and_lost_are_written_again(api: PineconeApi, make_index: MakeIndex):
    api.losing = 7
    index = make_index()
    await index.upsert([entry(number) for number in range(20)])
    assert len(api.visible()) == 20


async def test_half_a_minute_until_a_write_is_seen_is_waited_for(api: PineconeApi, make_index: MakeIndex):
    seconds = 1000.0
    api.clock = lambda: seconds
    index = make_index()
    await index.upsert([entry(1, "old words")])
    api.lag = 30
    writing = asyncio.create_task(index.upsert([entry(1, "fresh words"), entry(2, "fresh words")]))
    for passing in (10, 10, 9.9):
        await asked_again(api)
        seconds += passing
        await asked_again(api)
        assert ids((await index.search(query("fresh"))).lexical) == set()
        assert ids((await index.search(query("old"))).lexical) == {"chunk-1"}
        assert not writing.done()
    seconds += 0.2
    await writing
    assert ids((await index.search(query("fresh"))).lexical) == {"chunk-1", "chunk-2"}
    assert api.count("upsert") == 2


async def asked_again(api: PineconeApi) -> None:
    """Wait until an upsert under way has looked once more whether it is seen."""
    looked = probes(api)

    async def again() -> bool:
        return probes(api) > looked

    await until(again, within=10)


def probes(api: PineconeApi) -> int:
    return sum(call.action == "search" and "upsert" in call.body.get("filter", {}) for call in api.calls)


async def test_what_does_not_show_before_the_deadline_is_a_failure(api: PineconeApi, make_index: MakeIndex):
    index = make_index(visible_deadline=0.5)
    await index.check()
    api.lag = 30
    with pytest.raises(IndexUnavailableError, match="does not show"):
        await index.upsert([entry(1)])


async def test_a_search_does_not_go_back_behind_what_was_seen(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1, "old words")])
    await index.upsert([entry(2, "new words")])
    api.stale_by, api.stale_share = 60.0, 0.15
    found = [ids((await index.search(query("words"))).lexical) for _ in range(30)]
    missed = sum(hits != {"chunk-1", "chunk-2"} for hits in found)
    assert missed <= 3  # three stale answers in a row are taken as they are


async def test_an_index_made_anew_is_not_taken_for_a_stale_one_for_ever(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    for number in range(5):
        await index.upsert([entry(number)])
    api.indexes["footnote"].namespaces.clear()
    await index.upsert([entry(9)])
    before = api.count("search")
    assert ids((await index.search(query())).dense) == {"chunk-9"}
    await index.search(query())
    assert api.count("search") - before <= 8


# --- Within every limit -----------------------------------------------------------------------------------------------


async def test_a_large_upsert_stays_within_every_limit(api: PineconeApi, make_index: MakeIndex):
    index = make_index(dimensions=1536)
    many = [entry(number, f"word{number} " * 50, dimensions=1536) for number in range(400)]
    await index.upsert(many)
    upserts = [call for call in api.calls if call.action == "upsert"]
    assert {call.status for call in upserts} == {202}
    assert sum(len(call.body["documents"]) for call in upserts) == 400
    assert len(upserts) < 10
    assert max(call.size for call in upserts) <= 2 * 1024**2


async def test_a_request_that_is_too_large_for_whatever_stands_between_is_sent_in_halves(
    api: PineconeApi, make_index: MakeIndex
):
    api.most_bytes = 20_000
    index = make_index()
    await index.upsert([entry(number, f"word{number} " * 20) for number in range(200)])
    upserts = [call for call in api.calls if call.action == "upsert"]
    assert {call.status for call in upserts} == {202, 413}
    assert len(api.visible()) == 200
    taken = sum(len(call.body["documents"]) for call in upserts if call.status == 202)
    assert taken == 200  # halves are sent once


async def test_a_document_too_large_for_whatever_stands_between_is_a_failure_not_a_loop(
    api: PineconeApi, make_index: MakeIndex
):
    index = make_index()
    await index.check()
    api.most_bytes = 100
    with pytest.raises(IndexUnavailableError):
        await index.upsert([entry(1)])
    assert api.count("upsert") == 1


async def test_only_what_was_not_taken_is_sent_again(api: PineconeApi, make_index: MakeIndex):
    index = make_index(dimensions=1536)
    await index.check()
    api.fail("/upsert", 503, times=4, holding='"chunk-399"')  # as often as the SDK tries
    await index.upsert([entry(number, f"word{number} " * 50, dimensions=1536) for number in range(400)])
    assert len(api.visible()) == 400
    taken = [len(call.body["documents"]) for call in api.calls if call.action == "upsert" and call.status == 202]
    assert sum(taken) == 400
    assert sum(call.status == 503 for call in api.calls) == 4


async def test_more_documents_than_a_request_holds(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(number, "x") for number in range(2300)])
    assert len(api.visible()) == 2300
    await index.delete([f"chunk-{number}" for number in range(2300)])
    assert api.visible() == {}
    assert {call.status for call in api.calls} <= {200, 201, 202, 404}


async def test_a_chunk_of_any_length_and_a_vector_of_zeros_are_kept(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    nothing = IndexEntry("zeros", "handbook", np.zeros(DIMENSIONS, dtype=np.float32), "leave", "")
    await index.upsert([entry(1, "leave " + "word " * 1_000_000), nothing])
    assert ids((await index.search(query("leave"))).lexical) == {"chunk-1", "zeros"}


async def test_the_same_chunk_twice_in_one_upsert_is_one_document(api: PineconeApi, make_index: MakeIndex):
    await make_index().upsert([entry(1), entry(1)])
    assert set(api.visible()) == {"chunk-1"}


async def test_a_text_is_found_by_parts_and_other_forms_of_its_words(make_index: MakeIndex):
    index = make_index()
    await index.upsert(
        [entry(1, "def run_target(verbose)"), entry(2, "Urlaubsanträge für die Mitarbeiter und die Leitung")]
    )
    assert ids((await index.search(query("which targets are running?"))).lexical) == {"chunk-1"}
    assert ids((await index.search(query("Wo ist der Urlaubsantrag für einen Mitarbeiter?"))).lexical) == {"chunk-2"}


# --- Searching --------------------------------------------------------------------------------------------------------


async def test_the_filter_is_pushed_down_and_only_ids_come_back(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1), entry(2, source="board")])
    api.calls.clear()
    hits = await index.search(query(sources=("board",)))
    assert ids(hits.dense) == ids(hits.lexical) == {"chunk-2"}
    assert [call.body["filter"] for call in api.calls] == [{"source": {"$in": ["board"]}}] * 2
    assert all("include_fields" not in call.body or not call.body["include_fields"] for call in api.calls)


async def test_both_searches_are_under_way_at_once(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1)])
    api.calls.clear()
    api.latency["search"] = 0.3
    await index.search(query())
    one, two = api.calls
    assert {call.body["score_by"][0]["type"] for call in (one, two)} == {"dense_vector", "text"}
    assert max(one.began, two.began) < min(one.ended, two.ended)


async def test_no_source_is_no_search(api: PineconeApi, make_index: MakeIndex):
    assert (await make_index().search(query(sources=()))).dense == ()
    assert api.calls == []


async def test_a_namespace_that_is_not_there_yet_is_empty(api: PineconeApi, make_index: MakeIndex):
    api.missing_namespace_is_an_error = True
    index = make_index()
    assert (await index.search(query())).lexical == ()
    assert await index.size() == 0
    await index.delete(["chunk-1"])
    await index.upsert([entry(1)])
    assert await index.size() == 1
    assert ids((await index.search(query())).lexical) == {"chunk-1"}


async def test_what_it_costs_is_counted(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1)])
    before = index.costs.read_units
    await index.search(query())
    assert before >= 2
    assert index.costs.read_units == before + 2


# --- What fails -------------------------------------------------------------------------------------------------------


async def test_a_service_that_is_away_at_the_start_is_used_when_it_is_back(make_index: MakeIndex):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(pinecone_api_key="pcsk_test", pinecone_host=f"http://127.0.0.1:{port}")
    index = make_index(settings=settings)
    with pytest.raises(IndexUnavailableError, match="could not be reached"):
        await index.check()
    with serving(PineconeApi(port=port), "127.0.0.1"):
        await index.check()


async def test_a_search_without_an_answer_ends_at_its_deadline(api: PineconeApi, make_index: MakeIndex):
    index = make_index(search_deadline=0.3)
    await index.check()
    api.fail("/search", 0, times=2)
    with pytest.raises(IndexUnavailableError, match="too long"):
        await index.search(query())
    assert (await index.search(query())).dense == ()


async def test_passing_failures_are_survived(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.check()
    api.fail("/upsert", 500, times=2)
    api.fail("/fetch", 503)
    await index.upsert([entry(1)])
    api.fail("/search", 502)
    assert ids((await index.search(query())).dense) == {"chunk-1"}


async def test_an_upsert_comes_back_when_the_service_said(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.check()
    api.fail("/upsert", 429, retry_after="1")
    await index.upsert([entry(1)])
    refused, taken = [call for call in api.calls if call.action == "upsert"]
    assert taken.began - refused.ended >= 0.98


async def test_a_request_that_is_refused_for_good_is_not_repeated(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.check()
    api.fail("/upsert", 400, times=99)
    with pytest.raises(IndexUnavailableError, match="refused") as caught:
        await index.upsert([entry(1)])
    assert caught.value.__cause__ is not None
    assert api.count("upsert") == 1


async def test_an_index_that_was_removed_is_noticed_and_made_anew(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    await index.upsert([entry(1)])
    api.indexes.clear()
    with pytest.raises(IndexUnavailableError):
        await index.search(query())
    assert await index.size() == 0
    await index.upsert([entry(1)])
    assert ids((await index.search(query())).dense) == {"chunk-1"}


async def test_a_vector_of_another_length_is_refused_not_cut(api: PineconeApi, make_index: MakeIndex):
    index = make_index()
    with pytest.raises(IndexUnavailableError):
        await index.upsert([entry(1, dimensions=DIMENSIONS + 1)])
    with pytest.raises(IndexUnavailableError):
        await index.search(IndexQuery("", vector(1, DIMENSIONS + 1), 3))
