"""What people do after an answer is written down beside it; whatever comes of that, they notice nothing of it."""

from __future__ import annotations

import logging

from bot.parts import Parts
from knowledge import FootnoteError, Signal, SignalKind

logger = logging.getLogger(__name__)


async def answered(answer_id: str, parts: Parts) -> None:
    """Write down which earlier answers a question repeats, and whether chance asked for a rating."""
    try:
        await parts.kb.notice(answer_id)
    except FootnoteError as exc:
        logger.warning("signal.not_kept", extra={"answer_id": answer_id, "cause": repr(exc)})


async def did(kind: SignalKind, answer_id: str, person: str, parts: Parts, *, value: str = "") -> None:
    """Write down what a person did with an answer."""
    try:
        await parts.kb.give_signal(Signal(answer_id, person, kind, value))
    except FootnoteError as exc:
        logger.warning("signal.not_kept", extra={"answer_id": answer_id, "cause": repr(exc)})
