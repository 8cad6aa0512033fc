"""What we add to an answer besides the model: understanding, searching, checking, extracting, recording."""

from __future__ import annotations

import asyncio
import random
import resource
import tempfile
from pathlib import Path
from time import perf_counter

from bench import corpus
from bench.figures import Figure, at_most, percentile
from knowledge import KnowledgeBase, Outcome, Question, Settings

QUESTIONS = 200


async def run(chunks: int) -> list[Figure]:
    """Ask questions, one after the other, over so many chunks."""
    with tempfile.TemporaryDirectory() as name:
        docs, home = Path(name) / "docs", Path(name) / "home"
        facts = corpus.write(docs, chunks // 10, sections=9)
        kb = await KnowledgeBase.open(Settings(home=home))
        try:
            report = await kb.reindex_folder(docs)
            times, right = await _ask(kb, random.Random(1).sample(facts, QUESTIONS))
        finally:
            await kb.close()
    label = f"{report.chunks:,} chunks"
    figures = [
        Figure(f"answers from {label} that state the fact asked for", 100 * right / QUESTIONS, "%"),
        Figure(f"question to recorded answer, {label}, p50", percentile(times, 50), "ms"),
        at_most(f"question to recorded answer, {label}, p95", percentile(times, 95), 400, "ms"),
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return [*figures, Figure("peak memory of the whole measurement", peak, "MB")]


async def _ask(kb: KnowledgeBase, facts: list[tuple[str, int, str]]) -> tuple[list[float], int]:
    await kb.ask(Question("warm up"))
    times, right = [], 0
    for fact in facts:
        start = perf_counter()
        answer = await kb.ask(Question(corpus.question(fact)))
        times.append((perf_counter() - start) * 1000)
        right += answer.outcome is Outcome.ANSWERED and str(fact[1]) in answer.text
    return times, right


def measure() -> list[Figure]:
    """Measure at 10,000 chunks."""
    return asyncio.run(run(10_000))


def measure_large() -> list[Figure]:
    """Measure at 100,000 chunks."""
    return asyncio.run(run(100_000))
