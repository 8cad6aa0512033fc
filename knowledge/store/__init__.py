"""Every read and write of the SQL database, in our own types; nothing else knows that there is SQL."""

from __future__ import annotations

import time
from dataclasses import dataclass

from knowledge.settings import Settings
from knowledge.store.audit import AuditBook
from knowledge.store.clock import Clock
from knowledge.store.consents import Consents, Signals
from knowledge.store.corpus import Corpus
from knowledge.store.database import Database
from knowledge.store.deliveries import Deliveries
from knowledge.store.erasing import Erasures
from knowledge.store.evaluations import AdapterBook, EvaluationBook
from knowledge.store.exchanges import Exchanges
from knowledge.store.feedback import FeedbackBook
from knowledge.store.generations import Generations
from knowledge.store.installation import installation_id
from knowledge.store.migrations import prepare, revision
from knowledge.store.opinions import OpinionBook
from knowledge.store.records import Records
from knowledge.store.retention import Retention
from knowledge.store.reviews import ReviewBook
from knowledge.store.runs import Runs
from knowledge.store.snapshots import Snapshots, revoke
from knowledge.store.verified import VerifiedBook
from knowledge.store.waiting import ReviewQueue

__all__ = [
    "AdapterBook",
    "AuditBook",
    "Consents",
    "Corpus",
    "Deliveries",
    "Erasures",
    "EvaluationBook",
    "Exchanges",
    "FeedbackBook",
    "Generations",
    "OpinionBook",
    "Records",
    "Retention",
    "ReviewBook",
    "ReviewQueue",
    "Runs",
    "Signals",
    "Snapshots",
    "Store",
    "VerifiedBook",
]


@dataclass(frozen=True, slots=True)
class Store:
    """The database by subject."""

    database: Database
    corpus: Corpus
    exchanges: Exchanges
    feedback: FeedbackBook
    reviews: ReviewBook
    queue: ReviewQueue
    signals: Signals
    consents: Consents
    records: Records
    opinions: OpinionBook
    evaluations: EvaluationBook
    adapters: AdapterBook
    verified: VerifiedBook
    erasures: Erasures
    retention: Retention
    deliveries: Deliveries
    runs: Runs
    snapshots: Snapshots
    generations: Generations
    installation: str
    """Tells this database from every other that shares a service with it."""
    audit: AuditBook

    @classmethod
    async def open(cls, settings: Settings, *, clock: Clock = time.time) -> Store:
        """Connect and bring the tables to our revision.

        Raises ConfigurationError, DatabaseVersionError or DatabaseUnavailableError.
        """
        database = Database(settings.sqlalchemy_url)
        try:
            await prepare(database)
            installation = await installation_id(database)
        except BaseException:
            await database.close()
            raise
        corpus = Corpus(database, clock=clock)
        exchanges, consents = Exchanges(database, corpus), Consents(database)
        return cls(
            database=database,
            corpus=corpus,
            exchanges=exchanges,
            feedback=FeedbackBook(database),
            reviews=ReviewBook(database),
            queue=ReviewQueue(database),
            signals=Signals(database),
            consents=consents,
            records=Records(database, exchanges, consents),
            opinions=OpinionBook(database),
            evaluations=EvaluationBook(database),
            adapters=AdapterBook(database),
            verified=VerifiedBook(database),
            erasures=Erasures(database, revoke=revoke),
            retention=Retention(database),
            deliveries=Deliveries(database, lease=settings.lease, clock=clock),
            runs=Runs(database, clock=clock),
            snapshots=Snapshots(database),
            generations=Generations(database, clock=clock),
            installation=installation,
            audit=AuditBook(database),
        )

    async def describe(self) -> str:
        """Say what kind of database this is and which revision it has. Raises DatabaseUnavailableError."""
        path = self.database.path
        kind = "Postgres" if path is None else f"SQLite in {path}"
        return f"{kind}, revision {await revision(self.database)}"

    async def close(self) -> None:
        """Give the connections back."""
        await self.database.close()
