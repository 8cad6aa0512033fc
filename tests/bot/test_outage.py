"""Postgres dies under load and comes back: every question is answered or told, once, without a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from bot.sandbox import App, Message, SandboxServer, Workspace
from bot.server import Server
from knowledge import AnswerEvent, AnswerRequest, KnowledgeBase, Settings
from tests.bot.answerers import QuotingAnswerer
from tests.bot.conftest import MANIFEST, BotFactory
from tests.bot.test_server import get
from tests.bot.test_surfaces import LEAVE, answers
from tests.databases import rows
from tests.postgres import Cluster

BEFORE, WHILE, AFTER = 6, 6, 4
DOWN_SECONDS = 2.0


class UnhurriedAnswerer(QuotingAnswerer):
    """Takes as long as a model, so that questions are in the making when the database dies."""

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        await asyncio.sleep(0.6)
        async for event in super().events(request):
            yield event


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxServer]:
    """A Slack that, as the real one, tries again for longer than the database is away."""
    async with SandboxServer(Workspace(app=App.from_manifest(MANIFEST)), retry_delays=(0.5, 3.0, 8.0)) as server:
        yield server


@pytest.fixture
def bot_settings(bot_settings: Settings, postgres: Cluster) -> Settings:
    return bot_settings.model_copy(update={"database_url": postgres.migrated_database()})


@pytest.fixture
def answerer() -> QuotingAnswerer:
    return UnhurriedAnswerer()


async def ask(sandbox: SandboxServer, count: int) -> list[Message]:
    return [await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE) for _ in range(count)]


async def ready(server: Server) -> None:
    while (await get(server, "/readyz")).status_code != 200:  # noqa: ASYNC110 - what a load balancer does
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("socket_mode", [False, True], ids=["http", "socket"])
async def test_a_database_that_dies_under_load_costs_no_question(
    sandbox: SandboxServer,
    start: BotFactory,
    kb: KnowledgeBase,
    bot_settings: Settings,
    postgres: Cluster,
    socket_mode: bool,
) -> None:
    await kb.reindex("handbook")
    async with start(socket_mode=socket_mode) as server:
        asked = await ask(sandbox, BEFORE)
        await asyncio.sleep(0.3)  # in the middle of them
        await asyncio.to_thread(postgres.stop, "immediate")
        try:
            asked += await ask(sandbox, WHILE)
            assert (await get(server, "/healthz")).status_code == 200
            down = await get(server, "/readyz")
            assert down.status_code == 503
            assert "database did not answer" in down.json()["database"]
            await asyncio.sleep(DOWN_SECONDS)
        finally:
            await asyncio.to_thread(postgres.start)
        back = time.monotonic()
        await asyncio.wait_for(ready(server), 10)
        new = await ask(sandbox, AFTER)
        for question in new:
            assert "27 days" in (await sandbox.wait_for_answer(question, timeout=10)).text
        assert time.monotonic() - back < 10
        for question in asked:
            told = (await sandbox.wait_for_answer(question, timeout=20)).text
            assert "27 days" in told or "Something went wrong" in told
        async with asyncio.timeout(20):
            while rows(bot_settings, "SELECT count(*) FROM deliveries WHERE NOT settled") != [(0,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        said = [message.thread_ts for message in answers(sandbox, "C0GENERAL")]
        assert sorted(said) == sorted(question.ts for question in [*asked, *new])
