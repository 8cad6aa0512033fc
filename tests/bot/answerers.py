"""Answerers for tests: one that quotes, one that waits until it may, one that breaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable

from knowledge import AnswererUnavailableError, AnswerEvent, AnswerRequest, Draft, DraftSentence, Quote, Surface

WORD = re.compile(r"\w{4,}")


class QuotingAnswerer:
    """Quotes the sentence that shares most words with the question; declines when none shares two."""

    name = "extractive-for-tests"

    def __init__(self) -> None:
        self.asked: list[AnswerRequest] = []

    async def answer(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        self.asked.append(request)
        async for event in self.events(request):
            yield event

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        sentences = tuple(self.sentences(request))
        for sentence in sentences:
            yield AnswerEvent(sentence=sentence)
        yield AnswerEvent(draft=Draft(sentences=sentences, model=self.name))

    def sentences(self, request: AnswerRequest) -> list[DraftSentence]:
        wanted = set(WORD.findall(request.question.text.lower()))
        quotes = [
            (len(wanted & set(WORD.findall(text.lower()))), Quote(number, text))
            for number, passage in enumerate(request.passages)
            for text in re.findall(r"[A-Z][^.\n#]+\.", passage.chunk.text)
        ]
        best = max(quotes, key=lambda found: found[0], default=(0, Quote(0, "")))
        return [DraftSentence(best[1].text, (best[1],))] if best[0] >= 2 else []


class WaitingAnswerer(QuotingAnswerer):
    """Answers only after `go` was set; counts how many have come so far."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.come = asyncio.Event()

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        self.come.set()
        await self.go.wait()
        async for event in super().events(request):
            yield event


class StreamingAnswerer(QuotingAnswerer):
    """Says its sentence, on `go` again until it was said `times` times, and finishes on `end`."""

    def __init__(self, times: int = 2) -> None:
        super().__init__()
        self.times = times
        self.go = asyncio.Event()
        self.end = asyncio.Event()

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        first = self.sentences(request)
        for sentence in first:
            yield AnswerEvent(sentence=sentence)
        await self.go.wait()
        rest = tuple(first * (self.times - 1))
        for sentence in rest:
            yield AnswerEvent(sentence=sentence)
        await self.end.wait()
        yield AnswerEvent(draft=Draft(sentences=(*first, *rest), model=self.name))


class BreakingAnswerer(QuotingAnswerer):
    """Says a sentence, then breaks."""

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        for sentence in self.sentences(request):
            yield AnswerEvent(sentence=sentence)
        raise AnswererUnavailableError


class WritingAnswerer(QuotingAnswerer):
    """Writes what a function makes of the first passage's text, with that text's first sentence as the quote."""

    def __init__(self, write: Callable[[str], str]) -> None:
        super().__init__()
        self.write = write

    def sentences(self, request: AnswerRequest) -> list[DraftSentence]:
        return [DraftSentence(self.write(sentence.text), sentence.quotes) for sentence in super().sentences(request)]


class HangingAnswerer(StreamingAnswerer):
    """Never finishes a direct message, nor a question that asks it to hang; quotes for all others."""

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        hangs = "hang" in request.question.text or request.question.surface is Surface.DIRECT
        source = super().events(request) if hangs else QuotingAnswerer.events(self, request)
        async for event in source:
            yield event


class OpeningAnswerer(StreamingAnswerer):
    """Says the first words of its sentence, the whole of it on `go`, or breaks instead if it is to; ends on `end`."""

    def __init__(self, *, breaks: bool = False) -> None:
        super().__init__()
        self.breaks = breaks

    async def events(self, request: AnswerRequest) -> AsyncIterator[AnswerEvent]:
        (sentence,) = self.sentences(request)
        words = " ".join(sentence.text.split()[:4])
        yield AnswerEvent(opening=DraftSentence(words, sentence.quotes))
        await self.go.wait()
        if self.breaks:
            raise AnswererUnavailableError
        yield AnswerEvent(sentence=sentence)
        await self.end.wait()
        yield AnswerEvent(draft=Draft(sentences=(sentence,), model=self.name))
