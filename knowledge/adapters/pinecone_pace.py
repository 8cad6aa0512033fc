"""How fast a service may be asked: as fast as it takes it, and not at all before the time that a refusal named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds, where a refusal names none: doubled with each in a row."""
EAGERNESS = 1.1
"""How much faster requests go than the time between two refusals allowed: what is left in reserve is used up, too."""
EASING = 0.995
"""What becomes of the interval with every request that is taken: a limit that was lifted is noticed."""


class Pace:
    """Lets so many requests run at once, and none while a refusal holds them all back.

    From the second refusal on they start at intervals: whoever uses up a service's reserve in one burst is sent away
    for whole seconds, in which more is allowed than the reserve can hold.
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
        self._interval = self._next_start = 0.0
        self._cycle_began: float | None = None
        """When the last pause ended; None when less was asked since than the service would have taken."""
        self._started = 0
        """Requests since then."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block lasts."""
        if not self._running and self._pause() <= 0:
            self._cycle_began, self._interval = None, 0.0
        while (pause := self._pause()) > 0 or self._running >= self._most:
            await self._next_chance(pause)
        self._running += 1
        self._started += 1
        self._next_start = self._clock() + self._interval
        try:
            yield
        finally:
            self._running -= 1
            self._freed.set()

    def worked(self) -> None:
        """The service did what a request asked."""
        self._refusals = 0
        self._interval *= EASING

    def refused(self, pause: float | None) -> None:
        """The service takes no more for so many seconds; None when it did not say for how long."""
        now = self._clock()
        if not self._refusals:
            self._refused_since = now
        is_first = now >= self._held_until  # not one of several that were under way then
        self._refusals += is_first
        pause = min(FIRST_PAUSE * 2 ** (self._refusals - 1), LONGEST_PAUSE) if pause is None else pause
        self._held_until = max(self._held_until, now + pause)
        if is_first:
            self._learn()

    @property
    def interval(self) -> float:
        """Seconds from the start of one request to that of the next."""
        return self._interval

    @property
    def fruitless(self) -> float:
        """Seconds from the first refusal after a success to the time when the next request may go."""
        return self._held_until - self._refused_since if self._refusals else 0.0

    def _pause(self) -> float:
        return max(self._held_until, self._next_start) - self._clock()

    def _learn(self) -> None:
        """Start the next requests at the intervals that the time since the last pause, with this one, allowed."""
        taken = self._started - 1  # those that are under way have most likely been taken
        if self._cycle_began is not None and taken > 0:
            self._interval = (self._held_until - self._cycle_began) / taken / EAGERNESS
        self._cycle_began, self._started = self._held_until, 0

    async def _next_chance(self, pause: float) -> None:
        if pause > 0:
            await asyncio.sleep(pause)
            return
        self._freed.clear()
        await self._freed.wait()
