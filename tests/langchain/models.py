"""Embedding models for the tests: wordllama's vectors behind LangChain's interface, and as an ONNX file."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from safetensors.numpy import load_file

from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder

FLOAT, INT64 = 1, 7
"""ONNX element types."""


class LlamaWords(Embeddings):
    """A team's own class: synchronous, and its vectors are twice as long as a unit vector."""

    def __init__(self, scale: float = 2.0) -> None:
        self._embedder = WordLlamaEmbedder()
        self._scale = scale

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        assert all(text.strip() for text in texts), "services refuse blank texts"
        return (self._embedder._embed(texts) * self._scale).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@cache
def tiny_model() -> Path:
    """Write wordllama's table of token vectors as an ONNX model, with its tokenizer, in a folder as fastembed reads."""
    spec = find_spec("wordllama")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    folder = Path(tempfile.mkdtemp(prefix="footnote-onnx-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    table = load_file(package / "weights/l2_supercat_256.safetensors")["embedding.weight"].astype("<f4")
    (folder / "model.onnx").write_bytes(onnx_lookup(table))
    shutil.copy(package / "tokenizers/l2_supercat_tokenizer_config.json", folder / "tokenizer.json")
    (folder / "config.json").write_text(json.dumps({"pad_token_id": 0}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 512, "pad_token": "<unk>"}))
    (folder / "special_tokens_map.json").write_text(json.dumps({"unk_token": "<unk>"}))
    return folder


def onnx_lookup(table: np.ndarray) -> bytes:
    """Return an ONNX model of one operator: `last_hidden_state = Gather(table, input_ids)`."""
    rows, columns = table.shape
    gather = _text(1, "table") + _text(1, "input_ids") + _text(2, "last_hidden_state") + _text(4, "Gather")
    tensor = _number(1, rows) + _number(1, columns) + _number(2, FLOAT) + _text(8, "table") + _bytes(9, table.tobytes())
    graph = (
        _bytes(1, gather)
        + _text(2, "lookup")
        + _bytes(5, tensor)
        + _bytes(11, _value("input_ids", INT64, ["batch", "tokens"]))
        + _bytes(12, _value("last_hidden_state", FLOAT, ["batch", "tokens", columns]))
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _text(1, "") + _number(2, 13))


def _value(name: str, element: int, shape: list[str | int]) -> bytes:
    dimensions = b"".join(_bytes(1, _number(1, size) if isinstance(size, int) else _text(2, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, element) + _bytes(2, dimensions)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    """Encode as Protocol Buffers do: seven bits a byte, the lowest first."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
