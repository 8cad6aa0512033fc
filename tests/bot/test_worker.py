"""`web` and `worker` on Postgres: what an admin asks one process for, another one does."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from bot.sandbox import SandboxServer
from bot.server import Server
from knowledge import KnowledgeBase, Settings
from knowledge.runs import PATIENCE_SECONDS
from tests.bot.answerers import QuotingAnswerer
from tests.bot.conftest import BotFactory
from tests.bot.running import command, logged
from tests.bot.test_surfaces import LEAVE, answers, whisper
from tests.databases import rows
from tests.postgres import Cluster


@pytest.fixture
def bot_settings(bot_settings: Settings, postgres: Cluster) -> Settings:
    return bot_settings.model_copy(update={"database_url": postgres.migrated_database()})


async def test_a_worker_does_the_reindex_that_slack_asked_the_web_process_for(
    sandbox: SandboxServer, start: BotFactory, bot_settings: Settings, company: Path
) -> None:
    working = await KnowledgeBase.open(bot_settings, answerer=QuotingAnswerer())
    async with start(), Server(working, bot_settings.model_copy(update={"port": None}), listen=False) as worker:
        assert worker.port is None
        await sandbox.person("U0ADA").command("C0GENERAL", "/reindex handbook")
        report = "3 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
        # Later the web process would have lost its patience and done it itself.
        await sandbox.wait_for_message("C0GENERAL", whisper(report, to="U0ADA"), timeout=PATIENCE_SECONDS)
        asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
        assert "27 days" in (await sandbox.wait_for_answer(asked)).text
        assert len(answers(sandbox, "C0GENERAL")) == 1
    await working.close()
    assert rows(bot_settings, "SELECT state, key IS NOT NULL FROM runs") == [("done", True)]


async def test_the_worker_command_waits_for_its_database_works_and_ends_in_order(
    sandbox: SandboxServer, bot_settings: Settings, postgres: Cluster, company: Path, tmp_path: Path, start: BotFactory
) -> None:
    config = tmp_path / "footnote.toml"
    config.write_text(f'[sources.handbook]\npath = "{company / "handbook"}"\n')
    await asyncio.to_thread(postgres.stop)
    async with command("worker", bot_settings, config) as worker:
        try:
            await logged(worker, "database.unreachable")
        finally:
            await asyncio.to_thread(postgres.start)
        await logged(worker, "server.started")
        async with start():
            await sandbox.person("U0ADA").command("C0GENERAL", "/reindex handbook")
            report = "3 added, 0 changed, 0 unchanged, 0 removed, 0 failed"
            await sandbox.wait_for_message("C0GENERAL", whisper(report, to="U0ADA"), timeout=PATIENCE_SECONDS)
        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(worker.wait(), 25) == 0
        assert time.monotonic() - began < 25
