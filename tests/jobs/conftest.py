"""Several processes of one installation: knowledge bases that share a database and a folder of documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, Settings, SourceSettings, TeamFile
from tests.jobs.parts import SlowEmbedder
from tests.postgres import Cluster

Member = Callable[..., AbstractAsyncContextManager[KnowledgeBase]]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """Enough files for several shares."""
    root = tmp_path / "documents"
    root.mkdir()
    for number in range(300):
        (root / f"{number}.md").write_text(f"# Page {number}\n\nThe word of this page is word{number}.\n", "utf-8")
    return root


@pytest.fixture
def team(documents: Path) -> TeamFile:
    return TeamFile(sources={"handbook": SourceSettings(path=documents)})


@pytest.fixture
def on_postgres(postgres: Cluster, tmp_path: Path, team: TeamFile) -> Settings:
    return Settings(home=tmp_path / "home", database_url=postgres.migrated_database()).with_team(team)


@pytest.fixture
def member() -> Member:
    """Open a knowledge base as another process of the installation would; `works` makes it a worker."""

    @asynccontextmanager
    async def opened(
        settings: Settings, *, works: bool = False, embedder: SlowEmbedder | None = None
    ) -> AsyncIterator[KnowledgeBase]:
        kb = await KnowledgeBase.open(settings, embedder=embedder or SlowEmbedder())
        working = asyncio.create_task(kb.work()) if works else None
        try:
            yield kb
        finally:
            if working is not None:
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
            await kb.close()

    return opened
