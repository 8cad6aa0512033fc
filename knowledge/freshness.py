"""Keeps sources fresh by itself: what changes in a folder, or is due, is reindexed, by one process of many."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from knowledge.adapters.folder_source import FolderSource
from knowledge.adapters.watchfiles_hints import hints
from knowledge.errors import EmptySourceError, FootnoteError, ReindexCancelledError, ServiceError, SourceError
from knowledge.settings import SourceSettings
from knowledge.store import Corpus, Deliveries

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""After this another process sees to a source whose process went silent."""
POLL_SECONDS = 45.0
"""How often the folder is looked through although nothing was heard: network drives and full inotify say nothing."""
POLL_SHARE = 20
"""A folder that takes a second to look through is looked through every twenty seconds at most."""
GIT_SECONDS = 30.0
"""How long a `git` that is at work in the folder is waited for."""
_GIT_LOOK_SECONDS = 0.2

Reindex = Callable[[str], Awaitable[object]]


class Freshness:
    """Watches the sources of `footnote.toml` and keeps their schedules.

    A source is watched once somebody has indexed it; the first index of it stays a person's decision.
    """

    def __init__(
        self,
        sources: Callable[[], Mapping[str, SourceSettings]],
        *,
        changed: asyncio.Event,
        corpus: Corpus,
        deliveries: Deliveries,
        reindex: Reindex,
        poll: float | None = None,
    ) -> None:
        self._sources = sources
        self._changed = changed
        self._seen_to: dict[str, tuple[SourceSettings, asyncio.Task[None]]] = {}
        self._corpus = corpus
        self._deliveries = deliveries
        self._reindex = reindex
        self._poll = POLL_SECONDS if poll is None else poll

    async def run(self) -> None:
        """See to every source that no other process sees to, until cancelled; begin anew with what changes."""
        try:
            while True:
                self._changed.clear()
                await self._match(self._sources())
                await self._changed.wait()
        finally:
            await self._match({})

    async def _match(self, sources: Mapping[str, SourceSettings]) -> None:
        """Leave what is not among the sources, or not as it was, and begin with what is new."""
        left = [name for name, (source, _) in self._seen_to.items() if sources.get(name) != source]
        ending = [self._seen_to.pop(name)[1] for name in left]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        for name in sources.keys() - self._seen_to.keys():
            seeing = asyncio.create_task(self._see_to(name, sources[name]), name=f"freshness {name}")
            self._seen_to[name] = (sources[name], seeing)

    async def _see_to(self, name: str, source: SourceSettings) -> None:
        key = f"fresh:{name}"
        while True:
            with suppress(ServiceError):
                if await self._deliveries.claim(key, lease=LEASE_SECONDS) is not None:
                    await self._while_ours(key, name, source)
            await asyncio.sleep(LEASE_SECONDS / 3)

    async def _while_ours(self, key: str, name: str, source: SourceSettings) -> None:
        """Keep the source fresh for as long as this process can say that it does."""
        keeping = asyncio.create_task(_Keeper(name, source, self._corpus, self._reindex, self._poll).run())
        try:
            while not keeping.done():
                await asyncio.wait([keeping], timeout=LEASE_SECONDS / 3)
                await self._deliveries.renew([key], lease=LEASE_SECONDS)
            await keeping
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with suppress(FootnoteError):
                await asyncio.shield(self._deliveries.release(key))


class _Keeper:
    """Keeps one source fresh."""

    def __init__(self, name: str, source: SourceSettings, corpus: Corpus, reindex: Reindex, poll: float) -> None:
        self._name = name
        self._folder = source.path if source.watch else None
        self._refresh = source.refresh
        self._corpus = corpus
        self._reindex = reindex
        self._poll = poll
        self._heard = asyncio.Event()
        self._known: str | None = None
        """The folder's state as it was at the last run; None when that is not known."""
        self._tried_at: datetime | None = None
        """When the schedule had the source reindexed, whatever came of it."""
        self._warned = ""

    async def run(self) -> None:
        async with self._listening():
            while True:
                self._heard.clear()
                began = asyncio.get_running_loop().time()
                await self._try_to_look()
                await self._wait(asyncio.get_running_loop().time() - began)

    async def _try_to_look(self) -> None:
        """Look, and live with what comes of it; the same trouble is told once."""
        try:
            await self._look()
            self._warned = ""
        except (EmptySourceError, ReindexCancelledError) as exc:
            # Whoever did the run has told why. It is up to a person now, or to the next change.
            log.info("freshness.left_alone", extra={"source": self._name, "cause": str(exc)})
        except SourceError as exc:
            self._soon_again()
            self._warn("freshness.cannot_look", str(exc))
        except ServiceError as exc:
            self._known = self._tried_at = None
            self._warn("freshness.later", str(exc))
        except Exception:
            self._soon_again()
            log.exception("freshness.failed", extra={"source": self._name})

    def _soon_again(self) -> None:
        """Let the schedule try again after a tenth of its span."""
        if self._refresh is not None and self._tried_at is not None:
            self._tried_at = datetime.now(UTC) - self._refresh * 0.9

    def _warn(self, event: str, cause: str) -> None:
        if cause != self._warned:
            log.warning(event, extra={"source": self._name, "cause": cause})
        self._warned = cause

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        listening = asyncio.create_task(self._listen(), name=f"watch {self._name}")
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self) -> None:
        """Take hints; where there are none, the polling goes on alone, and listening is tried again."""
        while self._folder is not None:
            try:
                async for _ in hints(self._folder):
                    self._heard.set()
            except (OSError, RuntimeError) as exc:
                log.warning("freshness.polls", extra={"source": self._name, "cause": str(exc)})
            await asyncio.sleep(self._poll)

    async def _wait(self, looking: float) -> None:
        """Wait for a hint, the next poll, or the time that the schedule names."""
        pause = max(self._poll, POLL_SHARE * looking)
        if self._refresh is not None:
            pause = min(pause, max(1.0, self._refresh.total_seconds() / 10))
        with suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._heard.wait()

    async def _look(self) -> None:
        """Reindex if the folder is not what it was, or if it is time. Raises SourceError, ServiceError."""
        indexed_at = await self._indexed_at()
        state = None
        if self._folder is not None and indexed_at is not None:
            await _git_at_rest(self._folder)
            state = await _state(self._name, self._folder)
        due = _due(indexed_at, self._tried_at, self._refresh)
        if not due and (state is None or state == self._known):
            return
        self._known = state
        self._tried_at = datetime.now(UTC) if due else self._tried_at
        await self._reindex(self._name)

    async def _indexed_at(self) -> datetime | None:
        statuses = await self._corpus.source_statuses()
        return next((status.indexed_at for status in statuses if status.name == self._name), None)


def _due(indexed_at: datetime | None, tried_at: datetime | None, refresh: timedelta | None) -> bool:
    if refresh is None:
        return False
    last = max((when for when in (indexed_at, tried_at) if when is not None), default=None)
    return last is None or datetime.now(UTC) - last >= refresh


async def _state(name: str, root: Path) -> str:
    """Return a hash of all files' names, sizes and times. Raises SourceError."""
    listing = await FolderSource(name, root).list()
    digest = hashlib.sha256()
    for file in listing.files:
        digest.update(f"{file.path}\0{file.size}\0{file.mtime_ns}\0{file.inode}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


async def _git_at_rest(root: Path) -> None:
    """Wait while `git` changes the working copy that the folder belongs to: half a checkout is nobody's documents."""
    locks = [folder / ".git" / "index.lock" for folder in (root, *root.parents)]
    with suppress(TimeoutError):
        async with asyncio.timeout(GIT_SECONDS):
            while await asyncio.to_thread(lambda: any(lock.exists() for lock in locks)):  # noqa: ASYNC110 - git tells nobody
                await asyncio.sleep(_GIT_LOOK_SECONDS)
