"""Leases: one run at a time has a source, for as long as it lives and says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knowledge.errors import FootnoteError
from knowledge.store import Corpus

log = logging.getLogger(__name__)

LEASE_SECONDS = 15.0
"""How long a run that went silent keeps its source."""
POLL_SECONDS = 0.2
"""How often a run that waits for another one looks."""


@asynccontextmanager
async def held(corpus: Corpus, source: str, owner: str, lease: float) -> AsyncIterator[int]:
    """Wait for the source and hold it for this run alone; gives the fencing token."""
    while (token := await corpus.acquire(source, owner=owner, lease=lease)) is None:  # noqa: ASYNC110 - another process
        await asyncio.sleep(POLL_SECONDS)
    async with _renewed(corpus, source, token, lease):
        yield token


@asynccontextmanager
async def held_at_once(corpus: Corpus, source: str, owner: str, lease: float) -> AsyncIterator[int | None]:
    """Hold the source if nobody does; gives None otherwise."""
    token = await corpus.acquire(source, owner=owner, lease=lease)
    if token is None:
        yield None
        return
    async with _renewed(corpus, source, token, lease):
        yield token


@asynccontextmanager
async def _renewed(corpus: Corpus, source: str, token: int, lease: float) -> AsyncIterator[None]:
    over = asyncio.Event()
    renewing = asyncio.create_task(_renew(corpus, source, token, lease, over))
    try:
        yield
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
