"""The weekly report: posted once by one of many processes, and telling a channel nothing that is not for it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from bot import weekly_report
from bot.sandbox import Message, SandboxServer
from bot.server import Server
from knowledge import Delivery, KnowledgeBase, ReportSettings, Settings
from tests.bot.conftest import BotFactory

MONDAY = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
OPEN = "Which zeppelin lands on the hydroponic volcano?"
PRIVATE = "Which submarine dives below the salary glacier?"


@pytest.fixture
def bot_settings(bot_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    # Whatever day it is, the loop begins nothing by itself here.
    monkeypatch.setattr(weekly_report, "OPEN_FOR", timedelta())
    team = bot_settings.team.model_copy(update={"report": ReportSettings(channel="C0HELP")})
    return bot_settings.with_team(team)


@pytest.fixture
def on_monday(bot_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weekly_report, "OPEN_FOR", timedelta(hours=36))
    monkeypatch.setattr(weekly_report, "LOOK_SECONDS", 3600.0)


async def ask(sandbox: SandboxServer, channel: str, question: str, person: str = "U0BEN") -> None:
    await sandbox.wait_for_answer(await sandbox.person(person).mention(channel, question))


def reports(sandbox: SandboxServer) -> list[Message]:
    found = sandbox.workspace.all_messages("C0HELP")
    return [message for message in found if (message.metadata or {}).get("event_type") == "footnote_report"]


@pytest.mark.parametrize(
    ("now", "week"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), None),
        (datetime(2026, 11, 23, 8, 0, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 11, 24, 19, 59, tzinfo=UTC), "2026-W48"),
        (datetime(2026, 11, 24, 20, 0, tzinfo=UTC), None),
        (datetime(2026, 11, 29, 12, 0, tzinfo=UTC), None),
        (datetime(2027, 1, 4, 9, 0, tzinfo=UTC), "2027-W01"),
    ],
)
def test_a_report_is_due_on_monday_morning_and_made_up_for_until_tuesday(
    on_monday: None, now: datetime, week: str | None
):
    assert weekly_report.due(now) == week


async def test_of_two_processes_one_posts_the_report_and_next_week_again(
    sandbox: SandboxServer, start: BotFactory, on_monday: None
):
    async with start() as one, start() as other:
        await ask(sandbox, "C0GENERAL", OPEN)
        begun = [await weekly_report.begin(bot.app.parts, now=MONDAY) for bot in (one, other, one)]
        assert begun == [True, False, False]
        assert await sandbox.wait_until(lambda: reports(sandbox))
        assert await weekly_report.begin(other.app.parts, now=MONDAY + timedelta(days=7))
        assert await sandbox.wait_until(lambda: len(reports(sandbox)) == 2)


async def test_a_channel_is_told_only_what_is_for_it(sandbox: SandboxServer, bot: Server, on_monday: None):
    await ask(sandbox, "C0GENERAL", OPEN)
    await ask(sandbox, "C0LEADS", PRIVATE)
    ben = sandbox.person("U0BEN")
    await ben.say(ben.direct_message, "Which unicorn grazes on the moon of cheese?")
    await sandbox.wait_for_message(ben.direct_message, lambda message: "could not find" in message.text)
    await weekly_report.begin(bot.app.parts, now=MONDAY)
    (posted,) = await sandbox.wait_until(lambda: reports(sandbox))
    said = posted.text + json.dumps(posted.blocks)
    assert "3 questions from one person" in said
    assert "zeppelin" in said
    assert "submarine" not in said
    assert "unicorn" not in said
    assert "salaries" not in said
    assert (posted.unfurl_links, posted.unfurl_media) == (False, False)


async def test_a_report_that_another_process_left_behind_is_posted_once(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase, on_monday: None
):
    await ask(sandbox, "C0GENERAL", OPEN)
    body = {"type": weekly_report.KIND, "week": "2026-W48"}
    await kb.deliveries.record(Delivery("report:2026-W48", weekly_report.KIND, json.dumps(body).encode()))
    assert await sandbox.wait_until(lambda: reports(sandbox), timeout=20)
    assert not await weekly_report.begin(bot.app.parts, now=MONDAY)
    assert len(reports(sandbox)) == 1


async def test_a_week_without_questions_says_nothing(sandbox: SandboxServer, bot: Server, on_monday: None):
    assert await weekly_report.begin(bot.app.parts, now=MONDAY)
    await asyncio.gather(*(job.task for job in bot.app.parts.inbox.jobs() if job.task))
    assert reports(sandbox) == []
