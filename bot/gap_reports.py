"""The gap report for Home tabs: made again only so often that it never keeps the bot from answering."""

from __future__ import annotations

import asyncio
from time import monotonic

from knowledge import GapReport, KnowledgeBase

DAYS = 30
REST, LONGEST_REST = 20.0, 60.0
"""After it was made, this many times as long as that took passes before it is made again, and at most so many seconds:
whoever opts out or is forgotten is quoted no longer after that."""


class GapReports:
    """Makes the report for whoever looks first; who comes meanwhile, or soon after, gets the same one."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._making = asyncio.Lock()
        self._made: GapReport | None = None
        self._again_at = 0.0

    async def recent(self) -> GapReport:
        """Return the report of the last 30 days. Raises ServiceError."""
        async with self._making:
            if self._made is None or monotonic() >= self._again_at:
                began = monotonic()
                self._made = await self._kb.teaching.gap_report(days=DAYS)
                now = monotonic()
                self._again_at = now + min(REST * (now - began), LONGEST_REST)
            return self._made
