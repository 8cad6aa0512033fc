"""Reindexing as background work: whoever is free does it, everybody sees it, nothing is lost."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest

from bot import blocks
from knowledge import (
    ConfigurationError,
    EmptySourceError,
    KnowledgeBase,
    Progress,
    Question,
    Settings,
    SourceError,
    TeamFile,
)
from tests.databases import rows
from tests.jobs.conftest import Member
from tests.jobs.parts import SlowEmbedder, until, worker_process

ALL = "300 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
NOTHING = "0 added, 0 changed, 300 unchanged, 0 removed, 0 failed"


def empty(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()


async def progress_of(kb: KnowledgeBase) -> Progress | None:
    return next((source.progress for source in await kb.sources() if source.name == "handbook"), None)


@pytest.fixture
def on_both_with_team(on_both: Settings, team: TeamFile) -> Settings:
    return on_both.with_team(team)


async def test_a_worker_does_what_another_process_asks_for(on_postgres: Settings, member: Member) -> None:
    asking, working = SlowEmbedder(), SlowEmbedder()
    async with member(on_postgres, embedder=asking) as web, member(on_postgres, works=True, embedder=working):
        report = await asyncio.wait_for(web.request_reindex("handbook"), 60)
        assert report.summary() == ALL
        assert (asking.texts, working.texts) == (0, 300)
        found = await web.search(Question("word17"), k=1)
    assert found.passages[0].chunk.path == "17.md"
    assert rows(on_postgres, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]


async def test_who_asks_for_what_is_under_way_joins_it(on_both_with_team: Settings, member: Member) -> None:
    async with member(on_both_with_team, works=True) as kb:
        reports = await asyncio.gather(*(kb.request_reindex("handbook") for _ in range(5)))
    assert {report.summary() for report in reports} == {ALL}
    assert rows(on_both_with_team, "SELECT count(*) FROM runs") == [(1,)]


async def test_a_request_that_is_repeated_after_a_crash_gets_the_report_it_asked_for(
    on_both_with_team: Settings, member: Member
) -> None:
    async with member(on_both_with_team, works=True) as kb:
        first = await kb.request_reindex("handbook", key="command:1")
        assert (await kb.request_reindex("handbook", key="command:1")) == first
        assert (await kb.request_reindex("handbook", key="command:2")).summary() == NOTHING


async def test_what_goes_wrong_in_a_worker_is_said_to_who_asked(
    on_both_with_team: Settings, member: Member, documents: Path
) -> None:
    empty(documents)
    async with member(on_both_with_team, works=True) as kb:
        with pytest.raises(EmptySourceError, match="is empty; nothing was changed"):
            await kb.request_reindex("handbook")
        with pytest.raises(SourceError, match="There is no source 'nothing'"):
            await kb.request_reindex("nothing")


async def test_every_process_sees_how_far_a_run_is(on_both_with_team: Settings, member: Member) -> None:
    seen: list[Progress] = []

    async def look(progress: Progress) -> None:
        seen.append(progress)

    async with member(on_both_with_team) as web, member(on_both_with_team, embedder=SlowEmbedder(0.5)) as other:
        running = asyncio.create_task(other.request_reindex("handbook", on_progress=look))

        async def half_way() -> bool:
            progress = await progress_of(web)
            return progress is not None and 0 < progress.files_done < progress.files_total == 300

        if on_both_with_team.on_postgres:
            async with member(on_both_with_team, works=True, embedder=SlowEmbedder(0.5)):
                await until(half_way)
                await running
        else:
            await until(half_way)
            await running
        assert await progress_of(web) is None
    assert any(0 < progress.files_done < 300 for progress in seen)


async def test_a_direct_run_is_seen_too(on_both_with_team: Settings, member: Member) -> None:
    async with member(on_both_with_team) as web, member(on_both_with_team, embedder=SlowEmbedder(0.3)) as terminal:
        running = asyncio.create_task(terminal.reindex("handbook"))

        async def visible() -> bool:
            return await progress_of(web) is not None

        await until(visible)
        status = blocks.source_list(await web.sources())
        assert re.search(r"handbook: not indexed yet, reindexing now: \d+ of 300 files", status)
        assert (await running).summary() == ALL


async def test_a_killed_workers_run_is_taken_over_within_20_seconds(
    on_postgres: Settings, member: Member, documents: Path
) -> None:
    async with member(on_postgres) as web:
        asked = asyncio.create_task(web.request_reindex("handbook"))
        async with worker_process(on_postgres, documents, seconds=2.0) as doomed:

            async def begun() -> bool:
                progress = await progress_of(web)
                return progress is not None and progress.files_done > 0

            await until(begun)
            async with member(on_postgres, works=True):
                doomed.kill()
                await doomed.wait()
                killed = time.monotonic()
                (owner,) = rows(on_postgres, "SELECT owner FROM runs")[0]

                async def taken_over() -> bool:
                    return rows(on_postgres, "SELECT owner FROM runs")[0][0] != owner

                assert await until(taken_over) < 20
                report = await asked
    assert (report.failed, report.chunks) == ((), 300)
    assert time.monotonic() - killed < 40
    assert rows(on_postgres, "SELECT count(*) FROM chunks WHERE state = 'live'") == [(300,)]
    assert rows(on_postgres, "SELECT count(*) FROM chunks WHERE state <> 'live'") == [(0,)]


async def test_a_worker_that_is_stopped_hands_its_run_back_at_once(on_postgres: Settings, member: Member) -> None:
    async with member(on_postgres) as web:
        asked = asyncio.create_task(web.request_reindex("handbook"))

        async def begun() -> bool:
            return await progress_of(web) is not None

        async with member(on_postgres, works=True, embedder=SlowEmbedder(3.0)):
            await until(begun)
        assert rows(on_postgres, "SELECT state, owner FROM runs") == [("queued", None)]
        async with member(on_postgres, works=True):
            assert (await asyncio.wait_for(asked, 15)).chunks == 300


async def test_without_a_worker_the_asking_process_does_it_after_a_while(on_postgres: Settings, member: Member) -> None:
    async with member(on_postgres) as web:
        assert (await asyncio.wait_for(web.request_reindex("handbook"), 30)).summary() == ALL


async def test_the_queue_takes_one_reindex_of_a_source_at_a_time(on_postgres: Settings, member: Member) -> None:
    async with member(on_postgres) as web:
        jobs = web._parts.jobs
        assert await jobs.enqueue("reindex", lock="reindex:handbook", arguments={"run": "1"})
        assert not await jobs.enqueue("reindex", lock="reindex:handbook", arguments={"run": "2"})
        assert await jobs.enqueue("reindex", lock="reindex:other", arguments={"run": "3"})


async def test_procrastinate_needs_postgres(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FOOTNOTE_JOBS=procrastinate needs Postgres"):
        await KnowledgeBase.open(Settings(home=tmp_path / "home", jobs="procrastinate"), embedder=SlowEmbedder())


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, "process"),
        ({"database_url": "postgresql://db/footnote"}, "procrastinate"),
        ({"database_url": "postgres://db/footnote", "jobs": "process"}, "process"),
        ({"database_url": "sqlite:///x.db"}, "process"),
    ],
)
def test_postgres_brings_the_queue_unless_told_otherwise(given: dict[str, str], chosen: str) -> None:
    assert Settings(**given).chosen_jobs == chosen  # type: ignore[arg-type]
