"""What was indexed of a source that nobody uses any more goes after a while, or when somebody says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, Question, Settings, SourceError, SourceSettings, TeamFile
from knowledge.retiring import clear_outlived
from tests.databases import rows
from tests.jobs.conftest import Member


@pytest.fixture
def on_both_with_two(on_both: Settings, tmp_path: Path) -> Settings:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_text(f"# The {name} page\n\nThe {name} rule allows 4711 crossings.\n")
    sources = {name: SourceSettings(path=tmp_path / name) for name in ("old", "new")}
    return on_both.with_team(TeamFile(sources=sources))


def without_old(settings: Settings) -> Settings:
    return settings.with_team(TeamFile(sources={"new": settings.team.sources["new"]}))


def kept_of_old(settings: Settings) -> tuple[int, int, int]:
    counts = [
        "SELECT count(*) FROM documents WHERE source = 'old'",
        "SELECT count(*) FROM chunks WHERE source = 'old'",
        "SELECT count(*) FROM index_log JOIN chunks ON chunks.id = chunk_id WHERE source = 'old' AND added",
    ]
    return tuple(rows(settings, query)[0][0] for query in counts)  # type: ignore[return-value]


async def outlive(kb: KnowledgeBase, kept: timedelta) -> None:
    await clear_outlived(kb._store.corpus, kb._clear, kept=kept)


async def test_a_source_that_is_named_no_longer_goes_after_a_while(member: Member, on_both_with_two: Settings):
    async with member(on_both_with_two) as kb:
        await kb.reindex("old")
        await kb.reindex("new")
    async with member(without_old(on_both_with_two)) as kb:
        await outlive(kb, timedelta(days=30))
        assert kept_of_old(on_both_with_two) == (1, 1, 1)
        await outlive(kb, timedelta())
        assert kept_of_old(on_both_with_two) == (0, 0, 0)
        assert (await kb.verify()).sound
        assert [status.name for status in await kb.sources()] == ["new"]
    async with member(on_both_with_two) as kb:
        assert (await kb.reindex("old")).added == 1
        await outlive(kb, timedelta())
        assert kept_of_old(on_both_with_two) == (1, 1, 1)


async def test_what_an_answer_has_shown_stays_with_it(member: Member, on_both_with_two: Settings):
    async with member(on_both_with_two) as kb:
        await kb.reindex("old")
        answer = await kb.ask(Question("How many crossings does the old rule allow?"))
        assert answer.citations
    async with member(without_old(on_both_with_two)) as kb:
        assert await kb.remove_source("old") == 1
        assert kept_of_old(on_both_with_two) == (0, 1, 0)
        assert (await kb.answer(answer.id)).citations == answer.citations
        assert not (await kb.search(Question("the old rule"))).passages


async def test_a_source_that_is_in_use_is_not_removed(member: Member, on_both_with_two: Settings):
    async with member(on_both_with_two) as kb:
        await kb.reindex("old")
        with pytest.raises(SourceError, match=r"footnote.toml names the source 'old': take it out there first."):
            await kb.remove_source("old")
        assert kept_of_old(on_both_with_two) == (1, 1, 1)


async def test_a_folder_of_the_command_line_is_removed_by_its_path(member: Member, on_both: Settings, handbook: Path):
    async with member(on_both) as kb:
        await kb.reindex_folder(handbook)
        assert await kb.remove_source(str(handbook)) == 4
        assert await kb.sources() == []
        assert (await kb.reindex_folder(handbook)).added == 4
