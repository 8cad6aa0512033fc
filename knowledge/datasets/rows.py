"""Training rows: what a trainer reads, and beside it where that comes from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from knowledge.datasets.weighing import Basis


class Kind(StrEnum):
    """The datasets that can be made."""

    SFT = "sft"
    """Supervised fine-tuning of a generator: a prompt and the completion that was approved."""
    DPO = "dpo"
    """Preference pairs: two completions of the same request, one better."""
    KTO = "kto"
    """Single completions with a thumb."""
    RAFT = "raft"
    """Answering from the right passages among wrong ones, and declining when the right ones are missing."""
    EMBED = "embed"
    """Triplets for an embedder."""
    RERANK = "rerank"
    """Labelled pairs for a reranker."""
    EVAL = "eval"
    """Questions with known answers, from held-out groups only."""


GENERATOR_KINDS = frozenset({Kind.SFT, Kind.DPO, Kind.KTO, Kind.RAFT})
"""They teach a model to write: what a model wrote stays out of them unless it is asked for."""

_LINE_BREAKS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\u0085": "\\u0085"}
"""Line breaks to some readers of text, which would cut a line of JSON in two."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    kind: Kind
    data: Mapping[str, Any]
    """The trainer's keys, in the order that carries meaning, and nothing else."""
    answer_id: str
    basis: Basis
    origin: str
    """Who wrote what it teaches: `human`, `human_edit`, `source`, `model:<id>`; several are joined by `+`."""
    people: tuple[str, ...] = ()
    """Who vouches for it."""
    target: str = ""
    """What it teaches about the question: rows of near-duplicate questions with the same target are one."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else provenance should hold: prompt version, hash of the request, chunks."""

    @property
    def by_model(self) -> bool:
        """Whether a model wrote any of it."""
        return "model:" in self.origin


@dataclass(frozen=True, slots=True)
class Left:
    """Something that became no row, and why, in words for a person."""

    kind: Kind
    reason: str


def line(data: Mapping[str, Any]) -> str:
    """Write one object as one line of JSON, without the line's end."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()
    for character, escaped in _LINE_BREAKS.items():
        text = text.replace(character, escaped)
    return text


def sha256(text: str) -> str:
    """Return the hash by which a line, a file or a text is known."""
    return hashlib.sha256(text.encode()).hexdigest()
