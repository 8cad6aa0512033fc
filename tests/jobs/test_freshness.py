"""Sources stay fresh by themselves: what changes is noticed, what is due is done, by one process of many."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from knowledge import (
    ConfigurationError,
    KnowledgeBase,
    Question,
    Settings,
    SourceSettings,
    TeamFile,
    Vanished,
    freshness,
)
from tests.databases import rows
from tests.jobs.parts import SlowEmbedder, until

RUNS = "SELECT count(*) FROM runs WHERE state = 'done'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes" / "sub").mkdir(parents=True)
    for name in ("one", "two", "sub/three"):
        (tmp_path / "notes" / f"{name}.md").write_text(f"# {name}\n\nA word of {name}.\n", "utf-8")
    return tmp_path / "notes"


@asynccontextmanager
async def opened(tmp_path: Path, folder: Path, **source: Any) -> AsyncIterator[KnowledgeBase]:
    team = TeamFile(sources={"notes": SourceSettings(path=folder, **source)})
    kb = await KnowledgeBase.open(Settings(home=tmp_path / "home").with_team(team), embedder=SlowEmbedder())
    try:
        yield kb
    finally:
        await kb.close()


@asynccontextmanager
async def fresh(kb: KnowledgeBase, *, poll: float = 60.0) -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(freshness, "POLL_SECONDS", poll)
        keeping = asyncio.create_task(kb.keep_fresh())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def found(kb: KnowledgeBase, word: str, *, within: float) -> float:
    """Wait until a search finds the word; return how long that took."""

    async def is_found() -> bool:
        return any(word in passage.chunk.text for passage in (await kb.search(Question(word))).passages)

    return await until(is_found, within=within)


async def settled(kb: KnowledgeBase, count: int) -> None:
    """Wait until so many runs are done: the first look of a watcher is one."""

    async def are_done() -> bool:
        return rows(kb.settings, RUNS)[0][0] >= count

    await until(are_done, within=20)


async def test_an_edit_is_used_by_the_next_answers(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as kb:
        await kb.reindex("notes")
        async with fresh(kb):
            await settled(kb, 2)
            (folder / "sub" / "three.md").write_text("# three\n\nThe marmalade is in the cellar.\n", "utf-8")
            await found(kb, "marmalade", within=15)
            (folder / "new.md").write_text("# new\n\nThe trombone is in the attic.\n", "utf-8")
            await found(kb, "trombone", within=15)


async def test_what_changed_while_nobody_watched_is_noticed_at_the_start(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as kb:
        await kb.reindex("notes")
        (folder / "one.md").write_text("# one\n\nThe marmalade is in the cellar.\n", "utf-8")
        async with fresh(kb):
            await found(kb, "marmalade", within=15)


async def test_one_process_of_many_sees_to_a_source_and_another_takes_its_place(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as kb, opened(tmp_path, folder) as other:
        await kb.reindex("notes")
        async with fresh(kb):
            await settled(kb, 2)
            async with fresh(other):
                (folder / "one.md").write_text("# one\n\nThe marmalade is in the cellar.\n", "utf-8")
                await found(other, "marmalade", within=15)
            await settled(kb, 3)
        assert rows(kb.settings, RUNS) == [(3,)]
        async with fresh(other):
            (folder / "two.md").write_text("# two\n\nThe trombone is in the attic.\n", "utf-8")
            await found(other, "trombone", within=20)


async def test_where_the_system_says_nothing_the_folder_is_looked_through(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_watches_left(_: Path) -> AsyncIterator[None]:
        raise OSError("OS file watch limit reached.")
        yield

    monkeypatch.setattr(freshness, "hints", no_watches_left)
    async with opened(tmp_path, folder) as kb:
        await kb.reindex("notes")
        async with fresh(kb, poll=0.3):
            await settled(kb, 2)
            (folder / "one.md").write_text("# one\n\nThe marmalade is in the cellar.\n", "utf-8")
            await found(kb, "marmalade", within=15)


async def test_git_is_waited_for_and_its_own_files_are_nothing_new(tmp_path: Path, folder: Path) -> None:
    (folder / ".git").mkdir()
    async with opened(tmp_path, folder) as kb:
        await kb.reindex("notes")
        async with fresh(kb, poll=0.3):
            await settled(kb, 2)
            (folder / ".git" / "index.lock").touch()
            (folder / "one.md").write_text("# one\n\nThe marmalade is in the cellar.\n", "utf-8")
            await asyncio.sleep(1.0)  # long enough for two looks
            assert rows(kb.settings, RUNS) == [(2,)]
            (folder / ".git" / "index.lock").unlink()
            await found(kb, "marmalade", within=15)
            await settled(kb, 3)
        assert rows(kb.settings, RUNS) == [(3,)]


async def test_a_schedule_indexes_what_is_due_and_watching_alone_never_begins(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as kb, fresh(kb, poll=0.2):
        await asyncio.sleep(1.0)  # long enough for several looks
        assert rows(kb.settings, RUNS) == [(0,)]
    async with opened(tmp_path, folder, refresh="1s", watch=False) as kb, fresh(kb):
        await settled(kb, 2)


async def test_an_emptied_folder_changes_nothing_by_itself_and_waits_for_a_yes(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path, folder) as kb:
        await kb.reindex("notes")
        async with fresh(kb, poll=0.3):
            await settled(kb, 2)
            assert (await kb.sources())[0].asks is None
            for name in ("one", "two", "sub/three"):
                (folder / f"{name}.md").unlink()

            async def asks() -> bool:
                return (await kb.sources())[0].asks == Vanished(3, 3)

            await until(asks, within=15)
            await asyncio.sleep(1.0)  # long enough for several looks
            (folder / "one.md").write_text("# one\n\nA word of one.\n", "utf-8")

            async def asks_about_two() -> bool:
                return (await kb.sources())[0].asks == Vanished(2, 3)

            await until(asks_about_two, within=15)
        assert [status.documents for status in await kb.sources()] == [3]
        told = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert [record.getMessage() for record in told] == ["reindex.asks_first"] * 2
        assert not any(record.exc_info for record in told)
        await kb.reindex("notes", allow_empty=True)
        assert (await kb.sources())[0].asks is None


async def test_watching_goes_on_after_somebody_stopped_a_run(tmp_path: Path, folder: Path) -> None:
    async with opened(tmp_path, folder) as kb:
        embedder = kb._parts.embedder
        assert isinstance(embedder, SlowEmbedder)
        await kb.reindex("notes")
        async with fresh(kb):
            await settled(kb, 2)
            embedder.seconds = 30.0
            (folder / "one.md").write_text("# one\n\nThe marmalade is in the cellar.\n", "utf-8")

            async def is_stopped() -> bool:
                return await kb.cancel_reindex("notes")

            await until(is_stopped, within=15)
            embedder.seconds = 0.0
            (folder / "two.md").write_text("# two\n\nThe trombone is in the attic.\n", "utf-8")
            await found(kb, "trombone", within=15)


def test_a_schedule_is_a_span_of_time() -> None:
    assert SourceSettings(path=Path("/x"), refresh="6h").refresh == timedelta(hours=6)
    assert SourceSettings(path=Path("/x")).watch


@pytest.mark.parametrize("refresh", ['"often"', '"0m"', "6", '"-1h"'])
def test_a_wrong_schedule_is_refused_with_an_example(tmp_path: Path, refresh: str) -> None:
    (tmp_path / "footnote.toml").write_text(f'[sources.notes]\npath = "notes"\nrefresh = {refresh}\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r'sources\.notes\.refresh: .*"6h"'):
        TeamFile.load(tmp_path / "footnote.toml")
