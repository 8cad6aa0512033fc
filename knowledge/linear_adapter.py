"""A linear adapter: a small residual matrix that moves a question's vector towards what answers it (pure, numpy).

It is learned from (question, passage that answers, passages that do not) and applied to questions only, so no document
has to be embedded again. The loss is the contrastive one of the field (InfoNCE over the hard negatives), with weight
decay towards doing nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge.types import Vectors

TEMPERATURE = 0.05
STEPS = 60
LEARNING_RATE = 0.003
"""Of Adam, over the whole set at once."""
DECAYS = (0.03, 0.1, 0.3, 1.0)
"""Weight decays that are tried; the one that does best on the part kept back is used."""
KEPT_BACK = 5
"""Every so many-th group is kept back to choose the decay; it is learned from in the end."""
_BETAS = (0.9, 0.999)


@dataclass(frozen=True, slots=True)
class Lessons:
    """What there is to learn from, as unit vectors; the row numbers belong together."""

    questions: Vectors
    """Shape (rows, dimensions)."""
    positives: Vectors
    """Shape (rows, dimensions)."""
    negatives: Vectors
    """Shape (rows, most negatives, dimensions)."""
    present: npt.NDArray[np.bool_]
    """Shape (rows, most negatives): which negatives there are."""
    groups: tuple[str, ...]
    """What must not be torn apart, such as paraphrases of one question."""

    def rows(self, which: npt.NDArray[np.bool_]) -> Lessons:
        """Return some of the rows."""
        groups = tuple(group for group, kept in zip(self.groups, which, strict=True) if kept)
        return Lessons(self.questions[which], self.positives[which], self.negatives[which], self.present[which], groups)


@dataclass(frozen=True, slots=True)
class LinearAdapter:
    """The matrix that was learned; `apply` is what it does to a question's vector."""

    matrix: Vectors
    """Shape (dimensions, dimensions); all zeros change nothing."""

    def apply(self, vector: Vectors) -> Vectors:
        """Move a vector, shape (dimensions,), and give it the length it had."""
        # einsum, not BLAS: its threads would wait for each other on a busy machine.
        moved = vector + np.einsum("ij,j->i", self.matrix, vector)
        length = float(np.linalg.norm(moved))
        if length == 0:
            return vector
        scaled: Vectors = (moved * (float(np.linalg.norm(vector)) / length)).astype(np.float32)
        return scaled

    def to_bytes(self) -> bytes:
        """Return the matrix as float32, little endian, row by row."""
        return self.matrix.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, *, dimensions: int) -> LinearAdapter:
        """Read what `to_bytes` wrote."""
        return cls(np.frombuffer(data, "<f4").reshape(dimensions, dimensions).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Trained:
    """An adapter and how it came about."""

    adapter: LinearAdapter
    decay: float
    kept_back_accuracy: dict[str, float]
    """Share of the rows kept back whose positive comes first, per decay; `none` without an adapter."""


def lessons_of(rows: Sequence[tuple[Vectors, Vectors, Sequence[Vectors]]], groups: Sequence[str]) -> Lessons:
    """Pack (question, positive, negatives) rows, whose vectors have shape (dimensions,)."""
    dimensions = rows[0][0].shape[0]
    most = max((len(negatives) for _, _, negatives in rows), default=0) or 1
    packed = np.zeros((len(rows), most, dimensions), np.float32)
    present = np.zeros((len(rows), most), np.bool_)
    for number, (_, _, negatives) in enumerate(rows):
        for place, negative in enumerate(negatives):
            packed[number, place], present[number, place] = negative, True
    questions = np.stack([question for question, _, _ in rows]).astype(np.float32)
    positives = np.stack([positive for _, positive, _ in rows]).astype(np.float32)
    return Lessons(questions, positives, packed, present, tuple(groups))


def train(lessons: Lessons) -> Trained:
    """Choose the decay on groups kept back, then learn from everything with it."""
    names = sorted(set(lessons.groups))
    kept = {name for number, name in enumerate(names) if number % KEPT_BACK == 0}
    back = np.array([group in kept for group in lessons.groups])
    rest, judged = lessons.rows(~back), lessons.rows(back)
    scores = {"none": first_share(judged, np.zeros_like(_start(lessons)))}
    scores |= {str(decay): first_share(judged, _descend(rest, decay)) for decay in DECAYS}
    decay = max(DECAYS, key=lambda each: (scores[str(each)], each))
    return Trained(LinearAdapter(_descend(lessons, decay)), decay, scores)


def first_share(lessons: Lessons, matrix: Vectors) -> float:
    """Return the share of rows whose positive is nearer to the question than every negative."""
    if not len(lessons.questions):
        return 0.0
    moved, _ = _moved(lessons.questions, matrix)
    similarity = _similarity(moved, lessons)
    return float(np.mean(similarity[:, 0] > similarity[:, 1:].max(axis=1)))


def _start(lessons: Lessons) -> Vectors:
    dimensions = lessons.questions.shape[1]
    return np.zeros((dimensions, dimensions), np.float32)


def _moved(questions: Vectors, matrix: Vectors) -> tuple[Vectors, Vectors]:
    moved = questions + questions @ matrix.T
    lengths = np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
    return (moved / lengths).astype(np.float32), lengths.astype(np.float32)


def _candidates(lessons: Lessons) -> Vectors:
    return np.concatenate([lessons.positives[:, None], lessons.negatives], axis=1)


def _similarity(moved: Vectors, lessons: Lessons) -> Vectors:
    similarity: Vectors = np.einsum("nd,nkd->nk", moved, _candidates(lessons))
    similarity[:, 1:][~lessons.present] = -np.inf
    return similarity


def _descend(lessons: Lessons, decay: float) -> Vectors:
    """Minimise the mean contrastive loss with Adam, from zero."""
    matrix: npt.NDArray[np.floating] = _start(lessons)
    first: npt.NDArray[np.floating] = np.zeros_like(matrix)
    second: npt.NDArray[np.floating] = np.zeros_like(matrix)
    for step in range(1, STEPS + 1):
        gradient = _gradient(lessons, matrix.astype(np.float32)) + decay * matrix
        first = _BETAS[0] * first + (1 - _BETAS[0]) * gradient
        second = _BETAS[1] * second + (1 - _BETAS[1]) * gradient**2
        unbiased = np.sqrt(second / (1 - _BETAS[1] ** step)) + 1e-8
        matrix = matrix - LEARNING_RATE * (first / (1 - _BETAS[0] ** step)) / unbiased
    return matrix.astype(np.float32)


def _gradient(lessons: Lessons, matrix: Vectors) -> Vectors:
    moved, lengths = _moved(lessons.questions, matrix)
    scaled = _similarity(moved, lessons) / TEMPERATURE
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[:, 0] -= 1
    towards = np.einsum("nk,nkd->nd", shares, _candidates(lessons)) / TEMPERATURE
    # Only what turns the vector counts: its length is taken out again.
    turning = (towards - (towards * moved).sum(axis=1, keepdims=True) * moved) / lengths
    gradient: Vectors = turning.T @ lessons.questions / len(lessons.questions)
    return gradient
