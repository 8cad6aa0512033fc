"""Reindexing: a source's files → documents → chunks → vectors → index, exact however often it is interrupted."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable
from urllib.parse import quote

import numpy as np

from knowledge.adapters.folder_source import FolderSource
from knowledge.errors import EmptySourceError, FootnoteError, UnreadableFileError
from knowledge.ids import content_id
from knowledge.ports import Embedder, Index, IndexEntry, Listing, Source, Splitter
from knowledge.reading import PASSING, READING_VERSION, ReadOutcome, ReadResult, reader_name
from knowledge.reading.pool import ReaderPool
from knowledge.splitting import SentenceSplitter, embedded_text
from knowledge.store.corpus import Corpus, DocumentVersion, FailedAttempt, ManifestEntry, NewChunk, SourceRecord
from knowledge.types import FailedFile, Piece, Progress, ReindexReport, Skipped, SourceFile

log = logging.getLogger(__name__)

OnProgress = Callable[[Progress], Awaitable[None]]
T = TypeVar("T")

LEASE_SECONDS = 15.0
"""How long a run that went silent keeps its source."""
POLL_SECONDS = 0.2
"""How often a run that waits for another one looks."""
BATCH_FILES = 64
BATCH_BYTES = 8 * 1024**2
"""What one transaction holds at most: others write to the same database meanwhile."""
EMBED_AT_ONCE = 1024
"""Texts in one call of the embedder."""
VANISHED_SHARE = 0.3
"""Above it a run refuses to remove documents: more likely a folder was not there when we looked."""
UNSETTLED_NS = 2_000_000_000
"""A file changed so shortly before the walk may change again without showing it in its time."""
ATTEMPTS = 3
"""How often a file is tried again that failed for a reason that may pass."""
PROGRESS_SECONDS = 0.5


@runtime_checkable
class BatchSource(Protocol):
    """A source that reads many files at the cost of one."""

    async def read_batch(self, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
        """Return bytes, or what was wrong, for each file."""
        ...


async def reindex(
    record: SourceRecord,
    *,
    corpus: Corpus,
    embedder: Embedder,
    index: Index,
    splitter: Splitter,
    owner: str,
    source: Source | None = None,
    pool: ReaderPool | None = None,
    folder: str = "",
    allow_empty: bool = False,
    on_progress: OnProgress | None = None,
    lease: float = LEASE_SECONDS,
) -> ReindexReport:
    """Bring what is indexed of a source in line with its files; returns what was done.

    Waits while another run holds the source. `folder` narrows the run to a folder inside the root. Raises SourceError
    when the folder cannot be walked, EmptySourceError when it holds nothing or much less than before, ServiceError.
    """
    started = time.monotonic()
    source = source or FolderSource(record.name, Path(record.root), below=folder)
    if record.name not in {known.name for known in await corpus.source_records()}:
        _refuse_empty(await source.list(), record, allow_empty=allow_empty)  # a source that never was leaves no trace
    await corpus.put_source(record)
    async with _held(corpus, record.name, owner, lease) as token, _readers(pool) as readers:
        desk = _Desk(record, token, corpus, embedder, index, splitter, source, readers)
        return await _run(desk, folder.strip("/"), allow_empty, _Reporter(record.name, started, on_progress))


@asynccontextmanager
async def _readers(pool: ReaderPool | None) -> AsyncIterator[ReaderPool]:
    """Use the caller's reading processes, or some of our own for this run."""
    if pool is not None:
        yield pool
        return
    async with ReaderPool() as own:
        yield own


# --- One run per source -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def _held(corpus: Corpus, source: str, owner: str, lease: float) -> AsyncIterator[int]:
    """Hold the source for this run alone, renewed for as long as it lasts."""
    while (token := await corpus.acquire(source, owner=owner, lease=lease)) is None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(POLL_SECONDS)
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(corpus, source, token, lease, over))
    try:
        yield token
    finally:
        over.set()
        await asyncio.shield(_let_go(corpus, source, token, renewing))


async def _renew(corpus: Corpus, source: str, token: int, lease: float, over: asyncio.Event) -> None:
    """Renew until the run is over; when the source was lost, the fence refuses the run's next write."""
    while not over.is_set():
        try:
            async with asyncio.timeout(lease / 3):
                await over.wait()
        except TimeoutError:
            await _renew_once(corpus, source, token, lease)


async def _renew_once(corpus: Corpus, source: str, token: int, lease: float) -> None:
    try:
        await corpus.renew(source, token, lease=lease)
    except FootnoteError:  # the database may be back for the next renewal
        log.warning("reindex.lease_not_renewed", extra={"source": source}, exc_info=True)


async def _let_go(corpus: Corpus, source: str, token: int, renewing: asyncio.Task[None]) -> None:
    await renewing
    await corpus.release(source, token)


# --- The run ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every step of a run works with."""

    record: SourceRecord
    token: int
    corpus: Corpus
    embedder: Embedder
    index: Index
    splitter: Splitter
    source: Source
    readers: ReaderPool

    def recipe(self, reader: str) -> str:
        """Name everything besides the bytes that decides what becomes of a file."""
        return content_id(
            READING_VERSION,
            reader,
            self.splitter.name,
            self.embedder.name,
            str(self.embedder.dimensions),
            self.record.url or "",
        )


@dataclass(frozen=True, slots=True)
class _File:
    """A file with what is known of it from before."""

    file: SourceFile
    path: str
    """As it is stored and shown."""
    recipe: str
    known: ManifestEntry | None
    unsettled: bool

    @property
    def mtime_ns(self) -> int:
        """The time to remember; none for a file that may still be changing, so that its bytes are compared again."""
        return 0 if self.unsettled else self.file.mtime_ns

    def looks_unchanged(self) -> bool:
        known = self.known
        return (
            known is not None
            and known.recipe == self.recipe
            and (known.size, known.mtime_ns, known.inode) == (self.file.size, self.file.mtime_ns, self.file.inode)
            and not self.worth_another_try()
        )

    def worth_another_try(self) -> bool:
        known = self.known
        if known is None or known.outcome not in PASSING:
            return False
        return known.outcome == ReadOutcome.UNREADABLE or known.attempts < ATTEMPTS

    def has_bytes(self, fingerprint: str) -> bool:
        """Say whether these bytes were already dealt with in the same way."""
        known = self.known
        return (
            known is not None
            and known.fingerprint == fingerprint
            and known.recipe == self.recipe
            and not self.worth_another_try()
        )


@dataclass(slots=True)
class _Tally:
    """What the run did so far."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    chunks: int = 0

    def keep(self, known: ManifestEntry) -> None:
        """Count a file that nothing has to be done about."""
        if known.outcome == ReadOutcome.OK:
            self.unchanged += 1
        else:
            self.failed.append(FailedFile(known.path, known.reason))


async def _run(desk: _Desk, folder: str, allow_empty: bool, reporter: _Reporter) -> ReindexReport:
    walked_at = time.time_ns()
    listing = await desk.source.list()
    _refuse_empty(listing, desk.record, allow_empty=allow_empty)
    manifest = [entry for entry in await desk.corpus.manifest(desk.record.name) if _inside(entry.path, folder)]
    files, skipped = _compare(desk, listing, manifest, walked_at)
    gone = _gone(files, manifest, listing, allow_empty=allow_empty)
    tally = _Tally()
    await _clean_up(desk, await desk.corpus.unfinished_chunks(desk.record.name))
    await _retire(desk, gone, tally)
    await _index_changes(desk, files, tally, reporter)
    report = reporter.report(tally, skipped)
    return replace(report, chunks=await desk.corpus.finish_run(desk.record.name, desk.token, report))


def _refuse_empty(listing: Listing, record: SourceRecord, *, allow_empty: bool) -> None:
    if not listing.files and not listing.unseen and not allow_empty:
        raise EmptySourceError(
            f"The folder {record.root} is empty; nothing was changed. Pass --allow-empty if that is meant."
        )


def _inside(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _compare(
    desk: _Desk, listing: Listing, manifest: Sequence[ManifestEntry], walked_at: int
) -> tuple[list[_File], list[Skipped]]:
    """Match the files with what is known of them; files that nobody reads are skipped."""
    known = {entry.path: entry for entry in manifest}
    recipes: dict[str, str] = {}
    files: dict[str, _File] = {}
    skipped = [Skipped(printable(entry.path), entry.reason) for entry in listing.skipped]
    for file in listing.files:
        path = printable(file.path)
        try:
            reader = reader_name(path)
        except UnreadableFileError as exc:
            skipped.append(Skipped(path, str(exc)))
            continue
        if path in files:
            skipped.append(Skipped(path, "its name is not UTF-8 and looks like another file's"))
            continue
        if reader not in recipes:
            recipes[reader] = desk.recipe(reader)
        unsettled = file.mtime_ns > walked_at - UNSETTLED_NS
        files[path] = _File(file, path, recipes[reader], known.get(path), unsettled)
    return list(files.values()), sorted(skipped, key=lambda entry: entry.path)


def printable(path: str) -> str:
    r"""Return a path as UTF-8 can say it: bytes of another encoding become `\xe9`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _gone(
    files: Sequence[_File], manifest: Sequence[ManifestEntry], listing: Listing, *, allow_empty: bool
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
            "Pass --allow-empty if that is meant."
        )
    return gone


async def _retire(desk: _Desk, gone: Sequence[ManifestEntry], tally: _Tally) -> None:
    for batch in _slices(gone, BATCH_FILES):
        dead = await desk.corpus.retire(desk.record.name, desk.token, [entry.id for entry in batch])
        tally.removed += sum(entry.live for entry in batch)
        await _clean_up(desk, dead)


async def _clean_up(desk: _Desk, dead: Sequence[str]) -> None:
    """Take chunks out of the index that SQL no longer calls live, then forget them."""
    for batch in _slices(dead, EMBED_AT_ONCE):
        await desk.index.delete(batch)
        await desk.corpus.forget_chunks(desk.record.name, desk.token, batch)


# --- The pipeline: fetch → read and split → embed → store, each step ahead of the next -------------------------------


@dataclass(slots=True)
class _Batch:
    """Files on their way through the pipeline."""

    files: int
    touched: list[ManifestEntry] = field(default_factory=list)
    """Same bytes as before: only size, time or inode differ."""
    failures: list[FailedAttempt] = field(default_factory=list)
    fetched: list[tuple[_File, str, bytes]] = field(default_factory=list)
    """(file, fingerprint, contents) of what has to be read."""
    versions: list[DocumentVersion] = field(default_factory=list)
    embedded: dict[str, str] = field(default_factory=dict)
    """Hash → text that stands for a chunk in the index."""
    vectors: dict[str, bytes] = field(default_factory=dict)
    """Hash → vector, of the texts that were not embedded before."""


async def _index_changes(desk: _Desk, files: Sequence[_File], tally: _Tally, reporter: _Reporter) -> None:
    suspects = []
    for file in files:
        if file.known is not None and file.looks_unchanged():
            tally.keep(file.known)
        else:
            suspects.append(file)
    await reporter.begin(len(files), len(files) - len(suspects))
    live = {file.known.id for file in suspects if file.known and file.known.live}
    fetched = _ahead(_fetch(desk, suspects, tally))
    parsed = _ahead(_parse(desk, fetched))
    async with aclosing(_ahead(_embed(desk, parsed))) as batches:
        async for batch in batches:
            await _store(desk, batch, live, tally)
            await reporter.advance(batch.files, tally)


@dataclass(frozen=True, slots=True)
class _End:
    """The last word of a step: done, or what went wrong."""

    error: Exception | None = None


async def _ahead(batches: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """Run a step in a task of its own, so that it works ahead of whoever takes its batches."""
    queue: asyncio.Queue[T | _End] = asyncio.Queue(maxsize=2)
    working = asyncio.create_task(_fill(queue, batches))
    try:
        while not isinstance(batch := await queue.get(), _End):
            yield batch
        if batch.error is not None:
            raise batch.error
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _fill(queue: asyncio.Queue[T | _End], batches: AsyncGenerator[T]) -> None:
    try:
        async with aclosing(batches):
            async for batch in batches:
                await queue.put(batch)
    except Exception as exc:  # noqa: BLE001 - raised again by whoever takes the batches
        await queue.put(_End(exc))
    else:
        await queue.put(_End())


async def _fetch(desk: _Desk, suspects: Sequence[_File], tally: _Tally) -> AsyncGenerator[_Batch]:
    """Read bytes and compare their fingerprints: most suspects turn out to be the same as before."""
    for files in _by_size(suspects):
        batch = _Batch(len(files))
        contents = await _contents(desk.source, [file.file for file in files])
        fingerprints = await asyncio.to_thread(_fingerprints, contents)
        for file, data, fingerprint in zip(files, contents, fingerprints, strict=True):
            if isinstance(data, UnreadableFileError):
                batch.failures.append(_failure(desk, file, "", ReadOutcome(data.outcome), str(data)))
            elif file.known is not None and file.has_bytes(fingerprint):
                tally.keep(file.known)
                batch.touched.append(_touched(file, file.known))
            else:
                batch.fetched.append((file, fingerprint, data))
        yield batch


def _by_size(files: Sequence[_File]) -> Iterator[list[_File]]:
    batch: list[_File] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES or size + file.file.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.file.size
    if batch:
        yield batch


async def _contents(source: Source, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
    if isinstance(source, BatchSource):
        return await source.read_batch(files)
    return [await _content(source, file) for file in files]


async def _content(source: Source, file: SourceFile) -> bytes | UnreadableFileError:
    try:
        return await source.read(file)
    except UnreadableFileError as exc:
        return exc


def _fingerprints(contents: Iterable[bytes | UnreadableFileError]) -> list[str]:
    return ["" if isinstance(data, UnreadableFileError) else hashlib.sha256(data).hexdigest() for data in contents]


def _touched(file: _File, known: ManifestEntry) -> ManifestEntry:
    return replace(known, size=file.file.size, mtime_ns=file.mtime_ns, inode=file.file.inode)


def _failure(desk: _Desk, file: _File, fingerprint: str, outcome: ReadOutcome, reason: str) -> FailedAttempt:
    return FailedAttempt(
        id=_document_id(desk, file),
        path=file.path,
        fingerprint=fingerprint,
        size=file.file.size,
        mtime_ns=file.mtime_ns,
        inode=file.file.inode,
        recipe=file.recipe,
        outcome=outcome,
        reason=reason,
    )


def _document_id(desk: _Desk, file: _File) -> str:
    return content_id("document", desk.record.name, file.path)


async def _parse(desk: _Desk, batches: AsyncGenerator[_Batch]) -> AsyncGenerator[_Batch]:
    """Read and split in the reading process."""
    async with aclosing(batches):
        async for batch in batches:
            results = await desk.readers.read([(file.path, data) for file, _, data in batch.fetched])
            for (file, fingerprint, _), result in zip(batch.fetched, results, strict=True):
                await _sort_in(desk, batch, file, fingerprint, result)
            batch.fetched.clear()
            yield batch


async def _sort_in(desk: _Desk, batch: _Batch, file: _File, fingerprint: str, result: ReadResult) -> None:
    if result.document is None:
        batch.failures.append(_failure(desk, file, fingerprint, result.outcome, result.reason))
    if result.document is None and result.outcome is not ReadOutcome.EMPTY:
        return
    if result.document is None and not (file.known and file.known.live):
        return
    pieces = await _pieces(desk.splitter, result)
    batch.versions.append(_version(desk, batch, file, fingerprint, result=result, pieces=pieces))


async def _pieces(splitter: Splitter, result: ReadResult) -> Sequence[Piece]:
    """Take the reading process's pieces, or let somebody's own splitter cut the document here."""
    if isinstance(splitter, SentenceSplitter) or result.document is None:
        return result.pieces
    return await asyncio.to_thread(splitter.split, result.document)


def _version(
    desk: _Desk, batch: _Batch, file: _File, fingerprint: str, *, result: ReadResult, pieces: Sequence[Piece]
) -> DocumentVersion:
    """Give every piece an id that stays as long as its file, text and place in the headings do."""
    title = result.document.title if result.document else ""
    seen: Counter[str] = Counter()
    chunks = []
    for position, piece in enumerate(pieces):
        text = embedded_text(title, piece.heading, piece.text)
        text_hash = content_id(text)
        batch.embedded[text_hash] = text
        seen[text_hash] += 1
        chunk_id = content_id(desk.record.name, file.path, text_hash, str(seen[text_hash]), desk.embedder.name)
        chunks.append(_new_chunk(chunk_id, text_hash, position, piece))
    return DocumentVersion(
        id=_document_id(desk, file),
        path=file.path,
        title=title,
        url=_url(desk.record, file.path),
        fingerprint=fingerprint,
        size=file.file.size,
        mtime_ns=file.mtime_ns,
        inode=file.file.inode,
        recipe=file.recipe,
        chunks=tuple(chunks),
    )


def _new_chunk(chunk_id: str, text_hash: str, position: int, piece: Piece) -> NewChunk:
    return NewChunk(
        id=chunk_id,
        text_hash=text_hash,
        heading=" > ".join(piece.heading),
        page=piece.page,
        position=position,
        start=piece.start,
        end=piece.end,
        text=piece.text,
    )


def _url(record: SourceRecord, path: str) -> str | None:
    return f"{record.url.rstrip('/')}/{quote(path)}" if record.url else None


async def _embed(desk: _Desk, batches: AsyncGenerator[_Batch]) -> AsyncGenerator[_Batch]:
    """Embed the texts that were never embedded before with this embedder."""
    ahead: set[str] = set()
    async with aclosing(batches):
        async for batch in batches:
            known = ahead | await desk.corpus.known_vectors(desk.embedder.name, list(batch.embedded))
            for some in _slices([text_hash for text_hash in batch.embedded if text_hash not in known], EMBED_AT_ONCE):
                batch.vectors |= await _vectors(
                    desk.embedder, {text_hash: batch.embedded[text_hash] for text_hash in some}
                )
            ahead.update(batch.vectors)  # stored soon: batches are stored in order
            yield batch


async def _vectors(embedder: Embedder, texts: Mapping[str, str]) -> dict[str, bytes]:
    vectors = await embedder.embed_documents(list(texts.values()))
    rows = np.asarray(vectors, dtype="<f4").reshape(len(texts), embedder.dimensions)
    return {text_hash: row.tobytes() for text_hash, row in zip(texts, rows, strict=True)}


async def _store(desk: _Desk, batch: _Batch, live: set[str], tally: _Tally) -> None:
    """Intend, tell the index, publish, forget: in this order a run may be killed anywhere."""
    corpus, source, token = desk.corpus, desk.record.name, desk.token
    if batch.versions:
        fresh = set(
            await corpus.intend(source, token, batch.versions, embedder=desk.embedder.name, new_vectors=batch.vectors)
        )
        await _tell_index(desk, batch, fresh)
        dead = await corpus.publish(source, token, batch.versions, fresh=fresh)
        await _clean_up(desk, dead)
    await corpus.fail(source, token, batch.failures)
    await corpus.touch(source, token, batch.touched)
    _count(batch, live, tally)


async def _tell_index(desk: _Desk, batch: _Batch, fresh: set[str]) -> None:
    wanted = {chunk.text_hash for version in batch.versions for chunk in version.chunks if chunk.id in fresh}
    missing = [text_hash for text_hash in wanted if text_hash not in batch.vectors]
    vectors = batch.vectors
    if missing:
        vectors = vectors | await desk.corpus.load_vectors(desk.embedder.name, missing)
    entries = [
        IndexEntry(
            chunk_id=chunk.id,
            source=desk.record.name,
            vector=np.frombuffer(vectors[chunk.text_hash], dtype="<f4"),
            text=chunk.text,
            title=" ".join(part for part in (version.title, version.path, chunk.heading) if part),
        )
        for version in batch.versions
        for chunk in version.chunks
        if chunk.id in fresh
    ]
    for some in _slices(entries, EMBED_AT_ONCE):
        await desk.index.upsert(some)


def _count(batch: _Batch, live: set[str], tally: _Tally) -> None:
    failed = {failure.id for failure in batch.failures}
    for version in batch.versions:
        tally.chunks += len(version.chunks)
        if version.id not in failed:
            tally.changed += version.id in live
            tally.added += version.id not in live
    tally.failed += [FailedFile(failure.path, failure.reason) for failure in batch.failures]


def _slices(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


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
    said: float = 0.0

    async def begin(self, total: int, unchanged: int) -> None:
        self.total, self.done, self.unchanged = total, unchanged, unchanged
        self.working_since = time.monotonic()
        await self._say(0)

    async def advance(self, files: int, tally: _Tally) -> None:
        self.done += files
        if self.done >= self.total or time.monotonic() - self.said >= PROGRESS_SECONDS:
            await self._say(tally.chunks)

    async def _say(self, chunks: int) -> None:
        if self.on_progress is None:
            return
        self.said = time.monotonic()
        elapsed = self.said - self.started
        await self.on_progress(Progress(self.source, self.done, self.total, chunks, elapsed, self._seconds_left()))

    def _seconds_left(self) -> float | None:
        worked = self.done - self.unchanged
        if not worked:
            return None
        return (self.said - self.working_since) / worked * (self.total - self.done)

    def report(self, tally: _Tally, skipped: Sequence[Skipped], chunks: int = 0) -> ReindexReport:
        return ReindexReport(
            source=self.source,
            added=tally.added,
            changed=tally.changed,
            unchanged=tally.unchanged,
            removed=tally.removed,
            failed=tuple(sorted(tally.failed, key=lambda failure: failure.path)),
            skipped=tuple(skipped),
            chunks=chunks,
            seconds=round(time.monotonic() - self.started, 3),
        )
