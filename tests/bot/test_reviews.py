"""Reviewers judge answers in their Home tab, one after the other; everybody chooses there whether theirs are used."""

from __future__ import annotations

from typing import Any

import pytest

from bot import review_blocks
from bot.sandbox import SandboxServer
from bot.sandbox.nouns import View
from bot.server import Server
from knowledge import (
    Feedback,
    KnowledgeBase,
    Question,
    Review,
    ReviewerSettings,
    Scope,
    Settings,
    Signal,
    SignalKind,
    Surface,
    Verdict,
    Vote,
)
from tests.bot.test_feedback import answer_id, answered
from tests.bot.test_surfaces import LEAVE, SALARY, whisper

ADA, BEN, CHLOE = "U0ADA", "U0BEN", "U0CHLOE"
AGAIN = "How much annual leave do employees get?"


@pytest.fixture
def bot_settings(bot_settings: Settings) -> Settings:
    """Chloé reviews; Ada, who may read about salaries, does too."""
    team = bot_settings.team.model_copy(update={"reviewers": ReviewerSettings(users=(CHLOE, ADA))})
    return bot_settings.with_team(team)


async def home_of(sandbox: SandboxServer, user: str, *texts: str) -> View:
    """Open the Home tab and wait until it says this."""
    await sandbox.person(user).open_home()
    return await shown(sandbox, user, *texts)


async def shown(sandbox: SandboxServer, user: str, *texts: str) -> View:
    homes = sandbox.workspace.homes
    await sandbox.wait_until(lambda: user in homes and all(text in str(homes[user].body) for text in texts))
    return homes[user]


async def disliked(sandbox: SandboxServer, **told: Any) -> str:
    """Ask, press 👎 as Ben, and fill in the form if something is told."""
    answer = await answered(sandbox)
    ben = sandbox.person(BEN)
    await ben.click(answer, "answer_feedback", value="down:")
    form = await sandbox.wait_for_modal(BEN)
    if told:
        await ben.submit(form, told)
        await sandbox.wait_for_message("C0GENERAL", whisper("What you wrote is kept"))
    return answer_id(answer)


async def test_a_correction_is_approved_with_one_click_and_given_again(
    sandbox: SandboxServer, either_bot: Server, kb: KnowledgeBase
) -> None:
    text = "Full-time employees get 27 days of paid annual leave per calendar year."
    judged = await disliked(sandbox, reason=["incomplete"], correction=text, sources="leave.md\n\nhandbook/leave.md ")
    assert (await kb.record(judged)).remarks[0].sources == ("leave.md", "handbook/leave.md")
    home = await home_of(sandbox, CHLOE, "To review: 1", LEAVE, "Something is missing", f"Correction to judge: {text}")
    assert "27 days of paid annual leave" in str(home.body)  # the quote of the answer
    await sandbox.person(CHLOE).click_in_view(home, "review_approve")
    await shown(sandbox, CHLOE, "Approved.", "given to the same question", "Nothing waits")
    asked = await sandbox.person(BEN).mention("C0GENERAL", AGAIN)
    given = await sandbox.wait_for_answer(asked)
    assert text in given.text
    assert "Verified by a reviewer on" in str(given.blocks)


async def test_an_answer_is_edited_in_a_form_and_the_next_one_is_shown(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    first = await disliked(sandbox)
    second = await sandbox.person(BEN).mention("C0GENERAL", "How are receipts for expenses handed in to finance?")
    shown_second = await sandbox.wait_for_answer(second)
    await sandbox.person(BEN).click(shown_second, "answer_feedback", value="down:")
    await sandbox.wait_until(lambda: sandbox.person(BEN).modal is not None)
    home = await home_of(sandbox, CHLOE, "To review: 2", "receipts")
    await sandbox.person(CHLOE).click_in_view(home, "review_unsure")
    home = await shown(sandbox, CHLOE, "Left to other reviewers.", "To review: 1", LEAVE)
    await sandbox.person(CHLOE).click_in_view(home, "review_edit")
    form = await sandbox.wait_for_modal(CHLOE)
    assert form.body["callback_id"] == "review_edit_form"
    assert "27 days" in str(form.body)
    await sandbox.person(CHLOE).submit(form, {"text": "You get 27 days of annual leave.", "note": "shorter"})
    await shown(sandbox, CHLOE, "Edited.", "Nothing waits")
    (review,) = (await kb.record(first)).reviews
    assert (review.verdict, review.text, review.note) == (Verdict.EDIT, "You get 27 days of annual leave.", "shorter")
    assert "To review: 1" in str((await home_of(sandbox, ADA, "receipts")).body)


async def test_only_reviewers_see_the_queue_and_only_they_may_judge(
    sandbox: SandboxServer, start: Any, kb: KnowledgeBase, bot_settings: Settings
) -> None:
    async with start():
        judged = await disliked(sandbox)
        assert "To review" not in str((await home_of(sandbox, BEN, "Sources")).body)
        home = await home_of(sandbox, CHLOE, "To review: 1")
    nobody = bot_settings.team.model_copy(update={"reviewers": ReviewerSettings()})
    async with start(team=nobody):
        await sandbox.person(CHLOE).click_in_view(home, "review_approve")
        await shown(sandbox, CHLOE, review_blocks.NOT_REVIEWER)
    assert (await kb.record(judged)).reviews == ()


async def test_a_reviewer_sees_only_what_they_may_see_and_direct_messages_never(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ada = sandbox.person(ADA)
    asked = await ada.mention("C0LEADS", SALARY)
    private = await sandbox.wait_for_answer(asked)
    await ada.click(private, "answer_feedback", value="down:")
    await sandbox.wait_for_modal(ADA)
    direct = await sandbox.wait_for_answer(await ada.dm(LEAVE))
    await ada.click(direct, "answer_feedback", value="down:")
    await sandbox.wait_until(lambda: len(sandbox.workspace.modals[ADA]) > 0)
    await home_of(sandbox, CHLOE, "Nothing waits")
    home = await home_of(sandbox, ADA, "To review: 1", SALARY)
    assert LEAVE not in str(home.body)


async def test_everybody_opts_out_and_in_again_in_their_home_tab(
    sandbox: SandboxServer, either_bot: Server, kb: KnowledgeBase
) -> None:
    asked = await sandbox.person(BEN).mention("C0GENERAL", LEAVE)
    assert "opt out in my Home tab" in str((await sandbox.wait_for_answer(asked)).blocks)
    home = await home_of(sandbox, BEN, "Your words", "Do not use mine")
    await sandbox.person(BEN).click_in_view(home, "consent_out")
    home = await shown(sandbox, BEN, "Your choice is kept", "Use mine again")
    assert not await kb.takes_part(f"user:{BEN}")
    await sandbox.person(BEN).click_in_view(home, "consent_in")
    await shown(sandbox, BEN, "Your choice is kept", "Do not use mine")
    assert await kb.takes_part(f"user:{BEN}")


async def test_chance_asks_for_a_rating_and_that_is_written_down(
    sandbox: SandboxServer, start: Any, kb: KnowledgeBase
) -> None:
    kb.settings = kb.settings.model_copy(update={"sample_ratings": 1.0})
    async with start(sample_ratings=1.0):
        shown_answer = await answered(sandbox)
        assert "Was this right?" in str(shown_answer.blocks)
        direct = await sandbox.wait_for_answer(await sandbox.person(ADA).dm(LEAVE))
        assert "Was this right?" not in str(direct.blocks)
        await kb.notice(answer_id(direct))
        signals = (await kb.record(answer_id(shown_answer))).signals
        assert [(signal.kind, signal.value) for signal in signals] == [(SignalKind.RATING_REQUESTED, "1")]
        assert (await kb.record(answer_id(direct))).signals == ()


async def test_what_people_do_after_an_answer_is_noticed(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ben = sandbox.person(BEN)
    first = await answered(sandbox)
    again = await sandbox.wait_for_answer(await ben.mention("C0GENERAL", AGAIN))
    await sandbox.wait_for_answer(await ben.mention("C0GENERAL", "How are receipts for expenses handed in to finance?"))
    await ben.command("C0GENERAL", f"/ask {LEAVE}")
    whispered = await sandbox.wait_for_message("C0GENERAL", whisper("27 days"))
    await ben.click(whispered, "share_answer")
    await sandbox.wait_for_message("C0GENERAL", lambda message: "asked and shared by" in str(message.blocks))
    declined = await sandbox.wait_for_answer(await ben.mention("C0GENERAL", "Who won the football cup in 1974?"))
    await ben.click(declined, "ask_human")
    await sandbox.wait_for_message("C0GENERAL", whisper("passed your question on"))

    async def kinds(message: Any) -> dict[SignalKind, list[str]]:
        found: dict[SignalKind, list[str]] = {}
        for signal in (await kb.record(answer_id(message))).signals:
            found.setdefault(signal.kind, []).append(signal.value)
        return found

    assert answer_id(again) in (await kinds(first))[SignalKind.ASKED_AGAIN]
    assert await kinds(whispered) == {SignalKind.SHARED: ["C0GENERAL"]}
    assert await kinds(declined) == {SignalKind.WENT_TO_HUMAN: [""]}


async def test_the_queue_begins_with_corrections_and_ends_with_the_sample(kb: KnowledgeBase) -> None:
    async def ask(person: str) -> str:
        question = Question(LEAVE, asker=person, channel="C1", surface=Surface.CHANNEL)
        return (await kb.ask(question)).id

    chosen, down, both, corrected = [await ask(f"U{number}") for number in range(4)]
    await kb.give_signal(Signal(chosen, "U0", SignalKind.RATING_REQUESTED, "0.03"))
    await kb.give_feedback(Feedback(down, "U1", Vote.DOWN))
    for person, vote in (("U1", Vote.UP), ("U2", Vote.DOWN)):
        await kb.give_feedback(Feedback(both, person, vote))
    await kb.give_feedback(Feedback(corrected, "U3", Vote.DOWN, correction="rather so"))
    everything = Scope(operator=True)

    async def waiting(reviewer: str) -> list[str]:
        return [item.answer_id for item in await kb.review_queue(reviewer, scope=everything)]

    assert await waiting("U9") == [corrected, both, down, chosen]
    await kb.review(Review(both, "U9", Verdict.UNSURE), scope=everything)
    await kb.review(Review(down, "U8", Verdict.REJECT), scope=everything)
    remark = await kb.latest_correction(corrected)
    await kb.review(Review(corrected, "U8", Verdict.REJECT, remark), scope=everything)
    assert await waiting("U9") == [chosen]
    assert await waiting("U8") == [both, chosen]
    await kb.choose_part("user:U0", takes_part=False)
    assert await waiting("U9") == []
