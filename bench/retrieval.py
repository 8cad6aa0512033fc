"""Measure retrieval on a folder of documents and a file of questions, with whatever backends are configured.

    python bench/retrieval.py DOCUMENTS QUESTIONS [--k 20] [--ask] [--limit N]

QUESTIONS is what `footnote eval` reads: one JSON object per line with "question" and "paths" (of documents that
answer it, relative to DOCUMENTS) or "answers", and "answerable". Prints recall, MRR, nDCG, how well relevance tells
answerable questions from the others, and the time of a search.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from knowledge import KnowledgeBase, Question, Settings
from knowledge.evaluating import Case, answer_figures, load_cases, retrieval_figures
from knowledge.ranking import relevance

KEPT = 0.95
"""Share of answerable questions that the reported relevance threshold lets pass."""


async def main() -> None:
    wanted = _arguments()
    cases = load_cases(wanted.questions)[: wanted.limit]
    with tempfile.TemporaryDirectory() as home:
        kb = await KnowledgeBase.open(Settings.load().model_copy(update={"home": Path(home)}))
        try:
            print(json.dumps(await _measure(kb, wanted, cases), indent=2))
        finally:
            await kb.close()


async def _measure(kb: KnowledgeBase, wanted: argparse.Namespace, cases: list[Case]) -> dict[str, object]:
    start = perf_counter()
    report = await kb.reindex_folder(wanted.documents)
    indexing = perf_counter() - start
    await kb.search(Question("warm up"))
    results, seconds = [], []
    for case in cases:
        start = perf_counter()
        results.append((await kb.search(Question(case.question), k=wanted.k)).passages)
        seconds.append(perf_counter() - start)
    figures: dict[str, object] = {"questions": len(cases), "chunks": report.chunks, "index_seconds": round(indexing, 2)}
    figures |= retrieval_figures(cases, results)
    figures |= _separation(cases, [relevance(case.question, found) for case, found in zip(cases, results, strict=True)])
    if wanted.ask:
        figures |= answer_figures(cases, [await kb.ask(Question(case.question)) for case in cases])
    return figures | {
        "search_ms_p50": round(median(seconds) * 1000, 2),
        "search_ms_p95": round(quantiles(seconds, n=20)[-1] * 1000, 2),
    }


def _separation(cases: list[Case], signals: list[float]) -> dict[str, object]:
    """Report the threshold that keeps most answerable questions, and how many of the others it lets pass."""
    good = sorted(signal for case, signal in zip(cases, signals, strict=True) if case.answerable)
    bad = [signal for case, signal in zip(cases, signals, strict=True) if not case.answerable]
    if not good or not bad:
        return {}
    threshold = good[int(len(good) * (1 - KEPT))]
    passed = sum(signal >= threshold for signal in bad) / len(bad)
    return {"relevance_threshold": round(threshold, 4), "false_pass": round(passed, 4)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("documents", type=lambda text: Path(text).resolve())
    parser.add_argument("questions", type=Path)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--ask", action="store_true", help="let the answerer answer as well")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
