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


class Beginner:
    """An answerer that begins in one way and goes on in another, which may be the same."""

    name = "beginner"

    def __init__(self, opening: str, sentence: str) -> None:
        self.opening, self.sentence = opening, sentence

    async def answer(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        number, text = next((n, p.chunk.text) for n, p in enumerate(request.passages) if "210 euros" in p.chunk.text)
        quote = Quote(number, next(line for line in text.splitlines() if "210 euros" in line))
        yield AnswerEvent(opening=DraftSentence(self.opening, (quote,)))
        sentence = DraftSentence(self.sentence, (quote,))
        yield AnswerEvent(sentence=sentence)
        yield AnswerEvent(draft=Draft((sentence,)))


async def heard(settings: Settings, handbook: Path, opening: str, sentence: str) -> tuple[list[str], str]:
    kb = await opened(settings, handbook, Beginner(opening, sentence))
    said: list[str] = []

    async def listen(words: str) -> None:
        said.append(words)

    answer = await kb.ask(Question(HOTEL), on_sentence=listen)
    await kb.close()
    return said, answer.text


async def test_first_words_are_said_before_their_sentence_and_once(settings: Settings, handbook: Path):
    said, text = await heard(settings, handbook, "In London and", "In London and Zurich the limit is 210 euros.")
    assert said == ["In London and", " Zurich the limit is 210 euros. [1] "]
    assert "".join(said).strip() == text


async def test_an_answer_that_is_begun_otherwise_is_said_as_a_whole_at_the_end(settings: Settings, handbook: Path):
    said, text = await heard(settings, handbook, "In London and", "The limit in Zurich is 210 euros.")
    assert said == ["In London and"]
    assert text == "The limit in Zurich is 210 euros. [1]"


async def test_first_words_that_do_not_pass_are_never_said(settings: Settings, handbook: Path):
    said, _ = await heard(settings, handbook, "In Paris and", "In London and Zurich the limit is 210 euros.")
    assert said == ["In London and Zurich the limit is 210 euros. [1] "]
