"""Feedback in a database changes what the next search finds first, in every process, and never what may be seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from knowledge import Answer, Feedback, KnowledgeBase, Question, Reason, Scope, Settings, TeamFile, Vote
from knowledge.gates import GateResult, Ruling
from knowledge.learning import FEEDBACK
from knowledge.linear_adapter import LinearAdapter
from tests.databases import rows

QUESTION = "How many days of annual leave are there?"
PASSED = GateResult(Ruling.PASSED)
PARAPHRASE = "How many annual leave days are there for me?"


@pytest.fixture
def settings(on_both: Settings) -> Settings:
    return on_both


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    root = tmp_path / "pages"
    root.mkdir()
    (root / "old.md").write_text("# Annual leave in 2019\n\nThere are 25 days of annual leave for everybody.\n")
    (root / "new.md").write_text("# Annual leave today\n\nEverybody has 28 days of annual leave in each year now.\n")
    (root / "other.md").write_text("# Laptops\n\nLaptops are ordered from the IT team by filling in a form.\n")
    return root


@pytest.fixture
async def kb(settings: Settings, pages: Path) -> AsyncIterator[KnowledgeBase]:
    opened = await KnowledgeBase.open(settings)
    await opened.reindex_folder(pages)
    yield opened
    await opened.close()


async def order(kb: KnowledgeBase, question: str = PARAPHRASE, scope: Scope = Scope()) -> list[str]:
    await kb.learned.refresh()
    return [passage.chunk.path for passage in (await kb.search(Question(question, scope=scope))).passages]


async def people_say(kb: KnowledgeBase, answer: Answer, people: int = 8, **said: object) -> None:
    for number in range(people):
        await kb.give_feedback(Feedback(answer.id, f"U{number}", **said))  # type: ignore[arg-type]


async def people_prefer(kb: KnowledgeBase, path: str) -> None:
    """Say of the answer that its source is outdated, and which document is not."""
    answer = await kb.ask(Question(QUESTION))
    reasons = (Reason.OUTDATED_SOURCE,)
    await people_say(kb, answer, vote=Vote.DOWN, reasons=reasons, correction="the other one", sources=(path,))


async def test_the_vector_of_a_question_is_kept_with_it(kb: KnowledgeBase):
    answer = await kb.ask(Question(QUESTION))
    embedding = (await kb.exchange(answer.id)).embedding
    assert embedding is not None
    assert embedding.vector.shape == (256,)
    assert np.linalg.norm(embedding.vector) == pytest.approx(1.0, abs=1e-5)


async def test_a_document_that_people_call_outdated_sinks_and_the_one_they_name_rises(kb: KnowledgeBase):
    first, other, *_ = await order(kb)
    await people_prefer(kb, other)
    assert (await order(kb))[:2] == [other, first]
    found = (await kb.search(Question(PARAPHRASE))).passages
    assert found[0].scores[FEEDBACK] > 0 > found[1].scores[FEEDBACK]
    assert (await kb.exchange((await kb.ask(Question(PARAPHRASE))).id)).passages[0].scores[FEEDBACK] > 0


async def test_a_question_about_something_else_is_left_alone(kb: KnowledgeBase):
    before = await order(kb, "Who orders laptops?")
    await people_prefer(kb, "new.md")
    await people_prefer(kb, "old.md")
    assert await order(kb, "Who orders laptops?") == before


async def test_feedback_ends_with_the_text_that_it_was_about(kb: KnowledgeBase, pages: Path):
    first, other, *_ = before = await order(kb)
    await people_prefer(kb, other)
    assert await order(kb) != before
    for page in (first, other):
        text = (pages / page).read_text()
        (pages / page).write_text(text.replace("verybody", "very one"))
    await kb.reindex_folder(pages)
    await kb.learned.refresh()
    assert all(FEEDBACK not in passage.scores for passage in (await kb.search(Question(PARAPHRASE))).passages)


async def test_it_can_be_switched_off(kb: KnowledgeBase, settings: Settings):
    before = await order(kb)
    await people_prefer(kb, before[1])
    assert await order(kb) != before
    switched_off = await KnowledgeBase.open(settings.model_copy(update={"learn_ranking": False}))
    try:
        assert await order(switched_off) == before
    finally:
        await switched_off.close()


async def test_another_process_notices_by_itself(kb: KnowledgeBase, settings: Settings):
    before = await order(kb)
    other = await KnowledgeBase.open(settings)
    try:
        await people_prefer(other, before[1])
    finally:
        await other.close()
    async with asyncio.timeout(60):
        while [  # noqa: ASYNC110 - the background is what is waited for
            passage.chunk.path for passage in (await kb.search(Question(PARAPHRASE))).passages
        ] == before:
            await asyncio.sleep(0.05)


async def test_feedback_shows_nobody_what_they_may_not_see(settings: Settings, pages: Path):
    team = TeamFile.model_validate({"sources": {"pages": {"path": str(pages), "channels": ["C1"]}}})
    kb = await KnowledgeBase.open(settings.with_team(team))
    try:
        await kb.reindex("pages")
        answer = await kb.ask(Question(QUESTION, scope=Scope(channel="C1")))
        await people_say(kb, answer, vote=Vote.UP)
        assert await order(kb, scope=Scope(channel="C1"))
        assert await order(kb) == []
    finally:
        await kb.close()


async def test_an_adapter_changes_the_question_and_going_back_restores_it(kb: KnowledgeBase, settings: Settings):
    book = kb._store.adapters
    vector = await kb._parts.embedder.embed_query(PARAPHRASE)
    assert (await kb.learned.adapt(vector) == vector).all()
    matrix = np.random.default_rng(1).normal(0, 0.1, (256, 256)).astype(np.float32)
    result_id = await kb._store.evaluations.add("learn", subject="s", configuration={}, cases=[], result=PASSED)
    await book.put(kb._parts.embedder.name, LinearAdapter(matrix), provenance={}, evaluation_id=result_id, active=True)
    await kb.learned.refresh()
    adapted = await kb.learned.adapt(vector)
    assert not np.allclose(adapted, vector)
    assert np.linalg.norm(adapted) == pytest.approx(1.0, abs=1e-4)
    assert rows(settings, "SELECT count(*) FROM adapters WHERE active") == [(1,)]
    assert await book.switch_off() == 1
    await kb.learned.refresh()
    assert (await kb.learned.adapt(vector) == vector).all()
