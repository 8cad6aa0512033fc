"""One reindex, many workers: all of them help, and what comes out is what one alone would make."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from knowledge import LostLeaseError, Progress, Settings, SourceSettings, TeamFile
from tests.databases import rows
from tests.jobs.conftest import Member
from tests.jobs.parts import SlowEmbedder, until, worker_process

ALL = "300 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
LIVE = "SELECT path, text, state FROM chunks ORDER BY path"


async def test_all_workers_help_with_one_run_and_the_report_counts_what_all_did(
    on_postgres: Settings, member: Member
) -> None:
    embedders = [SlowEmbedder(0.5) for _ in range(3)]
    async with (
        member(on_postgres) as web,
        member(on_postgres, works=True, embedder=embedders[0]),
        member(on_postgres, works=True, embedder=embedders[1]),
        member(on_postgres, works=True, embedder=embedders[2]),
    ):
        report = await asyncio.wait_for(web.request_reindex("handbook"), 60)
        assert (report.summary(), report.chunks) == (ALL, 300)
        assert sum(embedder.texts > 0 for embedder in embedders) >= 2
        assert sum(embedder.texts for embedder in embedders) == 300
    assert Counter(state for _, _, state in rows(on_postgres, LIVE)) == {"live": 300}
    assert rows(on_postgres, "SELECT count(*) FROM run_batches") == [(0,)]


async def test_what_changed_vanished_and_failed_is_the_same_as_without_help(
    on_postgres: Settings, member: Member, documents: Path, tmp_path: Path
) -> None:
    alone = Settings(home=tmp_path / "alone").with_team(on_postgres.team)
    async with (
        member(on_postgres) as web,
        member(on_postgres, works=True),
        member(on_postgres, works=True),
        member(alone) as single,
    ):
        for generation in range(3):
            for number in range(generation, 300, 3):
                (documents / f"{number}.md").write_text(f"# Page {number}\n\nNow it says {number * generation}.\n")
            (documents / f"{generation}.md").unlink()
            (documents / f"{generation + 50}.md").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
            shared, own = await asyncio.gather(web.request_reindex("handbook"), single.reindex("handbook"))
            assert shared.summary() == own.summary()
            assert (shared.failed, shared.chunks) == (own.failed, own.chunks)
    live = "SELECT path, text FROM chunks WHERE state = 'live' ORDER BY path"
    assert rows(on_postgres, live) == rows(alone, live)


async def test_a_killed_helpers_shares_are_done_by_the_others(
    on_postgres: Settings, member: Member, documents: Path
) -> None:
    async with (
        member(on_postgres, embedder=SlowEmbedder(1.0)) as first,
        worker_process(on_postgres, documents, seconds=60) as helper,
    ):
        running = asyncio.create_task(first.reindex("handbook"))

        async def helper_holds_some() -> bool:
            return rows(on_postgres, "SELECT count(DISTINCT owner) FROM run_batches WHERE NOT done") == [(2,)]

        await until(helper_holds_some)
        helper.kill()
        assert (await asyncio.wait_for(running, 40)).summary() == ALL


async def test_a_helper_that_embeds_in_another_way_keeps_out(on_postgres: Settings, member: Member) -> None:
    stranger, embedder = SlowEmbedder(), SlowEmbedder(0.5)
    stranger.name = "another-1"
    async with member(on_postgres, works=True, embedder=embedder) as first:
        asked = asyncio.create_task(first.request_reindex("handbook"))

        async def planned() -> bool:
            return rows(on_postgres, "SELECT count(*) FROM run_batches") == [(5,)]

        await until(planned)
        async with member(on_postgres, works=True, embedder=stranger):
            assert (await asked).summary() == ALL
    assert embedder.texts == 300


async def test_a_helper_that_does_not_have_the_files_gives_them_back(
    on_postgres: Settings, member: Member, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    elsewhere = on_postgres.with_team(TeamFile(sources={"handbook": SourceSettings(path=tmp_path / "elsewhere")}))
    async with member(elsewhere) as lost, member(on_postgres, embedder=SlowEmbedder(0.5)) as first:
        running = asyncio.create_task(first.reindex("handbook"))

        async def planned() -> bool:
            return rows(on_postgres, "SELECT count(*) FROM run_batches") == [(5,)]

        await until(planned)
        working = asyncio.create_task(lost.work())
        report = await running
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert report.summary() == ALL


async def test_a_folder_of_the_command_line_is_not_shared(
    on_postgres: Settings, member: Member, tmp_path: Path
) -> None:
    (tmp_path / "loose").mkdir()
    for number in range(300):
        (tmp_path / "loose" / f"{number}.md").write_text(f"Loose page {number}.")
    helping = SlowEmbedder()
    async with member(on_postgres) as terminal, member(on_postgres, works=True, embedder=helping):
        report = await terminal.reindex_folder(tmp_path / "loose")
    assert (report.added, helping.texts) == (300, 0)


async def test_helpers_of_a_run_that_lost_its_source_write_nothing_more(on_postgres: Settings, member: Member) -> None:
    async def steal(progress: Progress) -> None:
        if progress.files_done:
            rows(on_postgres, "UPDATE source_leases SET token = token + 1, owner = 'thief', lease_until = 4e9")

    async with (
        member(on_postgres, embedder=SlowEmbedder(0.5)) as first,
        member(on_postgres, works=True, embedder=SlowEmbedder(0.5)),
    ):
        with pytest.raises(LostLeaseError):
            await first.reindex("handbook", on_progress=steal)

        async def idle() -> bool:
            return rows(on_postgres, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]

        before = rows(on_postgres, LIVE)
        await until(idle)
        assert rows(on_postgres, LIVE) == before
    assert 0 < sum(state == "live" for _, _, state in before) < 300
