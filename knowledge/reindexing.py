"""Reindexing: a source's files → documents → chunks → vectors → index, exact however often it is interrupted."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from knowledge.adapters.folder_source import FolderSource
from knowledge.errors import EmptySourceError, FootnoteError, UnreadableFileError
from knowledge.indexing import (
    BATCH_FILES,
    Backend,
    Batch,
    Desk,
    File,
    Shares,
    Tally,
    by_size,
    clean_up,
    index_files,
    slices,
    tidy,
)
from knowledge.leases import LEASE_SECONDS, held
from knowledge.ports import Listing, Source, Splitter
from knowledge.reading import reader_name
from knowledge.reading.pool import ReaderPool
from knowledge.retrying import is_due
from knowledge.sharing import HelpersSource, Sharing
from knowledge.store.clock import Clock
from knowledge.store.corpus import Corpus, ManifestEntry, SourceRecord
from knowledge.types import Progress, ReindexReport, Skipped

log = logging.getLogger(__name__)

OnProgress = Callable[[Progress], Awaitable[None]]
Backends = Callable[[], Awaitable[Sequence[Backend]]]

SHARES_ALONE = 2
"""Shares that a run takes as one when it shares with nobody and embeds by itself: every transaction has costs of its
own (2,600 chunks a second with one share at a time, 3,060 with two, 3,280 with four; others who write wait the longer).
A service at a distance is better given even calls, which its pace can be learned from."""
VANISHED_SHARE = 0.3
"""Above it a run refuses to remove documents: more likely a folder was not there when we looked."""
UNSETTLED_SECONDS = 2.0
"""A file changed so shortly before the walk may change again without showing it in its time; so may one whose time lies
ahead, because the clock went back."""
NANOSECONDS = 1e9
PROGRESS_SECONDS = 0.5
TIDY_SECONDS = 3.0


async def reindex(
    record: SourceRecord,
    *,
    corpus: Corpus,
    backends: Backends,
    splitter: Splitter,
    owner: str,
    source: Source | None = None,
    pool: ReaderPool | None = None,
    folder: str = "",
    allow_empty: bool = False,
    on_progress: OnProgress | None = None,
    lease: float = LEASE_SECONDS,
    sharing: Sharing | None = None,
    clock: Clock = time.time,
) -> ReindexReport:
    """Bring what is indexed of a source in line with its files; returns what was done.

    Waits while another run holds the source, and asks `backends` then which generations to tell. `folder` narrows the
    run to a folder inside the root, `sharing` lets other processes help.

    Raises SourceError when the folder cannot be walked, EmptySourceError when it holds nothing or much less than
    before, ServiceError.
    """
    started = time.monotonic()
    source = source or FolderSource(record.name, Path(record.root), below=folder)
    if record.name not in {known.name for known in await corpus.source_records()}:
        _refuse_empty(await source.list(), record, allow_empty=allow_empty)  # a source that never was leaves no trace
    await corpus.use_source(record)
    async with held(corpus, record.name, owner, lease) as token, _readers(pool) as readers:
        desk = Desk(record, token, corpus, await backends(), splitter, source, readers, clock)
        reporter = _Reporter(record.name, started, on_progress)
        async with _left_tidy(desk):
            return await _run(desk, folder.strip("/"), allow_empty, reporter, sharing)


@asynccontextmanager
async def helpers_desk(
    record: SourceRecord, token: int, *, corpus: Corpus, backends: Backends, splitter: Splitter
) -> AsyncIterator[Desk]:
    """Open the place where a process helps with another one's run, under the token of that run."""
    source = HelpersSource(FolderSource(record.name, Path(record.root)))
    async with ReaderPool() as readers:
        yield Desk(record, token, corpus, await backends(), splitter, source, readers)


@asynccontextmanager
async def _readers(pool: ReaderPool | None) -> AsyncIterator[ReaderPool]:
    """Use the caller's reading processes, or some of our own for this run."""
    if pool is not None:
        yield pool
        return
    async with ReaderPool() as own:
        yield own


@asynccontextmanager
async def _left_tidy(desk: Desk) -> AsyncIterator[None]:
    """Take back what a cancelled run had begun and not published, if that goes quickly; the next run would, too."""
    try:
        yield
    except asyncio.CancelledError:
        await asyncio.shield(_tidy_soon(desk))
        raise


async def _tidy_soon(desk: Desk) -> None:
    with suppress(TimeoutError, FootnoteError):
        async with asyncio.timeout(TIDY_SECONDS):
            await tidy(desk)


# --- The run ----------------------------------------------------------------------------------------------------------


async def _run(
    desk: Desk, folder: str, allow_empty: bool, reporter: _Reporter, sharing: Sharing | None
) -> ReindexReport:
    walked_at = desk.clock()
    listing = await desk.source.list()
    manifest = [entry for entry in await desk.corpus.manifest(desk.record.name) if _inside(entry.path, folder)]
    _refuse_empty(listing, desk.record, allow_empty=allow_empty, live=sum(entry.live for entry in manifest))
    files, skipped = _compare(desk, listing, manifest, walked_at)
    gone = _gone(files, manifest, listing, allow_empty=allow_empty)
    tally = Tally()
    await tidy(desk)
    await _retire(desk, gone, tally)
    await _index_changes(desk, files, tally, reporter, sharing)
    report = reporter.report(tally, skipped)
    chunks = await desk.corpus.finish_run(desk.record.name, desk.token, report, folder=folder)
    return replace(report, chunks=chunks)


def _refuse_empty(listing: Listing, record: SourceRecord, *, allow_empty: bool, live: int = 0) -> None:
    if not listing.files and not listing.unseen and not allow_empty:
        raise EmptySourceError(
            f"{_called(record)} is empty; nothing was changed. Pass --allow-empty if that is meant.",
            vanished=live,
            live=live,
        )


def _called(record: SourceRecord) -> str:
    return f"The folder {record.root}" if Path(record.root).is_absolute() else f"The source {record.name}"


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _compare(
    desk: Desk, listing: Listing, manifest: Sequence[ManifestEntry], walked_at: float
) -> tuple[list[File], list[Skipped]]:
    """Match the files with what is known of them; files that nobody reads are skipped."""
    known = {entry.path: entry for entry in manifest}
    recipes: dict[str, str] = {}
    files: dict[str, File] = {}
    skipped = [Skipped(printable(entry.path), entry.reason) for entry in listing.skipped]
    for file in listing.files:
        path = printable(file.path)
        try:
            reader = file.reader or reader_name(path)
        except UnreadableFileError as exc:
            skipped.append(Skipped(path, str(exc)))
            continue
        if path in files:
            skipped.append(Skipped(path, "its name is not UTF-8 and looks like another file's"))
            continue
        if reader not in recipes:
            recipes[reader] = desk.recipe(reader)
        unsettled = file.mtime_ns > (walked_at - UNSETTLED_SECONDS) * NANOSECONDS
        before = known.get(path)
        due = before is not None and is_due(before.retry_at, walked_at)
        files[path] = File(file, path, recipes[reader], before, unsettled, due)
    return list(files.values()), sorted(skipped, key=lambda entry: entry.path)


def printable(path: str) -> str:
    r"""Return a path as UTF-8 can say it: bytes of another encoding become `\xe9`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _gone(
    files: Sequence[File], manifest: Sequence[ManifestEntry], listing: Listing, *, allow_empty: bool
) -> list[ManifestEntry]:
    """Name the documents whose files are gone. Raises EmptySourceError when that are suspiciously many."""
    present = {file.path for file in files}
    unseen = [printable(path) for path in listing.unseen]
    gone = [
        entry
        for entry in manifest
        if entry.path not in present and not any(_inside(entry.path, folder) for folder in unseen)
    ]
    lost, all_live = sum(entry.live for entry in gone), sum(entry.live for entry in manifest)
    if lost > 1 and lost > all_live * VANISHED_SHARE and not allow_empty:
        raise EmptySourceError(
            f"{lost} of {all_live} documents have vanished, more than {VANISHED_SHARE:.0%}; nothing was changed. "
            "Pass --allow-empty if that is meant.",
            vanished=lost,
            live=all_live,
        )
    return gone


async def _retire(desk: Desk, gone: Sequence[ManifestEntry], tally: Tally) -> None:
    for batch in slices(gone, BATCH_FILES):
        dead = await desk.corpus.retire(desk.record.name, desk.token, [entry.id for entry in batch])
        tally.removed += sum(entry.live for entry in batch)
        await clean_up(desk, dead)


async def _index_changes(
    desk: Desk, files: Sequence[File], tally: Tally, reporter: _Reporter, sharing: Sharing | None
) -> None:
    suspects = []
    for file in files:
        if file.known is not None and file.looks_unchanged():
            tally.keep(file.known)
        else:
            suspects.append(file)
    await reporter.begin(len(files), len(files) - len(suspects))
    lots = list(by_size(suspects))
    if sharing is not None and sharing.pays(len(lots)):
        tally.add(await sharing.index(desk, lots, reporter.reach))
        return

    async def stored(batch: Batch, done: Tally) -> None:
        tally.add(done)
        await reporter.advance(batch.files, done.chunks)

    if desk.calls_at_once == 1:
        lots = list(by_size(suspects, shares=SHARES_ALONE))
    await index_files(desk, _numbered(lots), stored)


async def _numbered(lots: Sequence[Sequence[File]]) -> Shares:
    for number, files in enumerate(lots):
        yield number, files


# --- What people see of it --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reporter:
    """Says how far the run is, not too often, and what it did."""

    source: str
    started: float
    on_progress: OnProgress | None
    done: int = 0
    total: int = 0
    working_since: float = 0.0
    unchanged: int = 0
    chunks: int = 0
    said: float = 0.0

    async def begin(self, total: int, unchanged: int) -> None:
        self.total, self.done, self.unchanged = total, unchanged, unchanged
        self.working_since = time.monotonic()
        await self._say()

    async def advance(self, files: int, chunks: int) -> None:
        await self.reach(self.done - self.unchanged + files, self.chunks + chunks)

    async def reach(self, files: int, chunks: int) -> None:
        """Say that so many of the files that had to be worked on are done."""
        self.done, self.chunks = self.unchanged + files, chunks
        if self.done >= self.total or time.monotonic() - self.said >= PROGRESS_SECONDS:
            await self._say()

    async def _say(self) -> None:
        if self.on_progress is None:
            return
        self.said = time.monotonic()
        elapsed = self.said - self.started
        await self.on_progress(Progress(self.source, self.done, self.total, self.chunks, elapsed, self._seconds_left()))

    def _seconds_left(self) -> float | None:
        worked = self.done - self.unchanged
        if not worked:
            return None
        return (self.said - self.working_since) / worked * (self.total - self.done)

    def report(self, tally: Tally, skipped: Sequence[Skipped], chunks: int = 0) -> ReindexReport:
        return ReindexReport(
            source=self.source,
            added=tally.added,
            changed=tally.changed,
            unchanged=tally.unchanged,
            removed=tally.removed,
            failed=tuple(sorted(tally.failed, key=lambda failure: failure.path)),
            skipped=tuple(skipped),
            partial=tuple(sorted(tally.partial, key=lambda entry: entry.path)),
            chunks=chunks,
            seconds=round(time.monotonic() - self.started, 3),
        )
