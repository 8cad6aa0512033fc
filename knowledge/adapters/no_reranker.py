"""The reranker for when there is none: the fused order stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from knowledge.types import Passage


class NoReranker:
    """Leaves the passages as they are."""

    name = "none"

    @classmethod
    def build(cls, **_parts: object) -> Self:
        """Build from the parts of a knowledge base; it needs none of them."""
        return cls()

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:  # noqa: ARG002 - the port asks for it
        """Return the passages in the order they came."""
        return list(passages)
