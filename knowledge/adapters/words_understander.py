"""The understander that needs no model: a follow-up is searched with the words of the thread."""

from __future__ import annotations

from typing import Self

from knowledge import understanding
from knowledge.types import Question


class WordsUnderstander:
    """Puts the question before it in front of a follow-up that leans on it."""

    name = "words"

    @classmethod
    def build(cls, **_parts: object) -> Self:
        """Build from the parts of a knowledge base; it needs none of them."""
        return cls()

    async def standalone(self, question: Question) -> str:
        """Return the question with the words that it leans on."""
        return understanding.standalone(question)
