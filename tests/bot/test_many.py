"""Many at once on Postgres: one `web` process holds two hundred answers in the making, and every one arrives."""

from __future__ import annotations

import asyncio

import pytest

from bot.sandbox import SandboxServer
from knowledge import KnowledgeBase, Settings
from tests.bot.answerers import QuotingAnswerer, WaitingAnswerer
from tests.bot.conftest import BotFactory
from tests.bot.test_surfaces import LEAVE, answers
from tests.postgres import Cluster

MANY = 200


@pytest.fixture
def bot_settings(bot_settings: Settings, postgres: Cluster) -> Settings:
    return bot_settings.model_copy(update={"database_url": postgres.migrated_database(), "concurrency": MANY})


@pytest.fixture
def answerer() -> QuotingAnswerer:
    return WaitingAnswerer()


async def test_two_hundred_answers_are_in_the_making_at_once_and_all_arrive(
    sandbox: SandboxServer, start: BotFactory, kb: KnowledgeBase, answerer: WaitingAnswerer
) -> None:
    await kb.reindex("handbook")
    async with start():
        asked = [await sandbox.person("U0BEN").mention("C0GENERAL", f"{LEAVE} ({number})") for number in range(MANY)]
        async with asyncio.timeout(30):
            while len(answerer.asked) < MANY:  # noqa: ASYNC110 - the answerer tells nobody
                await asyncio.sleep(0.05)
        assert answers(sandbox, "C0GENERAL") == []
        answerer.go.set()
        texts = [(await sandbox.wait_for_answer(question, timeout=60)).text for question in asked]
    assert all("27 days" in text for text in texts)
    assert len(answers(sandbox, "C0GENERAL")) == MANY
