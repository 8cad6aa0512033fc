"""A stand-in for the Messages API and answerers that speak to it through the real SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from knowledge import AnswerRequest, Chunk, Draft, DraftSentence, Passage, Question, Settings
from knowledge.adapters.circuit_breaker import CircuitBreaker
from knowledge.adapters.claude_answerer import ClaudeAnswerer
from knowledge.adapters.claude_client import connect
from knowledge.adapters.claude_request import Voice
from knowledge.citing import CheckedAnswer, Checker
from tests.standins.messages_api import MessagesApi, serving

LEAVE = """# Time off

## Annual leave

Every employee gets **26 days** of paid annual leave per calendar year. Up to 5 unused days can be carried over.

- Requests go through PeopleDesk.
- Your line manager approves them within three working days.
"""
EXPENSES = """| Expense | Limit |
|---|---|
| Hotel per night | 140 euros |
| Taxi | 45 euros per ride |
"""


def passage(text: str, number: int = 1, *, title: str = "Handbook", heading: str = "", path: str = "") -> Passage:
    chunk = Chunk(
        id=f"chunk-{number}",
        document_id=f"document-{number}",
        source="handbook",
        path=path or f"file-{number}.md",
        title=title,
        url=None,
        heading=heading,
        page=None,
        position=0,
        start=0,
        end=len(text),
        text=text,
    )
    return Passage(chunk, rank=number, score=1.0)


LEAVE_PASSAGE = passage(LEAVE, 1, title="Time off", heading="Annual leave", path="leave.md")
EXPENSES_PASSAGE = passage(EXPENSES, 2, title="Expenses", path="expenses.md")
PASSAGES = (LEAVE_PASSAGE, EXPENSES_PASSAGE)


def asks(text: str = "How many days of annual leave do I get?", **fields: Any) -> AnswerRequest:
    own = {name: fields.pop(name) for name in ("history", "asker") if name in fields}
    return AnswerRequest(Question(text, **own), fields.pop("passages", PASSAGES), **fields)


@dataclass
class Result:
    """What an answerer yielded, and what is left of it once it is checked."""

    sentences: list[DraftSentence]
    draft: Draft
    checked: CheckedAnswer

    @property
    def text(self) -> str:
        return self.checked.text


async def answered(answerer: Any, request: AnswerRequest | None = None) -> Result:
    """Run an answerer as `asking` does."""
    request = request or asks()
    checker = Checker(request.passages)
    sentences: list[DraftSentence] = []
    draft: Draft | None = None
    async for event in answerer.answer(request):
        assert draft is None, "the draft is the last event"
        checker.extend(event.passages)
        if event.sentence is not None:
            sentences.append(event.sentence)
            checker.add(event.sentence)
        draft = event.draft
    assert draft is not None
    assert draft.sentences == tuple(sentences)
    return Result(sentences, draft, checker.finish())


@pytest.fixture
async def api() -> AsyncIterator[MessagesApi]:
    async with serving(MessagesApi()) as running:
        yield running


@pytest.fixture
def claude_settings(api: MessagesApi) -> Settings:
    return Settings(anthropic_api_key=api.key, anthropic_base_url=api.url)


@pytest.fixture
async def answerer(claude_settings: Settings) -> AsyncIterator[ClaudeAnswerer]:
    built = quick(claude_settings)
    yield built
    await built.close()


def quick(settings: Settings, breaker: CircuitBreaker | None = None) -> ClaudeAnswerer:
    """Build an answerer that hardly waits between attempts."""
    voice = Voice(settings.model, settings.max_tokens, settings.effort)
    return ClaudeAnswerer(
        connect(settings), voice=voice, breaker=breaker, first_pause=0.01, today=lambda: date(2026, 11, 23)
    )


@pytest.fixture
async def make_answerer(claude_settings: Settings) -> AsyncIterator[Callable[..., ClaudeAnswerer]]:
    made: list[ClaudeAnswerer] = []

    def make(breaker: CircuitBreaker | None = None) -> ClaudeAnswerer:
        made.append(quick(claude_settings, breaker))
        return made[-1]

    yield make
    for answerer in made:
        await answerer.close()


def search_in(passages: Sequence[Passage], queries: list[str]) -> Callable[[str], Any]:
    async def search(query: str) -> tuple[Passage, ...]:
        queries.append(query)
        return tuple(passages)

    return search
