"""A question from the first word to the thumb, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge import (
    Feedback,
    KnowledgeBase,
    Outcome,
    Question,
    Reason,
    Scope,
    Settings,
    SourceSettings,
    TeamFile,
    Vote,
)

QUESTION = "How many days of paid annual leave do full-time employees get?"


@pytest.fixture
async def kb(settings: Settings, handbook: Path, tmp_path: Path) -> AsyncIterator[KnowledgeBase]:
    private = tmp_path / "private"
    private.mkdir()
    (private / "salaries.md").write_text("# Salaries\n\nThe salary band at level four begins at 71,000 euros.\n")
    team = TeamFile(
        sources={
            "handbook": SourceSettings(path=handbook),
            "private": SourceSettings(path=private, channels=("C0LEADS",)),
        }
    )
    opened = await KnowledgeBase.open(settings.with_team(team))
    await opened.reindex("handbook")
    await opened.reindex("private")
    yield opened
    await opened.close()


async def test_an_answer_is_recorded_as_it_was_shown_and_given_again(kb: KnowledgeBase) -> None:
    answer = await kb.ask(Question(QUESTION, key="event:1", asker="U1", channel="C1"))
    assert answer.outcome is Outcome.ANSWERED
    assert "27" in answer.text
    assert (await kb.ask(Question(QUESTION, key="event:1"))).id == answer.id
    kept = await kb.exchange(answer.id)
    assert kept.answer.citations == answer.citations
    assert kept.answer.text == answer.text


async def test_one_question_asked_in_many_places_at_once_has_one_answer(kb: KnowledgeBase) -> None:
    answers = await asyncio.gather(*(kb.ask(Question(QUESTION, key="event:2")) for _ in range(10)))
    assert len({answer.id for answer in answers}) == 1


async def test_what_the_documents_do_not_say_is_declined_and_listed(kb: KnowledgeBase) -> None:
    answer = await kb.ask(Question("Who won the chess championship of 1972?"))
    assert answer.outcome is Outcome.DECLINED
    assert [gap.times for gap in (await kb.teaching.gap_report()).gaps] == [1]


async def test_a_private_source_answers_its_audience_only(kb: KnowledgeBase) -> None:
    question = "Where does the salary band at level four begin?"
    leads = await kb.ask(Question(question, scope=Scope(channel="C0LEADS")))
    others = await kb.ask(Question(question, scope=Scope(channel="C0GENERAL")))
    assert "71,000" in leads.text
    assert "71,000" not in others.text
    assert await kb.may_see(leads.id, Scope(channel="C0LEADS"))
    assert not await kb.may_see(leads.id, Scope(channel="C0GENERAL"))


async def test_twenty_clicks_at_once_leave_one_vote(kb: KnowledgeBase) -> None:
    answer = await kb.ask(Question(QUESTION))
    down = Feedback(answer.id, "U1", Vote.DOWN, (Reason.INCOMPLETE,), "short", "27 days, plus carry-over")
    stored = await asyncio.gather(*(kb.give_feedback(down) for _ in range(20)))
    assert stored.count(True) == 1
    assert await kb.current_vote(answer.id, "U1") is Vote.DOWN


async def test_characters_that_a_database_may_dislike_do_not_stop_a_question(kb: KnowledgeBase) -> None:
    answer = await kb.ask(Question(f"{QUESTION}\x00 100 % of :them? 😀"))
    assert answer.outcome is not Outcome.FAILED
    kept = await kb.exchange(answer.id)
    assert kept.question.text.endswith(" 100 % of :them? 😀")
