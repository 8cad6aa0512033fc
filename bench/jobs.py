"""How much faster several workers index than one, with an embedding service at a distance."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.figures import Figure, at_least
from knowledge import KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.jobs.parts import SlowEmbedder
from tests.postgres import Cluster, cluster, programs

FILES = 64 * 48
SECONDS = 1.0
"""What the service takes for one call: the chunks of one share."""
WORKERS = 4
ROOT = Path(__file__).parents[1]


def measure() -> list[Figure]:
    """Reindex the same files with one worker and with four."""
    found = programs()
    if found is None:
        return [Figure("Postgres is not installed", 0, "")]
    with cluster(found) as server, tempfile.TemporaryDirectory() as name:
        documents = Path(name) / "documents"
        documents.mkdir()
        for number in range(FILES):
            (documents / f"{number}.md").write_text(f"# Page {number}\n\nThe word of this page is word{number}.\n")
        one = asyncio.run(_seconds(server, Path(name) / "one", documents, workers=1))
        four = asyncio.run(_seconds(server, Path(name) / "four", documents, workers=WORKERS))
    return [
        Figure(f"one worker, {FILES:,} files", one, "s"),
        Figure(f"{WORKERS} workers", four, "s"),
        at_least("four workers as a multiple of one", one / four, 3.2, "x"),
    ]


async def _seconds(server: Cluster, home: Path, documents: Path, *, workers: int) -> float:
    team = TeamFile(sources={"handbook": SourceSettings(path=documents)})
    settings = Settings(home=home, database_url=server.migrated_database()).with_team(team)
    kb = await KnowledgeBase.open(settings, embedder=SlowEmbedder())
    async with _workers(settings, documents, workers):
        began = time.monotonic()
        report = await kb.request_reindex("handbook")
        seconds = time.monotonic() - began
    await kb.close()
    if report.added != FILES:
        raise RuntimeError(report.summary())
    return seconds


@asynccontextmanager
async def _workers(settings: Settings, documents: Path, count: int) -> AsyncIterator[None]:
    started = [await _worker(settings, documents) for _ in range(count)]
    try:
        yield
    finally:
        for worker in started:
            worker.kill()
            await worker.wait()


async def _worker(settings: Settings, documents: Path) -> Process:
    given = [str(settings.home), settings.database_url or "", str(documents), str(SECONDS)]
    command = [sys.executable, "-m", "tests.jobs.worker", *given]
    worker = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)
    if worker.stdout is None or await worker.stdout.readline() != b"ready\n":
        raise RuntimeError("a worker did not start")
    return worker
