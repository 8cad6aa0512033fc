"""A large reindex beside the people who ask: a process of its own does it, and the serving one only follows."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.helping import NICENESS, jobs_for
from knowledge import KnowledgeBase, ProcessJobs, Question, Settings, SourceSettings, TeamFile
from knowledge.adapters.wordllama_embedder import WordLlamaEmbedder
from knowledge.types import Vectors
from tests.databases import rows
from tests.jobs.parts import ROOT, until

ALL = "300 added, 0 changed, 0 unchanged, 0 removed, 0 failed"


class Counting(WordLlamaEmbedder):
    """Counts what this process embeds of documents."""

    texts = 0

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        return await super().embed_documents(texts)


STARTER = """
import asyncio, pickle, sys
from pathlib import Path
from bot.helping import jobs_for
from knowledge import KnowledgeBase

async def main():
    settings = pickle.loads(Path(sys.argv[1]).read_bytes())
    kb = await KnowledgeBase.open(settings, jobs=jobs_for(settings))
    await kb.request_reindex("handbook")
    await asyncio.Event().wait()

asyncio.run(main())
"""


def helpers(starter: int) -> list[int]:
    """Return the living helpers of a process."""
    commands = {int(path.parent.name): path for path in Path("/proc").glob("[0-9]*/cmdline")}
    return [pid for pid, path in commands.items() if parent(pid) == starter and b"bot.helping" in _read(path)]


def parent(pid: int) -> int | None:
    """Return the parent of a process; None when it has ended."""
    state, of, *_ = _read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split() or (b"Z", b"0")
    return None if state == b"Z" else int(of)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has just ended
        return b""


@pytest.fixture
def embedder() -> Counting:
    return Counting()


@pytest.fixture
async def serving(
    settings: Settings, team: TeamFile, embedder: Counting, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[KnowledgeBase]:
    monkeypatch.chdir(ROOT)  # where a helper finds the program as it is here
    settings = settings.with_team(team)
    kb = await KnowledgeBase.open(settings, jobs=jobs_for(settings), embedder=embedder)
    yield kb
    await kb.close()


async def a_helper(starter: int | None = None) -> int:
    found: list[int] = []

    async def there() -> bool:
        found[:] = helpers(starter or os.getpid())
        return bool(found)

    await until(there)
    return found[0]


async def test_a_large_reindex_is_done_by_a_process_of_low_priority(serving: KnowledgeBase, embedder: Counting) -> None:
    running = asyncio.create_task(serving.request_reindex("handbook"))
    helper = await a_helper()

    async def stands_back() -> bool:
        return (
            not running.done()
            and os.getpriority(os.PRIO_PROCESS, helper) == os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
        )

    await until(stands_back)
    assert (await running).summary() == ALL
    assert embedder.texts == 0
    found = await serving.search(Question("word17"), k=1)
    assert found.passages[0].chunk.path == "17.md"


async def test_a_helper_leaves_the_sources_as_they_are_by_now(
    serving: KnowledgeBase, settings: Settings, tmp_path: Path
) -> None:
    later = SourceSettings(path=tmp_path / "later", channels=("C1",))
    team = TeamFile(sources={**serving.settings.team.sources, "later": later})
    other = await KnowledgeBase.open(settings.with_team(team))
    await other.close()
    before = rows(settings, "SELECT name, active, audience FROM sources ORDER BY name")
    assert (await serving.request_reindex("handbook")).summary() == ALL
    assert rows(settings, "SELECT name, active, audience FROM sources ORDER BY name") == before
    assert len(before) == 2


async def test_a_small_one_needs_none(serving: KnowledgeBase, embedder: Counting, documents: Path) -> None:
    for number in range(10, 300):
        (documents / f"{number}.md").unlink()
    assert (await serving.request_reindex("handbook")).added == 10
    assert embedder.texts == 10


async def test_what_a_killed_helper_left_is_done_all_the_same(serving: KnowledgeBase, embedder: Counting) -> None:
    running = asyncio.create_task(serving.request_reindex("handbook"))
    os.kill(await a_helper(), signal.SIGKILL)
    assert (await running).summary() == ALL
    assert embedder.texts > 0


async def test_a_helper_ends_with_the_process_that_serves(serving: KnowledgeBase) -> None:
    running = asyncio.create_task(serving.request_reindex("handbook"))
    await a_helper()
    await serving.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert helpers(os.getpid()) == []


async def test_a_helper_whose_starter_was_killed_ends_by_itself(
    settings: Settings, team: TeamFile, tmp_path: Path
) -> None:
    order = tmp_path / "settings"
    order.write_bytes(pickle.dumps(settings.with_team(team)))
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", STARTER, str(order), cwd=ROOT)
    helper = await a_helper(starter.pid)
    starter.kill()
    await starter.wait()

    async def is_gone() -> bool:
        return parent(helper) is None

    await until(is_gone)


async def test_workers_on_postgres_make_it_needless(settings: Settings) -> None:
    assert isinstance(jobs_for(settings), ProcessJobs)
    assert jobs_for(settings.model_copy(update={"database_url": "postgresql://h/db"})) is None
