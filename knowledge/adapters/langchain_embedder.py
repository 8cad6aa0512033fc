"""The embedder for any other model: whatever LangChain has a class for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from langchain_core.embeddings import Embeddings

from knowledge.adapters.dotted_objects import Workshop, check_arguments, find, first_line, model_name
from knowledge.errors import ConfigurationError, EmbedderUnavailableError, FootnoteError
from knowledge.settings import Settings
from knowledge.types import Vectors

BATCH = 64
"""Texts in one call: below what the usual services take (Cohere 96, Mistral and OpenAI more)."""
AT_ONCE = 4
"""Calls under way at a time, for a model that waits for a service rather than for this machine."""
_ARGUMENTS = "FOOTNOTE_EMBEDDER_ARGUMENTS"


class LangChainEmbedder:
    """Embeds with a LangChain model; vectors are scaled to length one, a blank text is all zeros."""

    def __init__(self, model: Embeddings, *, name: str, dimensions: int) -> None:
        self.name = name
        self.dimensions = dimensions
        self._model = model
        own_async = type(model).aembed_documents is not Embeddings.aembed_documents
        self._calls = asyncio.Semaphore(AT_ONCE if own_async else 1)  # a local model may not bear two threads

    @classmethod
    def build(cls, *, settings: Settings, argument: str = "", **_parts: object) -> Self:
        """Build from `FOOTNOTE_EMBEDDER=langchain:provider:model` or `langchain:<dotted path>`.

        Embeds one word to see how long the vectors are, unless FOOTNOTE_EMBEDDER_DIMENSIONS says so. Raises
        ConfigurationError.
        """
        given = settings.embedder_arguments
        model = _model(argument, given)
        dimensions = settings.embedder_dimensions or _dimensions(model, argument)
        return cls(model, name=model_name("langchain", argument, given, dimensions), dimensions=dimensions)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed in batches, some at once: unit vectors, float32, shape (len(texts), dimensions).

        Raises EmbedderUnavailableError.
        """
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        places = [place for place, text in enumerate(texts) if text.strip()]
        batches = [places[start : start + BATCH] for start in range(0, len(places), BATCH)]
        made = await asyncio.gather(*(self._embed([texts[place] for place in batch]) for batch in batches))
        for batch, rows in zip(batches, made, strict=True):
            vectors[batch] = rows
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        """Embed a question. Raises EmbedderUnavailableError."""
        if not text.strip():
            return np.zeros(self.dimensions, dtype=np.float32)
        with _translated():
            vector: Vectors = self._checked([await self._model.aembed_query(text)], 1)[0]
        return vector

    async def _embed(self, texts: list[str]) -> Vectors:
        async with self._calls:
            with _translated():
                return self._checked(await self._model.aembed_documents(texts), len(texts))

    def _checked(self, rows: Sequence[Sequence[float]], count: int) -> Vectors:
        """Return unit vectors; refuse what would be stored as nonsense."""
        vectors = np.asarray(rows, dtype=np.float32)
        if vectors.shape != (count, self.dimensions):
            raise EmbedderUnavailableError(
                f"The embedding model returned an array of shape {vectors.shape} where {(count, self.dimensions)} "
                "was due. Was it changed? Then start Footnote again."
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.zeros_like(vectors)
        np.divide(vectors, norms, out=unit, where=np.isfinite(norms) & (norms > 0))
        return unit


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FootnoteError:
        raise
    except Exception as exc:
        raise EmbedderUnavailableError from exc


def _model(argument: str, given: Mapping[str, Any]) -> Embeddings:
    workshop = Workshop(_ARGUMENTS)
    arguments = {name: workshop.plan(value)() for name, value in given.items()}
    model = _by_provider(argument, arguments) if ":" in argument else _by_path(argument, arguments)
    if not isinstance(model, Embeddings):
        raise ConfigurationError(f"FOOTNOTE_EMBEDDER=langchain:{argument}: that is no LangChain embedding model.")
    return model


def _by_provider(argument: str, arguments: Mapping[str, Any]) -> Any:
    from langchain.embeddings import init_embeddings

    try:
        return init_embeddings(argument, **arguments)
    except ImportError as exc:
        raise ConfigurationError(
            f"FOOTNOTE_EMBEDDER=langchain:{argument} needs another package: {first_line(exc)}"
        ) from exc
    except Exception as exc:
        raise ConfigurationError(f"FOOTNOTE_EMBEDDER=langchain:{argument} cannot be used: {first_line(exc)}") from exc


def _by_path(argument: str, arguments: Mapping[str, Any]) -> Any:
    if "." not in argument:
        raise ConfigurationError(
            "FOOTNOTE_EMBEDDER=langchain needs a model: langchain:provider:model, or langchain: and the dotted path "
            "of a class."
        )
    target = find(argument, "FOOTNOTE_EMBEDDER")
    check_arguments(target, arguments, variable=_ARGUMENTS)
    return target(**arguments)


def _dimensions(model: Embeddings, argument: str) -> int:
    try:
        return len(model.embed_query("dimensions"))
    except Exception as exc:
        raise ConfigurationError(
            f"FOOTNOTE_EMBEDDER=langchain:{argument} does not embed: {first_line(exc)} "
            "(To start while its service is away, set FOOTNOTE_EMBEDDER_DIMENSIONS.)"
        ) from exc
