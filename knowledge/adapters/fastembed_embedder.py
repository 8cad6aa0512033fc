"""The embedder for better search on one's own machine: ONNX models through fastembed, downloaded once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib import import_module
from threading import Lock
from typing import Any, Self

import numpy as np

from knowledge.adapters.dotted_objects import first_line, model_name
from knowledge.errors import ConfigurationError
from knowledge.settings import Settings
from knowledge.types import Vectors

MODEL = "BAAI/bge-small-en-v1.5"
"""English, 384 dimensions, 67 MB; `FOOTNOTE_EMBEDDER=fastembed:<model>` names another."""
BATCH = 32
"""Texts computed at once: more needs memory rather than less time."""


class FastEmbedEmbedder:
    """Embeds with an ONNX model on this machine's processor; vectors are scaled to length one."""

    def __init__(self, model: Any, *, name: str, dimensions: int) -> None:
        """`model` is a `fastembed.TextEmbedding`."""
        self.name = name
        self.dimensions = dimensions
        self._model = model
        self._computing = Lock()

    @classmethod
    def build(cls, *, settings: Settings, argument: str = "", **_parts: object) -> Self:
        """Build from `FOOTNOTE_EMBEDDER=fastembed` or `fastembed:<model>`; the first start downloads the model.

        It is kept under `FOOTNOTE_HOME`. Raises ConfigurationError.
        """
        model = argument or MODEL
        given = settings.embedder_arguments
        loaded = _load(model, {"cache_dir": str(settings.home.expanduser() / "models"), **given})
        dimensions = len(next(iter(loaded.query_embed("dimensions"))))
        return cls(loaded, name=model_name("fastembed", model, given, dimensions), dimensions=dimensions)

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed in a thread: unit vectors, float32, shape (len(texts), dimensions)."""
        return await asyncio.to_thread(self._embed, texts)

    async def embed_query(self, text: str) -> Vectors:
        """Embed a question, the way this model wants questions."""
        vector: Vectors = (await asyncio.to_thread(self._embed_query, text))[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> Vectors:
        with self._computing:
            return self._unit(self._model.passage_embed(list(texts), batch_size=BATCH))

    def _embed_query(self, text: str) -> Vectors:
        with self._computing:
            return self._unit(self._model.query_embed([text]))

    def _unit(self, rows: Any) -> Vectors:
        vectors = np.asarray(list(rows), dtype=np.float32).reshape(-1, self.dimensions)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = np.zeros_like(vectors)
        np.divide(vectors, norms, out=unit, where=np.isfinite(norms) & (norms > 0))
        return unit


def _load(model: str, arguments: dict[str, Any]) -> Any:
    try:
        fastembed = import_module("fastembed")
    except ImportError as exc:
        raise ConfigurationError(
            "FOOTNOTE_EMBEDDER=fastembed needs the extra `local`: pip install 'footnote[local]'."
        ) from exc
    try:
        return fastembed.TextEmbedding(model, **arguments)
    except Exception as exc:
        raise ConfigurationError(f"FOOTNOTE_EMBEDDER=fastembed:{model} cannot be loaded: {first_line(exc)}") from exc
