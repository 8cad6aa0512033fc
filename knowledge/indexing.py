"""Indexing: files → documents → chunks → vectors → index, batch by batch, each step ahead of the next."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable
from urllib.parse import quote

import numpy as np

from knowledge.adapters.folder_source import FolderSource
from knowledge.errors import UnreadableFileError
from knowledge.ids import content_id
from knowledge.ports import Embedder, Index, IndexEntry, Source, Splitter
from knowledge.reading import INDEXED, READING_VERSION, ReadOutcome, ReadResult
from knowledge.reading.pool import ReaderPool
from knowledge.retrying import after_failure
from knowledge.splitting import SentenceSplitter, embedded_text
from knowledge.store.clock import Clock
from knowledge.store.corpus import Corpus, DocumentVersion, FailedAttempt, ManifestEntry, NewChunk, SourceRecord
from knowledge.types import FailedFile, PartlyRead, Piece, SourceFile

T = TypeVar("T")

BATCH_FILES = 64
BATCH_BYTES = 1024**2
"""What one transaction holds at most: others write to the same database meanwhile."""
EMBED_AT_ONCE = 1024
"""Texts in one call of the embedder, ids in one removal."""
TELL_AT_ONCE = 2048
"""Chunks in one call of the index."""
TOLD_TOGETHER = 24
"""Batches that the index is told of at once, if so many are ready: it has costs for every call, and whatever comes
before does not wait for it."""


@runtime_checkable
class BatchSource(Protocol):
    """A source that reads many files at the cost of one."""

    async def read_batch(self, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
        """Return bytes, or what was wrong, for each file."""
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """One generation as a process works on it: the index that holds its chunks, and what makes their vectors."""

    generation: int
    embedder: Embedder
    index: Index


@dataclass(frozen=True, slots=True)
class Desk:
    """What every step of a run works with."""

    record: SourceRecord
    token: int
    corpus: Corpus
    backends: Sequence[Backend]
    """Every one of them is told of every change."""
    splitter: Splitter
    source: Source
    readers: ReaderPool
    clock: Clock = time.time

    def recipe(self, reader: str) -> str:
        """Name everything besides the bytes that decides what becomes of a file."""
        return content_id(READING_VERSION, reader, self.splitter.name, self.record.url or "")

    @property
    def generations(self) -> list[int]:
        """The generations that are told of every change."""
        return [backend.generation for backend in self.backends]

    @property
    def calls_at_once(self) -> int:
        """How many calls every embedder takes at a time; one, unless they are services at a distance."""
        return min(getattr(backend.embedder, "calls_at_once", 1) for backend in self.backends)

    @property
    def terms(self) -> str:
        """What whoever helps with the run must have in common with it."""
        return content_id(self.recipe(""), *map(str, sorted(self.generations)))


def desk_without_files(
    record: SourceRecord, token: int, corpus: Corpus, backends: Sequence[Backend], splitter: Splitter
) -> Desk:
    """Open a desk for work that the database and the indexes are enough for."""
    return Desk(record, token, corpus, backends, splitter, FolderSource(record.name, Path()), ReaderPool())


@dataclass(frozen=True, slots=True)
class File:
    """A file with what is known of it from before."""

    file: SourceFile
    path: str
    """As it is stored and shown."""
    recipe: str
    known: ManifestEntry | None
    unsettled: bool
    due: bool = False
    """It failed, and may be tried again although nothing about it has changed."""

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
            and not self.due
        )

    def has_bytes(self, fingerprint: str) -> bool:
        """Say whether these bytes were already dealt with in the same way."""
        known = self.known
        return known is not None and known.fingerprint == fingerprint and known.recipe == self.recipe and not self.due

    def failures_of(self, fingerprint: str) -> int:
        """Count how often these bytes have failed in the same way of reading them."""
        known = self.known
        same = known is not None and (known.fingerprint, known.recipe) == (fingerprint, self.recipe)
        return known.attempts if known is not None and same else 0


@dataclass(slots=True)
class Tally:
    """What became of files."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[FailedFile] = field(default_factory=list)
    chunks: int = 0
    partial: list[PartlyRead] = field(default_factory=list)

    def keep(self, known: ManifestEntry) -> None:
        """Count a file that nothing has to be done about."""
        if known.outcome not in INDEXED:
            self.failed.append(FailedFile(known.path, known.reason))
            return
        self.unchanged += 1
        if known.outcome == ReadOutcome.PARTIAL:
            self.partial.append(PartlyRead(known.path, known.reason))

    def add(self, other: Tally) -> None:
        """Count what became of other files, too."""
        self.added += other.added
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.removed += other.removed
        self.failed += other.failed
        self.partial += other.partial
        self.chunks += other.chunks


# --- The pipeline: fetch → read, split → embed → intend → tell the index → publish ----------------------------------


@dataclass(slots=True)
class Batch:
    """Files on their way through the pipeline."""

    number: int
    files: int
    live: set[str]
    """Ids of those documents that answers could use before."""
    touched: list[ManifestEntry] = field(default_factory=list)
    """Same bytes as before: only size, time or inode differ."""
    failures: list[FailedAttempt] = field(default_factory=list)
    fetched: list[tuple[File, str, bytes]] = field(default_factory=list)
    """(file, fingerprint, contents) of what has to be read."""
    versions: list[DocumentVersion] = field(default_factory=list)
    embedded: dict[str, str] = field(default_factory=dict)
    """Hash → text that stands for a chunk in the index."""
    unknown: dict[str, Sequence[str]] = field(default_factory=dict)
    """Embedder → hashes of the texts that it has to embed."""
    vectors: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Embedder → hash → vector, of the texts that were not embedded before."""
    fresh: set[str] = field(default_factory=set)
    """Ids of the chunks that are not live yet."""
    tell: Mapping[int, Collection[str]] = field(default_factory=dict)
    """Ids of the chunks that the index of each generation has to be told of."""


Shares = AsyncGenerator[tuple[int, Sequence[File]]]
"""Files to be indexed, some at a time, each lot with its number."""
OnStored = Callable[[Batch, Tally], Awaitable[None]]


async def index_files(desk: Desk, shares: Shares, stored: OnStored) -> None:
    """Bring files into the index; `stored` is called for each share when answers can use it."""
    fetched = _ahead(_fetch(desk, shares))
    async with aclosing(_told(desk, _ahead(_parse(desk, fetched)))) as groups:
        async for group in groups:
            await _publish(desk, group)
            for batch in group:
                await stored(batch, _count(batch))


async def bring_over(desk: Desk, document_ids: AsyncGenerator[Sequence[str]]) -> AsyncGenerator[int]:
    """Tell the desk's one index of documents as they are live, from the database; yields how many it holds then."""
    (backend,) = desk.backends
    async with aclosing(_told(desk, _ahead(_stored(desk, document_ids)))) as groups:
        async for group in groups:
            ids = [version.id for batch in group for version in batch.versions]
            await desk.corpus.brought(desk.record.name, desk.token, ids, generation=backend.generation)
            yield len(ids)


def _told(desk: Desk, batches: AsyncGenerator[Batch]) -> AsyncGenerator[list[Batch]]:
    """Embed what was never embedded, and let the indexes know."""
    embedded = _ahead(_embed(desk, batches))
    return _ahead(_tell_indexes(desk, _together(_intend(desk, embedded), TOLD_TOGETHER)))


@dataclass(frozen=True, slots=True)
class _End:
    """The last word of a step: done, or what went wrong."""

    error: Exception | None = None


async def _ahead(batches: AsyncGenerator[T], most: int = 2) -> AsyncGenerator[T]:
    """Run a step in a task of its own, so that it works ahead of whoever takes its batches."""
    queue: asyncio.Queue[T | _End] = asyncio.Queue(maxsize=most)
    working = asyncio.create_task(_fill(queue, batches))
    try:
        while not isinstance(batch := await queue.get(), _End):
            yield batch
        if batch.error is not None:
            raise batch.error
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _together(batches: AsyncGenerator[T], most: int) -> AsyncGenerator[list[T]]:
    """Run a step ahead, too, and hand over at once all the batches that are ready."""
    queue: asyncio.Queue[T | _End] = asyncio.Queue(maxsize=most)
    working = asyncio.create_task(_fill(queue, batches))
    end = None
    try:
        while end is None:
            ready = [await queue.get(), *(queue.get_nowait() for _ in range(queue.qsize()))]
            end = next((batch for batch in ready if isinstance(batch, _End)), None)
            if group := [batch for batch in ready if not isinstance(batch, _End)]:
                yield group
        if end.error is not None:
            raise end.error
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


async def _fetch(desk: Desk, shares: Shares) -> AsyncGenerator[Batch]:
    """Read bytes and compare their fingerprints: most suspects turn out to be the same as before."""
    async with aclosing(shares):
        async for number, files in shares:
            live = {file.known.id for file in files if file.known and file.known.live}
            batch = Batch(number, len(files), live)
            contents = await _contents(desk.source, [file.file for file in files])
            fingerprints = await asyncio.to_thread(_fingerprints, contents)
            for file, data, fingerprint in zip(files, contents, fingerprints, strict=True):
                if isinstance(data, UnreadableFileError):
                    batch.failures.append(_failure(desk, file, "", ReadOutcome(data.outcome), str(data)))
                elif file.known is not None and file.has_bytes(fingerprint):
                    batch.touched.append(_touched(file, file.known))
                else:
                    batch.fetched.append((file, fingerprint, data))
            yield batch


def by_size(files: Sequence[File], *, shares: int = 1) -> Iterator[list[File]]:
    """Cut a list of files into lots of at most so many shares, of which one transaction can hold each."""
    batch: list[File] = []
    size = 0
    for file in files:
        if batch and (len(batch) == BATCH_FILES * shares or size + file.file.size > BATCH_BYTES * shares):
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


def _touched(file: File, known: ManifestEntry) -> ManifestEntry:
    return replace(known, size=file.file.size, mtime_ns=file.mtime_ns, inode=file.file.inode)


def _failure(desk: Desk, file: File, fingerprint: str, outcome: ReadOutcome, reason: str) -> FailedAttempt:
    failed_before = file.failures_of(fingerprint)
    failures = after_failure(outcome, failed_before + 1, desk.clock())
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
        attempts=failures.attempts,
        retry_at=failures.retry_at,
    )


def _document_id(desk: Desk, file: File) -> str:
    return content_id("document", desk.record.name, file.path)


async def _parse(desk: Desk, batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Read and split in the reading process."""
    async with aclosing(batches):
        async for batch in batches:
            results = await desk.readers.read([(file.path, data) for file, _, data in batch.fetched])
            for (file, fingerprint, _), result in zip(batch.fetched, results, strict=True):
                await _sort_in(desk, batch, file, fingerprint, result)
            batch.fetched.clear()
            yield batch


async def _sort_in(desk: Desk, batch: Batch, file: File, fingerprint: str, result: ReadResult) -> None:
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
    desk: Desk, batch: Batch, file: File, fingerprint: str, *, result: ReadResult, pieces: Sequence[Piece]
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
        chunk_id = content_id(desk.record.name, file.path, text_hash, str(seen[text_hash]))
        chunks.append(_new_chunk(chunk_id, text_hash, position, piece))
    return DocumentVersion(
        id=_document_id(desk, file),
        path=file.path,
        title=title,
        url=file.file.url or _url(desk.record, file.path),
        fingerprint=fingerprint,
        size=file.file.size,
        mtime_ns=file.mtime_ns,
        inode=file.file.inode,
        recipe=file.recipe,
        chunks=tuple(chunks),
        outcome=result.outcome,
        reason=result.reason,
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
        location=piece.location,
    )


def _url(record: SourceRecord, path: str) -> str | None:
    return f"{record.url.rstrip('/')}/{quote(path)}" if record.url else None


async def _embed(desk: Desk, batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Embed the texts that were never embedded before, with each embedder."""
    embedders = {backend.embedder.name: backend.embedder for backend in desk.backends}

    async def work(batch: Batch) -> None:
        for name, embedder in embedders.items():
            for some in slices(batch.unknown[name], EMBED_AT_ONCE):
                texts = {text_hash: batch.embedded[text_hash] for text_hash in some}
                batch.vectors.setdefault(name, {}).update(await _vectors(embedder, texts))

    async with aclosing(_some_at_once(_with_unknown(desk, embedders, batches), work, desk.calls_at_once)) as done:
        async for batch in done:
            yield batch


async def _with_unknown(desk: Desk, names: Iterable[str], batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Find the texts that neither the database nor a batch before has vectors of; batches are stored in order."""
    ahead: dict[str, set[str]] = {name: set() for name in names}
    async with aclosing(batches):
        async for batch in batches:
            for name, taken in ahead.items():
                known = await desk.corpus.known_vectors(name, list(batch.embedded))
                batch.unknown[name] = [each for each in batch.embedded if each not in known and each not in taken]
                taken.update(batch.unknown[name])
            yield batch


async def _some_at_once(
    batches: AsyncGenerator[Batch], work: Callable[[Batch], Awaitable[None]], most: int
) -> AsyncGenerator[Batch]:
    """Work on so many batches at once; they come out in their order, each as soon as it is done."""
    begun: set[asyncio.Task[Batch]] = set()
    try:
        async with aclosing(_ahead(_begin(batches, work, most, begun), most)) as tasks:
            async for task in tasks:
                yield await task
                begun.discard(task)
    finally:
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


async def _begin(
    batches: AsyncGenerator[Batch],
    work: Callable[[Batch], Awaitable[None]],
    most: int,
    begun: set[asyncio.Task[Batch]],
) -> AsyncGenerator[asyncio.Task[Batch]]:
    turns = asyncio.Semaphore(most)

    async def worked_on(batch: Batch) -> Batch:
        try:
            await work(batch)
        finally:
            turns.release()
        return batch

    async with aclosing(batches):
        await turns.acquire()
        async for batch in batches:
            task = asyncio.create_task(worked_on(batch))
            begun.add(task)
            yield task
            await turns.acquire()  # and only then the next batch: others could work on it meanwhile


async def _vectors(embedder: Embedder, texts: Mapping[str, str]) -> dict[str, bytes]:
    vectors = await embedder.embed_documents(list(texts.values()))
    rows = np.asarray(vectors, dtype="<f4").reshape(len(texts), embedder.dimensions)
    return {text_hash: row.tobytes() for text_hash, row in zip(texts, rows, strict=True)}


async def _stored(desk: Desk, document_ids: AsyncGenerator[Sequence[str]]) -> AsyncGenerator[Batch]:
    """Take documents from the database instead of from their files."""
    number = 0
    async with aclosing(document_ids):
        async for ids in document_ids:
            versions = await desk.corpus.stored_versions(ids)
            texts = {
                chunk.text_hash: _embedded_again(version.title, chunk)
                for version in versions
                for chunk in version.chunks
            }
            yield Batch(number, len(versions), set(ids), versions=versions, embedded=texts)
            number += 1


def _embedded_again(title: str, chunk: NewChunk) -> str:
    """Return the text that stands for a chunk, as it was when it had its heading in parts; its hash is the proof."""
    inside = chunk.heading.removeprefix(title).removeprefix(" > ") if title else chunk.heading
    headings = [chunk.heading.split(" > "), [title, inside], ["", chunk.heading]]
    texts = [embedded_text(title, heading, chunk.text) for heading in headings]
    return next((text for text in texts if content_id(text) == chunk.text_hash), texts[0])


# In this order a run may be killed anywhere: intend, tell the index, publish, forget.


async def _intend(desk: Desk, batches: AsyncGenerator[Batch]) -> AsyncGenerator[Batch]:
    """Write down what the index is about to be told."""
    async with aclosing(batches):
        async for batch in batches:
            if batch.versions:
                intended = await desk.corpus.intend(
                    desk.record.name,
                    desk.token,
                    batch.versions,
                    new_vectors=batch.vectors,
                    generations=desk.generations,
                )
                batch.fresh.update(intended.fresh)
                batch.tell = intended.tell
            yield batch


async def _tell_indexes(desk: Desk, groups: AsyncGenerator[list[Batch]]) -> AsyncGenerator[list[Batch]]:
    async with aclosing(groups):
        async for group in groups:
            for backend in desk.backends:
                entries = [entry for batch in group for entry in await _entries(desk, backend, batch)]
                for some in slices(entries, TELL_AT_ONCE):
                    await backend.index.upsert(some)
            yield group


async def _entries(desk: Desk, backend: Backend, batch: Batch) -> list[IndexEntry]:
    tell = batch.tell.get(backend.generation, ())
    wanted = {chunk.text_hash for version in batch.versions for chunk in version.chunks if chunk.id in tell}
    vectors: Mapping[str, bytes] = batch.vectors.get(backend.embedder.name, {})
    missing = [text_hash for text_hash in wanted if text_hash not in vectors]
    if missing:
        vectors = {**vectors, **await desk.corpus.load_vectors(backend.embedder.name, missing)}
    return [
        IndexEntry(
            chunk_id=chunk.id,
            source=desk.record.name,
            vector=np.frombuffer(vectors[chunk.text_hash], dtype="<f4"),
            text=chunk.text,
            title=" ".join(part for part in (version.title, version.path, chunk.heading) if part),
        )
        for version in batch.versions
        for chunk in version.chunks
        if chunk.id in tell
    ]


async def _publish(desk: Desk, group: Sequence[Batch]) -> None:
    """Let answers use the new chunks instead of the old ones, which leave the index."""
    corpus, source, token = desk.corpus, desk.record.name, desk.token
    dead: list[str] = []
    for batch in group:
        if batch.versions:
            dead += await corpus.publish(source, token, batch.versions, fresh=batch.fresh, generations=desk.generations)
        await corpus.fail(source, token, batch.failures)
        await corpus.touch(source, token, batch.touched)
    await clean_up(desk, dead)


def _count(batch: Batch) -> Tally:
    tally = Tally(failed=[FailedFile(failure.path, failure.reason) for failure in batch.failures])
    for known in batch.touched:
        tally.keep(known)
    failed = {failure.id for failure in batch.failures}
    for version in batch.versions:
        tally.chunks += len(version.chunks)
        if version.id not in failed:
            tally.changed += version.id in batch.live
            tally.added += version.id not in batch.live
        if version.outcome == ReadOutcome.PARTIAL:
            tally.partial.append(PartlyRead(version.path, version.reason))
    return tally


def slices(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a list into pieces of at most this size."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


async def clean_up(desk: Desk, dead: Sequence[str]) -> None:
    """Take chunks out of the indexes that SQL no longer calls live, then forget them."""
    for backend in desk.backends:
        await _remove(desk, backend, dead)


async def tidy(desk: Desk) -> None:
    """Take out of the indexes what a dead run had begun, and whatever else was left in them."""
    await desk.corpus.abandon(desk.record.name, desk.token)
    for backend in desk.backends:
        await _remove(desk, backend, await desk.corpus.removals(desk.record.name, backend.generation))


async def _remove(desk: Desk, backend: Backend, dead: Sequence[str]) -> None:
    for batch in slices(dead, EMBED_AT_ONCE):
        await backend.index.delete(batch)
        await desk.corpus.removed(desk.record.name, desk.token, backend.generation, batch)
