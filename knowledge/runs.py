"""A reindex that somebody asked for: recorded, done by whichever process is free, followed by all, never lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from knowledge import errors
from knowledge.errors import (
    DatabaseUnavailableError,
    EmptySourceError,
    FootnoteError,
    ReindexCancelledError,
    ServiceError,
    UsageError,
)
from knowledge.ids import new_id
from knowledge.indexing import Desk
from knowledge.jobs import HELP
from knowledge.ports import Jobs
from knowledge.sharing import SHARE_LEASE, Sharing, work_on_shares
from knowledge.store.audit import AuditBook
from knowledge.store.corpus import SourceRecord
from knowledge.store.runs import ENDED, Run, Runs, RunState
from knowledge.types import Act, Progress, ReindexReport

log = logging.getLogger(__name__)

OnProgress = Callable[[Progress], Awaitable[None]]
OnJoined = Callable[[], Awaitable[None]]

REINDEX = "reindex"
"""The other kind of work in the queue."""
RUN_LEASE = 12.0
"""Seconds after which a run whose process went silent is taken over; with the sweep this stays below 20."""
SWEEP_SECONDS = 4.0
FOLLOW_SECONDS = 0.4
"""How often one who waits for a report looks."""
CANCEL_SECONDS = 0.5
"""How often one who works on a run looks whether it should stop."""
PATIENCE_SECONDS = 10.0
"""How long one who waits leaves a run to the workers before doing it."""
HELP_SECONDS = 60.0
"""After this a helper lines up again, so that another source gets its turn."""
COMMAND_LINE = "command line"
"""Who acts, for the audit, when no person of Slack does."""
BROKE_OFF = "The reindex broke off; the log of the process that did it says why."


class DoReindex(Protocol):
    """What does a run's work: `knowledge.reindexing` with its parts."""

    async def __call__(
        self,
        record: SourceRecord,
        *,
        folder: str,
        allow_empty: bool,
        on_progress: OnProgress | None,
        sharing: Sharing | None,
    ) -> ReindexReport:
        """Reindex now, in this process."""
        ...


OpenDesk = Callable[[SourceRecord, int], AbstractAsyncContextManager[Desk]]
FindSource = Callable[[str], Awaitable[SourceRecord]]


class ReindexRuns:
    """Reindexing as work that any process may do.

    The queue wakes and spreads; what is true stands in the database. A run is done by who holds its lease, and a lease
    that ran out is anybody's, so a queue that loses a job costs time and nothing else.
    """

    def __init__(
        self,
        book: Runs,
        *,
        jobs: Jobs,
        owner: str,
        reindex: DoReindex,
        open_desk: OpenDesk,
        find_source: FindSource,
        audit: AuditBook,
    ) -> None:
        self._book = book
        self._audit = audit
        self._jobs = jobs
        self._owner = owner
        self._reindex = reindex
        self._open_desk = open_desk
        self._find_source = find_source

    async def open(self) -> None:
        """Tell the queue how its work is done."""
        await self._jobs.open({REINDEX: self.perform, HELP: self.help})

    # --- asking ---------------------------------------------------------------------------------------------------

    async def request(
        self,
        source: str,
        *,
        folder: str = "",
        allow_empty: bool = False,
        key: str | None = None,
        on_progress: OnProgress | None = None,
        on_joined: OnJoined | None = None,
        by: str | None = None,
    ) -> ReindexReport:
        """Have a source reindexed by whoever does background work, and wait for the report.

        Joins a run of the same that is under way, and calls `on_joined` then; `by` is the person for the audit. Raises
        what the run raised.
        """
        asked = await self._book.request(source, folder=folder, allow_empty=allow_empty, key=key)
        if by is not None and (asked.new or asked.joined):
            await self._note_start(source, folder, by, allow_empty=allow_empty, joined=asked.joined)
        if asked.new:
            await self._enqueue(asked.run_id, source)
        if asked.joined and on_joined is not None:
            await on_joined()
        return await self._follow(asked.run_id, on_progress)

    async def _note_start(
        self, source: str, folder: str, by: str, *, allow_empty: bool = False, joined: bool = False
    ) -> None:
        outcome = "joined" if joined else "started, whatever has vanished" if allow_empty else "started"
        await self._audit.add(Act.REINDEX_STARTED, person=by, subject=_named(source, folder), outcome=outcome)

    async def cancel(self, source: str, *, folder: str = "", by: str) -> bool:
        """Stop the runs of a source wherever they are done; say whether there were any. What was done stays."""
        stopped = await self._book.cancel(source, folder=folder)
        outcome = "stopped" if stopped else "nothing was running"
        await self._audit.add(Act.REINDEX_CANCELLED, person=by, subject=_named(source, folder), outcome=outcome)
        return stopped

    async def _enqueue(self, run_id: str, source: str) -> None:
        await self._jobs.enqueue(REINDEX, lock=f"{REINDEX}:{source}", arguments={"run": run_id})

    async def _follow(self, run_id: str, on_progress: OnProgress | None) -> ReindexReport:
        said: Progress | None = None
        moved = time.monotonic()
        while True:
            run = await self._book.get(run_id)
            if run.report is not None:
                return run.report
            if run.state in ENDED:
                raise _error(run)
            if not run.free:
                moved = time.monotonic()
            elif time.monotonic() - moved > PATIENCE_SECONDS:
                await self.perform(run=run_id)
            if on_progress is not None and run.progress.files_total and run.progress != said:
                said = run.progress
                await on_progress(run.progress)
            await asyncio.sleep(FOLLOW_SECONDS)

    # --- doing ----------------------------------------------------------------------------------------------------

    async def run_here(
        self, record: SourceRecord, *, folder: str, allow_empty: bool, on_progress: OnProgress | None
    ) -> ReindexReport:
        """Reindex in this process for somebody who waits in front of it; the others see how far it is."""
        await self._note_start(record.name, folder, COMMAND_LINE, allow_empty=allow_empty)
        run_id = await self._book.begin(
            record.name, folder=folder, allow_empty=allow_empty, owner=self._owner, lease=RUN_LEASE
        )
        try:
            return await self._carry_out(run_id, record, folder, allow_empty, on_progress)
        except BaseException as exc:
            await asyncio.shield(self._give_up(run_id, exc))
            raise

    async def perform(self, run: str) -> None:
        """Do a run that was asked for, unless somebody is at it or it is done. How it ends is written down."""
        taken = await self._book.take(run, owner=self._owner, lease=RUN_LEASE)
        if taken is None:
            return
        try:
            record = await self._find_source(taken.source)
            await self._carry_out(run, record, taken.folder, taken.allow_empty, None)
        except ReindexCancelledError as exc:
            log.info("reindex.cancelled", extra={"source": taken.source})
            await self._give_up(run, exc)
        except DatabaseUnavailableError:
            # Left as it is: when the database is back and the lease has run out, somebody takes the run over.
            log.warning("reindex.interrupted", extra={"source": taken.source})
        except EmptySourceError as exc:
            vanished = {"vanished": exc.vanished, "live": exc.live}
            log.warning("reindex.asks_first", extra={"source": taken.source, **vanished, "cause": str(exc)})
            await self._give_up(run, exc)
        except UsageError as exc:
            log.warning("reindex.refused", extra={"source": taken.source, "cause": str(exc)})
            await self._give_up(run, exc)
        except FootnoteError as exc:
            log.warning("reindex.failed", extra={"source": taken.source}, exc_info=True)
            await self._give_up(run, exc)
        except Exception as exc:
            log.exception("reindex.failed", extra={"source": taken.source})
            await self._give_up(run, exc)
        except asyncio.CancelledError:
            await asyncio.shield(self._book.hand_back(run, owner=self._owner))
            raise

    async def _carry_out(
        self, run_id: str, record: SourceRecord, folder: str, allow_empty: bool, on_progress: OnProgress | None
    ) -> ReindexReport:
        async def note(progress: Progress) -> None:
            await self._book.note(run_id, progress, owner=self._owner)
            if on_progress is not None:
                await on_progress(progress)

        async with self._kept(run_id, self._owner, RUN_LEASE):
            async with self._unless_cancelled(run_id):
                report = await self._reindex(
                    record,
                    folder=folder,
                    allow_empty=allow_empty,
                    on_progress=note,
                    sharing=self._sharing(run_id, record),
                )
            await self._book.finish(run_id, report, owner=self._owner)
        return report

    @asynccontextmanager
    async def _unless_cancelled(self, run_id: str) -> AsyncIterator[None]:
        """Stop the work inside soon after somebody asked for that. Raises ReindexCancelledError."""
        limit = asyncio.timeout(None)

        async def watch() -> None:
            while not await self._is_cancelled(run_id):  # noqa: ASYNC110 - another process cannot set an event
                await asyncio.sleep(CANCEL_SECONDS)
            limit.reschedule(0)

        try:
            async with limit, _beside(watch()):
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise ReindexCancelledError from None

    async def _is_cancelled(self, run_id: str) -> bool:
        try:
            return await self._book.cancel_asked(run_id)
        except ServiceError:  # the run itself says so when the database is away
            return False

    @asynccontextmanager
    async def _kept(self, run_id: str, owner: str, lease: float) -> AsyncIterator[None]:
        """Renew the lease of a run, or of shares of it, for as long as it is worked on."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(lease / 3)
                try:
                    await self._book.renew(run_id, owner=owner, lease=lease)
                except ServiceError:  # the database may be back for the next renewal
                    log.warning("reindex.run_not_renewed", extra={"run": run_id})

        async with _beside(renew()):
            yield

    async def _give_up(self, run_id: str, exc: BaseException) -> None:
        ours = isinstance(exc, FootnoteError)
        await self._book.fail(
            run_id,
            kind=type(exc).__name__ if ours else "",
            error=str(exc) if ours else BROKE_OFF,
            details=exc.details if isinstance(exc, FootnoteError) else {},
            owner=self._owner,
        )

    # --- helping --------------------------------------------------------------------------------------------------

    def _sharing(self, run_id: str, record: SourceRecord) -> Sharing | None:
        """Let others help with configured sources; a folder of the command line is on this machine only."""
        if not record.configured or not self._jobs.most_helpers:
            return None

        async def call_for_help(helpers: int) -> None:
            for number in range(min(helpers, self._jobs.most_helpers)):
                await self._call_helper(run_id, number)

        return Sharing(
            self._book,
            run_id,
            owner=self._owner,
            call_for_help=call_for_help,
            is_relieved=lambda: self._jobs.is_relieved(_help_lock(run_id, 0)),
        )

    async def _call_helper(self, run_id: str, number: int) -> None:
        arguments = {"run": run_id, "number": number}
        await self._jobs.enqueue(HELP, lock=_help_lock(run_id, number), arguments=arguments)

    async def help(self, run: str, number: int, *, to_the_end: bool = False) -> None:
        """Help with a run while it has shares that nobody works on; lines up again after a while.

        One who has nothing else to do helps `to_the_end`.
        """
        found = await self._book.get(run)
        if found.state is not RunState.RUNNING or found.token is None:
            return
        began = time.monotonic()
        owner = f"{self._owner}:{new_id()}"
        try:
            record = await self._find_source(found.source)
            async with (
                self._open_desk(record, found.token) as desk,
                self._kept(run, owner, SHARE_LEASE),
                self._unless_cancelled(run),
            ):
                await work_on_shares(
                    desk,
                    self._book,
                    run,
                    owner=owner,
                    enough=lambda: not to_the_end and _tired(began),
                    alone=to_the_end,
                )
        except ReindexCancelledError:
            return
        except FootnoteError:
            # The run itself takes what a helper gives back, and says what is wrong if it really is.
            log.warning("reindex.help_ended", extra={"source": found.source}, exc_info=True)
            return
        if not to_the_end and _tired(began):
            await self._call_helper(run, number)

    # --- working in the background --------------------------------------------------------------------------------

    async def work(self) -> None:
        """Do what others ask for, and take over what others left, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._jobs.work(), name="jobs.work")
            group.create_task(self._sweep_forever(), name="jobs.sweep")

    async def _sweep_forever(self) -> None:
        while True:
            try:
                await self._sweep()
            except ServiceError:
                log.warning("reindex.sweep_failed")
            await asyncio.sleep(SWEEP_SECONDS)

    async def _sweep(self) -> None:
        """Queue again what was asked for and is done by nobody."""
        for run_id in await self._book.waiting():
            run = await self._book.get(run_id)
            await self._enqueue(run_id, run.source)


def _tired(began: float) -> bool:
    """Say whether a helper should let another source have its turn."""
    return time.monotonic() - began > HELP_SECONDS


def _help_lock(run_id: str, number: int) -> str:
    return f"{HELP}:{run_id}:{number}"


def _named(source: str, folder: str) -> str:
    return f"{source}/{folder}" if folder else source


def _error(run: Run) -> FootnoteError:
    """Rebuild what the run raised."""
    kind: type[FootnoteError] = getattr(errors, run.error_kind, ServiceError) if run.error_kind else ServiceError
    return kind(run.error, **run.error_details)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something in the background for as long as the block lasts."""
    doing = asyncio.create_task(work)
    try:
        yield
    finally:
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
