"""Postgres goes away in the middle of everything: who asks is told so in a sentence, and it comes back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from knowledge import (
    Answer,
    ConfigurationError,
    DatabaseUnavailableError,
    Delivery,
    KnowledgeBase,
    Outcome,
    Question,
    Settings,
    SourceSettings,
    TeamFile,
)
from tests.postgres import Cluster

QUESTION = "How many days of paid annual leave do full-time employees get?"
SENTENCE = "The database did not answer. Try again in a moment."


@pytest.fixture
def settings(postgres: Cluster, tmp_path: Path, handbook: Path) -> Settings:
    team = TeamFile(sources={"handbook": SourceSettings(path=handbook)})
    return Settings(home=tmp_path / "home", database_url=postgres.migrated_database()).with_team(team)


async def ask_on_and_on(kb: KnowledgeBase, answers: list[Answer], stop: asyncio.Event) -> None:
    while not stop.is_set():
        answers.append(await kb.ask(Question(QUESTION)))
        await asyncio.sleep(0.05)


async def test_a_database_killed_in_the_middle_of_the_load_is_used_again_within_ten_seconds(
    settings: Settings, postgres: Cluster
) -> None:
    kb = await KnowledgeBase.open(settings)
    working = asyncio.create_task(kb.work())
    try:
        assert (await kb.request_reindex("handbook")).added == 4
        answers: list[Answer] = []
        stop = asyncio.Event()
        load = [asyncio.create_task(ask_on_and_on(kb, answers, stop)) for _ in range(10)]
        await wait_for(lambda: sum(answer.outcome is Outcome.ANSWERED for answer in answers) >= 10)
        await asyncio.to_thread(postgres.stop, "immediate")
        try:
            answers.clear()
            await wait_for(lambda: len(answers) >= 10)
            assert {answer.outcome for answer in answers} == {Outcome.FAILED}
            with pytest.raises(DatabaseUnavailableError, match=SENTENCE):
                await kb.deliveries.record(Delivery("event:1", "event", b"{}"))
            assert SENTENCE in (await kb.ready()).values()
        finally:
            await asyncio.to_thread(postgres.start)
        back = time.monotonic()
        answers.clear()
        await wait_for(lambda: any(answer.outcome is Outcome.ANSWERED for answer in answers))
        assert await kb.deliveries.record(Delivery("event:1", "event", b"{}"))
        assert time.monotonic() - back < 10
        stop.set()
        await asyncio.gather(*load)
        assert (await asyncio.wait_for(kb.request_reindex("handbook"), 10)).unchanged == 4
        assert set((await kb.ready()).values()) == {"ok"}
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await kb.close()


async def wait_for(met: Callable[[], bool], *, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not met():  # noqa: ASYNC110 - a dead database sends no event
            await asyncio.sleep(0.02)


async def test_two_hundred_answers_at_once_share_a_few_connections(settings: Settings, postgres: Cluster) -> None:
    kb = await KnowledgeBase.open(settings)
    await kb.reindex("handbook")
    answers = await asyncio.gather(*(kb.ask(Question(QUESTION, key=f"event:{number}")) for number in range(200)))
    assert {answer.outcome for answer in answers} == {Outcome.ANSWERED}
    assert len({answer.id for answer in answers}) == 200
    again = await asyncio.gather(*(kb.ask(Question(QUESTION, key=f"event:{number}")) for number in range(200)))
    assert [answer.id for answer in again] == [answer.id for answer in answers]
    await kb.close()


async def test_a_database_that_is_not_there_is_said_in_one_sentence(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:9/nothing"})
    with pytest.raises(DatabaseUnavailableError, match=SENTENCE):
        await KnowledgeBase.open(nowhere)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/test_": "/nothing_"}, r"DATABASE_URL: database .* does not exist\."),
        ({"postgres@": "nobody@"}, r"DATABASE_URL: role .* does not exist\."),
        ({"?host": "?colour=blue&host"}, r"DATABASE_URL: invalid connection option .*colour.*\."),
        ({"@/": "@host:port/"}, r"DATABASE_URL must look like postgresql://user:password@host:5432/name\."),
    ],
)
async def test_a_wrong_address_is_a_wrong_configuration(settings: Settings, change: dict[str, str], said: str) -> None:
    url = settings.database_url or ""
    for old, new in change.items():
        url = url.replace(old, new, 1)
    with pytest.raises(ConfigurationError, match=said):
        await KnowledgeBase.open(settings.model_copy(update={"database_url": url}))
