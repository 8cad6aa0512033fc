"""The embedder that needs no key, download or GPU: wordllama's static token vectors, averaged over a text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer, normalizers

from knowledge.errors import ConfigurationError
from knowledge.types import Vectors

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
_SPACE = "\u2581"
"""How the model writes a space."""
_SEGMENT = re.compile(rf"\n|{_SPACE}*[^{_SPACE}\n]+|{_SPACE}+")
_REMEMBERED_LENGTH = 48
_REMEMBERED_SEGMENTS = 150_000


class WordLlamaEmbedder:
    """Embeds with the 256-dimensional `l2_supercat` model that wordllama's wheel carries.

    The vectors are those of `WordLlama.embed(texts, norm=True)`, several times as fast: no token of the model reaches
    over a space or a line break, so each word is tokenized once and remembered. Of the package only the files are
    used, because importing it configures the root logger and takes a third of a second.
    """

    dimensions = 256

    def __init__(self) -> None:
        """Read the model (0.1 s, 50 MB). Raises ConfigurationError when wordllama's files are missing."""
        self.name = f"wordllama-{version('wordllama')}-l2-supercat-{self.dimensions}"
        folder = _package_folder()
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
            self._table: Vectors = load_file(folder / _WEIGHTS)["embedding.weight"].astype(np.float32)
        except (OSError, SafetensorError, KeyError) as exc:
            raise ConfigurationError(
                f"The wordllama model in {folder} cannot be read. Install wordllama again."
            ) from exc
        self._tokenizer.normalizer = normalizers.Sequence([])
        self._tokenizer.no_padding()
        self._remembered: dict[str, list[int]] = {}
        self._tokenizing = Lock()

    @classmethod
    def build(cls, **_parts: object) -> Self:
        """Build from the parts of a knowledge base; it needs none of them."""
        return cls()

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Embed in a thread: unit vectors, float32, shape (len(texts), 256); a text without words is all zeros."""
        return await asyncio.to_thread(self._embed, texts)

    async def embed_query(self, text: str) -> Vectors:
        """Embed at once, which takes less time than handing it to a thread."""
        vector: Vectors = self._embed([text])[0]
        return vector

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            ids = self._token_ids(text)
            if ids:
                self._table.take(ids, axis=0).sum(axis=0, out=vector)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        np.divide(vectors, norms, out=vectors, where=norms > 0)
        return vectors

    def _token_ids(self, text: str) -> list[int]:
        if not text.strip():
            return []
        segments = _SEGMENT.findall(_SPACE + text.replace(" ", _SPACE))
        remembered = self._remembered
        return list(chain.from_iterable(remembered.get(part) or self._tokenize(part) for part in segments))

    def _tokenize(self, segment: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(segment, add_special_tokens=False).ids
        if len(segment) <= _REMEMBERED_LENGTH:
            with self._tokenizing:
                if len(self._remembered) >= _REMEMBERED_SEGMENTS:
                    self._remembered.clear()
                self._remembered[segment] = ids
        return ids


def _package_folder() -> Path:
    spec = find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError("The embedder `wordllama` needs the package wordllama. Install it, or choose another.")
    return Path(spec.submodule_search_locations[0])
