"""Streams: whatever happens to one, in the end the whole answer stands there, once."""

from __future__ import annotations

import pytest

from bot.sandbox import SandboxServer
from bot.server import Server
from tests.bot.answerers import OpeningAnswerer, QuotingAnswerer, StreamingAnswerer
from tests.bot.conftest import BotFactory
from tests.bot.test_reliability import finished
from tests.bot.test_surfaces import LEAVE, answers, blocks_of


@pytest.fixture
def answerer() -> QuotingAnswerer:
    return StreamingAnswerer(times=3)


def called(sandbox: SandboxServer, method: str) -> bool:
    return any(call.method == method for call in sandbox.workspace.calls)


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (None, None),
        ("chat.startStream", "error"),
        ("chat.startStream", "drop_after"),
        ("chat.appendStream", "error"),
        ("chat.appendStream", "drop_after"),
        ("chat.stopStream", "error"),
        ("chat.stopStream", "drop_after"),
    ],
)
async def test_a_broken_stream_still_becomes_one_whole_answer(
    sandbox: SandboxServer, bot: Server, answerer: StreamingAnswerer, method: str | None, fault: str | None
) -> None:
    if fault == "error":
        sandbox.faults.error(method, "message_not_in_streaming_state", times=5)
    elif fault == "drop_after":
        sandbox.faults.drop_after(method)
    ben = sandbox.person("U0BEN")
    asked = await ben.dm(LEAVE)
    await sandbox.wait_until(lambda: called(sandbox, "chat.startStream"))
    answerer.go.set()
    if method != "chat.startStream":
        await sandbox.wait_until(lambda: called(sandbox, "chat.appendStream"))
    answerer.end.set()
    answer = await sandbox.wait_for_answer(asked, lambda m: m.text.count("27 days") == 3, timeout=10)
    await finished(sandbox, bot)
    assert len(answers(sandbox, ben.direct_message)) == 1
    assert answer.text.count("27 days") == 3
    assert blocks_of(answer, "context_actions")
    assert not answer.streaming
    assert answer.metadata["event_payload"]["answer_id"]


async def test_a_stream_that_slack_ended_after_five_minutes_is_replaced(
    sandbox: SandboxServer, bot: Server, answerer: StreamingAnswerer
) -> None:
    ben = sandbox.person("U0BEN")
    asked = await ben.dm(LEAVE)
    begun = await sandbox.wait_for_message(ben.direct_message, lambda m: m.streaming)
    sandbox.workspace.streams[ben.direct_message, begun.ts].started -= 301
    sandbox.workspace.expire()
    answerer.go.set()
    answerer.end.set()
    answer = await sandbox.wait_for_answer(asked, lambda m: m.text.count("27 days") == 3, timeout=10)
    assert answer.ts == begun.ts
    assert len(answers(sandbox, ben.direct_message)) == 1


async def test_streaming_can_be_switched_off(
    sandbox: SandboxServer, start: BotFactory, answerer: StreamingAnswerer
) -> None:
    answerer.go.set()
    answerer.end.set()
    async with start(streaming="never"):
        asked = await sandbox.person("U0BEN").dm(LEAVE)
        await sandbox.wait_for_answer(asked)
    assert not [call for call in sandbox.workspace.calls if call.method == "chat.startStream"]


class TestFirstWords:
    @pytest.fixture
    def answerer(self, request: pytest.FixtureRequest) -> OpeningAnswerer:
        return OpeningAnswerer(breaks=getattr(request, "param", False))

    async def test_the_first_words_are_seen_while_their_sentence_is_written(
        self, sandbox: SandboxServer, bot: Server, answerer: OpeningAnswerer
    ) -> None:
        ben = sandbox.person("U0BEN")
        asked = await ben.dm(LEAVE)
        begun = await sandbox.wait_for_message(ben.direct_message, lambda m: m.streaming)
        assert begun.text == "Full-time employees get 27"
        answerer.go.set()
        answerer.end.set()
        answer = await sandbox.wait_for_answer(asked, lambda m: "calendar year" in m.text)
        await finished(sandbox, bot)
        assert answer.ts == begun.ts
        assert answer.text.count("Full-time") == 1
        assert len(answers(sandbox, ben.direct_message)) == 1
        assert not called(sandbox, "chat.update")

    @pytest.mark.parametrize("answerer", [True], indirect=True)
    async def test_no_words_of_an_answer_that_broke_are_left_standing(
        self, sandbox: SandboxServer, bot: Server, answerer: OpeningAnswerer
    ) -> None:
        ben = sandbox.person("U0BEN")
        await ben.dm(LEAVE)
        begun = await sandbox.wait_for_message(ben.direct_message, lambda m: m.streaming)
        answerer.go.set()
        told = await sandbox.wait_for_message(ben.direct_message, lambda m: "Something went wrong" in m.text)
        await finished(sandbox, bot)
        assert told.ts == begun.ts
        assert "27" not in told.text
