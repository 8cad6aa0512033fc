"""The Home tab of admins and reviewers says what was left open, and quotes to nobody what is not for them."""

from __future__ import annotations

import pytest

from bot import gap_blocks
from bot.listeners import home
from bot.sandbox import SandboxServer
from bot.server import Server
from knowledge import AdminSettings, KnowledgeBase, ReviewerSettings, Settings
from tests.bot.test_feedback import answered
from tests.bot.test_reviews import home_of, shown
from tests.bot.test_surfaces import SALARY, whisper

ADA, BEN, CHLOE = "U0ADA", "U0BEN", "U0CHLOE"
OPEN = "Which zeppelin lands on the hydroponic volcano?"


@pytest.fixture
def bot_settings(bot_settings: Settings) -> Settings:
    """Chloé is an admin who may not read about salaries; Ada, who may, reviews."""
    roles = {"admins": AdminSettings(users=(CHLOE,)), "reviewers": ReviewerSettings(users=(ADA,))}
    sources = bot_settings.team.sources
    owned = {name: source.model_copy(update={"owner": f"{name} team"}) for name, source in sources.items()}
    return bot_settings.with_team(bot_settings.team.model_copy(update={**roles, "sources": owned}))


async def dislike(sandbox: SandboxServer, person: str, channel: str, question: str, reason: str) -> None:
    asked = await sandbox.person(person).mention(channel, question)
    await sandbox.person(person).click(await sandbox.wait_for_answer(asked), "answer_feedback", value="down:")
    form = await sandbox.wait_for_modal(person)
    await sandbox.person(person).submit(form, {"reason": [reason]})
    await sandbox.wait_for_message(channel, whisper("What you wrote is kept", to=person))


async def test_what_was_left_open_is_told_with_documents_and_owners_and_quoted_as_far_as_everybody_may_read_it(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ben = sandbox.person(BEN)
    for _ in range(2):
        await sandbox.wait_for_answer(await ben.mention("C0GENERAL", OPEN))
    await ben.dm("Which unicorn grazes on the moon of cheese?")
    await sandbox.wait_for_message(ben.direct_message, lambda message: "could not find" in message.text)
    await ben.command("C0GENERAL", "/ask Which mermaid repairs the diesel submarine?")
    await sandbox.wait_for_message("C0GENERAL", whisper("could not find"))
    await sandbox.wait_for_answer(await ben.mention("C0LEADS", "Which gargoyle audits the marmalade bridge?"))
    await sandbox.wait_for_answer(await sandbox.person(CHLOE).mention("C0GENERAL", "Which kraken waters the tulips?"))
    await kb.choose_part(f"user:{CHLOE}", takes_part=False)
    await dislike(sandbox, BEN, "C0LEADS", SALARY, "outdated_source")
    admin = str((await home_of(sandbox, CHLOE, gap_blocks.TITLE, "7 questions from 2 people")).body)
    assert f"*no document*, asked 2 times by one person\\n“{OPEN}”" in admin
    assert f"*no document*, asked once by one person\\n{gap_blocks.PRIVATELY}" in admin
    assert f"*outdated*, asked once by one person\\n{gap_blocks.PRIVATELY}" in admin
    reviewer = str((await home_of(sandbox, ADA, gap_blocks.TITLE, OPEN)).body)
    assert "near it: salaries.md (salaries, salaries team)" in reviewer
    for body in (admin, reviewer):
        assert not [word for word in ("unicorn", "mermaid", "gargoyle", "kraken") if word in body]
    assert "salaries.md" not in admin
    assert gap_blocks.TITLE not in str((await home_of(sandbox, BEN, "Your words")).body)


async def test_the_tab_does_not_wait_for_the_report_and_a_late_one_replaces_nothing_newer(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "PATIENCE", 0.0)
    await answered(sandbox)
    async with bot.app.parts.gap_reports._making:
        view = await home_of(sandbox, CHLOE, gap_blocks.BEING_COUNTED)
        await sandbox.person(CHLOE).click_in_view(view, "consent_out")
        await shown(sandbox, CHLOE, "Your choice is kept", gap_blocks.BEING_COUNTED)
    await shown(sandbox, CHLOE, "Your choice is kept", "1 question from one person", gap_blocks.NOTHING_OPEN)
    calls = sandbox.workspace.calls
    await sandbox.wait_until(lambda: [call.method for call in calls].count("views.publish") == 4)
    assert "Your choice is kept" in str(sandbox.workspace.homes[CHLOE].body)
