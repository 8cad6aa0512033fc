"""How soon a person sees the first words that Claude writes, and what we add around the model; with a stand-in."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic import SecretStr

from bench.figures import Figure, at_most, percentile
from bot.sandbox import SandboxServer
from bot.server import Server
from knowledge import KnowledgeBase, Question, Settings
from tests.standins.messages_api import MessagesApi, serving
from tests.standins.messages_replies import Cite, Reply, Text
from tests.standins.messages_rules import search_results

QUESTIONS = 40
STREAMS = 200
PACE = 0.02
"""Seconds between two deltas of 17 characters: about 200 tokens a second, faster than most models write."""
POLICY = "# Leave\n\nEvery employee gets 26 days of paid annual leave per calendar year, and part-timers their share.\n"
ASKED = "How many days of paid annual leave does an employee get?"


async def run() -> list[Figure]:
    """Ask in direct messages, one after the other, then many at once."""
    with tempfile.TemporaryDirectory() as name:
        docs = Path(name) / "docs"
        docs.mkdir()
        (docs / "leave.md").write_text(POLICY, "utf-8")
        async with (
            serving(MessagesApi(mode=_paraphrase, pace=PACE)) as api,
            SandboxServer() as sandbox,
            _bot(Path(name), docs, api, sandbox) as kb,
        ):
            first = [await _first_words(sandbox, api, number) for number in range(QUESTIONS)]
            api.pace = 0.0
            around = [await _around(kb) for _ in range(QUESTIONS)]
            api.pace = PACE
            answered = await asyncio.gather(*(kb.ask(Question(ASKED)) for _ in range(STREAMS)))
    whole = sum(answer.text.endswith("[1]") for answer in answered)
    return [
        at_most("first token of the model to first words in Slack, p95", percentile(first, 95), 150, "ms"),
        at_most("what we add around the model's time, p95", percentile(around, 95), 60, "ms"),
        Figure(f"complete of {STREAMS} answers streaming at once", whole, ""),
    ]


def _paraphrase(body: dict[str, Any]) -> Reply:
    place, block = next(
        (place, block)
        for place, result in enumerate(search_results(body))
        for block, content in enumerate(result["content"])
        if "26 days" in content["text"]
    )
    return Reply((Text("Every employee gets 26 days of paid annual leave per year. ", (Cite(place, block),)),))


@asynccontextmanager
async def _bot(home: Path, docs: Path, api: MessagesApi, sandbox: SandboxServer) -> AsyncIterator[KnowledgeBase]:
    app = sandbox.workspace.app
    settings = Settings(
        home=home / "home",
        anthropic_api_key=SecretStr(api.key),
        anthropic_base_url=api.url,
        slack_bot_token=SecretStr(app.bot_token),
        slack_app_token=SecretStr(app.app_token),
        slack_api_url=sandbox.api_url,
        concurrency=STREAMS,
        port=0,
    )
    kb = await KnowledgeBase.open(settings)
    try:
        await kb.reindex_folder(docs)
        async with Server(kb, settings):
            await sandbox.wait_until_connected()
            yield kb
    finally:
        await kb.close()


async def _first_words(sandbox: SandboxServer, api: MessagesApi, number: int) -> float:
    """Return milliseconds from the first words of the model, as it sends them, to the message that shows some."""
    calls = len(sandbox.workspace.calls)
    asked = await sandbox.person("U0BEN").dm(f"{ASKED} ({number})")
    answer = await sandbox.wait_for_answer(asked, timeout=20)
    assert "26 days" in answer.text, answer.text
    shown = next(call for call in sandbox.workspace.calls[calls:] if call.method == "chat.startStream")
    return (shown.time - api.first_words[-1]) * 1000


async def _around(kb: KnowledgeBase) -> float:
    """Return milliseconds from the question to the recorded answer of a model that takes no time itself."""
    begun = perf_counter()
    await kb.ask(Question(ASKED))
    return (perf_counter() - begun) * 1000


def measure() -> list[Figure]:
    """Measure with a stand-in for Claude, in the sandbox."""
    return asyncio.run(run())
