"""What was learned, as questions use it: kept in memory, and read again when any process has added to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

import numpy as np

from knowledge.errors import FootnoteError
from knowledge.learning import RankingFeedback, similar_from
from knowledge.linear_adapter import LinearAdapter
from knowledge.store.evaluations import AdapterBook
from knowledge.store.opinions import OpinionBook
from knowledge.types import Passage, Vectors

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How old what is in memory may be before the database is asked whether there is more."""
REST, LONGEST_REST = 5.0, 15.0
"""After a reading, this many times as long as it took passes before the next one, and at most so many seconds: a
correction is to count within a minute."""


class Learned:
    """Changes a question's vector and the order of its passages; the first question waits for the reading, no other."""

    def __init__(
        self, opinions: OpinionBook, adapters: AdapterBook, *, embedder: str, dimensions: int, ranking: bool = True
    ) -> None:
        self._opinions = opinions
        self._adapters = adapters
        self._embedder = embedder
        self._dimensions = dimensions
        self._ranking = ranking
        self._feedback: RankingFeedback | None = None
        self._adapter: LinearAdapter | None = None
        self._versions: tuple[object, object] | None = None
        self._look_at = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def adapt(self, vector: Vectors) -> Vectors:
        """Return what to search with for a question's vector, shape (dimensions,)."""
        await self._look()
        return vector if self._adapter is None else self._adapter.apply(vector)

    async def adjust(self, passages: Sequence[Passage], vector: Vectors) -> list[Passage]:
        """Return the passages, reordered by feedback on similar questions; unchanged where that is switched off."""
        await self._look()
        if self._feedback is None or not passages:
            return list(passages)
        return self._feedback.adjust(passages, _unit(vector))

    async def refresh(self) -> None:
        """Read what is new. Where the database cannot be read, what is known stays."""
        began = monotonic()
        try:
            await self._read()
        except FootnoteError as exc:
            log.warning("learned.not_read", extra={"cause": repr(exc.__cause__ or exc)})
        self._look_at = monotonic() + min(max(LOOK_SECONDS, REST * (monotonic() - began)), LONGEST_REST)

    async def close(self) -> None:
        """Stop looking."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        if monotonic() < self._look_at:
            return
        if self._versions is None:
            await self.refresh()
        elif self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.refresh(), name="learned.refresh")

    async def _read(self) -> None:
        versions = (await self._opinions.version() if self._ranking else (), await self._adapters.version())
        if versions == self._versions:
            return
        stored = await self._adapters.active(self._embedder)
        self._adapter = None if stored is None else stored.adapter
        if self._ranking:
            judged = await self._opinions.load(self._embedder, dimensions=self._dimensions)
            similar = similar_from(self._embedder)
            self._feedback = await asyncio.to_thread(RankingFeedback, judged.vectors, judged.opinions, similar=similar)
        self._versions = versions


class AdapterAlone:
    """One adapter and no other feedback: what it would do if it were in use."""

    def __init__(self, adapter: LinearAdapter | None) -> None:
        self._adapter = adapter

    async def adapt(self, vector: Vectors) -> Vectors:
        """Return what to search with for a question's vector, shape (dimensions,)."""
        return vector if self._adapter is None else self._adapter.apply(vector)

    async def adjust(self, passages: Sequence[Passage], vector: Vectors) -> list[Passage]:  # noqa: ARG002 - the port's
        """Return the passages as they are."""
        return list(passages)


def _unit(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector
