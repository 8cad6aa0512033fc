"""Logs: one trace id from delivery to answer, no secrets, nothing that people wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot import logs
from bot.sandbox import SandboxServer
from bot.server import Server
from knowledge import AnswererUnavailableError, Settings
from tests.bot.answerers import BreakingAnswerer, QuotingAnswerer
from tests.bot.test_reliability import finished
from tests.bot.test_surfaces import whisper

CANARY = "annual leave canaryword employees get"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Configure logging as a server does, into a string; put back what was there."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(Settings(log_level="DEBUG"), stream=stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_one_trace_id_joins_every_line_about_a_question(
    sandbox: SandboxServer, bot: Server, written: io.StringIO
) -> None:
    await sandbox.person("U0BEN").command("C0GENERAL", f"/ask How many days of {CANARY}?")
    await sandbox.wait_for_message("C0GENERAL", whisper("27 days"))
    await finished(sandbox, bot)
    about = [line for line in lines(written) if line["event"] in ("delivery.kept", "answer.shown")]
    assert len(about) == 2
    assert len({line["trace_id"] for line in about}) == 1


class TestWhenEverythingFails:
    @pytest.fixture
    def answerer(self) -> QuotingAnswerer:
        return BreakingAnswerer()

    async def test_neither_words_of_people_nor_secrets_are_logged(
        self, sandbox: SandboxServer, bot: Server, written: io.StringIO
    ) -> None:
        sandbox.faults.error("chat.startStream", "internal_error")
        sandbox.faults.http_status("chat.postMessage", 500)
        sandbox.faults.error("chat.postMessage", "invalid_blocks")
        ben = sandbox.person("U0BEN")
        for asked in (await ben.mention("C0GENERAL", f"How many {CANARY}?"), await ben.dm(f"How many {CANARY}?")):
            await sandbox.wait_for_answer(asked, lambda m: "Something went wrong" in m.text, timeout=10)
        await ben.command("C0GENERAL", f"/reindex {CANARY}")
        text = written.getvalue()
        app = sandbox.workspace.app
        assert text
        for secret in ("canaryword", app.bot_token, app.signing_secret, "27 days"):
            assert secret not in text


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_is_a_line_and_holds_no_secret(form: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.JsonFormatter() if form == "json" else logs.TextFormatter())
    log = logging.getLogger("tests.logs")
    log.addHandler(handler)
    try:
        raise AnswererUnavailableError from ValueError("what Ada wrote")  # noqa: TRY301 - to be logged
    except AnswererUnavailableError:
        log.exception("it.failed", extra={"url": "postgres://ada:hunter2@host/db", "token": "xoxb-1-hunter2\nforged"})
    finally:
        log.removeHandler(handler)
    assert stream.getvalue().count("\n") == 1
    assert "hunter2" not in stream.getvalue()
    assert "Ada wrote" not in stream.getvalue()
    assert "AnswererUnavailableError" in stream.getvalue()
