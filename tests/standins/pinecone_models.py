"""The hosted models of the Pinecone stand-in: vectors and scores that mean something, made of words alone."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import Stemmer

from tests.standins.pinecone_store import Json, RefusedError

_WORD = re.compile(r"\w+")
_COMMON = frozenset(
    "a an and are at be by can do does for from how i in is it me my of on or the there to we what when who".split()
)
_SAME = {"holiday": "leav", "vacat": "leav", "notebook": "laptop", "staff": "employe", "worker": "employe"}
"""Stems that mean the same."""


def _parameter(name: str, allowed: list[Any], default: Any, kind: str = "string", required: bool = False) -> Json:
    known = {"parameter": name, "type": "one_of", "value_type": kind, "required": required}
    return known | {"allowed_values": allowed, "default": default}


_INPUT = _parameter("input_type", ["query", "passage"], None, required=True)
_TRUNCATE = _parameter("truncate", ["END", "NONE"], "END")


def _embedding_model(name: str, dimensions: list[int], tokens: int) -> Json:
    parameters = [_INPUT, _TRUNCATE]
    if len(dimensions) > 1:
        parameters.append(_parameter("dimension", dimensions, 1024, "integer"))
    return {
        "model": name,
        "short_description": "An embedding model.",
        "type": "embed",
        "vector_type": "dense",
        "default_dimension": 1024,
        "supported_dimensions": dimensions,
        "modality": "text",
        "max_sequence_length": tokens,
        "max_batch_size": 96,
        "provider_name": "Somebody",
        "supported_metrics": ["Cosine", "DotProduct"],
        "supported_parameters": parameters,
    }


MODELS: list[Json] = [
    _embedding_model("llama-text-embed-v2", [384, 512, 768, 1024, 2048], 2048),
    _embedding_model("multilingual-e5-large", [1024], 507),
    _embedding_model("pinecone-sparse-english-v0", [1024], 512)
    | {"vector_type": "sparse", "default_dimension": None, "supported_dimensions": None},
    {
        "model": "bge-reranker-v2-m3",
        "short_description": "A reranker.",
        "type": "rerank",
        "modality": "text",
        "max_sequence_length": 1024,
        "max_batch_size": 100,
        "provider_name": "Somebody",
        "supported_parameters": [_TRUNCATE],
    },
]


def listed(kind: str | None, vector_type: str | None) -> list[Json]:
    """Return the models that a listing shows."""
    return [
        model for model in MODELS if kind in {None, model["type"]} and vector_type in {None, model.get("vector_type")}
    ]


def embed(body: Json) -> Json:
    """Answer an embedding request."""
    model = _model(body, "embed")
    inputs = body.get("inputs")
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= model["max_batch_size"]:
        raise RefusedError(f"inputs must hold 1 to {model['max_batch_size']} texts")
    texts = [item.get("text") for item in inputs if isinstance(item, dict)]
    if len(texts) != len(inputs) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise RefusedError("every input needs a text that is not empty")
    parameters = _parameters(body, model)
    dimensions = parameters.get("dimension", model["default_dimension"])
    vectors = [embedded(text, dimensions) for text in texts]
    return {
        "model": model["model"],
        "vector_type": "dense",
        "data": [{"values": [float(value) for value in vector], "vector_type": "dense"} for vector in vectors],
        "usage": {"total_tokens": sum(len(_words(text)) + 1 for text in texts)},
    }


def rerank(body: Json) -> Json:
    """Answer a reranking request."""
    model = _model(body, "rerank")
    _parameters(body, model)
    documents = body.get("documents")
    if not isinstance(body.get("query"), str) or not body["query"].strip():
        raise RefusedError("query must not be empty")
    if not isinstance(documents, list) or not 1 <= len(documents) <= model["max_batch_size"]:
        raise RefusedError(f"documents must hold 1 to {model['max_batch_size']} documents")
    (ranked,) = body.get("rank_fields", ["text"])
    if not all(isinstance(document.get(ranked), str) for document in documents):
        raise RefusedError(f"every document needs the rank field {ranked}")
    scores = [_overlap(body["query"], document[ranked]) for document in documents]
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[: body.get("top_n") or len(scores)]
    data = [{"index": i, "score": scores[i]} for i in order]
    if body.get("return_documents", True):
        data = [row | {"document": documents[row["index"]]} for row in data]
    return {"model": model["model"], "data": data, "usage": {"rerank_units": 1}}


def _model(body: Json, kind: str) -> Json:
    for model in MODELS:
        if model["model"] == body.get("model") and model["type"] == kind:
            return model
    raise RefusedError(f"Model '{body.get('model')}' not found", 404, "NOT_FOUND")


def _parameters(body: Json, model: Json) -> Json:
    parameters: Json = body.get("parameters") or {}
    known = {spec["parameter"]: spec for spec in model["supported_parameters"]}
    for name, value in parameters.items():
        if name not in known:
            raise RefusedError(f"parameter {name} is not supported by {model['model']}")
        if value not in known[name]["allowed_values"]:
            raise RefusedError(f"{value} is not allowed for {name}")
    for name, spec in known.items():
        if spec["required"] and name not in parameters:
            raise RefusedError(f"parameter {name} is required")
    return parameters


def embedded(text: str, dimensions: int) -> np.ndarray:
    """Return the unit vector of a text: the sum of its words' random directions."""
    counts = Counter(_words(text)) or Counter({text: 1})
    total = sum(math.sqrt(count) * _direction(word, dimensions) for word, count in counts.items())
    return np.asarray(total / np.linalg.norm(total))


@lru_cache(100_000)
def _direction(word: str, dimensions: int) -> np.ndarray:
    seed = int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "big")
    direction = np.random.default_rng(seed).standard_normal(dimensions)
    return direction * (0.2 if word in _COMMON else 1.0)


@lru_cache(20_000)
def _words(text: str) -> tuple[str, ...]:
    stems = Stemmer.Stemmer("english").stemWords(_WORD.findall(text.lower()))
    return tuple(_SAME.get(str(stem), str(stem)) for stem in stems)


def _overlap(query: str, text: str) -> float:
    wanted = set(_words(query)) - _COMMON
    return len(wanted & set(_words(text))) / (len(wanted) + 1)


class RateLimit:
    """So many texts per second, with a second's worth in reserve; who asks for more is told when to come back."""

    def __init__(self, texts_per_second: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate = texts_per_second
        self._clock = clock
        self._left = texts_per_second
        self._at = clock()
        self._closed_until = self._told_at = 0.0
        self.accepted = 0
        self.impatient = 0
        """Requests that came back before the time they were told, long enough after it to have heard of it."""

    def take(self, texts: int) -> int:
        """Take as much, or return the whole seconds after which there will be enough."""
        now = self._clock()
        self._left = min(max(self.rate, 96.0), self._left + (now - self._at) * self.rate)
        self._at = now
        if texts <= self._left:
            self._left -= texts
            self.accepted += texts
            return 0
        return math.ceil((texts - self._left) / self.rate)

    def told(self, seconds: int) -> None:
        """Remember what a client was told."""
        self._told_at = self._clock()
        self._closed_until = max(self._closed_until, self._told_at + seconds)

    def watch(self) -> None:
        """Count a request that comes too early."""
        if self._told_at + 0.1 < self._clock() < self._closed_until - 0.1:
            self.impatient += 1
