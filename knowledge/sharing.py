"""Sharing: the files of one reindex among all workers, under the one lease of the run that shares them.

The run writes down its files in shares and calls for help; it and every helper take one share after the other. All of
them write under the run's fencing token, so when the run loses its source, nobody's writes count any more. A share
whose helper went silent is free again when its lease has run out; the run itself ends when no share is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple
from typing import Any

from knowledge.adapters.folder_source import FolderSource
from knowledge.errors import SourceError, UnreadableFileError
from knowledge.indexing import Batch, Desk, File, Shares, Tally, index_files
from knowledge.ports import Listing
from knowledge.store.corpus import ManifestEntry
from knowledge.store.runs import Runs
from knowledge.types import FailedFile, PartlyRead, SourceFile

SHARE_LEASE = 15.0
"""Seconds after which a silent helper's shares are free again."""
FEWEST_IN_HAND, MOST_IN_HAND = 2, 6
"""Shares that one process has at a time: enough to keep its steps busy, few enough to leave some for the others."""
IN_HAND_ALONE = 16
FAIR_PART = 8
"""One process takes at most this part of what is left at once."""
FEWEST_SHARES = 4
"""Below, calling for help takes longer than it saves."""
POLL_SECONDS = 0.3

CallForHelp = Callable[[int], Awaitable[None]]
IsRelieved = Callable[[], bool]
Reach = Callable[[int, int], Awaitable[None]]


class Sharing:
    """Lets other processes help with one run."""

    def __init__(
        self, book: Runs, run_id: str, *, owner: str, call_for_help: CallForHelp, is_relieved: IsRelieved
    ) -> None:
        self._is_relieved = is_relieved
        self._book = book
        self._run_id = run_id
        self._owner = owner
        self._call_for_help = call_for_help

    def pays(self, shares: int) -> bool:
        """Say whether so many shares are worth calling for help."""
        return shares >= FEWEST_SHARES

    async def index(self, desk: Desk, lots: Sequence[Sequence[File]], reach: Reach) -> Tally:
        """Bring the files into the index with everybody's help; `reach` is told how many files and chunks are done."""
        await self._book.plan(self._run_id, [(len(lot), [desk.terms, *map(_packed, lot)]) for lot in lots])
        await self._book.holds(self._run_id, desk.token, owner=self._owner)
        await self._call_for_help(len(lots) // 2)
        async with _watched(self._book, self._run_id, reach):
            while (await self._book.shares_done(self._run_id))[0]:
                if not self._is_relieved():
                    await work_on_shares(desk, self._book, self._run_id, owner=self._owner)
                await asyncio.sleep(POLL_SECONDS)
        _, files, chunks = await self._book.shares_done(self._run_id)
        await reach(files, chunks)
        return await self._tally()

    async def _tally(self) -> Tally:
        tally = Tally()
        for part in await self._book.tallies(self._run_id):
            failed = [FailedFile(path, reason) for path, reason in part["failed"]]
            partial = [PartlyRead(path, reason) for path, reason in part["partial"]]
            tally.add(Tally(**{**part, "failed": failed, "partial": partial}))
        return tally


@asynccontextmanager
async def _watched(book: Runs, run_id: str, reach: Reach) -> AsyncIterator[None]:
    """Tell now and then how far everybody is together."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            _, files, chunks = await book.shares_done(run_id)
            await reach(files, chunks)

    watching = asyncio.create_task(watch(), name="reindex.watch")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def work_on_shares(
    desk: Desk,
    book: Runs,
    run_id: str,
    *,
    owner: str,
    enough: Callable[[], bool] = lambda: False,
    alone: bool = False,
) -> None:
    """Take share after share until there is none left to take, or `enough` says so; gives back what it cannot finish.

    One who works `alone` has more of them at a time. Raises LostLeaseError when the run has lost its source,
    SourceError when this process is not fit to help.
    """
    left, _, _ = await book.shares_done(run_id)
    fair = max(FEWEST_IN_HAND, min(MOST_IN_HAND, left // FAIR_PART))
    hand = asyncio.Semaphore(IN_HAND_ALONE if alone else fair)

    async def shares() -> Shares:
        while not enough():
            await hand.acquire()
            share = await book.take_share(run_id, owner=owner, lease=SHARE_LEASE)
            if share is None:
                return
            terms, *files = share.body
            if terms != desk.terms:
                raise SourceError("This process reads, splits or embeds in another way than the run it would help.")
            yield share.number, [_unpacked(file) for file in files]

    async def stored(batch: Batch, tally: Tally) -> None:
        await book.finish_share(run_id, batch.number, owner=owner, chunks=tally.chunks, tally=_as_json(tally))
        hand.release()

    try:
        await index_files(desk, shares(), stored)
    finally:
        await asyncio.shield(book.release_shares(run_id, owner=owner))


class HelpersSource:
    """A source as a helper sees it: when it can read none of a share's files, it stands on the wrong machine."""

    def __init__(self, source: FolderSource) -> None:
        self.name = source.name
        self._source = source

    async def list(self) -> Listing:
        return await self._source.list()

    async def read(self, file: SourceFile) -> bytes:
        return await self._source.read(file)

    async def read_batch(self, files: Sequence[SourceFile]) -> Sequence[bytes | UnreadableFileError]:
        """Read many files. Raises SourceError when not one of them can be read here."""
        contents = await self._source.read_batch(files)
        if all(isinstance(content, UnreadableFileError) for content in contents):
            raise SourceError(f"None of the files of {self.name} that were to be read can be read on this machine.")
        return contents


def _packed(file: File) -> list[Any]:
    known = None if file.known is None else astuple(file.known)
    return [astuple(file.file), file.path, file.recipe, known, file.unsettled, file.due]


def _unpacked(packed: list[Any]) -> File:
    found, path, recipe, known, unsettled, due = packed
    return File(SourceFile(*found), path, recipe, None if known is None else ManifestEntry(*known), unsettled, due)


def _as_json(tally: Tally) -> dict[str, Any]:
    counts = {name: getattr(tally, name) for name in ("added", "changed", "unchanged", "removed", "chunks")}
    failed = [[entry.path, entry.reason] for entry in tally.failed]
    return counts | {"failed": failed, "partial": [[entry.path, entry.reason] for entry in tally.partial]}
