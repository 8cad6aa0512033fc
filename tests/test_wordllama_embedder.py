"""The built-in embedder gives wordllama's own vectors, only faster."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder

SAMPLE = """# Leave

Full-time   employees get 27 days
\tof *paid* leave; `run_target(x)` is {"not": 'code'}.\r\n    indented, 東京 and naïve 🙂 \u00a0\u00a0 x"""


@pytest.fixture(scope="module")
def original() -> Iterator[object]:
    """wordllama as its authors meant it; importing it configures the root logger, which is undone."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import wordllama

    yield wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="module")
def embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


async def test_the_vectors_are_those_of_wordllama(original, embedder: WordLlamaEmbedder):
    texts = [SAMPLE, *SAMPLE.splitlines(), "x", "a  b   c", "word " * 300]
    texts = [text for text in texts if text.strip()]
    assert np.allclose(await embedder.embed_documents(texts), original.embed(texts, norm=True), atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>\u2581"), min_size=1).filter(str.strip)
)
def test_the_tokens_are_those_of_the_whole_text(original, embedder: WordLlamaEmbedder, text: str):
    (whole,) = original.tokenize(text)
    assert embedder._token_ids(text) == whole.ids


async def test_what_is_remembered_does_not_change_a_vector(embedder: WordLlamaEmbedder):
    before = await WordLlamaEmbedder().embed_query("annual leave")
    await embedder.embed_documents(["annual reports", "leave annual", SAMPLE])
    assert np.array_equal(await embedder.embed_query("annual leave"), before)
