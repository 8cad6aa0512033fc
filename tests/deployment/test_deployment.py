"""The environment of docs/deploy.md does what it says: two `web`, two `worker`, Postgres, Pinecone, Claude, Slack."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest

from bot.sandbox.nouns import Message
from knowledge import Settings
from tests.bot.test_surfaces import answers, whisper
from tests.conftest import EXPENSES, LAPTOPS, LEAVE
from tests.databases import rows
from tests.deployment.running import WEB, WORKER, Deployment, deployment
from tests.postgres import Cluster

PAGES = 600
ASKED = "How many days of paid annual leave do full-time employees get?"


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A handbook that is large enough to be shared out among workers."""
    folder = tmp_path / "handbook"
    folder.mkdir()
    for name, text in {"leave": LEAVE, "expenses": EXPENSES, "laptops": LAPTOPS}.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    for number in range(PAGES):
        (folder / f"room-{number}.md").write_text(f"# Room {number}\n\nRoom {number} has {number + 2} chairs.\n")
    return folder


@pytest.mark.timeout(300)
async def test_what_the_deployment_page_describes_works_as_real_processes(
    postgres: Cluster, tmp_path: Path, documents: Path
) -> None:
    async with deployment(postgres, tmp_path, documents, FOOTNOTE_LEASE="3") as deployed:
        await a_reindex_is_asked_of_a_web_process_and_spread_over_the_workers(deployed)
        answer = await a_mention_is_answered_with_footnotes(deployed)
        await a_private_question_is_answered_for_one_person(deployed)
        await a_thumb_is_stored(deployed, answer)
        await a_dead_web_process_is_replaced_in_the_middle_of_an_answer(deployed)
        await everything_ends_in_order(deployed)


async def a_reindex_is_asked_of_a_web_process_and_spread_over_the_workers(deployed: Deployment) -> None:
    deployed.pinecone.latency["embed"] = 0.3
    await deployed.sandbox.person("U0ADA").command("C0GENERAL", "/reindex handbook")
    report = f"{PAGES + 3} added, 0 changed, 0 unchanged, 0 removed, 0 failed"
    await deployed.sandbox.wait_for_message("C0GENERAL", whisper(report, to="U0ADA"), timeout=60)
    embedded = {
        name: await member.metric('bot_tokens_total{type="embedding"}') for name, member in deployed.members.items()
    }
    assert all(embedded[name] > 1000 for name in WORKER), embedded
    assert all(embedded[name] < 200 for name in WEB), embedded
    assert len(deployed.pinecone.visible()) == int(rows(on(deployed), "SELECT count(*) FROM chunks")[0][0])
    deployed.pinecone.latency.clear()


async def a_mention_is_answered_with_footnotes(deployed: Deployment) -> Message:
    asked = await deployed.sandbox.person("U0BEN").mention("C0GENERAL", ASKED)
    answer = await deployed.sandbox.wait_for_answer(asked, timeout=20)
    assert "27 days" in answer.text
    assert "[1]" in answer.text
    assert "Leave policy" in str(answer.blocks)
    spent = [await deployed.members[name].metric("bot_cost_usd_total") for name in WEB]
    assert sum(spent) > 0
    return answer


async def a_private_question_is_answered_for_one_person(deployed: Deployment) -> None:
    await deployed.sandbox.person("U0BEN").command("C0GENERAL", "/ask Who orders new laptops?")
    await deployed.sandbox.wait_for_message("C0GENERAL", whisper("Priya Raman", to="U0BEN"), timeout=20)


async def a_thumb_is_stored(deployed: Deployment, answer: Message) -> None:
    await deployed.sandbox.person("U0BEN").click(answer, "answer_feedback", value="up:")
    async with asyncio.timeout(10):
        while rows(on(deployed), "SELECT person, vote FROM feedback") != [("U0BEN", "up")]:  # noqa: ASYNC110 - processes
            await asyncio.sleep(0.1)


async def a_dead_web_process_is_replaced_in_the_middle_of_an_answer(deployed: Deployment) -> None:
    deployed.claude.latency = 4.0
    deployed.claude.asked.clear()
    before = len(answers(deployed.sandbox, "C0GENERAL"))
    asked = await deployed.sandbox.person("U0BEN").mention("C0GENERAL", "What is the hotel limit in Zurich?")
    await asyncio.wait_for(deployed.claude.asked.wait(), 20)
    doomed = deployed.web_of(deployed.balancer.served[-1])
    doomed.process.kill()
    killed = time.monotonic()
    deployed.claude.latency = 0.0
    answer = await deployed.sandbox.wait_for_answer(asked, timeout=60)
    assert "210 euros" in answer.text
    assert time.monotonic() - killed < 60
    again = await deployed.sandbox.person("U0BEN").mention("C0GENERAL", ASKED)  # the one that is left serves on
    assert "27 days" in (await deployed.sandbox.wait_for_answer(again, timeout=20)).text
    assert len(answers(deployed.sandbox, "C0GENERAL")) == before + 2


async def everything_ends_in_order(deployed: Deployment) -> None:
    left = [member for member in deployed.members.values() if member.alive]
    assert len(left) == 3
    for member in left:
        member.process.send_signal(signal.SIGTERM)
    assert [await asyncio.wait_for(member.process.wait(), 25) for member in left] == [0, 0, 0]
    logs = {member.name: member.log.read_text("utf-8") for member in deployed.members.values()}
    for secret in (deployed.pinecone.key, deployed.claude.key, deployed.sandbox.workspace.app.bot_token, ASKED):
        assert not [name for name, text in logs.items() if secret in text]
    assert not [line for text in logs.values() for line in text.splitlines() if '"level": "ERROR"' in line]


def on(deployed: Deployment) -> Settings:
    return Settings(database_url=deployed.database_url)
