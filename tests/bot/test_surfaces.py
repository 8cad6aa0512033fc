"""What people see on each surface, through the real Bolt app over HTTP and Socket Mode."""

from __future__ import annotations

import pytest

from bot.sandbox import Message, SandboxServer
from bot.server import Server
from knowledge import EscalationSettings, KnowledgeBase, Outcome, Settings
from tests.bot.answerers import QuotingAnswerer
from tests.bot.conftest import BotFactory

LEAVE = "How many days of annual leave do employees get?"
ZEPPELIN = "Which zeppelin lands on the hydroponic volcano?"
SALARY = "Where does the salary band for engineers at level four begin?"


def answers(sandbox: SandboxServer, channel: str) -> list[Message]:
    """Return what the bot has said in a channel for everybody."""
    us = sandbox.workspace.app.user_id
    return [m for m in sandbox.workspace.all_messages(channel) if m.user == us and m.ephemeral_to is None]


def whisper(text: str, to: str = "U0BEN"):
    """Match an ephemeral message for one person."""
    return lambda message: message.ephemeral_to == to and text in message.text


def blocks_of(message: Message, kind: str) -> list[dict]:
    return [block for block in message.blocks or [] if block["type"] == kind]


async def test_a_mention_gets_one_answer_in_its_thread(sandbox: SandboxServer, either_bot: Server) -> None:
    asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
    answer = await sandbox.wait_for_answer(asked)
    assert "27 days" in answer.text
    assert answer.metadata["event_type"] == "footnote_answer"
    assert (answer.unfurl_links, answer.unfurl_media) == (False, False)
    assert blocks_of(answer, "markdown")[0]["text"].endswith("[1](https://docs.example.org/handbook/leave.md)")
    buttons = blocks_of(answer, "context_actions")[0]["elements"][0]
    assert buttons["action_id"] == "answer_feedback"
    assert buttons["positive_button"]["value"] == f"up:{answer.metadata['event_payload']['answer_id']}"
    quoted = [str(block) for block in blocks_of(answer, "context")]
    assert any("27 days of paid annual leave" in text and "Leave policy" in text for text in quoted)
    assert len(answers(sandbox, "C0GENERAL")) == 1


async def test_a_status_is_the_first_sign(sandbox: SandboxServer, bot: Server) -> None:
    asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
    await sandbox.wait_for_answer(asked)
    shown = [call for call in sandbox.workspace.calls if call.method == "assistant.threads.setStatus"]
    assert shown[0].arguments["thread_ts"] == asked.ts
    assert not sandbox.workspace.statuses


async def test_a_question_inside_a_thread_is_answered_there_with_its_history(
    sandbox: SandboxServer, bot: Server, answerer: QuotingAnswerer
) -> None:
    ben = sandbox.person("U0BEN")
    root = await ben.say("C0GENERAL", "I am planning a trip to London.")
    asked = await ben.mention("C0GENERAL", "What is the limit for hotels per night there?", thread_ts=root.ts)
    answer = await sandbox.wait_for_answer(asked)
    assert answer.thread_ts == root.ts
    question = answerer.asked[0].question
    assert [turn.text for turn in question.history] == ["I am planning a trip to London."]
    assert (question.scope.channel, question.scope.user) == ("C0GENERAL", None)


async def test_a_follow_up_without_a_mention_is_answered_when_it_is_meant_for_the_bot(
    sandbox: SandboxServer, bot: Server, answerer: QuotingAnswerer
) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.mention("C0GENERAL", LEAVE)
    first = await sandbox.wait_for_answer(asked)
    follow_up = await ben.say("C0GENERAL", "And until when may unused days be carried over?", thread_ts=asked.ts)
    second = await sandbox.wait_for_answer(follow_up, lambda message: message.ts != first.ts)
    assert "31 March" in second.text
    assert [turn.speaker for turn in answerer.asked[1].question.history] == ["U0BEN", "assistant"]


@pytest.mark.parametrize("text", ["Thanks!", "@chloé could you confirm this?", "Let us go for lunch"])
async def test_other_talk_in_the_thread_is_left_alone(sandbox: SandboxServer, bot: Server, text: str) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.mention("C0GENERAL", LEAVE)
    await sandbox.wait_for_answer(asked)
    await ben.say("C0GENERAL", text, thread_ts=asked.ts)
    again = await ben.mention("C0GENERAL", "How are receipts for expenses handed in to finance?")
    await sandbox.wait_for_answer(again)
    assert len(answers(sandbox, "C0GENERAL")) == 2


async def test_edits_deletions_and_untold_messages_are_no_questions(sandbox: SandboxServer, bot: Server) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.mention("C0GENERAL", LEAVE)
    await sandbox.wait_for_answer(asked)
    await ben.edit(asked, "@footnote How many days of parental leave may parents take?")
    plain = await ben.say("C0GENERAL", "How many days of leave do I get?")
    await ben.delete(plain)
    again = await ben.mention("C0GENERAL", "How are receipts for expenses handed in to finance?")
    await sandbox.wait_for_answer(again)
    assert len(answers(sandbox, "C0GENERAL")) == 2


async def test_a_direct_message_is_streamed_and_ends_complete(sandbox: SandboxServer, either_bot: Server) -> None:
    ada = sandbox.person("U0ADA")
    asked = await ada.dm(SALARY)
    answer = await sandbox.wait_for_answer(asked)
    assert "71,000" in answer.text
    assert answer.metadata["event_type"] == "footnote_answer"
    assert blocks_of(answer, "context_actions")
    methods = [call.method for call in sandbox.workspace.calls]
    assert "chat.startStream" in methods
    assert "chat.postMessage" not in methods
    assert len(answers(sandbox, ada.direct_message)) == 1


async def test_a_private_source_is_used_only_where_nobody_else_reads_along(
    sandbox: SandboxServer, bot: Server, kb: KnowledgeBase
) -> None:
    ada = sandbox.person("U0ADA")
    asked = await ada.mention("C0GENERAL", SALARY)
    answer = await sandbox.wait_for_answer(asked)
    assert answer.text.startswith("I could not find this")
    assert "71,000" not in str(answer.blocks)
    in_leads = await ada.mention("C0LEADS", SALARY)
    assert "71,000" in (await sandbox.wait_for_answer(in_leads)).text


async def test_ask_answers_its_asker_only_and_in_place_of_the_acknowledgement(
    sandbox: SandboxServer, either_bot: Server
) -> None:
    ben = sandbox.person("U0BEN")
    await ben.command("C0RANDOM", f"/ask {LEAVE}")
    answer = await sandbox.wait_for_message("C0RANDOM", whisper("27 days"))
    assert [m.ts for m in ben.sees("C0RANDOM")] == [answer.ts]
    assert "Share in channel" in str(answer.blocks)
    assert sandbox.person("U0ADA").sees("C0RANDOM") == []


async def test_the_word_payload_in_a_command_does_no_harm(sandbox: SandboxServer, bot: Server) -> None:
    await sandbox.person("U0BEN").command("C0GENERAL", f"/ask payload={LEAVE}")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("27 days"))


@pytest.mark.parametrize("text", ["/ask", "/ask help"])
async def test_ask_without_a_question_explains_itself(sandbox: SandboxServer, bot: Server, text: str) -> None:
    await sandbox.person("U0BEN").command("C0GENERAL", text)
    assert await sandbox.wait_for_message("C0GENERAL", whisper("Usage: `/ask"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Ask me one"),
        ("hello!", "Ask me one"),
        (":tada: 🎉", "questions in words"),
        ("x" * 39_000, "too long for a question"),
    ],
)
async def test_what_is_no_question_gets_one_clear_sentence(
    sandbox: SandboxServer, bot: Server, text: str, said: str
) -> None:
    asked = await sandbox.person("U0BEN").mention("C0GENERAL", text)
    assert said in (await sandbox.wait_for_answer(asked)).text
    direct = await sandbox.person("U0BEN").dm(text or "@footnote")
    assert said in (await sandbox.wait_for_answer(direct)).text


async def test_in_a_channel_shared_with_outsiders_it_says_that_it_does_not_answer(
    sandbox: SandboxServer, bot: Server
) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.mention("C0PARTNER", LEAVE)
    assert "do not answer in channels that are shared" in (await sandbox.wait_for_answer(asked)).text
    await ben.command("C0PARTNER", f"/ask {LEAVE}")
    assert await sandbox.wait_for_message("C0PARTNER", whisper("do not answer in channels that are shared"))


async def test_a_decline_says_so_and_offers_a_human(sandbox: SandboxServer, bot: Server, kb: KnowledgeBase) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.mention("C0GENERAL", ZEPPELIN)
    declined = await sandbox.wait_for_answer(asked)
    assert declined.text.startswith("I could not find this")
    await ben.click(declined, "ask_human")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("passed your question on"))
    passed = await sandbox.wait_for_message("C0HELP", lambda m: "zeppelin" in m.text)
    assert "ben" in passed.text
    await ben.click(declined, "ask_human")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("already been passed on"))
    assert len(answers(sandbox, "C0HELP")) == 1
    answer = await kb.answer(declined.metadata["event_payload"]["answer_id"])
    assert answer.outcome is Outcome.DECLINED


async def handed_over(sandbox: SandboxServer, declined: Message, to: str = "C0HELP") -> str:
    """Have a declined question passed on; return what the people there see of it."""
    await sandbox.person("U0BEN").click(declined, "ask_human")
    passed = await sandbox.wait_for_message(to, lambda m: ZEPPELIN in m.text)
    return str(passed.blocks)


async def test_who_helps_is_led_to_the_thread_that_was_asked_in(sandbox: SandboxServer, bot: Server) -> None:
    ben = sandbox.person("U0BEN")
    root = await ben.say("C0GENERAL", "I am planning a trip.")
    asked = await ben.mention("C0GENERAL", ZEPPELIN, thread_ts=root.ts)
    seen = await handed_over(sandbox, await sandbox.wait_for_answer(asked))
    assert f"/archives/C0GENERAL/p{root.ts.replace('.', '')}|Answer in the thread>" in seen


@pytest.mark.parametrize("surface", ["dm", "/ask"])
async def test_what_was_asked_in_private_is_passed_on_without_a_way_there(
    sandbox: SandboxServer, bot: Server, surface: str
) -> None:
    ben = sandbox.person("U0BEN")
    if surface == "dm":
        declined = await sandbox.wait_for_answer(await ben.dm(ZEPPELIN))
    else:
        await ben.command("C0GENERAL", f"/ask {ZEPPELIN}")
        declined = await sandbox.wait_for_message("C0GENERAL", whisper("I could not find this"))
    seen = await handed_over(sandbox, declined)
    assert "archives" not in seen
    assert "thread" not in seen


async def test_where_outsiders_help_the_question_goes_without_thread_and_sources(
    sandbox: SandboxServer, start: BotFactory, bot_settings: Settings
) -> None:
    team = bot_settings.team.model_copy(update={"escalation": EscalationSettings(channel="C0PARTNER")})
    async with start(team=team):
        asked = await sandbox.person("U0BEN").mention("C0GENERAL", ZEPPELIN)
        declined = await sandbox.wait_for_answer(asked)
        assert "Nearest" in str(declined.blocks)
        seen = await handed_over(sandbox, declined, to="C0PARTNER")
    assert "archives" not in seen
    assert "Nearest" not in seen


async def test_an_answer_is_shared_once_and_can_be_voted_on_there(sandbox: SandboxServer, bot: Server) -> None:
    ben = sandbox.person("U0BEN")
    await ben.command("C0GENERAL", f"/ask {LEAVE}")
    answer = await sandbox.wait_for_message("C0GENERAL", whisper("27 days"))
    await ben.click(answer, "share_answer")
    shared = await sandbox.wait_for_message("C0GENERAL", lambda m: m.ephemeral_to is None and "27 days" in m.text)
    assert shared.metadata["event_type"] == "footnote_answer"
    assert LEAVE in str(shared.blocks)
    assert await sandbox.wait_for_message("C0GENERAL", whisper("Shared in this channel"))
    assert len(answers(sandbox, "C0GENERAL")) == 1
    await sandbox.person("U0CHLOE").click(shared, "answer_feedback", value="up:")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("Thank you", to="U0CHLOE"))


async def test_an_answer_from_a_private_source_is_not_shared_with_those_who_may_not_see_it(
    sandbox: SandboxServer, bot: Server
) -> None:
    ada = sandbox.person("U0ADA")
    await ada.command("C0GENERAL", f"/ask {SALARY}")
    answer = await sandbox.wait_for_message("C0GENERAL", whisper("71,000", to="U0ADA"))
    await ada.click(answer, "share_answer")
    assert await sandbox.wait_for_message("C0GENERAL", whisper("I did not share this", to="U0ADA"))
    assert answers(sandbox, "C0GENERAL") == []


async def test_sharing_where_the_bot_may_not_post_is_refused_visibly(sandbox: SandboxServer, bot: Server) -> None:
    ben = sandbox.person("U0BEN")
    await ben.command("C0RANDOM", f"/ask {LEAVE}")
    answer = await sandbox.wait_for_message("C0RANDOM", whisper("27 days"))
    await ben.click(answer, "share_answer")
    assert await sandbox.wait_for_message("C0RANDOM", whisper("Invite me"))


async def test_opening_the_messages_tab_suggests_questions(sandbox: SandboxServer, bot: Server) -> None:
    ben = sandbox.person("U0BEN")
    await ben.open_messages()
    prompts = await sandbox.wait_until(lambda: sandbox.workspace.prompts.get(ben.direct_message))
    assert 0 < len(prompts["prompts"]) <= 4


async def test_home_shows_sources_to_everybody_and_more_to_admins(sandbox: SandboxServer, bot: Server) -> None:
    ada, ben = sandbox.person("U0ADA"), sandbox.person("U0BEN")
    asked = await ben.mention("C0GENERAL", ZEPPELIN)
    await sandbox.wait_for_answer(asked)
    await ben.open_home()
    await ada.open_home()
    homes = sandbox.workspace.homes
    for_ben = str((await sandbox.wait_until(lambda: homes.get("U0BEN"))).body)
    for_ada = str((await sandbox.wait_until(lambda: homes.get("U0ADA"))).body)
    assert "handbook: 3 documents" in for_ben
    assert "salaries" not in for_ben
    assert "zeppelin" not in for_ben
    assert "reindex_source" not in for_ben
    assert "salaries: 1 document, " in for_ada
    assert "zeppelin" in for_ada
    await ada.click_in_view(homes["U0ADA"], "reindex_source", value="handbook")
    assert await sandbox.wait_until(lambda: "0 added, 0 changed, 3 unchanged" in str(homes["U0ADA"].body), timeout=20)
