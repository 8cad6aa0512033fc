"""What the services charge for is counted, and an operator can watch it."""

from __future__ import annotations

import asyncio
import re

import httpx
from pydantic import SecretStr

from bot.sandbox import SandboxServer
from bot.server import Server
from knowledge import KnowledgeBase, Outcome, Question, Settings, Turn
from tests.bot.test_surfaces import LEAVE
from tests.standins.messages_api import Fault, MessagesApi
from tests.standins.pinecone_api import PineconeApi


async def figures(server: Server) -> dict[str, float]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        text = (await client.get("/metrics")).text
    return {name: float(value) for name, value in re.findall(r"^(bot_\S+) (\S+)$", text, re.MULTILINE)}


async def test_what_a_question_costs_is_in_the_metrics(production: Settings, sandbox: SandboxServer) -> None:
    settings = production.model_copy(update={"slack_app_token": None})
    kb = await KnowledgeBase.open(settings)
    await kb.reindex("handbook")
    async with Server(kb, settings) as server:
        sandbox.http.request_url = f"http://127.0.0.1:{server.port}/slack/events"
        before = await figures(server)
        asked = await sandbox.person("U0BEN").mention("C0GENERAL", LEAVE)
        await sandbox.wait_for_answer(asked)
        after = await figures(server)
    await kb.close()
    spent = {
        name: after[name] - before[name] for name in after if name.startswith(("bot_tokens", "bot_cost", "bot_re"))
    }
    assert before['bot_tokens_total{type="embedding"}'] > 20
    assert spent['bot_tokens_total{type="embedding"}'] > 5
    assert spent["bot_read_units_total"] == 2
    assert spent["bot_rerank_units_total"] == 1
    assert spent['bot_tokens_total{type="input"}'] + spent['bot_tokens_total{type="cache_write"}'] > 100
    assert spent['bot_tokens_total{type="output"}'] > 5
    assert 0 < spent["bot_cost_usd_total"] < 0.1


async def test_nothing_is_counted_where_nothing_is_paid_for(bot: Server) -> None:
    told = await figures(bot)
    assert told["bot_cost_usd_total"] == 0
    assert {value for name, value in told.items() if name.startswith(("bot_tokens_total", "bot_read_units"))} == {0}


async def test_answers_that_failed_and_follow_ups_are_counted_too(production: Settings, claude: MessagesApi) -> None:
    kb = await KnowledgeBase.open(production)
    await kb.reindex("handbook")
    claude.will(*[Fault.ENDS_EARLY] * 3)
    failed = await kb.ask(Question(LEAVE))
    assert failed.outcome is Outcome.FAILED
    first = kb.costs.micro_usd
    assert first > 0
    history = (Turn(speaker="U0BEN", text=LEAVE), Turn(speaker="bot", text="27 days."))
    small = kb.costs.output_tokens
    await kb.search(Question("And for part-time employees?", history=history))
    assert kb.costs.output_tokens > small
    assert kb.costs.micro_usd > first
    await kb.close()


async def test_a_reindex_counts_every_text_once(
    production: Settings, pinecone: PineconeApi, tmp_path_factory: object
) -> None:
    kb = await KnowledgeBase.open(production.model_copy(update={"anthropic_api_key": SecretStr("sk-ant-test")}))
    await kb.reindex("handbook")
    billed = sum(len(call.body.get("inputs", ())) for call in pinecone.calls if call.action == "embed")
    tokens = kb.costs.embedding_tokens
    assert tokens > 0
    assert billed == len(pinecone.visible())  # every source was brought over from the index of before
    await asyncio.gather(kb.reindex("handbook"), kb.reindex("salaries"))
    assert kb.costs.embedding_tokens == tokens
    await kb.close()
