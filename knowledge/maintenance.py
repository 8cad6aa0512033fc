"""Maintenance: what is done now and then in every process that serves, whoever is first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from knowledge.errors import FootnoteError
from knowledge.store.retention import Retention

log = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
"""How often it is looked whether something is due, and whether another embedder answers now."""
EVERY = timedelta(hours=1)


@dataclass(slots=True)
class Maintenance:
    """Ends verified answers whose documents have changed, embeds their questions anew, removes what is too old."""

    refresh_verified: Callable[[], Awaitable[int]]
    """Returns how many were ended."""
    embedder: Callable[[], Awaitable[str]]
    """Names what embeds questions now."""
    retention: Retention
    retention_days: int | None
    """None keeps everything."""
    _last: datetime | None = field(default=None, init=False)
    _embedder: str = field(default="", init=False)

    async def look(self, now: datetime) -> bool:
        """Do what is due at this time; say whether anything was."""
        embedder = await self.embedder()
        if self._last is not None and now - self._last < EVERY and embedder == self._embedder:
            return False
        ended = await self.refresh_verified()
        if ended:
            log.info("verified.swept", extra={"ended": ended})
        await self._expire(now)
        self._last, self._embedder = now, embedder
        return True

    async def _expire(self, now: datetime) -> None:
        if self.retention_days is None:
            return
        done = await self.retention.expire(now - timedelta(days=self.retention_days))
        if done:
            log.info("retention.removed", extra=dict(done))

    async def work(self) -> None:
        """Look again and again until cancelled; what fails is tried again at the next look."""
        while True:
            try:
                await self.look(datetime.now(UTC))
            except FootnoteError as exc:
                log.warning("maintenance.failed", extra={"cause": repr(exc.__cause__ or exc)})
            await asyncio.sleep(LOOK_SECONDS)
