"""How many requests a service takes at once, found out from what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
"""Seconds, where a refusal names none: doubled with each in a row."""


class Pace:
    """Lets requests through: none before the time that a refusal named, then one, and one more with every success.

    So a service that allows so much per second or minute is used up to its limit, whatever that is, with few refusals.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = monotonic) -> None:
        """Let at most `most` requests run at once."""
        self._most = self._allowed = most
        self._clock = clock
        self._running = 0
        self._held_until = 0.0
        self._refusals = 0
        self._refused_since = 0.0
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block lasts."""
        while not self._may_run():
            await self._next_chance()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._freed.set()

    def worked(self) -> None:
        """The service did what a request asked."""
        self._refusals = 0
        self._allowed = min(self._allowed + 1, self._most)
        self._freed.set()

    def refused(self, pause: float | None) -> None:
        """The service takes no more for so many seconds; None when it did not say for how long."""
        now = self._clock()
        self._refused_since = self._refused_since if self._refusals else now
        if now >= self._held_until:  # not one of several that were under way when the first was refused
            self._refusals += 1
        pause = min(_FIRST_PAUSE * 2 ** (self._refusals - 1), _LONGEST_PAUSE) if pause is None else pause
        self._held_until = max(self._held_until, now + pause)
        self._allowed = 1

    @property
    def fruitless(self) -> float:
        """Seconds from the first refusal after a success to the time when the next request may go."""
        return self._held_until - self._refused_since if self._refusals else 0.0

    def _may_run(self) -> bool:
        return self._clock() >= self._held_until and self._running < self._allowed

    async def _next_chance(self) -> None:
        held = self._held_until - self._clock()
        if held > 0:
            await asyncio.sleep(held)
            return
        self._freed.clear()
        await self._freed.wait()
