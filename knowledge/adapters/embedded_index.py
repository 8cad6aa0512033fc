"""The index that needs no service: the database holds the vectors, and each machine keeps a cache of them on disk.

The database logs every addition and removal under a growing number, the generation. The cache, a matrix of vectors and
a text index in a folder that all processes of the machine share, has followed the log up to some number. A change is
done when the cache has followed it, which is when a reindex lets answers use it. So a search, which first compares the
two, seldom has to wait while a reindex goes on: only when a chunk that answers may use is missing does one process, the
one that gets the file lock, append it while the others wait and then map the same files. A manifest, replaced
atomically, says how much of the files is valid, so a process that dies while it writes leaves nothing but bytes that
the next one overwrites. A cache that is damaged or foreign is built anew from the log.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from knowledge.errors import IndexUnavailableError
from knowledge.ids import new_id
from knowledge.ports import Embedder, IndexEntry, IndexHits, IndexQuery
from knowledge.types import Vectors
from knowledge.vector_file import Entry, Extent, VectorFile, VectorView
from knowledge.word_index import WordIndex, Words, WordSearcher

log = logging.getLogger(__name__)

T = TypeVar("T")

FORMAT = 1
"""Raise it when the files, the analysis of words or the schema change: caches of another format are built anew."""
BATCH = 2000
"""Log entries read and applied at once."""
DEAD_SHARE = 0.25
"""Of dead rows, beyond which the cache is compacted."""
_FEW_ROWS = 2000
_LOCK_POLL_SECONDS = 0.005


class LogEntry(Protocol):
    """One step in the life of the index: a chunk came with its vector, or left."""

    seq: int
    chunk_id: str
    added: bool
    source: str
    title: str
    text: str
    vector: bytes


@dataclass(slots=True)
class _Added:
    """A log entry of this process, which need not be read back."""

    seq: int
    chunk_id: str
    source: str
    title: str
    text: str
    vector: bytes
    added: bool = True


class VectorLog(Protocol):
    """What the embedded index needs of the database, for each embedder: a log whose numbers become visible in order.

    Only the newest entry of a chunk counts, so older ones may be left out.
    """

    async def log_added(self, embedder: str, chunk_ids: Sequence[str]) -> int:
        """Log chunks, whose vectors are stored already, as added; return the new generation."""
        ...

    async def log_removed(self, embedder: str, chunk_ids: Sequence[str]) -> int:
        """Log chunks as removed; return the new generation."""
        ...

    async def generation(self, embedder: str) -> int:
        """Return the number of the newest entry, 0 when there is none: one cheap read, made by every search."""
        ...

    async def live_since(self, embedder: str, seq: int) -> bool:
        """Say whether a chunk was added with a larger number than `seq` that answers may use by now."""
        ...

    async def log_since(self, embedder: str, seq: int, *, limit: int = ...) -> Sequence[Any]:
        """Return at most `limit` `LogEntry` with larger numbers than `seq`, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is valid in the cache's folder."""

    folder: str
    """Where the files are; another name after every rebuild."""
    position: int = 0
    """The number of the last log entry that was applied."""
    newest_chunk: str = ""
    """The chunk of that entry: tells a log that was begun anew, with a new database, from the one followed so far."""
    sources: tuple[str, ...] = ()
    extent: Extent = field(default_factory=Extent)

    def to_json(self, dimensions: int) -> str:
        """Write it down with what the files depend on."""
        return json.dumps({"format": FORMAT, "dimensions": dimensions, **asdict(self)})

    @classmethod
    def from_json(cls, text: str, dimensions: int) -> Self:
        """Read it. Raises ValueError or KeyError when it is damaged or of another format."""
        data = json.loads(text)
        if (data.pop("format"), data.pop("dimensions")) != (FORMAT, dimensions):
            raise ValueError("the cache has another format")
        return cls(**data | {"sources": tuple(data["sources"]), "extent": Extent(**data["extent"])})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the cache, searched without any lock."""

    manifest: Manifest
    vectors: VectorView
    words: WordSearcher

    def search(self, query: IndexQuery) -> IndexHits:
        """Search by vector and by words; hits of the words get their cosine as well, it costs nothing."""
        sources = self._restriction(query.sources)
        lexical = [
            (row, score) for row, score in self._lexical(query, None if sources is None else query.sources) if row >= 0
        ]
        dense = self._dense(query, sources, [row for row, _ in lexical])
        return IndexHits(
            dense=tuple((self.vectors.ids[row], score) for row, score in dense),
            lexical=tuple((self.vectors.ids[row], score) for row, score in lexical),
            term_weights=self.words.term_weights(query.text),
        )

    def ids(self) -> list[str]:
        """Return the chunks that are in both halves."""
        with_words = self.words.numbers()
        rows = self.vectors.living_rows()
        return [self.vectors.ids[row] for row in rows if int(self.vectors.numbers[row]) in with_words]

    def vectors_of(self, chunk_ids: Sequence[str]) -> dict[str, Vectors | None]:
        """Return the vectors of those of the chunks that are here."""
        wanted = set(chunk_ids)
        rows = {self.vectors.ids[row]: row for row in self.vectors.living_rows()}
        return {chunk_id: np.array(self.vectors.matrix[rows[chunk_id]]) for chunk_id in wanted & rows.keys()}

    def _restriction(self, sources: Sequence[str] | None) -> list[int] | None:
        """Return the numbers of the sources; None when they are all there are."""
        if sources is None or set(sources) >= set(self.manifest.sources):
            return None
        wanted = set(sources)
        return [number for number, name in enumerate(self.manifest.sources) if name in wanted]

    def _lexical(self, query: IndexQuery, sources: Sequence[str] | None) -> list[tuple[int, float]]:
        hits = self.words.search(query.text, query.k, sources)
        rows = self.vectors.rows_of_numbers([number for number, _ in hits]).tolist()
        return [(row, score) for row, (_, score) in zip(rows, hits, strict=True)]

    def _dense(self, query: IndexQuery, sources: Sequence[int] | None, also: Sequence[int]) -> list[tuple[int, float]]:
        vector = np.asarray(query.vector, dtype=np.float32)
        if not vector.any():
            return []
        nearest = self.vectors.nearest(vector, query.k, sources).tolist()
        rows = np.array(list(dict.fromkeys([*nearest, *also])), dtype=np.int64)
        scores = self.vectors.similarities(rows, vector)
        order = np.argsort(-scores, kind="stable")
        return list(zip(rows[order].tolist(), scores[order].tolist(), strict=True))


class Cache:
    """The folder of one embedder's cache. Its methods block; only the holder of the lock may call the writing ones."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._dimensions = dimensions
        self._files: tuple[str, VectorFile, WordIndex] | None = None

    def read(self) -> Snapshot | None:
        """Map what is valid now; None when there is nothing, or nothing that can be read."""
        try:
            manifest = Manifest.from_json((self._folder / "manifest.json").read_text("utf-8"), self._dimensions)
            return self._map(manifest)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, IndexError) as exc:
            log.warning("index.cache.unreadable", extra={"cause": repr(exc)})
            self._files = None
            return None

    def start_anew(self) -> Snapshot:
        """Begin an empty cache beside the old one, which stays valid for others until `apply` publishes."""
        manifest = Manifest(folder=new_id())
        WordIndex.create(self._folder / manifest.folder / "words")
        return self._map(manifest)

    def apply(self, snapshot: Snapshot, entries: Sequence[LogEntry]) -> Snapshot:
        """Apply log entries after those of the snapshot, publish the new state and map it."""
        manifest = snapshot.manifest
        vectors, words = self._open(manifest.folder)
        sources = _with_new(manifest.sources, [entry.source for entry in entries if entry.added])
        newest = {entry.chunk_id: entry for entry in entries}
        added = sorted((entry for entry in newest.values() if entry.added), key=lambda entry: entry.seq)
        dead = vectors.rows_of(newest)
        rows = [Entry(entry.seq, entry.chunk_id, sources.index(entry.source), entry.vector) for entry in added]
        with words.writing() as writer:
            writer.remove_after(manifest.position)
            writer.remove(snapshot.vectors.numbers[dead].tolist())
            for entry in added:
                writer.add(Words(entry.seq, entry.source, entry.title, entry.text))
        extent = vectors.append(rows, dead, manifest.extent)
        position = entries[-1].seq, entries[-1].chunk_id
        manifest = replace(manifest, position=position[0], newest_chunk=position[1], sources=sources, extent=extent)
        self._publish(manifest)
        return self._map(manifest)

    def skip_to(self, snapshot: Snapshot, position: int) -> Snapshot:
        """Publish that there is nothing to apply up to this position."""
        manifest = replace(snapshot.manifest, position=position, newest_chunk="")
        self._publish(manifest)
        return self._map(manifest)

    def compact(self, snapshot: Snapshot) -> Snapshot:
        """Copy what is alive into files of its own and publish those."""
        old = snapshot.manifest
        name = new_id()
        shutil.copytree(self._folder / old.folder / "words", self._folder / name / "words")
        vectors = VectorFile(self._folder / name, self._dimensions)
        extent = Extent()
        for rows in _blocks(snapshot.vectors.living_rows(), BATCH):
            extent = vectors.append([snapshot.vectors.entry(row) for row in rows], [], extent)
        manifest = replace(old, folder=name, extent=extent)
        self._publish(manifest)
        return self._map(manifest)

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Be the only writer on this machine; the operating system frees the lock of a process that dies."""
        with (self._folder / "lock").open("ab") as file:
            while not _try_lock(file.fileno()):  # noqa: ASYNC110 - another process cannot set an event
                await asyncio.sleep(_LOCK_POLL_SECONDS)
            yield

    def _map(self, manifest: Manifest) -> Snapshot:
        vectors, words = self._open(manifest.folder)
        return Snapshot(manifest, vectors.extend(manifest.extent), words.reload())

    def _open(self, name: str) -> tuple[VectorFile, WordIndex]:
        if self._files is None or self._files[0] != name:
            folder = self._folder / name
            self._files = name, VectorFile(folder, self._dimensions), WordIndex(folder / "words")
        return self._files[1:]

    def _publish(self, manifest: Manifest) -> None:
        fresh = self._folder / "manifest.new"
        with fresh.open("w", encoding="utf-8") as file:
            file.write(manifest.to_json(self._dimensions))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / "manifest.json")
        for old in self._folder.iterdir():
            if old.is_dir() and old.name != manifest.folder:
                shutil.rmtree(old, ignore_errors=True)


class EmbeddedIndex:
    """Searches this machine's cache of the database's vectors and texts; see the module for how it keeps up."""

    name = "embedded"
    """Where its entries are: in the database, whatever the machine."""

    def __init__(self, log: VectorLog, embedder: str, dimensions: int, home: Path) -> None:
        """Keep the cache of the embedder of this name in a folder under `home`."""
        self._log = log
        self._embedder = embedder
        self._cache = Cache(home / "index" / sha256(embedder.encode()).hexdigest()[:16], dimensions)
        self._snapshot: Snapshot | None = None
        self._catching_up: asyncio.Task[Snapshot] | None = None
        self._trusted = False
        self._own: dict[int, Sequence[_Added]] = {}
        """Entries that this process has logged, by the number before the first of them."""

    @classmethod
    def build(cls, *, settings: Any, corpus: VectorLog, embedder: Embedder, **_parts: object) -> Self:
        """Build from the parts of a knowledge base."""
        return cls(corpus, embedder.name, embedder.dimensions, settings.home.expanduser())

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:
        """Log the entries, whose chunks and vectors the database holds already, and bring the cache up to date."""
        if not entries:
            return
        last = await self._log.log_added(self._embedder, [entry.chunk_id for entry in entries])
        before = last - len(entries)
        self._own[before] = [_added(seq, entry) for seq, entry in enumerate(entries, before + 1)]
        await self._caught_up(last)

    async def delete(self, chunk_ids: Sequence[str]) -> None:
        """Log the removal and bring the cache up to date."""
        if chunk_ids:
            await self._caught_up(await self._log.log_removed(self._embedder, list(chunk_ids)))

    async def search(self, query: IndexQuery) -> IndexHits:
        """Search what answers may use, and whatever `upsert` has returned for.

        Raises IndexUnavailableError when the cache cannot be written or read.
        """
        generation = await self._log.generation(self._embedder)
        snapshot = self._snapshot
        if snapshot is None or not self._trusted or snapshot.manifest.position != generation:
            snapshot = await self._sufficient(generation)
        return await asyncio.to_thread(snapshot.search, query)

    async def ids(self) -> AsyncIterator[Sequence[str]]:
        """List what can be found by its vector and by its words alike."""
        snapshot = await self._caught_up(await self._log.generation(self._embedder))
        yield await asyncio.to_thread(snapshot.ids)

    async def fetch(self, chunk_ids: Sequence[str]) -> Mapping[str, Vectors | None]:
        """Return the vectors that searches compare with."""
        snapshot = await self._caught_up(await self._log.generation(self._embedder))
        return await asyncio.to_thread(snapshot.vectors_of, chunk_ids)

    async def warm_up(self) -> None:
        """Bring the cache up to date now rather than at the first search."""
        await self._caught_up(await self._log.generation(self._embedder))

    def document_frequency(self, term: str) -> float:
        """Return the share of chunks that hold an analysed term (`lexical.terms`); 0 before the first search."""
        return self._snapshot.words.document_frequency(term) if self._snapshot else 0.0

    async def close(self) -> None:
        """Finish what is being written."""
        if self._catching_up is not None:
            await asyncio.wait([self._catching_up])

    async def _sufficient(self, generation: int) -> Snapshot:
        """Return what is mapped while this process writes what follows; otherwise see what others have written."""
        snapshot, task = self._snapshot, self._catching_up
        writing = self._trusted and task is not None and not task.done()
        if snapshot is not None and writing and await self._suffices(snapshot, generation):
            return snapshot
        return await self._caught_up(generation, to_search=True)

    async def _suffices(self, snapshot: Snapshot, generation: int) -> bool:
        """Say whether a search may use the snapshot: what came after it is either gone again or not yet in use."""
        position = snapshot.manifest.position
        return position == generation or (
            position < generation and not await self._log.live_since(self._embedder, position)
        )

    async def _caught_up(self, generation: int, *, to_search: bool = False) -> Snapshot:
        """Wait until the cache has reached the generation, or suffices to search; all who wait share the work."""
        while True:
            running = self._catching_up
            task = running if running is not None and not running.done() else self._start(to_search)
            snapshot = await asyncio.shield(task)
            if snapshot.manifest.position >= generation or (to_search and await self._suffices(snapshot, generation)):
                return snapshot

    def _start(self, to_search: bool) -> asyncio.Task[Snapshot]:
        self._catching_up = asyncio.create_task(self._catch_up(to_search))
        self._catching_up.add_done_callback(_log_failure)
        return self._catching_up

    async def _catch_up(self, to_search: bool) -> Snapshot:
        try:
            snapshot = await _in_thread(self._cache.read)
            if snapshot is None or not await self._is_current(snapshot, to_search):
                async with self._cache.lock():
                    snapshot = await self._write()
        except (OSError, ValueError) as exc:
            raise IndexUnavailableError("The index's files cannot be written. Is the disk full?") from exc
        self._snapshot, self._trusted = snapshot, True
        return snapshot

    async def _is_current(self, snapshot: Snapshot, to_search: bool) -> bool:
        generation = await self._log.generation(self._embedder)
        if snapshot.manifest.position != generation and not (
            to_search and self._trusted and await self._suffices(snapshot, generation)
        ):
            return False
        return self._trusted or await self._same_log(snapshot)

    async def _write(self) -> Snapshot:
        """Apply the log as it is now; another process may have done so while this one waited for the lock."""
        snapshot = await _in_thread(self._cache.read)
        if snapshot is None or not await self._same_log(snapshot):
            snapshot = await _in_thread(self._cache.start_anew)
        elif _mostly_dead(snapshot):
            snapshot = await _in_thread(partial(self._cache.compact, snapshot))
        generation = await self._log.generation(self._embedder)
        while snapshot.manifest.position < generation:  # and no further: a long reindex would keep us here
            position = snapshot.manifest.position
            entries = self._own.pop(position, None) or await self._log.log_since(self._embedder, position, limit=BATCH)
            # Without entries the newest numbers belonged to what later ones made void.
            apply = (
                partial(self._cache.apply, snapshot, entries)
                if entries
                else partial(self._cache.skip_to, snapshot, generation)
            )
            snapshot = await _in_thread(apply)
        self._own = {before: own for before, own in self._own.items() if before >= snapshot.manifest.position}
        return snapshot

    async def _same_log(self, snapshot: Snapshot) -> bool:
        """Say whether the cache followed this log: its last entry is still there, or a newer one replaced it."""
        manifest = snapshot.manifest
        if manifest.position > await self._log.generation(self._embedder):
            return False
        entries = await self._log.log_since(self._embedder, manifest.position - 1, limit=1)
        return not entries or entries[0].seq != manifest.position or manifest.newest_chunk in ("", entries[0].chunk_id)


def _added(seq: int, entry: IndexEntry) -> _Added:
    vector = np.asarray(entry.vector, dtype="<f4").tobytes()
    return _Added(seq, entry.chunk_id, entry.source, entry.title, entry.text, vector)


def _with_new(known: tuple[str, ...], named: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*known, *named]))


def _mostly_dead(snapshot: Snapshot) -> bool:
    extent = snapshot.manifest.extent
    return extent.rows >= _FEW_ROWS and extent.dead > extent.rows * DEAD_SHARE


def _blocks(rows: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work to its end, even when the waiting task is cancelled: it must not outlive the file lock."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


def _log_failure(task: asyncio.Task[Snapshot]) -> None:
    """A run in the background has nobody to tell; the next search tries again and reports."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("index.cache.behind", extra={"cause": repr(task.exception())})
