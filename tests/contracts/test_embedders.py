"""What every embedder must do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from knowledge import Embedder
from tests.contracts.backends import EMBEDDERS

TEXTS = ["Annual leave is 27 days.", "sudo fdesetup enable", "東京の休暇", "Ünïcode, naïve 🙂", "a" * 5000]


@pytest.fixture(params=EMBEDDERS)
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
    made = EMBEDDERS[request.param]()
    yield made
    close = getattr(made, "close", None)
    if close is not None:
        await close()


async def test_documents_become_finite_unit_vectors(embedder: Embedder):
    vectors = await embedder.embed_documents(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


async def test_a_question_becomes_a_unit_vector(embedder: Embedder):
    vector = await embedder.embed_query("How many days of leave are there?")
    assert vector.shape == (embedder.dimensions,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", " ", "\n\t\n", "\u200b", "\x00"])
async def test_a_text_without_words_is_never_not_a_number(embedder: Embedder, text: str):
    assert np.isfinite(await embedder.embed_documents([text, "words"])).all()
    assert np.isfinite(await embedder.embed_query(text)).all()


async def test_a_vector_does_not_depend_on_what_is_embedded_with_it(embedder: Embedder):
    together = await embedder.embed_documents(TEXTS)
    alone = np.concatenate([await embedder.embed_documents([text]) for text in TEXTS])
    assert np.allclose(together, alone, atol=1e-5)


async def test_the_same_text_gets_the_same_vector_twice(embedder: Embedder):
    assert np.array_equal(await embedder.embed_documents(TEXTS), await embedder.embed_documents(TEXTS))


async def test_no_documents_are_no_vectors(embedder: Embedder):
    assert (await embedder.embed_documents([])).shape == (0, embedder.dimensions)


async def test_what_means_the_same_is_nearer_than_what_does_not(embedder: Embedder):
    near, far = await embedder.embed_documents(
        ["Employees have 27 vacation days each year.", "The compiler emits a warning for unused imports."]
    )
    question = await embedder.embed_query("How much holiday do I get?")
    assert question @ near > question @ far


async def test_the_name_tells_model_and_version(embedder: Embedder):
    assert embedder.name
    assert any(letter.isdigit() for letter in embedder.name)
