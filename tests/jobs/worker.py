"""A worker in a process of its own, to be killed: `python -m tests.jobs.worker HOME DATABASE_URL DOCUMENTS SECONDS`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from knowledge import KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.jobs.parts import SlowEmbedder


async def main(home: str, database_url: str, documents: str, seconds: str) -> None:
    team = TeamFile(sources={"handbook": SourceSettings(path=Path(documents))})
    settings = Settings(home=Path(home), database_url=database_url).with_team(team)
    kb = await KnowledgeBase.open(settings, embedder=SlowEmbedder(float(seconds)))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await kb.work()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
