"""Every request is written again byte for byte from its parts, whatever became of the documents since."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge import Answer, KnowledgeBase, Outcome, Question, Scope, Settings, Surface, Turn
from knowledge.ports import Answerer
from tests.answerers.conftest import quick
from tests.answerers.test_langchain_answerer import speaking
from tests.databases import rows
from tests.standins.messages_api import MessagesApi, serving
from tests.standins.messages_replies import Search, said

HISTORY = (Turn("U2", "Where do we sleep?"), Turn("assistant", "In hotels. [1]"), Turn("U1", "fine…"))
FOLLOW_UP = Question(
    "And what is the hotel limit in Zurich?", asker="U1", surface=Surface.CHANNEL, channel="C1", history=HISTORY
)
QUOTED = "In London and Zurich the limit is 210 euros."


@pytest.fixture
def settings(on_both: Settings) -> Settings:
    return on_both


@pytest.fixture
async def api() -> AsyncIterator[MessagesApi]:
    async with serving(MessagesApi()) as running:
        yield running


async def opened(settings: Settings, handbook: Path, answerer: Answerer | None) -> KnowledgeBase:
    kb = await KnowledgeBase.open(settings, answerer=answerer)
    await kb.reindex_folder(handbook)
    return kb


def empty(folder: Path) -> None:
    for page in folder.rglob("*.*"):
        page.unlink()


async def assert_exact(kb: KnowledgeBase, answer: Answer) -> None:
    assert answer.outcome is Outcome.ANSWERED, answer
    found = await kb.reconstruct(answer.id)
    assert found.sent.decode() == found.rebuilt.decode()
    assert found.exact


async def after_everything_changed(kb: KnowledgeBase, answer: Answer, handbook: Path) -> None:
    """Move the text within its document, rewrite it, remove it: each time the request is the same."""
    page = handbook / "travel/expenses.md"
    page.write_text("# Travel expenses\n\n## Before\n\nA new section.\n\n" + page.read_text("utf-8")[19:], "utf-8")
    await kb.reindex_folder(handbook)
    await assert_exact(kb, answer)
    page.write_text("# Travel expenses\n\nWe do not travel any more.\n", "utf-8")
    await kb.reindex_folder(handbook)
    await assert_exact(kb, answer)
    empty(handbook)
    await kb.reindex_folder(handbook, allow_empty=True)
    assert (await kb.search(Question("hotel", scope=Scope(operator=True)))).passages == ()
    await assert_exact(kb, answer)


async def test_a_request_to_claude_is_written_again(settings: Settings, handbook: Path, api: MessagesApi):
    claude = Settings(anthropic_api_key=api.key, anthropic_base_url=api.url)
    kb = await opened(settings, handbook, quick(claude))
    api.will(said("Let me look.", Search("taxi rides")), said(Search("breakfast")))
    answer = await kb.ask(FOLLOW_UP)
    assert len(api.bodies) == 3
    kept = await kb.exchange(answer.id)
    assert {passage.stage for passage in kept.passages} >= {"search"}
    assert len(kept.parameters["rounds"]) == 2
    await assert_exact(kb, answer)
    await after_everything_changed(kb, answer, handbook)
    await kb.close()


async def test_a_request_to_a_langchain_model_is_written_again(settings: Settings, handbook: Path):
    kb = await opened(settings, handbook, speaking(f'It is 210 euros. [1: "{QUOTED}"]\nEND'))
    answer = await kb.ask(FOLLOW_UP)
    await assert_exact(kb, answer)
    await after_everything_changed(kb, answer, handbook)
    await kb.close()


async def test_what_was_quoted_from_is_written_again(settings: Settings, handbook: Path):
    kb = await opened(settings, handbook, None)
    answer = await kb.ask(FOLLOW_UP)
    await assert_exact(kb, answer)
    await after_everything_changed(kb, answer, handbook)
    await kb.close()


async def test_the_prompt_of_then_is_kept_by_its_version(settings: Settings, handbook: Path):
    kb = await opened(settings, handbook, speaking(f'It is 210 euros. [1: "{QUOTED}"]\nEND'))
    answer = await kb.ask(FOLLOW_UP)
    ((name, texts),) = rows(settings, f"SELECT name, texts FROM prompt_versions WHERE id = '{answer.prompt_version}'")
    assert name == "quote"
    (row,) = rows(settings, f"SELECT request_sha256, parameters FROM answers WHERE id = '{answer.id}'")
    kept = await kb.reconstruct(answer.id)
    assert row[0] == hashlib.sha256(kept.rebuilt).hexdigest()
    assert texts
    await kb.close()


async def test_a_decline_sent_nothing_and_says_so(settings: Settings, handbook: Path):
    kb = await opened(settings, handbook, None)
    answer = await kb.ask(Question("Who painted the Sistine Chapel?"))
    found = await kb.reconstruct(answer.id)
    assert not found.exact
    assert found.sent or found.reason == "Nothing was sent for it."
    kept = await kb.exchange(answer.id)
    assert kept.embedding is not None, "near questions are found without asking an embedder again"
    await kb.close()
