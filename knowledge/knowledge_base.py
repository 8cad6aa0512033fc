"""The knowledge base: puts the parts together, any of them replaceable by argument."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from knowledge import adapters, asking, checking, reindexing
from knowledge.adapters.langchain_source import loaded_source
from knowledge.auditing import audit
from knowledge.citing import only_quotes
from knowledge.costs import Costs
from knowledge.datasets.ordering import ExportOrder, ExportReport
from knowledge.datasets.redacting import strengthened
from knowledge.errors import ConfigurationError, ServiceError, SourceError, UsageError
from knowledge.following import TeamFollower
from knowledge.freshness import Freshness
from knowledge.generations import Chosen, Generations, generation_key, options
from knowledge.ids import content_id
from knowledge.indexing import Backend, Desk, desk_without_files
from knowledge.labels import LabelledExchange, Review, Signal
from knowledge.learned import Learned
from knowledge.leases import LEASE_SECONDS, held
from knowledge.maintenance import Maintenance
from knowledge.noticing import is_open, notice
from knowledge.ports import Answerer, Embedder, Index, Jobs, Reranker, Splitter, Understander
from knowledge.reconstructing import Reconstruction, reconstruct
from knowledge.reindexing import OnProgress
from knowledge.retiring import clear, clear_forever
from knowledge.reviewing import QueueItem, queue
from knowledge.runs import COMMAND_LINE, OnJoined, ReindexRuns
from knowledge.settings import Settings, TeamFile
from knowledge.sharing import Sharing
from knowledge.splitting import SentenceSplitter
from knowledge.store import AuditBook, Deliveries, Store
from knowledge.store.corpus import SourceRecord, overlap
from knowledge.store.erasing import Forgotten
from knowledge.store.generations import Generation, GenerationPlan
from knowledge.store.snapshots import Snapshot
from knowledge.teaching import Teaching
from knowledge.types import (
    Answer,
    Audience,
    AuditReport,
    Disliked,
    Exchange,
    FailedFile,
    Feedback,
    Finding,
    GenerationStatus,
    Question,
    ReindexReport,
    Scope,
    SearchResult,
    SourceStatus,
    Vote,
)
from knowledge.verifying import Judged, Verifying

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """The backends that were chosen."""

    embedder: Embedder
    index: Index
    reranker: Reranker
    answerer: Answerer
    splitter: Splitter
    understander: Understander
    jobs: Jobs
    named: tuple[str, str] = ("", "")
    """The embedder and the index as the settings name them; empty where one was given by argument."""
    fallback: Answerer | None = None
    costs: Costs = field(default_factory=Costs)
    """What all of them have spent."""

    def services(self) -> dict[str, object]:
        """Name the parts that may talk to a service."""
        found = {
            "embedder": self.embedder,
            "index": self.index,
            "reranker": self.reranker,
            "answerer": self.answerer,
            "understander": self.understander,
            "fallback": self.fallback,
        }
        return {name: part for name, part in found.items() if part is not None}


class KnowledgeBase:
    """Documents in, cited answers out, feedback kept.

    kb = await KnowledgeBase.open(Settings.load())
    answer = await kb.ask(Question("How many days of leave are there?"))
    """

    def __init__(self, settings: Settings, store: Store, parts: Parts) -> None:
        self.settings = settings
        """As they are now: the team's part changes when `footnote.toml` does, see `keep_fresh`."""
        self._team = TeamFollower(settings.team_path, current=lambda: self.settings.team, use=self._use_team)
        self._store = store
        self._parts = parts
        self._learned: dict[str, Learned] = {}
        self.learned = self._learned_with(parts.embedder)
        """What feedback has taught, as every question uses it."""
        self._generations = Generations(
            store.generations,
            store.corpus,
            _chosen(settings, parts),
            build=self._build_again,
            splitter=parts.splitter,
            owner=store.deliveries.owner,
            on_switch=lambda: self._verifying().refresh(),
        )
        self._maintenance = Maintenance(
            refresh_verified=lambda: self._verifying().refresh(),
            embedder=self._embedder_name,
            retention=store.retention,
            retention_days=settings.retention_days,
        )
        self._runs = ReindexRuns(
            store.runs,
            jobs=parts.jobs,
            owner=store.deliveries.owner,
            reindex=self._reindex,
            open_desk=self._helpers_desk,
            find_source=self._find_source,
            audit=store.audit,
        )

    @classmethod
    async def open(
        cls,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        index: Index | None = None,
        reranker: Reranker | None = None,
        answerer: Answerer | None = None,
        splitter: Splitter | None = None,
        jobs: Jobs | None = None,
    ) -> Self:
        """Connect the database, load the models and take over what `footnote.toml` says of the sources.

        Parts that are not given are built as the settings choose. Raises ConfigurationError with one sentence when
        something cannot be used, DatabaseVersionError when the database does not fit.
        """
        settings.prepare_home()
        store = await Store.open(settings)
        try:
            if settings.team_given:
                await _configure(store, settings)
            parts = _build(settings, store, embedder, index, reranker, answerer, splitter, jobs)
            kb = cls(settings, store, parts)
            await kb._runs.open()
        except BaseException:
            await store.close()
            raise
        return kb

    async def warm_up(self) -> None:
        """Do now what the first question would otherwise wait for, as far as the services are there.

        Raises ConfigurationError when one of them says that what is configured does not fit; what answers until that
        is complete may fail.
        """
        await self.check()
        serving = await self._generations.serving()
        replaced = (ConfigurationError,) if serving.index is not self._parts.index else ()
        try:
            await self._warm_up(serving.index)
        except (ServiceError, TimeoutError, *replaced) as exc:
            log.warning("warm_up.failed", extra={"cause": repr(exc)})

    async def _warm_up(self, index: Index) -> None:
        warming = getattr(index, "warm_up", None)
        if warming is not None:
            await warming()
        async with asyncio.timeout(checking.START_SECONDS):
            await self.search(Question("warm up"), k=1)

    async def check(self) -> None:
        """Ask the services whether what is configured fits; what is away is left for later.

        Raises ConfigurationError.
        """
        await checking.refuse_misfits(self._parts.services())

    async def examine(self) -> list[Finding]:
        """Try each part as thoroughly as it can be tried, for whoever looks for what is wrong."""
        database = Finding("database", ok=True, says=await self._store.describe())
        ready = await checking.readiness(self._store.corpus, self._parts.embedder, self._parts.index)
        found = await checking.examine(self._parts.services(), ready)
        return [database, *found, *await self._examine_replaced()]

    async def _examine_replaced(self) -> list[Finding]:
        """Try what answers until what this process was started with is complete; nothing where that answers."""
        serving = await self._generations.serving()
        if serving.index is self._parts.index:
            return []
        ready = await checking.readiness(self._store.corpus, serving.embedder, serving.index)
        found = await checking.examine({"embedder": serving.embedder, "index": serving.index}, ready)
        return [replace(finding, part=f"{finding.part} that answers now") for finding in found]

    async def close(self) -> None:
        """Hand back what is not finished, and give back what is open."""
        for part in (self._parts.jobs, *self._parts.services().values()):
            closing = getattr(part, "close", None)
            if closing is not None:
                await closing()
        for learned in self._learned.values():
            await learned.close()
        await self._generations.close()
        await self._store.close()

    @property
    def costs(self) -> Costs:
        """What this process has spent on services since it started."""
        return self._parts.costs

    @property
    def deliveries(self) -> Deliveries:
        """The durable inbox that the processes share."""
        return self._store.deliveries

    async def ask(
        self,
        question: Question,
        *,
        on_sentence: asking.OnSentence | None = None,
        on_status: asking.OnStatus | None = None,
    ) -> Answer:
        """Answer, decline or fail; every end is recorded. Never raises for a broken service.

        `on_sentence` is called with each sentence once it is checked, `on_status` with a few words of progress. A
        question whose key was answered before gets the stored answer.
        """
        await self._team.up_to_date()
        return await asking.ask(question, desk=self._desk(), on_sentence=on_sentence, on_status=on_status)

    async def search(self, question: Question, *, k: int = 10) -> SearchResult:
        """Return the k best passages that the asker may see; no relevance floor. Raises ServiceError."""
        return await asking.search(question, desk=self._desk(), k=k)

    async def reindex(
        self, source: str, *, allow_empty: bool = False, on_progress: OnProgress | None = None
    ) -> ReindexReport:
        """Reindex a configured source by its name, or a folder inside it as `name/folder`.

        Runs in this process and waits while another run holds the source. Raises SourceError, EmptySourceError or
        ServiceError.
        """
        record, folder = self._configured_source(source)
        await self._generations.fill()
        return await self._runs.run_here(record, folder=folder, allow_empty=allow_empty, on_progress=on_progress)

    async def request_reindex(
        self,
        source: str,
        *,
        allow_empty: bool = False,
        key: str | None = None,
        on_progress: OnProgress | None = None,
        on_joined: OnJoined | None = None,
        by: str | None = None,
    ) -> ReindexReport:
        """Have a source, or a folder inside it, reindexed by whoever does background work; wait for the report.

        Joins the same request that is under way, and calls `on_joined` then. Who asks again with the same `key` gets
        the report it had asked for. `by` names the person in the audit.
        When nobody begins, this process does. Raises what `reindex` raises.
        """
        record, folder = self._configured_source(source)
        return await self._runs.request(
            record.name,
            folder=folder,
            allow_empty=allow_empty,
            key=key,
            on_progress=on_progress,
            on_joined=on_joined,
            by=by,
        )

    async def cancel_reindex(self, source: str, *, by: str = COMMAND_LINE) -> bool:
        """Stop the runs of a source, of a folder inside it, or of a folder that is named by its path.

        They stop within about a second, in whichever process; what they had published stays, and who waits for them
        gets ReindexCancelledError. Says whether there was one. Raises SourceError when nothing goes by this name. A
        person of Slack, named by `by`, can mean configured sources only, whatever folders there are around us.
        """
        if by != COMMAND_LINE or self.names_source(source):
            record, folder = self._configured_source(source)
            return await self._runs.cancel(record.name, folder=folder, by=by)
        records = await self._store.corpus.source_records()
        if any(record.name == source for record in records):
            return await self._runs.cancel(source, by=by)
        root = await asyncio.to_thread(lambda: Path(source).expanduser().resolve())
        if not root.is_dir() and str(root) not in {record.root for record in records}:
            raise SourceError(f"There is no source and no folder {source!r}.")
        return await self._runs.cancel(_folder_name(root, records), by=by)

    async def last_report(self, source: str) -> ReindexReport | None:
        """Return what the newest finished run of a source, or of a folder inside it, reported.

        None when there was none in the last days. Raises SourceError.
        """
        record, folder = self._configured_source(source)
        return await self._store.runs.last_report(record.name, folder=folder)

    async def failures(self, source: str) -> list[FailedFile]:
        """Return the files of a source that are not indexed as they are now, and why, by path."""
        return await self._store.corpus.failures(source)

    @property
    def audit(self) -> AuditBook:
        """Who did or was refused what; only appended to."""
        return self._store.audit

    async def keep_fresh(self) -> None:
        """Reindex what changes in the configured folders, and what is due, until cancelled.

        Any number of processes may do this: each source is seen to by one of them. `footnote.toml` is followed
        meanwhile: when it changes, what it says of sources, people and channels holds from the next question on.
        """
        freshness = Freshness(
            lambda: self.settings.team.sources,
            changed=self._team.changed,
            corpus=self._store.corpus,
            deliveries=self._store.deliveries,
            reindex=self.request_reindex,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(self._team.follow(), name="follow footnote.toml")
            group.create_task(freshness.run(), name="freshness")

    @property
    def team_fault(self) -> str:
        """What is wrong with `footnote.toml` as it is now, in one sentence; empty when what it says holds."""
        return self._team.fault

    async def _use_team(self, team: TeamFile) -> None:
        settings = self.settings.with_team(team)
        await _configure(self._store, settings)
        self.settings = settings

    async def verify(self, source: str = "") -> AuditReport:
        """Compare what the indexes hold of a source, or of all of them, with the database, and put it right.

        A source goes by its name or by its folder. Raises SourceError, ServiceError.
        """
        records = await self._store.corpus.source_records()
        if source:
            name = await self._known_name(source, records)
            records = [record for record in records if record.name == name]
        return await audit(
            records,
            source=records[0].name if source else "",
            corpus=self._store.corpus,
            backends=await self._generations.present(),
            splitter=self._parts.splitter,
            owner=self.deliveries.owner,
        )

    async def remove_source(self, source: str) -> int:
        """Remove all that was indexed of a source that nothing names any more, or of a folder; count the documents.

        What answers have shown stays with them. Raises SourceError, ServiceError.
        """
        records = await self._store.corpus.source_records()
        name = await self._known_name(source, records)
        record = next(record for record in records if record.name == name)
        if record.configured and record.active:  # opening has retired what our footnote.toml does not name
            raise SourceError(f"footnote.toml names the source {name!r}: take it out there first.")
        await self._store.corpus.retire_source(name)
        return await self._clear(record)

    async def _clear(self, record: SourceRecord) -> int:
        corpus, owner, backends = self._store.corpus, self.deliveries.owner, await self._generations.present()
        async with held(corpus, record.name, owner, LEASE_SECONDS) as token:
            return await clear(desk_without_files(record, token, corpus, backends, self._parts.splitter))

    @staticmethod
    async def _known_name(source: str, records: Sequence[SourceRecord]) -> str:
        """Return the name of a source that was indexed. Raises SourceError."""
        root = await asyncio.to_thread(lambda: str(Path(source).expanduser().resolve()))
        for record in records:
            if source.strip("/") == record.name or record.root == root:
                return record.name
        known = ", ".join(record.name for record in records) or "none yet"
        raise SourceError(f"Nothing was indexed of {source!r}. The sources are: {known}.")

    async def help(self, *, run: str, number: int) -> None:
        """Help with a reindex that another process of this installation shares, until nothing is left to take.

        Others write to the database first from now on.
        """
        self._store.database.stands_back = True
        await self._runs.help(run, number, to_the_end=True)

    async def work(self) -> None:
        """Do what is asked for in the background, and take over what others left, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._runs.work(), name="runs.work")
            group.create_task(self._generations.work(), name="generations.work")
            group.create_task(clear_forever(self._store.corpus, self._clear), name="sources.clear")

    async def maintain(self) -> None:
        """End verified answers whose documents have changed and remove what is too old, until cancelled."""
        await self._maintenance.work()

    async def _embedder_name(self) -> str:
        return (await self._generations.serving()).embedder.name

    def _configured_source(self, source: str) -> tuple[SourceRecord, str]:
        """Return the source that is named, and the folder in it. Raises SourceError."""
        name, _, folder = source.strip().strip("/").partition("/")
        configured = self.settings.team.sources.get(name)
        if configured is None:
            known = ", ".join(sorted(self.settings.team.sources)) or "none yet; name them in footnote.toml"
            raise SourceError(f"There is no source {name!r}. The sources are: {known}.")
        given = self.settings.team_given
        if folder and configured.loader:
            raise SourceError(f"The source {name} comes from a loader and has no folders: reindex all of it.")
        record = SourceRecord(name, configured.root, configured.audience, configured=given, url=configured.url)
        return record, folder

    async def _find_source(self, name: str) -> SourceRecord:
        """Return a source that this process or the database knows. Raises SourceError."""
        for record in [*_configured(self.settings), *await self._store.corpus.source_records()]:
            if record.name == name:
                return record
        raise SourceError(f"There is no source {name!r}.")

    async def reindex_folder(
        self, folder: str | Path, *, allow_empty: bool = False, on_progress: OnProgress | None = None
    ) -> ReindexReport:
        """Reindex any folder as a source of its own that everyone may see.

        Refuses a folder that shares files with a configured source, whose audience it would bypass.
        """
        root = await asyncio.to_thread(lambda: Path(folder).expanduser().resolve())
        records = await self._store.corpus.source_records()
        protected = [Path(record.root) for record in records if record.configured and record.active]
        protected += [source.path for source in self.settings.team.sources.values() if source.path]
        if root == root.parent:
            raise SourceError(f"{root} is the whole machine: name the folder with the documents.")
        for other in protected:
            if overlap(root, other):
                raise SourceError(
                    f"{root} shares files with a configured source in {other}: reindex that source by its name, "
                    "with the footnote.toml that names it."
                )
        record = SourceRecord(_folder_name(root, records), str(root), Audience(), configured=False)
        await self._generations.fill()
        return await self._runs.run_here(record, folder="", allow_empty=allow_empty, on_progress=on_progress)

    async def _reindex(
        self,
        record: SourceRecord,
        *,
        folder: str,
        allow_empty: bool,
        on_progress: OnProgress | None,
        sharing: Sharing | None,
    ) -> ReindexReport:
        loaded = loaded_source(record.name, self.settings.team.sources.get(record.name))
        return await reindexing.reindex(
            record,
            source=loaded,
            corpus=self._store.corpus,
            backends=self._generations.told,
            splitter=self._parts.splitter,
            owner=self.deliveries.owner,
            folder=folder,
            allow_empty=allow_empty,
            on_progress=on_progress,
            sharing=None if loaded else sharing,
        )

    def _helpers_desk(self, record: SourceRecord, token: int) -> AbstractAsyncContextManager[Desk]:
        return reindexing.helpers_desk(
            record,
            token,
            corpus=self._store.corpus,
            backends=self._generations.told,
            splitter=self._parts.splitter,
        )

    def names_source(self, name: str) -> bool:
        """Say whether this is a configured source, or a folder inside one that is no folder here."""
        first, separator, _ = name.strip("/").partition("/")
        if first not in self.settings.team.sources or name.startswith(("/", ".", "~")):
            return False
        return not separator or not Path(name).is_dir()

    async def retire_source(self, name: str) -> None:
        """Use a source for no answer any more, until it is reindexed."""
        await self._store.corpus.retire_source(name)

    async def give_feedback(self, feedback: Feedback) -> bool:
        """Store a vote, reasons, a comment, a correction; True when that was new. Raises UnknownAnswerError."""
        return await self._store.feedback.add(feedback)

    async def current_vote(self, answer_id: str, person: str) -> Vote | None:
        """Return the person's vote that counts."""
        return await self._store.feedback.current_vote(answer_id, person)

    async def answer(self, answer_id: str) -> Answer:
        """Return an answer as it was shown. Raises UnknownAnswerError."""
        return (await self.exchange(answer_id)).answer

    async def exchange(self, answer_id: str) -> Exchange:
        """Return the question, the answer and the passages as shown. Raises UnknownAnswerError."""
        return await self._store.exchanges.get(answer_id)

    async def reconstruct(self, answer_id: str) -> Reconstruction:
        """Write the request behind an answer again and set it beside what was sent. Raises UnknownAnswerError."""
        return await reconstruct(answer_id, exchanges=self._store.exchanges)

    async def latest_correction(self, answer_id: str) -> int:
        """Return the number of the latest correction of an answer. Raises UnknownAnswerError, UsageError."""
        remarks = (await self._store.records.get(answer_id)).remarks
        found = [remark.id for remark in remarks if remark.correction]
        if not found:
            raise UsageError("Nobody has corrected this answer yet.")
        return found[-1]

    async def review(self, review: Review, *, scope: Scope) -> Judged:
        """Store a reviewer's verdict; what is approved is given again from now on, what is rejected no longer.

        `scope` is the reviewer's: only what they may see is used as evidence. Raises UnknownAnswerError.
        """
        return await self._verifying().judge(review, scope=scope)

    async def review_queue(self, reviewer: str, *, scope: Scope, limit: int = 20) -> list[QueueItem]:
        """Return what waits for this reviewer, most urgent first, as far as the scope may see it."""
        return await queue(
            reviewer,
            scope=scope,
            limit=limit,
            waiting=self._store.queue,
            records=self._store.records,
            may_see=self.may_see,
        )

    async def record(self, answer_id: str) -> LabelledExchange:
        """Return one exchange with everything that people said of it. Raises UnknownAnswerError."""
        return await self._store.records.get(answer_id)

    async def notice(self, answer_id: str) -> None:
        """Write down what asking this says of earlier answers, and whether chance asked for a rating of it.

        Raises UnknownAnswerError.
        """
        share, exchange = self.settings.sample_ratings, await self.exchange(answer_id)
        await notice(exchange, share=share, exchanges=self._store.exchanges, signals=self._store.signals)

    async def give_signal(self, signal: Signal) -> bool:
        """Store something that a person did after an answer; nothing of direct messages. Raises UnknownAnswerError."""
        if not is_open(await self.exchange(signal.answer_id)):
            return False
        return await self._store.signals.add(signal)

    async def takes_part(self, subject: str) -> bool:
        """Say whether `user:U1` or `channel:C1` takes part in datasets."""
        return await self._store.consents.takes_part(subject)

    async def choose_part(self, subject: str, *, takes_part: bool) -> bool:
        """Store the choice of `user:U1` or `channel:C1`; False when it was so already."""
        return await self._store.consents.choose(subject, takes_part=takes_part)

    async def may_see(self, answer_id: str, scope: Scope) -> bool:
        """Say whether everything this answer shows is visible in the scope now. Raises UnknownAnswerError.

        Unless it only quotes, that includes every passage it was written from: a sentence may carry words of one and
        cite another.
        """
        exchange = await self.exchange(answer_id)
        answer = exchange.answer
        shown = {citation.chunk.id for citation in answer.citations} | {chunk.id for chunk in answer.nearest}
        usable = await self._store.corpus.usable_sources(scope)
        if not only_quotes(answer) and any(passage.chunk.source not in usable for passage in exchange.passages):
            return False
        return len(await self._store.corpus.live_chunks(sorted(shown), in_sources=usable)) == len(shown)

    async def visible_answers(self, answer_ids: Iterable[str], scope: Scope) -> frozenset[str]:
        """Return those of the answers whose passages all come from sources that the scope admits now.

        For a conversation that goes on: what was said before its audience changed is no part of it any more.
        """
        usable = await self.visible_sources(scope)
        sources = await self._store.exchanges.sources_of(answer_ids)
        return frozenset(answer_id for answer_id, used in sources.items() if used <= usable)

    def records(
        self, *, since: datetime | None = None, until: datetime | None = None, labelled_only: bool = False
    ) -> AsyncIterator[LabelledExchange]:
        """Go through the exchanges asked in [since, until) with votes, remarks, reviews and signals, in a fixed order.

        `LabelledExchange.for_dataset` says what of one a dataset may hold.
        """
        return self._store.records.iterate(since=since, until=until, labelled_only=labelled_only)

    async def export(self, directory: str | Path, order: ExportOrder | None = None) -> ExportReport:
        """Write what can be learned from feedback as datasets into a new or empty folder. Raises UsageError.

        The same feedback and the same order make the same bytes.
        """
        from knowledge.datasets import exporting

        redactor = adapters.build(adapters.REDACTORS, self.settings.redactor, variable="FOOTNOTE_REDACTOR")
        desk = exporting.Desk(
            records=self._store.records,
            corpus=self._store.corpus,
            snapshots=self._store.snapshots,
            reviews=self._store.reviews,
            redactor=strengthened(redactor),
        )
        return await exporting.export(Path(directory), order or ExportOrder(), desk=desk)

    async def snapshots(self) -> list[Snapshot]:
        """List the datasets that were exported, oldest first."""
        return await self._store.snapshots.all()

    async def pseudonyms(self, people: Iterable[str]) -> dict[str, str]:
        """Return the random name under which each of these people stands in datasets; `forget` destroys the link."""
        return await self._store.reviews.pseudonyms(people)

    @property
    def teaching(self) -> Teaching:
        """What is learned from what people said, and what keeps it from doing harm."""
        return Teaching(self, self.settings, self._store, self._parts.reranker, self._generations.serving)

    async def forget(self, person: str) -> Forgotten:
        """Remove or make nobody's everything that a person said and did, and say how much that was.

        Datasets that held their words are marked as revoked; what was exported cannot be called back.
        """
        return await self._store.erasures.forget(person)

    async def sources(self) -> list[SourceStatus]:
        """List the sources, for admins, with how far a reindex is that is under way."""
        runs = self._store.runs
        statuses, active, asking = await asyncio.gather(
            self._store.corpus.source_statuses(), runs.active(), runs.asking()
        )
        return [replace(status, progress=active.get(status.name), asks=asking.get(status.name)) for status in statuses]

    async def generations(self) -> list[GenerationStatus]:
        """List the pairs of an index and an embedder: which one answers, and how far another is that will."""
        return await self._generations.statuses()

    async def visible_sources(self, scope: Scope) -> frozenset[str]:
        """Name the sources that may be used and shown in this scope now."""
        return frozenset(await self._store.corpus.usable_sources(scope))

    async def disliked(self, scope: Scope, limit: int = 5) -> list[Disliked]:
        """Return the documents in this scope whose answers drew the most 👎, most first, for admins."""
        return await self._store.feedback.disliked(await self.visible_sources(scope), limit)

    async def ready(self) -> dict[str, str]:
        """Check each part now: its name and `ok`, or one sentence about what is wrong."""
        try:
            serving = await self._generations.serving()
        except ServiceError:  # the probe of the database says so
            serving = Backend(0, self._parts.embedder, self._parts.index)
        return await checking.readiness(self._store.corpus, serving.embedder, serving.index)

    def _learned_with(self, embedder: Embedder) -> Learned:
        """Return what was learned about vectors of this embedder."""
        if embedder.name not in self._learned:
            self._learned[embedder.name] = Learned(
                self._store.opinions,
                self._store.adapters,
                embedder=embedder.name,
                dimensions=embedder.dimensions,
                ranking=self.settings.learn_ranking,
            )
        return self._learned[embedder.name]

    def _build_again(self, generation: Generation) -> tuple[Embedder, Index]:
        """Build the parts of a generation that this process was not started with. Raises ConfigurationError."""
        if not generation.index or not generation.embedder:
            raise ConfigurationError("it was given to another process by argument.")
        named = {"index": generation.index, "embedder": generation.embedder}
        settings = self.settings.model_copy(update=named | dict(generation.options))
        return _backend(_common(settings, self._store, self.costs), None, None)

    def _desk(self) -> asking.Desk:
        return asking.Desk(
            settings=self.settings,
            corpus=self._store.corpus,
            exchanges=self._store.exchanges,
            serving=self._generations.serving,
            reranker=self._parts.reranker,
            answerer=self._parts.answerer,
            understander=self._parts.understander,
            fallback=self._parts.fallback,
            learned=self._learned_with,
            verifying=self._verifying() if self.settings.verified_answers else None,
        )

    def _verifying(self) -> Verifying:
        return Verifying(
            corpus=self._store.corpus,
            exchanges=self._store.exchanges,
            records=self._store.records,
            reviews=self._store.reviews,
            book=self._store.verified,
            serving=self._generations.serving,
            retrieve=lambda text, sources, k, serving: self._desk().retrieve(text, sources, k=k, serving=serving),
        )


async def _configure(store: Store, settings: Settings) -> None:
    """Make what `footnote.toml` says hold for every process on this database."""
    await store.corpus.configure_sources(_configured(settings))
    for channel in settings.team.feedback.without_channels:
        await store.consents.choose(f"channel:{channel}", takes_part=False)


def _configured(settings: Settings) -> list[SourceRecord]:
    return [
        SourceRecord(name, source.root, source.audience, configured=True, url=source.url)
        for name, source in settings.team.sources.items()
    ]


def _build(
    settings: Settings,
    store: Store,
    embedder: Embedder | None,
    index: Index | None,
    reranker: Reranker | None,
    answerer: Answerer | None,
    splitter: Splitter | None,
    jobs: Jobs | None,
) -> Parts:
    costs = Costs()
    named = "" if embedder else settings.embedder, "" if index else settings.index
    parts = _common(settings, store, costs)
    embedder, index = _backend(parts, embedder, index)
    parts |= {"embedder": embedder, "index": index}
    return Parts(
        embedder=embedder,
        index=index,
        named=named,
        reranker=reranker
        or adapters.build(adapters.RERANKERS, settings.reranker, variable="FOOTNOTE_RERANKER", **parts),
        answerer=answerer
        or adapters.build(adapters.ANSWERERS, settings.answerer, variable="FOOTNOTE_ANSWERER", **parts),
        splitter=splitter or SentenceSplitter(),
        jobs=jobs or adapters.build(adapters.JOBS, settings.chosen_jobs, variable="FOOTNOTE_JOBS", **parts),
        understander=adapters.build(
            adapters.UNDERSTANDERS, settings.understander, variable="FOOTNOTE_UNDERSTANDER", **parts
        ),
        fallback=adapters.build(adapters.ANSWERERS, settings.fallback, variable="FOOTNOTE_FALLBACK", **parts)
        if settings.fallback
        else None,
        costs=costs,
    )


def _common(settings: Settings, store: Store, costs: Costs) -> dict[str, Any]:
    """Return what every backend of ours may be built with."""
    return {"settings": settings, "corpus": store.corpus, "installation": store.installation, "costs": costs}


def _backend(parts: Mapping[str, Any], embedder: Embedder | None, index: Index | None) -> tuple[Embedder, Index]:
    settings: Settings = parts["settings"]
    embedder = embedder or adapters.build(adapters.EMBEDDERS, settings.embedder, variable="FOOTNOTE_EMBEDDER", **parts)
    parts = {**parts, "embedder": embedder}
    return embedder, index or adapters.build(adapters.INDEXES, settings.index, variable="FOOTNOTE_INDEX", **parts)


def _chosen(settings: Settings, parts: Parts) -> Chosen:
    named_embedder, named_index = parts.named
    key = generation_key(parts.embedder, parts.index)
    plan = GenerationPlan(key, named_index, named_embedder, parts.embedder.name, options(settings))
    return Chosen(plan, parts.embedder, parts.index)


def _folder_name(root: Path, records: list[SourceRecord]) -> str:
    """Name a folder's source after the folder; two folders of one name are told apart by a part of their hash."""
    for record in records:
        if not record.configured and record.root == str(root):
            return record.name
    name = root.name or "root"
    return name if all(record.name != name for record in records) else f"{name}-{content_id(str(root))[:8]}"
