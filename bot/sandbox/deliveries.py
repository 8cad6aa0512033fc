"""Everything the app is told: events with Slack's retries, commands and interactions without."""

import asyncio
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.events import event_callback, events_of
from bot.sandbox.nouns import Change, Json
from bot.sandbox.transport import Acknowledgement, Delivery, DeliveryError, Kind, Transport
from bot.sandbox.workspace import Workspace

# at once, after a minute, after five minutes
RETRY_DELAYS = (0.0, 60.0, 300.0)


@dataclass(frozen=True)
class Attempt:
    """One try to hand something over: what, how, with which outcome ("ok" or a reason), and how long it took."""

    delivery: Delivery
    transport: str
    outcome: str
    seconds: float


class Deliveries:
    """Hands deliveries to the first transport that is ready and records every attempt."""

    def __init__(
        self, workspace: Workspace, transports: Sequence[Transport], *, retry_delays: Sequence[float] = RETRY_DELAYS
    ) -> None:
        self.workspace = workspace
        self.transports = tuple(transports)
        self.retry_delays = tuple(retry_delays)
        self.attempts: list[Attempt] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def connected(self) -> bool:
        """Whether an app can be reached."""
        return any(transport.ready for transport in self.transports)

    def watch(self, change: Change) -> None:
        """Send the events of one change; runs in the event loop."""
        for event in events_of(self.workspace, change):
            self.send_event(event)

    def send_event(self, event: Json) -> asyncio.Task[Any]:
        """Send one event in the background, with retries."""
        return self._spawn(self._send_until_acknowledged(event_callback(self.workspace, event)))

    def repeat(self, attempt: Attempt) -> asyncio.Task[Any]:
        """Send an earlier event again, as Slack may: same `event_id`, marked as a retry."""
        return self._spawn(self._try(Delivery(Kind.EVENT, attempt.delivery.body, 1, "http_timeout")))

    async def send(self, kind: Kind, body: Json) -> Acknowledgement:
        """Send a command or an interaction once; raise DeliveryError when the app does not take it."""
        acknowledgement = await self._attempt(Delivery(kind, body))
        if not acknowledgement.ok:
            raise DeliveryError("http_error")
        return acknowledgement

    async def settle(self) -> None:
        """Wait until every event has been acknowledged or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop retrying."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _send_until_acknowledged(self, body: Json) -> None:
        reason = await self._try(Delivery(Kind.EVENT, body))
        for number, delay in enumerate(self.retry_delays, start=1):
            if reason is None:
                return
            await asyncio.sleep(delay)
            reason = await self._try(Delivery(Kind.EVENT, body, number, reason))

    async def _try(self, delivery: Delivery) -> str | None:
        """Return why to try again, or None when it was taken or retries were refused."""
        try:
            acknowledgement = await self._attempt(delivery)
        except DeliveryError as error:
            return error.reason
        return None if acknowledgement.ok or acknowledgement.no_retry else "http_error"

    async def _attempt(self, delivery: Delivery) -> Acknowledgement:
        started = time.perf_counter()
        transport = next((t for t in self.transports if t.ready), self.transports[-1])
        outcome = "cancelled"
        try:
            acknowledgement = await transport.deliver(delivery)
        except DeliveryError as error:
            outcome = error.reason
            raise
        else:
            outcome = "ok" if acknowledgement.ok else f"http_error {acknowledgement.status}"
            return acknowledgement
        finally:
            seconds = time.perf_counter() - started
            self.attempts.append(Attempt(delivery, transport.name, outcome, seconds))
            self.workspace.publish(Change("delivery", details={"attempt": self.attempts[-1]}))
