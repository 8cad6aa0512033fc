"""The reranker that Pinecone hosts: better order when it is there in time, the order as it was when it is not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from pinecone import AsyncPinecone
from pinecone.errors import PineconeError
from pinecone.models.inference.rerank import RerankResult

from knowledge.adapters.circuit_breaker import CircuitBreaker
from knowledge.adapters.pinecone_client import connect, translated_errors
from knowledge.costs import Costs
from knowledge.errors import ConfigurationError, ServiceError
from knowledge.settings import Settings
from knowledge.types import Passage

log = logging.getLogger(__name__)

MODEL = "bge-reranker-v2-m3"
MOST_PASSAGES = 100
"""In one request; what was found further down stays behind them."""
MOST_CHARACTERS = 8_000
"""Of one passage or question: more than the model reads."""


class PineconeReranker:
    """Orders the first passages by a cross-encoder. A failure never reaches who asked: the fused order stands."""

    def __init__(
        self,
        client: AsyncPinecone,
        *,
        model: str = MODEL,
        deadline: float = 1.5,
        breaker: CircuitBreaker | None = None,
        costs: Costs | None = None,
    ) -> None:
        """Connect nothing yet. `deadline` is the seconds that an order is waited for."""
        self.costs = costs or Costs()
        self._client = client
        self._model = model
        self._deadline = deadline
        self._breaker = breaker or CircuitBreaker()

    @classmethod
    def build(cls, *, settings: Settings, argument: str = "", costs: Costs | None = None, **_parts: object) -> Self:
        """Build from the settings; `argument` names another model. Raises ConfigurationError without a key."""
        client = connect(settings, chosen_by="FOOTNOTE_RERANKER", retry_refusals=False)
        return cls(client, model=argument or MODEL, deadline=settings.rerank_deadline, costs=costs)

    async def check(self) -> str:
        """Ask whether the model exists, and name it.

        Raises ConfigurationError, or ServiceError when Pinecone does not answer.
        """
        with translated_errors(ServiceError):
            models = await self._client.inference.list_models(type="rerank")
        if self._model not in models.names():
            raise ConfigurationError(
                f"FOOTNOTE_RERANKER=pinecone:{self._model}: Pinecone has no such model. "
                f"It has {', '.join(sorted(models.names()))}."
            )
        return f"Pinecone's {self._model}"

    async def rerank(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return the passages, best first, with the model's score; in the order they came when it is not there."""
        first, rest = passages[:MOST_PASSAGES], passages[MOST_PASSAGES:]
        if len(first) < 2 or not question.strip() or not self._breaker.admit():
            return list(passages)
        try:
            async with asyncio.timeout(self._deadline):
                result = await self._ask(question, first)
        except (PineconeError, TimeoutError, ValueError) as exc:
            self._breaker.failed()
            log.warning("rerank.failed", extra={"cause": repr(exc)})
            return list(passages)
        self._breaker.worked()
        return _in_order(first, result) + _behind(rest, len(first))

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.close()

    async def _ask(self, question: str, passages: Sequence[Passage]) -> RerankResult:
        result = await self._client.inference.rerank(
            model=self._model,
            query=question[:MOST_CHARACTERS],
            documents=[{"text": _text(passage)} for passage in passages],
            return_documents=False,
            parameters={"truncate": "END"},
        )
        self.costs.rerank_units += result.usage.rerank_units
        if sorted(row.index for row in result.data) != list(range(len(passages))):
            raise ValueError("the reranker did not rank every passage once")
        return result


def _text(passage: Passage) -> str:
    """Write a passage as it is embedded: under its title and headings."""
    chunk = passage.chunk
    return "\n".join(part for part in (chunk.title, chunk.heading, chunk.text) if part)[:MOST_CHARACTERS]


def _in_order(passages: Sequence[Passage], result: RerankResult) -> list[Passage]:
    rows = sorted(result.data, key=lambda row: -row.score)
    best = rows[0].score
    return [
        replace(
            passages[row.index],
            rank=rank,
            score=max(row.score, 0.0) / best if best > 0 else 0.0,
            scores=passages[row.index].scores | {"rerank": row.score},
        )
        for rank, row in enumerate(rows, start=1)
    ]


def _behind(passages: Sequence[Passage], ranked: int) -> list[Passage]:
    """Keep what was not ranked in its order; its score is of another kind and counts for nothing here."""
    return [replace(passage, rank=ranked + number, score=0.0) for number, passage in enumerate(passages, start=1)]
