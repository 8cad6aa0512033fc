"""Votes, reasons and corrections: kept at the click, seen by the one who clicked."""

from __future__ import annotations

import asyncio
import sqlite3

from bot.sandbox import Message, SandboxServer
from bot.server import Server
from knowledge import KnowledgeBase, Settings, Vote
from tests.bot.test_surfaces import LEAVE, whisper


async def answered(sandbox: SandboxServer) -> Message:
    asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
    return await sandbox.wait_for_answer(asked)


def answer_id(message: Message) -> str:
    return message.metadata["event_payload"]["answer_id"]


async def test_thumbs_up_is_kept_and_thanked_for_in_the_thread(
    sandbox: SandboxServer, either_bot: Server, kb: KnowledgeBase
) -> None:
    answer = await answered(sandbox)
    await sandbox.person("U0CHLOE").click(answer, "answer_feedback", value="up:")
    thanks = await sandbox.wait_for_message("C0GENERAL", whisper("Thank you", to="U0CHLOE"))
    assert thanks.thread_ts == answer.thread_ts
    assert await kb.current_vote(answer_id(answer), "U0CHLOE") is Vote.UP


async def test_thumbs_down_is_kept_before_the_form_and_the_form_adds_to_it(
    sandbox: SandboxServer, either_bot: Server, kb: KnowledgeBase, bot_settings: Settings
) -> None:
    answer = await answered(sandbox)
    ben = sandbox.person("U0BEN")
    await ben.click(answer, "answer_feedback", value="down:")
    form = await sandbox.wait_for_modal("U0BEN")
    assert form.body["callback_id"] == "feedback_reason"
    assert await kb.current_vote(answer_id(answer), "U0BEN") is Vote.DOWN
    assert await sandbox.wait_for_message("C0GENERAL", whisper("Your vote is counted"))
    told = {"reason": ["outdated_source", "incomplete"], "comment": "Old page", "correction": "28 days since May"}
    await ben.submit(form, told)
    assert await sandbox.wait_for_message("C0GENERAL", whisper("What you wrote is kept"))
    with sqlite3.connect(bot_settings.home / "footnote.db") as database:
        rows = database.execute("select person, reasons, comment, correction from remarks").fetchall()
    assert rows == [("U0BEN", '["outdated_source", "incomplete"]', "Old page", "28 days since May")]


async def test_twenty_clicks_leave_one_vote_and_the_last_one_counts(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase, bot_settings: Settings
) -> None:
    answer = await answered(sandbox)
    ben = sandbox.person("U0BEN")
    await asyncio.gather(*(ben.click(answer, "answer_feedback", value="up:") for _ in range(20)))
    thanks = whisper("Thank you")
    await sandbox.wait_until(lambda: len([m for m in ben.sees("C0GENERAL") if thanks(m)]) == 20, timeout=20)
    with sqlite3.connect(bot_settings.home / "footnote.db") as database:
        assert database.execute("select count(*) from feedback").fetchone() == (1,)
    await ben.click(answer, "answer_feedback", value="down:")
    await sandbox.wait_for_modal("U0BEN")
    assert await kb.current_vote(answer_id(answer), "U0BEN") is Vote.DOWN


async def test_a_vote_works_on_an_answer_that_only_its_asker_sees(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ben = sandbox.person("U0BEN")
    await ben.command("C0RANDOM", f"/ask {LEAVE}")
    answer = await sandbox.wait_for_message("C0RANDOM", whisper("27 days"))
    await ben.click(answer, "answer_feedback", value="down:")
    await sandbox.wait_for_modal("U0BEN")
    assert await sandbox.wait_for_message("C0RANDOM", whisper("Your vote is counted"))


async def test_a_click_on_an_answer_that_is_gone_says_so(
    sandbox: SandboxServer, bot: Server, bot_settings: Settings
) -> None:
    answer = await answered(sandbox)
    with sqlite3.connect(bot_settings.home / "footnote.db", isolation_level=None) as database:
        database.execute("pragma foreign_keys = off")
        database.execute("delete from answers")
    await sandbox.person("U0BEN").click(answer, "answer_feedback", value="up:")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("no longer kept"))


async def test_who_is_too_late_for_the_form_gets_a_button_for_it(sandbox: SandboxServer, bot: Server) -> None:
    sandbox.faults.error("views.open", "expired_trigger_id")
    answer = await answered(sandbox)
    ben = sandbox.person("U0BEN")
    await ben.click(answer, "answer_feedback", value="down:")
    thanks = await sandbox.wait_for_message("C0GENERAL", whisper("Your vote is counted"))
    await ben.click(thanks, "open_feedback_form")
    assert await sandbox.wait_for_modal("U0BEN")


async def test_what_a_forgotten_person_was_answered_is_passed_on_to_nobody(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ben = sandbox.person("U0BEN")
    await ben.command("C0GENERAL", f"/ask {LEAVE}")
    answer = await sandbox.wait_for_message("C0GENERAL", whisper("27 days"))
    await kb.forget("U0BEN")
    await ben.click(answer, "share_answer")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("no longer kept"))
