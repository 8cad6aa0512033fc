"""Keeps what feedback says of documents in memory, and notices when any process has added to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

import numpy as np

from knowledge.errors import FootnoteError
from knowledge.learning import RankingFeedback, similar_from
from knowledge.store.opinions import OpinionBook, Version
from knowledge.types import Passage, Vectors

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How old what is in memory may be before the database is asked whether there is more."""
REST = 20.0
"""After a reading, this many times as long as it took passes before the next one: at most a twentieth of the time."""


class LearnedRanking:
    """Puts passages in the order that feedback suggests; the first question waits for the reading, later ones never."""

    def __init__(self, book: OpinionBook, *, embedder: str, dimensions: int, on: bool = True) -> None:
        self._book = book
        self._embedder = embedder
        self._dimensions = dimensions
        self._on = on
        self._feedback: RankingFeedback | None = None
        self._version: Version | None = None
        self._look_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def adjust(self, passages: Sequence[Passage], vector: Vectors) -> list[Passage]:
        """Return the passages, reordered by feedback on similar questions; unchanged where that is switched off."""
        if not self._on or not passages:
            return list(passages)
        if self._feedback is None:
            await self.refresh()
        elif monotonic() >= self._look_at and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self.refresh(), name="learned_ranking.refresh")
        return list(passages) if self._feedback is None else self._feedback.adjust(passages, _unit(vector))

    async def refresh(self) -> None:
        """Read what is new. Where the database cannot be read, what is known stays."""
        began = monotonic()
        try:
            version = await self._book.version()
            if version != self._version:
                judged = await self._book.load(self._embedder, dimensions=self._dimensions)
                similar = similar_from(self._embedder)
                self._feedback = RankingFeedback(judged.vectors, judged.opinions, similar=similar)
                self._version = version
        except FootnoteError as exc:
            log.warning("learned_ranking.not_read", extra={"cause": repr(exc.__cause__ or exc)})
        self._look_at = monotonic() + max(LOOK_SECONDS, REST * (monotonic() - began))

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)


def _unit(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector
