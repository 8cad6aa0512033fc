"""A follow-up becomes a question that stands alone: here with the words of the thread, without any model (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.types import Question, Turn

ASSISTANT = "assistant"
"""The speaker of our own turns."""
SHORT = 4
"""Words up to which a question in a thread is taken to lean on what was said before."""

_LEANS = re.compile(
    r"^\W*(and|or|but|also|then|so|what about|how about|what if|why|how so|which ones?"
    r"|und|oder|aber|auch|et|ou|mais|y|o|pero)\b"
    r"|\b(it|its|they|them|their|he|she|him|his|her|hers|those|these|that|this one|same|instead|there)\b",
    re.IGNORECASE,
)


def standalone(question: Question) -> str:
    """Return the question as it is searched: with the question before it when it leans on that."""
    text = question.text.strip()
    before = _last_question(question.history)
    if before is None or not leans(text):
        return text
    return f"{before} {text}"


def leans(text: str) -> bool:
    """Say whether the words point back to something said before."""
    return len(text.split()) <= SHORT or _LEANS.search(text) is not None


def _last_question(history: Sequence[Turn]) -> str | None:
    """Return the last question that stood alone: in a row of follow-ups the topic was named before them all."""
    asked = [turn.text.strip() for turn in history if turn.speaker != ASSISTANT and turn.text.strip()]
    return next((text for text in reversed(asked) if not leans(text)), asked[-1] if asked else None)
