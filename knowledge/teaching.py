"""Teaching: what people said, put to use: reports of what is open, gates before a change, and what is learned."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from knowledge import gaps
from knowledge.adapting import Adapting, Learnt
from knowledge.evaluating import EVALUATION, Answering
from knowledge.gaps import GapReport
from knowledge.gating import Gates, described
from knowledge.indexing import Backend
from knowledge.labels import VerifiedAnswer
from knowledge.ports import Reranker
from knowledge.settings import Settings
from knowledge.store import EvaluationBook, Store


@dataclass(frozen=True, slots=True)
class Teaching:
    """The part of a knowledge base that learns."""

    kb: Answering
    settings: Settings
    store: Store
    reranker: Reranker
    serving: Callable[[], Awaitable[Backend]]

    async def gap_report(self, *, days: int = 30) -> GapReport:
        """Report what people could not get answered or did not like in the last days, for admins."""
        until = datetime.now(UTC)
        since = until - timedelta(days=days)
        records = [
            gaps.without_requests(record)
            async for record in self.store.records.iterate(since=since, until=until)
            if record.exchange.question.asker != EVALUATION
        ]
        owners = {name: source.owner for name, source in self.settings.team.sources.items() if source.owner}
        called = await self.store.corpus.documents_called(gaps.names_of_documents(records))
        return await asyncio.to_thread(gaps.report, records, since=since, until=until, owners=owners, called=called)

    @property
    def gates(self) -> Gates:
        """Holds what is in use against what it could do before."""
        store = self.store
        return Gates(self.kb, store.exchanges, store.corpus, store.evaluations, described(self.settings))

    @property
    def evaluations(self) -> EvaluationBook:
        """What was measured, with the verdicts."""
        return self.store.evaluations

    async def learn(self) -> Learnt:
        """Learn an adapter for questions from what people said; it is used when held-out questions gain from it.

        Every process notices within seconds.
        """
        store, serving = self.store, await self.serving()
        return await Adapting(
            store.records, store.corpus, store.adapters, store.evaluations, store.snapshots, self.reranker, serving
        ).learn()

    async def unlearn(self) -> int:
        """Use no adapter any more; return how many were in use."""
        return await self.store.adapters.switch_off()

    async def verified_answers(self) -> list[VerifiedAnswer]:
        """Return what reviewers have approved and what still stands, newest first."""
        return await self.store.verified.active()
