"""Generations: which index and embedder answer now, and which are being filled to take their place.

A process is started with an index and an embedder. When others answer, which a row in the database says, it fills its
own with what the documents say, from the database and without reading any file, while the others go on answering; once
nothing is missing, one row is changed and every process asks the new ones from its next question on. The generation
before stays for a while, kept exact by the database's notes on what it lacks, so that going back takes what has changed
and no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from knowledge.errors import ConfigurationError, FootnoteError, IndexUnavailableError, LostLeaseError, ServiceError
from knowledge.indexing import BATCH_FILES, Backend, Desk, bring_over, desk_without_files, tidy
from knowledge.leases import LEASE_SECONDS, held_at_once
from knowledge.ports import Embedder, Index, IndexEntry, IndexHits, IndexQuery, Splitter
from knowledge.store import Corpus
from knowledge.store.corpus import SourceRecord
from knowledge.store.generations import Generation, GenerationPlan, Role
from knowledge.store.generations import Generations as Book
from knowledge.types import Audience, GenerationStatus, Vectors

log = logging.getLogger(__name__)

GRACE = timedelta(hours=24)
"""How long a generation stays after another one took its place."""
SLICE_SECONDS = 10.0
"""How long a source is held while it is brought over; then a reindex that waits for it gets its turn."""
LOOK_SECONDS = 2.0
"""How often a process looks whether its generation lacks something."""
PURGE_SECONDS = 600.0
OPTIONS = ("embedder_dimensions", "pinecone_index", "pinecone_namespace")
"""Settings besides the names that say which generation it is; none of them is a secret."""
REPLACED = (
    "Answers come from the index {index} with the embedder {embedder}, which this process cannot use: {why} "
    "They are being replaced by what it was started with; `footnote status` shows how far that is."
)

Parts = tuple[Embedder, Index]
Build = Callable[[Generation], Parts]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What this process was started with."""

    plan: GenerationPlan
    embedder: Embedder
    index: Index


def generation_key(embedder: Embedder, index: Index) -> str:
    """Name the place of an index's entries and what made their vectors."""
    place = getattr(index, "name", "") or f"{type(index).__module__}.{type(index).__qualname__}"
    return f"{place} | {embedder.name} | {embedder.dimensions}"


class Generations:
    """Decides which index and embedder a question and a reindex of this process work with."""

    def __init__(
        self,
        book: Book,
        corpus: Corpus,
        chosen: Chosen,
        *,
        build: Build,
        splitter: Splitter,
        owner: str,
        on_switch: Callable[[], Awaitable[object]],
    ) -> None:
        self._book = book
        self._corpus = corpus
        self._chosen = chosen
        self._build = build
        self._splitter = splitter
        self._owner = f"{owner}:filling"
        self._on_switch = on_switch
        self._own: Generation | None = None
        """The generation of what this process was started with, once it was wanted."""
        self._built: dict[int, Backend] = {}
        self._purged_at = 0.0

    # --- for questions ----------------------------------------------------------------------------------------------

    async def serving(self) -> Backend:
        """Return what questions are asked of now; parts that cannot be used say why when they are used."""
        serving = await self._book.with_role(Role.SERVING)
        if serving is None:
            return Backend(0, self._chosen.embedder, self._chosen.index)
        try:
            return self._open(serving)
        except ConfigurationError as exc:
            closed = Closed(_replaced(serving, exc))
            return Backend(serving.id, closed, closed)

    async def statuses(self) -> list[GenerationStatus]:
        """List the generations with how far they are filled."""
        return await self._book.statuses()

    # --- for reindexing ---------------------------------------------------------------------------------------------

    async def want(self) -> Generation:
        """Ask once that what this process was started with answers; at once when nothing answers yet.

        Who asks last decides, so a process that only asks questions never does.
        """
        if self._own is None:
            self._own = await self._book.want(self._chosen.plan)
        return self._own

    async def told(self) -> tuple[Backend, ...]:
        """Return every generation that a reindex of this process tells: the one that answers, and its own if filling.

        Raises ServiceError when what answers cannot be used here: a reindex would take away from its answers.
        """
        await self.want()
        return await self.present()

    async def present(self) -> tuple[Backend, ...]:
        """Return the same as they are, without asking for any; nothing when nothing was ever indexed.

        Raises ServiceError.
        """
        serving, filling = await self._book.with_role(Role.SERVING), await self._book.with_role(Role.FILLING)
        if serving is None:
            return ()
        try:
            present = [self._open(serving)]
        except ConfigurationError as exc:
            raise IndexUnavailableError(_replaced(serving, exc)) from exc
        if filling is not None and filling.key == self._chosen.plan.key:
            present.append(self._open(filling))
        return tuple(present)

    def _open(self, generation: Generation) -> Backend:
        """Return the parts of a generation. Raises ConfigurationError when they cannot be built here."""
        if generation.key == self._chosen.plan.key:
            return Backend(generation.id, self._chosen.embedder, self._chosen.index)
        if generation.id not in self._built:
            embedder, index = self._build(generation)
            if generation_key(embedder, index) != generation.key:
                raise ConfigurationError("its settings are others by now.")
            self._built[generation.id] = Backend(generation.id, embedder, index)
        return self._built[generation.id]

    async def close(self) -> None:
        """Give back what was opened besides what this process was started with."""
        for backend in self._built.values():
            for part in (backend.index, backend.embedder):
                closing = getattr(part, "close", None)
                if closing is not None:
                    await closing()

    # --- filling ----------------------------------------------------------------------------------------------------

    async def fill(self) -> None:
        """Bring over what this process's generation lacks and let it answer; returns when there is nothing to do.

        Raises ServiceError, LostLeaseError.
        """
        own = await self.want()
        while await self._is_filling(own):
            lacking = await self._book.lacking(own.id)
            for source in lacking:
                await self._fill_source(own, source)
            if not lacking and await self._book.switch(own.id):
                log.info("generation.switched", extra={"index": own.index, "embedder": own.embedder_name})
                await self._on_switch()
                return
            if not lacking:  # a run is under way
                await asyncio.sleep(LOOK_SECONDS / 4)

    async def _is_filling(self, own: Generation) -> bool:
        filling = await self._book.with_role(Role.FILLING)
        return filling is not None and filling.id == own.id

    async def _fill_source(self, own: Generation, source: str) -> None:
        """Bring over some of a source, unless a run holds it: that one tells the generation of what it changes."""
        async with held_at_once(self._corpus, source, self._owner, LEASE_SECONDS) as token:
            if token is None:
                await asyncio.sleep(LOOK_SECONDS / 4)
                return
            desk = self._desk(source, token, self._open(own))
            await tidy(desk)
            async with aclosing(bring_over(desk, self._lacking_documents(own, source))) as steps:
                async for _ in steps:
                    pass

    def _desk(self, source: str, token: int, backend: Backend) -> Desk:
        record = SourceRecord(source, "", Audience(), configured=True)
        return desk_without_files(record, token, self._corpus, (backend,), self._splitter)

    async def _lacking_documents(self, own: Generation, source: str) -> AsyncGenerator[Sequence[str]]:
        until = time.monotonic() + SLICE_SECONDS
        lacking = await self._corpus.lacking(own.id, source)
        for start in range(0, len(lacking), BATCH_FILES):
            if time.monotonic() > until:
                return
            yield lacking[start : start + BATCH_FILES]

    # --- in the background ------------------------------------------------------------------------------------------

    async def work(self) -> None:
        """Fill what this process was started with, and clean up after those that are retired, until cancelled."""
        while True:
            try:
                await self.fill()
                await self._purge()
            except (ServiceError, LostLeaseError):
                log.warning("generation.not_filled", exc_info=True)
            except FootnoteError:
                log.exception("generation.not_filled")
            await asyncio.sleep(LOOK_SECONDS)

    async def _purge(self) -> None:
        if self._purged_at and time.monotonic() - self._purged_at < PURGE_SECONDS:
            return
        self._purged_at = time.monotonic()
        for generation in await self._book.outlived(GRACE):
            await self._empty(generation)
            await self._book.drop(generation)
            log.info("generation.dropped", extra={"index": generation.index, "embedder": generation.embedder_name})

    async def _empty(self, generation: Generation) -> None:
        """Take a retired generation's entries out of its service, where this process can reach that."""
        try:
            drop = getattr(self._open(generation).index, "drop", None)
        except ConfigurationError as exc:
            log.warning("generation.left_behind", extra={"key": generation.key, "cause": str(exc)})
            return
        last = ""
        while drop is not None and (ids := await self._book.held_chunks(generation.id, after=last)):
            await drop(ids)
            last = ids[-1]


class Closed:
    """An embedder and an index that cannot be used; using them says why."""

    name = ""
    dimensions = 1

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def embed_documents(self, texts: Sequence[str]) -> Vectors:  # noqa: ARG002 - the port's signature
        self._refuse()

    async def embed_query(self, text: str) -> Vectors:  # noqa: ARG002
        self._refuse()

    async def upsert(self, entries: Sequence[IndexEntry]) -> None:  # noqa: ARG002
        self._refuse()

    async def delete(self, chunk_ids: Sequence[str]) -> None:  # noqa: ARG002
        self._refuse()

    async def search(self, query: IndexQuery) -> IndexHits:  # noqa: ARG002
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise IndexUnavailableError(self._reason)


def _replaced(generation: Generation, why: Exception) -> str:
    index = generation.index or generation.key.partition(" | ")[0]
    return REPLACED.format(index=index, embedder=generation.embedder or generation.embedder_name, why=why)


def options(settings: Any) -> dict[str, Any]:
    """Return the settings besides the names that a generation is made with."""
    return {name: getattr(settings, name) for name in OPTIONS}
