"""Prompts and replies as a model that quotes is sent and should write them (pure)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from knowledge.adapters.quoted_request import DECLINE, messages, reply
from knowledge.asking import NOT_ALL
from knowledge.datasets.grouping import alike
from knowledge.grounding import ground
from knowledge.prompts import load
from knowledge.types import Citation, Exchange, Outcome, Passage, Sentence

HISTORY_TOKENS = 2000
"""How much of a conversation a prompt holds, as `FOOTNOTE_HISTORY_TOKENS` does by default."""

Message = dict[str, str]
Lines = list[tuple[str, list[tuple[int, str]]]]
"""Sentences with their quotes as (passage number from 1, words)."""

_MARK = re.compile(r"\s*\[\d{1,3}\]")


@dataclass(frozen=True, slots=True)
class Cited:
    """What a person wrote, sentence by sentence, with what carries it."""

    lines: Lines

    @property
    def whole(self) -> bool:
        """Whether every sentence is carried."""
        return all(quotes for _, quotes in self.lines)

    @property
    def passages(self) -> frozenset[int]:
        """Numbers, from 1, of the passages that carry something."""
        return frozenset(number for _, quotes in self.lines for number, _ in quotes)


def cited(text: str, passages: Sequence[Passage], *, named: bool = False) -> Cited:
    """Give a person's text the quotes that carry it; sentences that none carries stand without."""
    checked = ground(text, passages, named=named)
    if not checked.sentences:
        return Cited([(" ".join(_MARK.sub("", text).split()), [])])
    return Cited(_quoted(checked.sentences, checked.citations, passages))


def _quoted(sentences: Sequence[Sentence], citations: Sequence[Citation], passages: Sequence[Passage]) -> Lines:
    """Write sentences with their quotes; a quote of a passage that was not shown is left out."""
    places = {passage.chunk.id: number for number, passage in enumerate(passages, 1)}
    quotes = {each.number: (places[each.chunk.id], each.quote) for each in citations if each.chunk.id in places}
    return [(each.text, [quotes[number] for number in each.citations if number in quotes]) for each in sentences]


def prompt(exchange: Exchange, passages: Sequence[Passage]) -> list[Message]:
    """Write the request as `FOOTNOTE_ANSWERER=langchain:…` sends it, whoever was asked then.

    A model that is trained on these prompts therefore answers in this product without anything between.
    """
    question = replace(exchange.question, text=exchange.standalone or exchange.question.text)
    return messages(
        question, passages, asked=exchange.question.text, prompt=load("quote").text, history_tokens=HISTORY_TOKENS
    )


def lines(exchange: Exchange) -> Lines:
    """Write an answer's sentences with their quotes."""
    return _quoted(exchange.answer.sentences, exchange.answer.citations, exchange.passages)


def completion(exchange: Exchange) -> str:
    """Write an answer as the reply that would have led to it."""
    if exchange.answer.outcome is Outcome.DECLINED:
        return DECLINE
    return reply(lines(exchange), missing=_missing(exchange))


def said(text: str) -> list[Message]:
    """Make a reply the one message of a completion."""
    return [{"role": "assistant", "content": text}]


def is_whole(exchange: Exchange) -> bool:
    """Say whether every sentence has a true footnote and nothing was cut."""
    return not exchange.answer.shortened and all(quotes for _, quotes in lines(exchange))


def says_the_same(passage: Passage, source: Passage, said_there: Lines) -> bool:
    """Say whether a passage that nobody cited would carry the answer too."""
    text = _letters(passage.chunk.text)
    quoted = any(_letters(words) in text for _, quotes in said_there for _, words in quotes)
    return quoted or alike(passage.chunk.text, source.chunk.text)


def details(exchange: Exchange) -> dict[str, Any]:
    """Say how the answer came about, for the provenance."""
    answer = exchange.answer
    request = hashlib.sha256(exchange.request).hexdigest() if exchange.request else None
    return {"model": answer.model, "prompt_version": answer.prompt_version, "request_sha256": request}


def _missing(exchange: Exchange) -> str:
    return (
        exchange.answer.text.rpartition(f"\n\n{NOT_ALL}: ")[2].removesuffix(".")
        if NOT_ALL in exchange.answer.text
        else ""
    )


@lru_cache(maxsize=4096)
def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
