"""The Pinecone embedder: asks what there is, keeps the service busy within its limits, translates what fails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from knowledge import ConfigurationError, EmbedderUnavailableError, Settings
from knowledge.adapters.pinecone_embedder import PineconeEmbedder
from tests.standins.pinecone_api import PineconeApi
from tests.standins.pinecone_models import RateLimit

MakeEmbedder = Callable[..., PineconeEmbedder]


def embeds(api: PineconeApi) -> list[dict]:
    return [call.body for call in api.calls if call.action == "embed"]


async def test_chunks_are_passages_and_questions_are_queries(api: PineconeApi, make_embedder: MakeEmbedder):
    embedder = make_embedder(embedder_dimensions=512)
    await embedder.embed_documents(["leave"])
    await embedder.embed_query("leave?")
    assert [body["parameters"] for body in embeds(api)] == [
        {"input_type": kind, "truncate": "END", "dimension": 512} for kind in ("passage", "query")
    ]


async def test_the_name_tells_model_and_length(make_embedder: MakeEmbedder):
    assert make_embedder().name == "pinecone-llama-text-embed-v2-1024"
    assert make_embedder(embedder_dimensions=384).name == "pinecone-llama-text-embed-v2-384"
    assert make_embedder("multilingual-e5-large").name == "pinecone-multilingual-e5-large-1024"


async def test_a_model_of_one_length_is_not_told_a_length(api: PineconeApi, make_embedder: MakeEmbedder):
    assert (await make_embedder("multilingual-e5-large").embed_query("leave")).shape == (1024,)
    assert "dimension" not in embeds(api)[0]["parameters"]


async def test_a_model_that_is_not_there_is_refused_with_those_that_are(make_embedder: MakeEmbedder):
    with pytest.raises(ConfigurationError, match="llama-text-embed-v2, multilingual-e5-large") as caught:
        await make_embedder("text-embedding-3-small").check()
    assert "sparse" not in str(caught.value)


async def test_a_length_that_the_model_has_not_is_refused_with_those_it_has(make_embedder: MakeEmbedder):
    with pytest.raises(ConfigurationError, match="384, 512, 768, 1024, 2048"):
        await make_embedder(embedder_dimensions=1000).embed_query("leave")


async def test_the_models_are_asked_once(api: PineconeApi, make_embedder: MakeEmbedder):
    embedder = make_embedder()
    await embedder.embed_documents(["one word"] * 300)
    assert api.count("models") == 1


async def test_batches_stay_within_the_limit_and_keep_their_order(api: PineconeApi, make_embedder: MakeEmbedder):
    texts = [f"word{number}" for number in range(500)]
    embedder = make_embedder()
    together = await embedder.embed_documents(texts)
    assert max(len(body["inputs"]) for body in embeds(api)) <= 96
    assert np.allclose(together[[0, 96, 499]], await embedder.embed_documents([texts[0], texts[96], texts[499]]))


async def test_only_so_many_requests_run_at_once(api: PineconeApi, make_embedder: MakeEmbedder):
    api.latency["embed"] = 0.05
    await make_embedder(embedder_dimensions=384).embed_documents(["word"] * 96 * 20)
    calls = [call for call in api.calls if call.action == "embed"]
    assert max(sum(one.began <= other.began < one.ended for one in calls) for other in calls) == 8


async def test_texts_without_words_are_not_sent(api: PineconeApi, make_embedder: MakeEmbedder):
    embedder = make_embedder()
    vectors = await embedder.embed_documents(["", " \n", "---", "\u200b", "word"])
    assert [bool(row.any()) for row in vectors] == [False] * 4 + [True]
    assert not (await embedder.embed_query("?!")).any()
    assert [body["inputs"] for body in embeds(api)] == [[{"text": "word"}]]


async def test_what_it_costs_is_counted(make_embedder: MakeEmbedder):
    embedder = make_embedder()
    await embedder.embed_documents(["three words here", "two words"])
    assert embedder.costs.embedding_tokens == 7


async def test_a_rate_limit_slows_a_reindex_down_and_is_never_asked_too_early(
    api: PineconeApi, make_embedder: MakeEmbedder
):
    api.rate = RateLimit(900)
    embedder = make_embedder(embedder_dimensions=384)
    vectors = await embedder.embed_documents([f"word{number % 50}" for number in range(96 * 20)])
    assert vectors.any(axis=1).all()
    assert any(call.status == 429 for call in api.calls)
    assert api.rate.impatient == 0


async def test_a_question_comes_back_when_the_service_said(api: PineconeApi, make_embedder: MakeEmbedder):
    embedder = make_embedder()
    await embedder.check()
    api.fail("/embed", 429, retry_after="1")
    assert (await embedder.embed_query("leave")).any()
    refused, taken = [call for call in api.calls if call.action == "embed"]
    assert taken.began - refused.ended >= 0.98


async def test_a_question_does_not_wait_for_an_hour(api: PineconeApi, make_embedder: MakeEmbedder):
    api.fail("/embed", 429, retry_after="3600")
    with pytest.raises(EmbedderUnavailableError, match="rate limit"):
        await make_embedder().embed_query("leave")


async def test_a_limit_that_does_not_pass_ends_a_reindex(api: PineconeApi, make_embedder: MakeEmbedder):
    api.fail("/embed", 429, times=99, retry_after="400")
    with pytest.raises(EmbedderUnavailableError, match="rate limit"):
        await make_embedder().embed_documents(["word"] * 300)


async def test_passing_failures_are_survived(api: PineconeApi, make_embedder: MakeEmbedder):
    api.fail("/models", 503)
    api.fail("/embed", 500, times=2)
    assert (await make_embedder().embed_documents(["word"])).any()


async def test_one_lasting_failure_ends_the_whole(api: PineconeApi, make_embedder: MakeEmbedder):
    api.fail("/embed", 400, times=1)
    with pytest.raises(EmbedderUnavailableError, match="refused") as caught:
        await make_embedder().embed_documents(["word"] * 500)
    assert caught.value.__cause__ is not None


async def test_a_question_without_an_answer_ends_at_its_deadline(api: PineconeApi, make_embedder: MakeEmbedder):
    api.fail("/embed", 0)
    with pytest.raises(EmbedderUnavailableError, match="too long"):
        await make_embedder(search_deadline=0.3).embed_query("leave")


async def test_a_service_that_is_not_there_is_said_in_one_sentence(pinecone_settings: Settings):
    away = pinecone_settings.model_copy(update={"pinecone_host": "http://127.0.0.1:9", "search_deadline": 20.0})
    embedder = PineconeEmbedder.build(settings=away)
    with pytest.raises(EmbedderUnavailableError, match="could not be reached"):
        await embedder.embed_query("leave")
    await embedder.close()
