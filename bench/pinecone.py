"""Pinecone at a distance: how much of the allowed rate a reindex uses, and what a question costs besides the calls."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.figures import Figure, at_least, at_most, percentile
from knowledge import KnowledgeBase, Question, Settings, SourceSettings, TeamFile
from knowledge.adapters.pinecone_embedder import MODEL
from tests.standins.pinecone_api import KEY, VERSION

ROOT = Path(__file__).parents[1]
PORT = 9871
RATE = 400
"""Texts per second that the service takes; it refuses more with 429 and whole seconds of Retry-After."""
FILES = 10_000
DIMENSIONS = 384
LATENCY = 0.08
"""Seconds that the service takes for each call."""
QUESTIONS = 150


def measure() -> list[Figure]:
    """Reindex against a rate, then ask without one."""
    with tempfile.TemporaryDirectory() as name:
        documents = Path(name) / "documents"
        documents.mkdir()
        for number in range(FILES):
            (documents / f"{number}.md").write_text(f"# Page {number}\n\nThe word of this page is word{number}.\n")
        with _service("--texts-per-second", str(RATE)) as url:
            seconds = asyncio.run(_reindex(_settings(Path(name) / "rated", documents, url)))
        # A second's worth may be taken at once in the beginning.
        used = FILES / (RATE * seconds + RATE)
        few = Path(name) / "few"
        few.mkdir()
        for number in range(500):
            (documents / f"{number}.md").rename(few / f"{number}.md")
        with _service() as url:
            bare, whole = asyncio.run(_times(_settings(Path(name) / "asked", few, url)))
    own = [seconds - 3 * bare for seconds in whole]  # embed, search twice at once, rerank
    return [
        Figure(f"reindex of {FILES:,} texts at {RATE} texts/s", seconds, "s"),
        at_least("share of the allowed texts/s that a reindex uses", used, 0.9, ""),
        Figure("a bare call to Pinecone, p50", bare * 1000, "ms"),
        Figure("a question, calls to Pinecone included, p50", percentile(whole, 50) * 1000, "ms"),
        Figure("a question, calls to Pinecone included, p95", percentile(whole, 95) * 1000, "ms"),
        Figure("a question, besides the calls to Pinecone, p50", percentile(own, 50) * 1000, "ms"),
        at_most("a question, besides the calls to Pinecone, p95", percentile(own, 95) * 1000, 15, "ms"),
    ]


@contextmanager
def _service(*options: str) -> Iterator[str]:
    """Run the stand-in in a process of its own, so that its work is not taken for ours."""
    command = [sys.executable, "-m", "tests.standins.pinecone_api", "--port", str(PORT), "--latency", str(LATENCY)]
    running = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if running.stdout is None or not running.stdout.readline():
            raise RuntimeError("the stand-in did not start")
        yield f"http://127.0.0.1:{PORT}"
    finally:
        running.kill()
        running.wait()


def _settings(home: Path, documents: Path, url: str) -> Settings:
    team = TeamFile(sources={"handbook": SourceSettings(path=documents)})
    settings = Settings(home=home, pinecone_api_key=KEY, pinecone_host=url, embedder_dimensions=DIMENSIONS)  # type: ignore[arg-type]
    return settings.with_team(team)


async def _reindex(settings: Settings) -> float:
    kb = await KnowledgeBase.open(settings)
    await kb.warm_up()
    began = time.monotonic()
    report = await kb.reindex("handbook")
    seconds = time.monotonic() - began
    await kb.close()
    if report.added != FILES:
        raise RuntimeError(report.summary())
    return seconds


async def _bare_call(settings: Settings) -> float:
    """Return the median seconds of one call by a client that does nothing else."""
    body = {"model": MODEL, "inputs": [{"text": "a word"}], "parameters": {"input_type": "query", "dimension": 384}}
    headers = {"api-key": KEY, "x-pinecone-api-version": VERSION}
    times = []
    async with httpx.AsyncClient(base_url=settings.pinecone_host or "", headers=headers) as client:
        for _ in range(40):
            began = time.perf_counter()
            (await client.post("/embed", json=body)).raise_for_status()
            times.append(time.perf_counter() - began)
    return percentile(times, 50)


async def _times(settings: Settings) -> tuple[float, list[float]]:
    """Return the seconds of a bare call, and of each of many searches."""
    bare = await _bare_call(settings)
    kb = await KnowledgeBase.open(settings)
    await kb.reindex("handbook")
    await kb.search(Question("warm up"))
    whole = []
    for number in range(QUESTIONS):
        began = time.perf_counter()
        await kb.search(Question(f"What is the word of page {number}?"), k=8)
        whole.append(time.perf_counter() - began)
    await kb.close()
    return bare, whole
