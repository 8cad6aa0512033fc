"""How fast a service may be asked, found out from what it takes and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds, where a refusal names none: doubled with each in a row."""
HURRY = 0.0005
"""By how much the n-th success after a refusal shortens the interval, times n: near the rate that was found it changes
little, and one that was found too low is left behind within some dozens of requests."""
SLACK = 0.5
"""Seconds by which requests that started late may be made up for."""


class Pace:
    """Lets requests start as often as the service was found to take them, and none before the time a refusal named.

    Until the first refusal they start as they come. From then on the interval is what was taken from one pause to the
    end of the next, and a little shorter with every success, so that a limit of so much per second or minute is used
    up whatever it is, and refusals stay few.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = monotonic) -> None:
        """Let at most `most` requests run at once."""
        self._most = most
        self._clock = clock
        self._running = 0
        self._idle_since = self._counted_since = clock()
        self._taken = 0
        self._interval = 0.0
        self._next = 0.0
        self._held_until = 0.0
        self._refusals = 0
        self._refused_since = 0.0
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn and have it for as long as the block lasts."""
        while not self._may_start():
            await self._next_chance()
        self._start()
        try:
            yield
        finally:
            self._running -= 1
            self._idle_since = self._clock()
            self._freed.set()

    def worked(self) -> None:
        """The service did what a request asked."""
        self._taken += 1
        self._refusals = 0
        self._interval *= max(0.0, 1 - HURRY * self._taken)

    def refused(self, pause: float | None) -> None:
        """The service takes no more for so many seconds; None when it did not say for how long."""
        now = self._clock()
        first = now >= self._held_until  # the others were under way when it was refused
        if first and not self._refusals:
            self._refused_since = now
        self._refusals += first
        pause = min(FIRST_PAUSE * 2 ** (self._refusals - 1), LONGEST_PAUSE) if pause is None else pause
        self._held_until = max(self._held_until, now + pause)

    @property
    def fruitless(self) -> float:
        """Seconds from the first refusal after a success to the time when the next request may go."""
        return self._held_until - self._refused_since if self._refusals else 0.0

    def _learn(self) -> None:
        """Spread what was taken over the time it was for, the pause that it cost included."""
        if self._taken:
            self._interval = (self._held_until - self._counted_since) / self._taken
        self._counted_since, self._taken = self._held_until, 0

    def _start(self) -> None:
        now = self._clock()
        if self._held_until > self._counted_since:  # the first since a pause: what was under way then has ended
            self._learn()
        if not self._running:  # time in which nobody asked says nothing about the rate
            self._counted_since += max(0.0, now - max(self._idle_since, self._counted_since))
        self._running += 1
        self._next = max(self._next, now - SLACK) + self._interval

    def _may_start(self) -> bool:
        return self._clock() >= max(self._held_until, self._next) and self._running < self._most

    async def _next_chance(self) -> None:
        wait = max(self._held_until, self._next) - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
            return
        self._freed.clear()
        await self._freed.wait()
