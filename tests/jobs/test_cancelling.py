"""A reindex can be stopped wherever it runs: what it has published stays, the rest is as it was."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from knowledge import EmptySourceError, KnowledgeBase, Progress, Question, ReindexCancelledError, Settings, TeamFile
from tests.databases import rows
from tests.jobs.conftest import Member
from tests.jobs.parts import SlowEmbedder, until, worker_process

LIVE = "SELECT count(*) FROM chunks WHERE state = 'live'"
PENDING = "SELECT count(*) FROM chunks WHERE state = 'pending'"
STATES = "SELECT state FROM runs ORDER BY id"


class Watch:
    """Takes the progress of a run, and knows when something of it was published."""

    def __init__(self) -> None:
        self.under_way = asyncio.Event()
        self.done = 0

    async def __call__(self, progress: Progress) -> None:
        self.done = progress.files_done
        if progress.files_done:
            self.under_way.set()


@pytest.fixture
def on_both_with_team(on_both: Settings, team: TeamFile) -> Settings:
    return on_both.with_team(team)


async def stopped(settings: Settings, running: asyncio.Task[object], cancelling: KnowledgeBase) -> None:
    """Cancel and see that the run ends soon, with part of its work published and nothing else left."""
    began = time.monotonic()
    assert await cancelling.cancel_reindex("handbook")
    with pytest.raises(
        ReindexCancelledError, match=r"^The reindex was cancelled; what it had done until then stays\.$"
    ):
        await asyncio.wait_for(running, 10)
    assert time.monotonic() - began < 3
    assert 0 < rows(settings, LIVE)[0][0] < 300
    assert rows(settings, STATES)[-1] == ("cancelled",)
    assert rows(settings, "SELECT owner FROM source_leases") == [(None,)]


async def test_a_cancelled_run_keeps_what_it_published_and_the_next_one_does_the_rest(
    on_both_with_team: Settings, member: Member
) -> None:
    embedder, watch = SlowEmbedder(0.4), Watch()
    async with member(on_both_with_team, embedder=embedder) as kb, member(on_both_with_team) as other:
        running = asyncio.create_task(kb.reindex("handbook", on_progress=watch))
        await watch.under_way.wait()
        await stopped(on_both_with_team, running, other)
        assert rows(on_both_with_team, PENDING) == [(0,)]
        live = rows(on_both_with_team, LIVE)[0][0]
        report = await kb.reindex("handbook")
    assert (report.unchanged, report.added) == (live, 300 - live)
    assert not rows(on_both_with_team, PENDING)[0][0]


async def test_a_run_of_a_worker_with_helpers_stops_everywhere(
    on_postgres: Settings, member: Member, documents: Path
) -> None:
    watch, helping = Watch(), SlowEmbedder(0.6)
    async with (
        member(on_postgres) as web,
        worker_process(on_postgres, documents, seconds=0.6),
        member(on_postgres, works=True, embedder=helping),
    ):
        running = asyncio.create_task(web.request_reindex("handbook", on_progress=watch))
        await watch.under_way.wait()
        await stopped(on_postgres, running, web)

        async def idle() -> bool:
            return rows(on_postgres, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]

        await until(idle)
        live, texts = rows(on_postgres, LIVE), helping.texts
        await asyncio.sleep(1)
        assert (rows(on_postgres, LIVE), helping.texts) == (live, texts)
        assert rows(on_postgres, "SELECT count(*) FROM run_batches") == [(0,)]
        report = await web.request_reindex("handbook")
    assert report.added == 300 - live[0][0]


async def test_a_request_that_nobody_has_begun_ends_at_once(on_both_with_team: Settings, member: Member) -> None:
    async with member(on_both_with_team) as kb, member(on_both_with_team) as other:
        run = await kb._store.runs.request("handbook")
        assert await other.cancel_reindex("handbook")
        assert rows(on_both_with_team, STATES) == [("cancelled",)]
        await kb._runs.perform(run.run_id)
    assert rows(on_both_with_team, LIVE) == [(0,)]


async def test_who_asks_after_a_cancel_gets_a_run_of_his_own(on_both_with_team: Settings, member: Member) -> None:
    watch = Watch()
    async with member(on_both_with_team, works=True, embedder=SlowEmbedder(0.3)) as kb:
        first = asyncio.create_task(kb.request_reindex("handbook", on_progress=watch))
        await watch.under_way.wait()
        assert await kb.cancel_reindex("handbook")
        report = await kb.request_reindex("handbook")
        with pytest.raises(ReindexCancelledError):
            await first
    assert report.added + report.unchanged == 300


async def test_there_is_nothing_to_cancel_when_nothing_runs(on_both_with_team: Settings, member: Member) -> None:
    async with member(on_both_with_team, works=True) as kb:
        assert not await kb.cancel_reindex("handbook")
        await kb.request_reindex("handbook")
        assert not await kb.cancel_reindex("handbook")
        assert (await kb.search(Question("word17"), k=1)).passages


async def test_only_the_named_folder_is_cancelled(on_both_with_team: Settings, member: Member) -> None:
    watch = Watch()
    async with member(on_both_with_team, embedder=SlowEmbedder(0.2)) as kb:
        running = asyncio.create_task(kb.reindex("handbook", on_progress=watch))
        await watch.under_way.wait()
        assert not await kb.cancel_reindex("handbook/policies")
        assert (await running).added == 300


async def test_a_second_request_is_told_that_it_joined(on_both_with_team: Settings, member: Member) -> None:
    joined: list[str] = []
    watch = Watch()

    async def first_joined() -> None:
        joined.append("first")

    async def second_joined() -> None:
        joined.append("second")

    async with member(on_both_with_team, works=True, embedder=SlowEmbedder(0.2)) as kb:
        first = asyncio.create_task(kb.request_reindex("handbook", key="1", on_progress=watch, on_joined=first_joined))
        await watch.under_way.wait()
        again = asyncio.create_task(kb.request_reindex("handbook", key="1", on_joined=first_joined))
        second = asyncio.create_task(kb.request_reindex("handbook", key="2", on_joined=second_joined))
        assert len({report.summary() for report in await asyncio.gather(first, again, second)}) == 1
    assert joined == ["second"]


async def test_what_a_button_needs_to_know_of_an_empty_folder_survives_the_way_from_a_worker(
    on_both_with_team: Settings, member: Member, documents: Path
) -> None:
    async with member(on_both_with_team, works=True) as kb:
        await kb.request_reindex("handbook")
        for number in range(200):
            (documents / f"{number}.md").unlink()
        with pytest.raises(EmptySourceError) as refused:
            await kb.request_reindex("handbook")
        assert (refused.value.vanished, refused.value.live) == (200, 300)
        assert (await kb.request_reindex("handbook", allow_empty=True)).removed == 200


def test_the_command_says_whether_there_was_something_to_cancel(
    tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(app, ["reindex", str(documents), "--cancel"])
    assert (done.exit_code, done.stdout) == (0, f"No reindex of {documents} is under way.\n")
    done = CliRunner().invoke(app, ["reindex", str(documents), "--cancel", "--json"])
    assert json.loads(done.stdout) == {"source": str(documents), "cancelled": False}
    done = CliRunner().invoke(app, ["reindex", "nowhere", "--cancel"])
    assert (done.exit_code, done.stderr) == (2, "footnote: There is no source and no folder 'nowhere'.\n")
