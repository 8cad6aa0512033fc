"""What ranking feedback adds to a search: 10,000 judgements of 4,000 questions, 32 passages put in order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from time import process_time

import numpy as np

from bench.figures import Figure, at_most, percentile, print_table
from knowledge.learning import Opinion, RankingFeedback
from knowledge.types import Chunk, Passage, Vectors

QUESTIONS, SUBJECTS, JUDGEMENTS, PEOPLE, DOCUMENTS, SEARCHES = 4_000, 200, 10_000, 300, 2_000, 1_000
NOISE = 0.35
"""Keeps questions about one subject alike, and those about others apart."""


def measure() -> list[Figure]:
    """Put passages in order for a thousand questions; processor time, which other work does not change."""
    usual, worst = _milliseconds(DOCUMENTS), _milliseconds(DOCUMENTS // 100)
    return [
        Figure("feedback per search, p50", percentile(usual, 50), "ms"),
        at_most("feedback per search, p95", percentile(usual, 95), 2, "ms"),
        at_most("… when all of it is about 20 documents, p95", percentile(worst, 95), 2, "ms"),
    ]


def _milliseconds(documents: int) -> list[float]:
    chance, generator = random.Random(1), np.random.default_rng(1)
    vectors = _unit(_unit(generator.standard_normal((SUBJECTS, 256)))[generator.integers(0, SUBJECTS, QUESTIONS)])
    vectors = _unit(vectors + NOISE * _unit(generator.standard_normal((QUESTIONS, 256))))
    now = datetime.now(UTC)
    given = [
        Opinion(
            chance.randrange(QUESTIONS),
            f"U{chance.randrange(PEOPLE)}",
            f"d{chance.randrange(documents)}",
            chance.random() < 0.7,
            now - timedelta(days=200 * chance.random()),
        )
        for _ in range(JUDGEMENTS)
    ]
    feedback, times = RankingFeedback(vectors, given, similar=0.7), []
    for vector in vectors[:SEARCHES]:
        passages = [_passage(place, chance.randrange(documents)) for place in range(32)]
        start = process_time()
        feedback.adjust(passages, vector, now=now)
        times.append((process_time() - start) * 1000)
    return times


def _passage(place: int, document: int) -> Passage:
    chunk = Chunk(f"c{place}", f"d{document}", "s", "p", "t", None, "", None, 0, 0, 1, "x")
    return Passage(chunk, place + 1, 1 - place / 32)


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


if __name__ == "__main__":
    print_table("Ranking feedback, 10,000 judgements", measure())
