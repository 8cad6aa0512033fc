"""Reconstructing: the request behind an answer, as it was sent and as it is written again from its parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from knowledge import adapters
from knowledge.store import Exchanges


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A request as it was sent and as its parts make it now."""

    answer_id: str
    sent: bytes
    """As it was stored; empty when nothing was sent."""
    rebuilt: bytes
    """From prompt version, passages, question and parameters; empty when that cannot be done."""
    reason: str = ""
    """Why it cannot be rebuilt."""

    @property
    def exact(self) -> bool:
        """Whether the parts make the same bytes again."""
        return bool(self.sent) and hashlib.sha256(self.sent).digest() == hashlib.sha256(self.rebuilt).digest()


async def reconstruct(answer_id: str, *, exchanges: Exchanges) -> Reconstruction:
    """Write the request of an answer again and set it beside what was sent. Raises UnknownAnswerError."""
    exchange = await exchanges.get(answer_id)
    if exchange.erased:
        return Reconstruction(answer_id, exchange.request, b"", "Somebody's words were taken out of it.")
    if not exchange.request:
        return Reconstruction(answer_id, b"", b"", "Nothing was sent for it.")
    render = adapters.renderer(exchange.answerer)
    if render is None:
        return Reconstruction(answer_id, exchange.request, b"", "Its answerer does not say how it asks.")
    prompts = await exchanges.prompts(exchange.answer.prompt_version)
    return Reconstruction(answer_id, exchange.request, render(exchange, prompts))
