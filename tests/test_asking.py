"""One question, one recorded end: answered, declined or failed, in words that a person understands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from knowledge import (
    AnswererUnavailableError,
    AnswerEvent,
    AnswerRequest,
    Draft,
    DraftSentence,
    KnowledgeBase,
    Outcome,
    Question,
    Quote,
    Settings,
    Turn,
)

HOTEL = "What is the hotel limit in Zurich?"


class Broken:
    """An answerer whose service is away, before or after the first words."""

    name = "broken"

    def __init__(self, *, after: bool = False) -> None:
        self.after = after

    async def answer(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        if self.after:
            words = request.passages[0].chunk.text.splitlines()[0]
            yield AnswerEvent(sentence=DraftSentence(words, (Quote(0, words),)))
        raise AnswererUnavailableError


class Reader:
    """An answerer that reads what stands beside the best passages, and says nothing."""

    name = "reader"
    reads_neighbours = True

    def __init__(self) -> None:
        self.given: tuple[str, ...] = ()

    async def answer(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        self.given = tuple(passage.chunk.heading for passage in request.passages)
        yield AnswerEvent(draft=Draft(()))


async def opened(settings: Settings, handbook: Path, answerer: object) -> KnowledgeBase:
    kb = await KnowledgeBase.open(settings, answerer=answerer)  # type: ignore[arg-type]
    await kb.reindex_folder(handbook)
    return kb


async def test_a_model_that_is_away_is_one_honest_sentence_and_is_recorded(settings: Settings, handbook: Path):
    kb = await opened(settings, handbook, Broken())
    answer = await kb.ask(Question(HOTEL, key="msg:1"))
    assert answer.outcome is Outcome.FAILED
    assert answer.text.startswith("Something went wrong")
    assert "ry again" in answer.text
    assert answer.id[-8:] in answer.text
    assert (await kb.exchange(answer.id)).answer.outcome is Outcome.FAILED
    await kb.close()


async def test_the_fallback_quotes_when_the_model_is_away(settings: Settings, handbook: Path):
    kb = await opened(settings.model_copy(update={"fallback": "extractive"}), handbook, Broken())
    answer = await kb.ask(Question(HOTEL))
    assert (answer.outcome, answer.model) == (Outcome.ANSWERED, "extractive")
    assert "210 euros" in answer.text
    await kb.close()


async def test_there_is_no_fallback_once_words_were_shown(settings: Settings, handbook: Path):
    kb = await opened(settings.model_copy(update={"fallback": "extractive"}), handbook, Broken(after=True))
    shown: list[str] = []

    async def show(sentence: str) -> None:
        shown.append(sentence)

    answer = await kb.ask(Question(HOTEL), on_sentence=show)
    assert shown
    assert answer.outcome is Outcome.FAILED
    await kb.close()


async def test_an_answerer_may_read_what_stands_beside_the_best_passages(settings: Settings, handbook: Path):
    reader = Reader()
    kb = await opened(settings.model_copy(update={"passages": 1}), handbook, reader)
    answer = await kb.ask(Question("How many days of annual leave are there?"))
    assert answer.outcome is Outcome.DECLINED
    assert reader.given == ("Leave policy > Annual leave", "Leave policy > Parental leave")
    await kb.close()


async def test_a_question_with_a_key_is_answered_once(kb: KnowledgeBase):
    first = await kb.ask(Question(HOTEL, key="msg:1"))
    again = await kb.ask(Question(HOTEL, key="msg:1"))
    other = await kb.ask(Question(HOTEL))
    assert again.id == first.id
    assert other.id != first.id


async def test_a_follow_up_is_searched_with_the_question_before_it(kb: KnowledgeBase):
    history = (Turn("U1", HOTEL), Turn("assistant", "In London and Zurich the limit is 210 euros. [1]"))
    found = await kb.search(Question("and breakfast?", history=history), k=1)
    assert found.passages[0].chunk.heading == "Travel expenses > Hotels"
