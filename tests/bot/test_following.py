"""`footnote.toml` is changed while the bot serves: what it says holds, and what makes no sense changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox import SandboxServer
from knowledge import KnowledgeBase, Question, Settings, following
from tests.bot.running import command, logged
from tests.bot.test_surfaces import LEAVE, whisper
from tests.databases import rows
from tests.jobs.parts import SlowEmbedder, until

FIRST = """
[sources.handbook]
path = "{handbook}"
[admins]
users = ["U0ADA"]
"""
CLOSED = FIRST.replace("[admins]", 'users = ["U0ADA"]\n[admins]')
WRONG = CLOSED.replace('users = ["U0ADA"]\n[admins]', "users = []\n[admins]")
ANOTHER = """
[sources.garden]
path = "{garden}"
[admins]
users = ["U0ADA", "U0BEN"]
"""
GARDEN = "Who waters the tomatoes in the greenhouse?"


@pytest.fixture
def folders(company: Path, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "garden").mkdir()
    (tmp_path / "garden" / "plants.md").write_text(
        "# Plants\n\nChloé waters the tomatoes in the greenhouse.\n", "utf-8"
    )
    return {"handbook": str(company / "handbook"), "garden": str(tmp_path / "garden")}


@pytest.fixture
def config(tmp_path: Path, folders: dict[str, str]) -> Path:
    config = tmp_path / "team" / "footnote.toml"
    config.parent.mkdir()
    return say(config, FIRST.format_map(folders))


def say(config: Path, text: str) -> Path:
    config.write_text(text, "utf-8")
    return config


def hide(config: Path) -> None:
    config.rename(config.with_suffix(".bak"))


async def test_the_next_question_is_asked_with_what_the_file_says_now(
    sandbox: SandboxServer, bot_settings: Settings, config: Path, folders: dict[str, str]
) -> None:
    ada, ben = sandbox.person("U0ADA"), sandbox.person("U0BEN")

    async def is_answered(question: str, words: str) -> None:
        asked = await ben.mention("C0GENERAL", question)
        answer = await sandbox.wait_for_answer(asked, timeout=15)
        assert words in answer.text

    async def home_says(words: str) -> None:
        async def says() -> bool:
            await ada.open_home()
            home = sandbox.workspace.homes.get("U0ADA")
            return home is not None and words in str(home.body)

        await until(says, within=15)

    app_token = sandbox.workspace.app.app_token
    async with command("serve", bot_settings, config, SLACK_APP_TOKEN=app_token) as serving:
        await logged(serving, "server.started")
        await sandbox.wait_until_connected(timeout=30)
        await is_answered(LEAVE, "27 days")
        say(config, CLOSED.format_map(folders))
        await is_answered(LEAVE, "I could not find this")

        say(config, WRONG.format_map(folders))
        told = json.loads(await logged(serving, "team_file.refused"))
        assert told["cause"].startswith(f"{config} is wrong: sources.handbook.users: ")
        await home_says("What it said before holds until that is put right")
        await is_answered(LEAVE, "I could not find this")

        say(config.with_name("new.toml"), ANOTHER.format_map(folders)).replace(config)
        await home_says("garden: not indexed yet")
        await ben.command("C0GENERAL", "/reindex garden")
        await sandbox.wait_for_message("C0GENERAL", whisper("1 added"), timeout=30)
        await is_answered(GARDEN, "Chloé waters the tomatoes")
        home = str(sandbox.workspace.homes["U0ADA"].body)
        assert "What it said before" not in home
        assert "handbook" not in home
    outcomes = rows(bot_settings, "SELECT outcome FROM audit WHERE act = 'audience.changed'")
    assert outcomes == [("everyone → 1 person",)]


@asynccontextmanager
async def fresh(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KnowledgeBase]:
    monkeypatch.setenv("FOOTNOTE_CONFIG", str(config))
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "another"))
    kb = await KnowledgeBase.open(Settings.load(), embedder=SlowEmbedder())
    keeping = asyncio.create_task(kb.keep_fresh())
    try:
        yield kb
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await kb.close()


async def test_a_file_that_is_being_written_is_waited_for(
    config: Path, folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it would open the source to everybody."""
    monkeypatch.setattr(following, "SETTLED_SECONDS", 1.5)
    say(config, CLOSED.format_map(folders))
    async with fresh(config, tmp_path, monkeypatch) as kb:
        await kb.reindex("handbook")
        whole = CLOSED.format_map(folders).replace("U0ADA", "U0BEN")
        half = whole[: whole.index("users")]
        asking = asyncio.create_task(kb.ask(Question("annual leave")))
        for text in (half, whole[: len(half) + 3], whole):
            say(config, text)
            await asyncio.sleep(0.3)
        assert not (await asking).citations

        async def holds() -> bool:
            return kb.settings.team.sources["handbook"].users == ("U0BEN",)

        await until(holds, within=15)
        assert rows(kb.settings, "SELECT outcome FROM audit WHERE act = 'audience.changed'") == [
            ("1 person → 1 person",)
        ]


async def test_a_new_schedule_and_a_source_that_is_taken_out_need_no_restart(
    config: Path, folders: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fresh(config, tmp_path, monkeypatch) as kb:

        async def runs(source: str) -> int:
            return rows(kb.settings, f"SELECT count(*) FROM runs WHERE source = '{source}' AND state = 'done'")[0][0]

        text = FIRST.replace("[admins]", 'refresh = "1s"\nwatch = false\n[admins]').format_map(folders)
        say(config, text)

        async def is_kept() -> bool:
            return await runs("handbook") >= 2

        await until(is_kept, within=20)
        say(config, ANOTHER.format_map(folders))

        async def is_gone() -> bool:
            return [status.name for status in await kb.sources()] == ["garden"]

        await until(is_gone, within=15)
        before = await runs("handbook")
        hide(config)

        async def is_noticed() -> bool:
            return "cannot be read" in kb.team_fault

        await until(is_noticed, within=15)
        assert [status.name for status in await kb.sources()] == ["garden"]
        assert await runs("handbook") == before
