"""Every delivery is kept before it is acknowledged, worked on once, and finished by another process if need be."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.logs import trace_id, traced
from bot.metrics import Metrics
from bot.payloads import Body
from knowledge import Claim, Deliveries, Delivery, FootnoteError, ServiceError

logger = logging.getLogger(__name__)

RECORD_SECONDS = 2.0
"""Slack waits three seconds for an acknowledgement; then it is better to be asked again."""
MOST_ATTEMPTS = 10
_LOOK_SECONDS = 3.0
_PRUNE_SECONDS = 3600.0
_KEPT = timedelta(days=2)
"""Slack repeats a delivery for about six minutes; this leaves time to look into one."""
_CLAIM_SHARE = 0.6
"""A claim's first lease ends before its delivery's, so that nobody finds the delivery free and the claim still held."""


class BusyError(Exception):
    """So many questions wait that one more would wait too long."""


@dataclass(eq=False)
class Job:
    """The work on one delivery in this process."""

    delivery: Delivery
    inbox: Inbox
    claims: list[str] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    waiting: bool = False
    """True while it waits for a worker: it can be handed back without loss."""
    place: tuple[str, str] | None = None
    """Channel and thread of the answer in the making."""
    stopped: bool = False
    """True when a person pressed Stop."""
    began: float = field(default_factory=time.monotonic)

    @property
    def trace(self) -> str:
        return trace_id.get()

    @property
    def age(self) -> float:
        """Seconds since the delivery arrived here."""
        return time.monotonic() - self.began

    async def claim(self, key: str) -> Claim | None:
        """Take the right to the one visible outcome of `key`; None when somebody has it or it is done."""
        claim = await self.inbox.claim(key, self.delivery.key)
        if claim is not None:
            self.claims.append(key)
        return claim

    async def give_back(self, key: str) -> None:
        """Give a claim up, so that the same may be asked for again."""
        self.claims.remove(key)
        await self.inbox.release([key])

    def stop(self) -> None:
        """End the work because a person wants that."""
        self.stopped = True
        if self.task is not None:
            self.task.cancel()


Work = Callable[[Body, Job], Awaitable[None]]


class Workers:
    """At most so many answers in the making at once; the others wait in line, and the line has an end."""

    def __init__(self, concurrency: int, *, longest_line: int) -> None:
        self._free = asyncio.Semaphore(concurrency)
        self._line: dict[Job, float] = {}
        self._longest_line = longest_line

    @asynccontextmanager
    async def slot(self, job: Job) -> AsyncIterator[None]:
        """Wait for a worker. Raises BusyError when the line is too long."""
        if self._free.locked() and len(self._line) >= self._longest_line:
            raise BusyError
        self._line[job], job.waiting = time.monotonic(), True
        try:
            await self._free.acquire()
        finally:
            del self._line[job]
            job.waiting = False
        try:
            yield
        finally:
            self._free.release()

    def depth(self) -> float:
        """Return how many wait."""
        return len(self._line)

    def oldest(self) -> float:
        """Return how many seconds the first in line has waited."""
        return time.monotonic() - min(self._line.values()) if self._line else 0.0


class Inbox:
    """The deliveries of this process: records them, runs their work, renews leases, takes over what others left."""

    def __init__(
        self, deliveries: Deliveries, *, lease: float, metrics: Metrics, find_work: Callable[[Body], Work | None]
    ) -> None:
        self._deliveries = deliveries
        self._lease = lease
        # One at a time, so that a delivery that must be recorded now waits for one other write at most.
        self._turn = asyncio.Lock()
        self._metrics = metrics
        self._find_work = find_work
        self._jobs: dict[str, Job] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._renewed = time.monotonic()
        self._pruned = time.monotonic()

    async def record(self, delivery: Delivery) -> bool:
        """Keep a delivery; True when it is new. Raises TimeoutError or ServiceError: then do not acknowledge."""
        async with asyncio.timeout(RECORD_SECONDS):
            fresh = await self._deliveries.record(delivery)
        if not fresh:
            self._metrics.duplicates.inc()
        return fresh

    async def claim(self, key: str, delivery_key: str) -> Claim | None:
        """Take the right to an outcome; None when it is done or somebody else's."""
        async with self._turn:
            return await self._deliveries.claim(key, delivery_key=delivery_key, lease=self._lease * _CLAIM_SHARE)

    async def note(self, key: str, **known: Any) -> None:
        """Write down how far an outcome is; without the database the answer goes out all the same."""
        try:
            async with self._turn:
                await self._deliveries.note(key, **known)
        except ServiceError:
            logger.warning("inbox.note_failed")

    async def release(self, keys: Iterable[str]) -> None:
        """Give claims back, so that others may take them at once."""
        async with self._turn:
            for key in keys:
                await self._deliveries.release(key)

    def start(self, delivery: Delivery, body: Body, work: Work, *, after: asyncio.Event | None = None) -> None:
        """Begin the work of a recorded delivery, once it has been acknowledged."""
        if self._stopping or delivery.key in self._jobs:
            return
        job = Job(delivery, self)
        self._jobs[delivery.key] = job
        job.task = asyncio.create_task(self._run(job, body, work, after), name=f"job {delivery.kind}")

    async def _run(self, job: Job, body: Body, work: Work, after: asyncio.Event | None) -> None:
        with traced(job.delivery.key):
            try:
                if after is not None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(after.wait(), 1)
                await work(body, job)
                await self._settle(job)
            except asyncio.CancelledError:
                await asyncio.shield(self._hand_back(job))
                raise
            except Exception:
                # Not settled: when the lease has run out, somebody tries again.
                logger.exception("delivery.failed", extra={"kind": job.delivery.kind})
            finally:
                self._jobs.pop(job.delivery.key, None)

    async def _settle(self, job: Job) -> None:
        async with self._turn:
            for key in job.claims:
                await self._deliveries.finish(key)
            if not job.claims:
                await self._deliveries.settle(job.delivery.key)

    async def _hand_back(self, job: Job) -> None:
        with suppress(FootnoteError, TimeoutError):
            async with asyncio.timeout(RECORD_SECONDS):
                await self.release(job.claims)

    async def open(self) -> None:
        """Begin to take over and to renew."""
        self._renewed = time.monotonic()
        self._loops = [
            asyncio.create_task(self._take_over_forever(), name="inbox.take_over"),
            asyncio.create_task(self._renew_forever(), name="inbox.renew"),
        ]

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            await _quietly("inbox.renew_failed", self._renew())
            await _quietly("inbox.prune_failed", self._prune())

    async def _renew(self) -> None:
        began = time.monotonic()
        held = [key for job in self._jobs.values() for key in job.claims]
        await self._deliveries.renew(held, lease=self._lease)
        self._renewed = began

    def overdue(self) -> bool:
        """Say whether our leases may have run out, because this process or the database stood still."""
        return time.monotonic() - self._renewed > self._lease * _CLAIM_SHARE

    async def _prune(self) -> None:
        """Forget, once an hour, what was done long ago."""
        if time.monotonic() - self._pruned < _PRUNE_SECONDS:
            return
        self._pruned = time.monotonic()
        await self._deliveries.prune(before=datetime.now(UTC) - _KEPT)

    async def _take_over_forever(self) -> None:
        while True:
            await _quietly("inbox.take_over_failed", self._take_over())
            await asyncio.sleep(min(_LOOK_SECONDS, self._lease / 3))

    async def _take_over(self) -> None:
        for delivery in await self._deliveries.abandoned():
            if delivery.key in self._jobs or not await self._deliveries.hold(delivery.key, lease=self._lease):
                continue
            self._metrics.taken_over.inc()
            with traced(delivery.key):
                await self._resume(delivery)

    async def _resume(self, delivery: Delivery) -> None:
        body = json.loads(delivery.body)
        work = self._find_work(body)
        logger.info("delivery.taken_over", extra={"kind": delivery.kind, "attempts": delivery.attempts + 1})
        if work is None or delivery.attempts >= MOST_ATTEMPTS:
            logger.error("delivery.given_up", extra={"kind": delivery.kind})
            await self._deliveries.settle(delivery.key)
            return
        self.start(delivery, body, work)

    def jobs(self) -> list[Job]:
        """Return what is being worked on."""
        return list(self._jobs.values())

    async def close(self, *, within: float) -> None:
        """Stop: hand back what only waits, give the rest `within` seconds to finish, then hand that back, too."""
        self._stopping = True
        take_over, renew = self._loops[:1], self._loops[1:]
        await _cancel(take_over)
        await _cancel([job.task for job in self.jobs() if job.waiting and job.task])
        running = [job.task for job in self.jobs() if job.task]
        if running:
            _, late = await asyncio.wait(running, timeout=within)
            await _cancel(list(late))
        await _cancel(renew)


async def _quietly(event: str, work: Awaitable[None]) -> None:
    try:
        await work
    except Exception:
        logger.exception(event)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
