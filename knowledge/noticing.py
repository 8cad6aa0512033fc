"""Noticing: what people do after an answer says something of it without a vote; and whom to ask for one by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from knowledge.labels import Signal, SignalKind
from knowledge.language.paraphrasing import near
from knowledge.store import Exchanges, Signals
from knowledge.types import Exchange, Outcome, Surface

AGAIN = timedelta(minutes=10)
"""Who asks nearly the same within this time was probably not helped."""


def is_sampled(answer_id: str, share: float) -> bool:
    """Say whether chance chooses this answer: the same for ever, in every process, whatever the answer says."""
    number = int.from_bytes(hashlib.sha256(answer_id.encode()).digest()[:8], "big")
    return number < share * 2**64


async def notice(exchange: Exchange, *, share: float, exchanges: Exchanges, signals: Signals) -> list[Signal]:
    """Write down that an answer was asked to be rated by chance, and which earlier ones it repeats.

    Nothing is noticed of direct messages, nor of questions that are nobody's.
    """
    if not is_open(exchange) or exchange.question.asker is None:
        return []
    found = await _asked_again(exchange, exchanges)
    if exchange.answer.outcome is not Outcome.FAILED and is_sampled(exchange.answer.id, share):
        asker = exchange.question.asker
        found.append(Signal(exchange.answer.id, asker, SignalKind.RATING_REQUESTED, f"{share:g}"))
    return [signal for signal in found if await signals.add(signal)]


def is_open(exchange: Exchange) -> bool:
    """Say whether an exchange was no direct message."""
    question = exchange.question
    return question.surface is not Surface.DIRECT and not (question.channel or "").startswith("D")


async def _asked_again(exchange: Exchange, exchanges: Exchanges) -> list[Signal]:
    if exchange.embedding is None:
        return []
    earlier = [each for each in await exchanges.shortly_before(exchange, AGAIN) if is_open(each)]
    again = _near(exchange, earlier)
    person = exchange.question.asker or ""
    return [Signal(each.answer.id, person, SignalKind.ASKED_AGAIN, exchange.answer.id) for each in again]


def _near(exchange: Exchange, earlier: Sequence[Exchange]) -> list[Exchange]:
    mine = exchange.embedding
    if mine is None:
        return []

    def cosine(other: Exchange) -> float:
        if other.embedding is None or other.embedding.embedder != mine.embedder:
            return 0.0
        one, two = mine.vector, other.embedding.vector
        length = float(np.linalg.norm(one) * np.linalg.norm(two))
        return float(one @ two) / length if length else 0.0

    return [other for other in earlier if cosine(other) >= near(mine.embedder)]
