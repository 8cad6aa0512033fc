"""The embedder that Pinecone hosts: which models there are and what they can do is asked, not known here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from pinecone import AsyncPinecone
from pinecone.errors import RateLimitError
from pinecone.models.inference.embed import EmbeddingsList
from pinecone.models.inference.models import ModelInfo

from knowledge.adapters.pinecone_client import all_or_none, connect, translated_errors
from knowledge.adapters.pinecone_pace import Pace
from knowledge.costs import Costs
from knowledge.errors import ConfigurationError, EmbedderUnavailableError
from knowledge.settings import Settings
from knowledge.types import Vectors

MODEL = "llama-text-embed-v2"
DIMENSIONS = 1024
MOST_TEXTS = 96
"""In one request."""
MOST_REQUESTS = 8
"""At once."""
MOST_CHARACTERS = 20_000
"""Of one text: more than any model reads."""
PATIENCE = 180.0
"""Seconds of refusals without a success after which a reindex gives up: limits are per minute, or per month."""

Kind = Literal["passage", "query"]


class PineconeEmbedder:
    """Embeds chunks as passages and questions as queries. Texts without any letter or digit are all zeros."""

    def __init__(
        self,
        client: AsyncPinecone,
        *,
        model: str = MODEL,
        dimensions: int = DIMENSIONS,
        query_deadline: float = 10.0,
        costs: Costs | None = None,
    ) -> None:
        """Connect nothing yet. `query_deadline` is the seconds that a question may take."""
        self.name = f"pinecone-{model}-{dimensions}"
        self.dimensions = dimensions
        self.calls_at_once = MOST_REQUESTS
        self.costs = costs or Costs()
        self._client = client
        self._model = model
        self._query_deadline = query_deadline
        self._pace = Pace(MOST_REQUESTS)
        self._asking = asyncio.Lock()
        self._info: ModelInfo | None = None

    @classmethod
    def build(cls, *, settings: Settings, argument: str = "", costs: Costs | None = None, **_parts: object) -> Self:
        """Build from the settings; `argument` names another model. Raises ConfigurationError without a key."""
        return cls(
            connect(settings, chosen_by="FOOTNOTE_EMBEDDER", retry_refusals=False),
            model=argument or MODEL,
            dimensions=settings.embedder_dimensions or DIMENSIONS,
            query_deadline=settings.search_deadline,
            costs=costs,
        )

    async def check(self) -> str:
        """Ask whether the model exists and has vectors of this length, and name it.

        Raises ConfigurationError that names what there is, EmbedderUnavailableError when Pinecone does not answer.
        """
        with translated_errors(EmbedderUnavailableError):
            await self._known_model()
        return f"Pinecone's {self._model}, {self.dimensions} dimensions"

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed as fast as the service allows: unit vectors, float32. Raises EmbedderUnavailableError."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        wanted = [number for number, text in enumerate(texts) if _says_something(text)]
        batches = [wanted[start : start + MOST_TEXTS] for start in range(0, len(wanted), MOST_TEXTS)]
        with translated_errors(EmbedderUnavailableError):
            made = await all_or_none([self._embed_patiently([texts[i] for i in batch]) for batch in batches])
        for batch, rows in zip(batches, made, strict=True):
            vectors[batch] = rows
        return vectors

    async def embed_query(self, text: str) -> Vectors:
        """Embed a question: a unit vector, float32. Raises EmbedderUnavailableError after the deadline."""
        if not _says_something(text):
            return np.zeros(self.dimensions, dtype=np.float32)
        with translated_errors(EmbedderUnavailableError):
            async with asyncio.timeout(self._query_deadline):
                vector: Vectors = (await self._embed_at_once(text))[0]
        return vector

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()

    async def _embed_patiently(self, texts: Sequence[str]) -> Vectors:
        """Take turns with everything else that is being indexed, and come back when the service says so."""
        while True:
            async with self._pace.turn():
                try:
                    vectors = await self._embed(texts, "passage")
                except RateLimitError as exc:
                    self._pace.refused(exc.retry_after)
                    if self._pace.fruitless > PATIENCE:
                        raise
                    continue
                self._pace.worked()
                return vectors

    async def _embed_at_once(self, text: str) -> Vectors:
        """Do not queue behind a reindex: one question fits where 96 chunks do not, and somebody is waiting."""
        while True:
            try:
                return await self._embed([text], "query")
            except RateLimitError as exc:
                if exc.retry_after is None or exc.retry_after > self._query_deadline:
                    raise
                await asyncio.sleep(exc.retry_after)

    async def _embed(self, texts: Sequence[str], kind: Kind) -> Vectors:
        info = await self._known_model()
        parameters: dict[str, object] = {"input_type": kind, "truncate": "END", "dimension": self.dimensions}
        taken = {parameter.parameter for parameter in info.supported_parameters}
        found = await self._client.inference.embed(
            model=self._model,
            inputs=[text[:MOST_CHARACTERS].replace("\x00", " ") for text in texts],
            parameters={name: value for name, value in parameters.items() if name in taken},
        )
        self.costs.embedding_tokens += found.usage.total_tokens
        return _unit_vectors(found, len(texts), self.dimensions)

    async def _known_model(self) -> ModelInfo:
        async with self._asking:
            if self._info is None:
                models = await self._client.inference.list_models(type="embed", vector_type="dense")
                self._info = _chosen(list(models), self._model, self.dimensions)
            return self._info


def _chosen(models: Sequence[ModelInfo], name: str, dimensions: int) -> ModelInfo:
    found = next((model for model in models if model.model == name), None)
    if found is None:
        names = ", ".join(sorted(model.model for model in models))
        raise ConfigurationError(f"FOOTNOTE_EMBEDDER=pinecone:{name}: Pinecone has no such model. It has {names}.")
    possible = found.supported_dimensions or [found.default_dimension or dimensions]
    if dimensions not in possible:
        lengths = ", ".join(str(length) for length in possible)
        raise ConfigurationError(f"FOOTNOTE_EMBEDDER_DIMENSIONS={dimensions}: {name} makes vectors of {lengths}.")
    return found


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))


def _unit_vectors(found: EmbeddingsList, texts: int, dimensions: int) -> Vectors:
    vectors = np.asarray([embedding.values for embedding in found], dtype=np.float32)
    if vectors.shape != (texts, dimensions):
        raise EmbedderUnavailableError(
            f"Pinecone returned vectors of the shape {vectors.shape} for {texts} texts of {dimensions} dimensions."
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit
