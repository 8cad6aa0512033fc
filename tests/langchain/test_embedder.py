"""What the embedder over a LangChain model promises beyond the contract of every embedder."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from knowledge import ConfigurationError, EmbedderUnavailableError, Settings, adapters
from knowledge.adapters.langchain_embedder import AT_ONCE, BATCH, LangChainEmbedder

ME = "tests.langchain.test_embedder"


class Service(Embeddings):
    """An asynchronous model that notes how it is called."""

    def __init__(self, length: int = 3, model: str = "m-1", api_key: str = "") -> None:
        self.length = length
        self.sizes: list[int] = []
        self.most_at_once = self._at_once = 0

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(len(text))] + [0.5] * (self.length - 1) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        self._at_once += 1
        self.sizes.append(len(texts))
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0)
        self._at_once -= 1
        return self.embed_documents(texts)

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)


class Broken(Service):
    """Embeds its first word at the start and nothing afterwards."""

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        raise ConnectionError("no route to the model")

    aembed_query = aembed_documents  # type: ignore[assignment]


class Away(Service):
    """Never answers."""

    def embed_query(self, text: str) -> list[float]:
        raise ConnectionError("no route to the model")


class Short(Service):
    """Loses the last text."""

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return (await super().aembed_documents(texts))[:-1]


class Poisoned(Service):
    """Returns what is not a number."""

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float("nan"), 1.0, 2.0] for _ in texts]


def built(choice: str, **settings: Any) -> LangChainEmbedder:
    embedder: LangChainEmbedder = adapters.build(
        adapters.EMBEDDERS, choice, variable="FOOTNOTE_EMBEDDER", settings=Settings(**settings)
    )
    return embedder


async def test_texts_go_out_in_batches_some_at_once_and_come_back_in_order():
    service = Service()
    embedder = LangChainEmbedder(service, name="service-1", dimensions=3)
    texts = ["x" * (number + 1) for number in range(10 * BATCH + 7)]
    vectors = await embedder.embed_documents(texts)
    assert sum(service.sizes) == len(texts)
    assert max(service.sizes) == BATCH
    assert 1 < service.most_at_once <= AT_ONCE
    assert (np.diff(vectors[:, 0]) >= 0).all()


async def test_blank_texts_are_not_sent():
    service = Service()
    embedder = LangChainEmbedder(service, name="service-1", dimensions=3)
    vectors = await embedder.embed_documents(["", "one", " \n", "two"])
    assert service.sizes == [2]
    assert vectors.any(axis=1).tolist() == [False, True, False, True]


@pytest.mark.parametrize("kind", [Broken, Short])
async def test_a_model_that_fails_is_an_unavailable_embedder(kind: type[Service]):
    embedder = LangChainEmbedder(kind(), name="service-1", dimensions=3)
    with pytest.raises(EmbedderUnavailableError):
        await embedder.embed_documents(["one", "two"])


async def test_vectors_of_another_length_are_refused():
    embedder = LangChainEmbedder(Service(length=4), name="service-1", dimensions=3)
    with pytest.raises(EmbedderUnavailableError, match="start Footnote again"):
        await embedder.embed_query("one")


async def test_what_is_not_a_number_is_no_vector():
    embedder = LangChainEmbedder(Poisoned(), name="service-1", dimensions=3)
    assert not (await embedder.embed_documents(["one"])).any()


def test_the_length_of_the_vectors_is_found_or_given():
    assert built(f"langchain:{ME}.Service").dimensions == 3
    assert built(f"langchain:{ME}.Service", embedder_arguments={"length": 5}).dimensions == 5
    assert built(f"langchain:{ME}.Away", embedder_dimensions=3).dimensions == 3


def test_the_name_changes_with_whatever_changes_the_vectors_and_with_nothing_else():
    def name(**arguments: str) -> str:
        return built(f"langchain:{ME}.Service", embedder_arguments=arguments).name

    assert name(model="a") != name(model="b") != name()
    assert name(model="a", api_key="one") == name(model="a", api_key="two") == name(model="a")


@pytest.mark.parametrize(
    ("choice", "arguments", "named"),
    [
        ("langchain", {}, "langchain:provider:model"),
        ("langchain:word", {}, "langchain:provider:model"),
        ("langchain:nobody:model-1", {}, "nobody"),
        ("langchain:cohere:embed-v4", {}, "langchain-cohere"),
        ("langchain:no.such.Model", {}, "no.such.Model"),
        (f"langchain:{ME}.Service", {"colour": "red"}, "FOOTNOTE_EMBEDDER_ARGUMENTS"),
        (f"langchain:{ME}.Away", {}, "FOOTNOTE_EMBEDDER_DIMENSIONS"),
        ("langchain:pathlib.Path", {}, "no LangChain embedding model"),
    ],
)
def test_what_cannot_work_refuses_the_start_and_is_named(choice: str, arguments: dict[str, Any], named: str):
    with pytest.raises(ConfigurationError) as raised:
        built(choice, embedder_arguments=arguments)
    assert named in str(raised.value)
    assert len(str(raised.value)) < 500


@pytest.mark.skipif(find_spec("fastembed") is not None, reason="fastembed is installed")
def test_without_the_extra_local_fastembed_says_how_to_get_it():
    with pytest.raises(ConfigurationError, match=r"footnote\[local\]"):
        built("fastembed")
