"""How fast a service may be asked: as fast as it takes it, and not at all before the time that a refusal named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds, where a refusal names none: doubled with each in a row."""


class Pace:
    """Lets so many requests run at once, and none while a refusal holds them all back.

    That uses up a limit of so much per second or minute to nine tenths and more. Starting them at intervals learned
    from the refusals needs fewer refusals, but was measured to use less of most kinds of limits.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = monotonic) -> None:
        """Let at most `most` requests run at once."""
        self._most = most
        self._clock = clock
        self._running = 0
        self._freed = asyncio.Event()
        self._held_until = 0.0
        self._refusals = 0
        self._refused_since = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block lasts."""
        while (held := self._held_until - self._clock()) > 0 or self._running >= self._most:
            await self._next_chance(held)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._freed.set()

    def worked(self) -> None:
        """The service did what a request asked."""
        self._refusals = 0

    def refused(self, pause: float | None) -> None:
        """The service takes no more for so many seconds; None when it did not say for how long."""
        now = self._clock()
        if not self._refusals:
            self._refused_since = now
        if now >= self._held_until:  # not one of several that were under way when the first was refused
            self._refusals += 1
        pause = min(FIRST_PAUSE * 2 ** (self._refusals - 1), LONGEST_PAUSE) if pause is None else pause
        self._held_until = max(self._held_until, now + pause)

    @property
    def fruitless(self) -> float:
        """Seconds from the first refusal after a success to the time when the next request may go."""
        return self._held_until - self._refused_since if self._refusals else 0.0

    async def _next_chance(self, held: float) -> None:
        if held > 0:
            await asyncio.sleep(held)
            return
        self._freed.clear()
        await self._freed.wait()
