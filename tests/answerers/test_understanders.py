"""Follow-ups are made to stand alone by the small model, and without it by the words of the thread."""

from __future__ import annotations

from collections.abc import AsyncIterator
from time import perf_counter

import pytest

from knowledge import Question, Settings, Turn
from knowledge.adapters import UNDERSTANDERS, build
from knowledge.adapters.claude_understander import ClaudeUnderstander
from knowledge.ports import Understander
from tests.standins.messages_api import Fault
from tests.standins.messages_replies import said

HISTORY = (Turn("U1", "How many days of leave do employees get?"), Turn("assistant", "They get 26 days. [1]"))
FOLLOW_UP = Question("and contractors?", asker="U1", history=HISTORY)
BY_WORDS = "How many days of leave do employees get? and contractors?"


@pytest.fixture
async def understander(claude_settings: Settings) -> AsyncIterator[ClaudeUnderstander]:
    settings = claude_settings.model_copy(update={"understanding_deadline": 1.0})
    built = build(UNDERSTANDERS, "claude", variable="FOOTNOTE_UNDERSTANDER", settings=settings)
    assert isinstance(built, Understander)
    yield built
    await built.close()


async def test_a_follow_up_is_rewritten_by_the_small_model_in_one_call(api, understander):
    api.will(said("How many days of leave do contractors get?"))
    assert await understander.standalone(FOLLOW_UP) == "How many days of leave do contractors get?"
    (body,) = api.bodies
    assert body["model"] == "claude-haiku-5-5"
    assert "They get 26 days." in body["messages"][0]["content"]
    assert "and contractors?" in body["messages"][0]["content"]
    assert not {"tools", "temperature", "stream"} & set(body)


async def test_a_first_question_needs_no_call(api, understander):
    assert await understander.standalone(Question("How many days?")) == "How many days?"
    assert api.bodies == []


@pytest.mark.parametrize("fault", [Fault.OVERLOADED, Fault.HANGS_UP, Fault.BAD_KEY, Fault.REFUSES, Fault.MAX_TOKENS])
async def test_when_the_small_model_fails_the_words_of_the_thread_are_used(api, understander, fault):
    api.will(fault)
    assert await understander.standalone(FOLLOW_UP) == BY_WORDS
    assert len(api.bodies) == 1


async def test_the_small_model_is_not_waited_for_longer_than_its_deadline(api, understander):
    api.small_model_delay = 30
    begun = perf_counter()
    assert await understander.standalone(FOLLOW_UP) == BY_WORDS
    assert perf_counter() - begun < 2


@pytest.mark.parametrize("words", ["", "   ", "two\nlines", "very long " * 100])
async def test_anything_but_one_question_is_no_question(api, understander, words):
    api.will(said(words or " "))
    assert await understander.standalone(FOLLOW_UP) == BY_WORDS


async def test_a_small_model_that_is_down_is_spared(api, understander):
    api.always = Fault.OVERLOADED
    for _ in range(10):
        assert await understander.standalone(FOLLOW_UP) == BY_WORDS
    assert len(api.bodies) == 3


async def test_without_a_model_the_words_of_the_thread_are_used():
    words = build(UNDERSTANDERS, "words", variable="FOOTNOTE_UNDERSTANDER")
    assert isinstance(words, Understander)
    assert await words.standalone(FOLLOW_UP) == BY_WORDS
