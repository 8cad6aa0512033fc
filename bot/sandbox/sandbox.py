"""A workspace with everything that runs around it: deliveries, faults, limits, people."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from bot.sandbox.deliveries import RETRY_DELAYS, Deliveries
from bot.sandbox.faults import Faults
from bot.sandbox.gestures import Gestures
from bot.sandbox.http_transport import HttpTransport
from bot.sandbox.nouns import Message, View
from bot.sandbox.people import Person, Predicate, Watcher
from bot.sandbox.rate_limits import RateLimits
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.workspace import Workspace

HOUSEKEEPING_SECONDS = 1.0


class Sandbox:
    """A workspace with everything that runs around it; `SandboxServer` puts it on a port.

    `request_url`: where the app takes events, commands and clicks over HTTP; a connected socket goes first.
    `ack_timeout`: seconds the app has to acknowledge. `retry_delays`: seconds before each retry of an event.
    """

    def __init__(
        self,
        workspace: Workspace | None = None,
        *,
        request_url: str | None = None,
        ack_timeout: float = 3.0,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        rate_limited: bool = False,
    ) -> None:
        self.workspace = workspace or Workspace()
        self.faults = Faults()
        self.rate_limits = RateLimits(self.workspace.now, enabled=rate_limited)
        self.sockets = SocketMode(self.workspace, timeout=ack_timeout)
        self.http = HttpTransport(
            self.workspace.app.signing_secret, self.workspace.now, request_url, timeout=ack_timeout
        )
        self.deliveries = Deliveries(self.workspace, (self.sockets, self.http), retry_delays=retry_delays)
        self.gestures = Gestures(self.workspace, self.deliveries)
        self._watcher = Watcher(self.workspace)

    def person(self, user: str) -> Person:
        """Return somebody to act as."""
        return Person(user, self.gestures)

    async def wait_until(self, find: Callable[[], Any], timeout: float = 5.0, what: str = "a condition") -> Any:  # noqa: ASYNC109
        """Return what `find` returns as soon as it is true, looking again at every change."""
        return await self._watcher.until(find, timeout, what)

    async def wait_for_message(
        self,
        channel: str,
        predicate: Predicate = bool,
        timeout: float = 5.0,  # noqa: ASYNC109
        *,
        after: str = "0",
    ) -> Message:
        """Return the first message (later than the ts `after`) that fits, as soon as it is there."""
        return await self._watcher.message(channel, predicate, timeout, after=after)

    async def wait_for_answer(
        self,
        to: Message,
        predicate: Predicate = bool,
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> Message:
        """Return the first finished message of the app in the thread of `to` that fits."""

        def fits(message: Message) -> bool:
            ours = message.user == self.workspace.app.user_id and message.thread_ts == to.root_ts
            return ours and not message.streaming and predicate(message)

        return await self._watcher.message(to.channel, fits, timeout, after=to.ts)

    async def wait_for_modal(self, user: str, timeout: float = 5.0) -> View:  # noqa: ASYNC109
        """Return the modal on top of a person's window as soon as there is one."""
        return await self._watcher.until(lambda: self.person(user).modal, timeout, f"a modal for {user}")

    async def wait_until_connected(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Return when the app can be reached."""
        await self._watcher.until(lambda: self.deliveries.connected, timeout, "the app's connection")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver events and let statuses and streams end in time while the block runs."""
        housekeeping = asyncio.ensure_future(self._keep_house())
        with self.workspace.listening(self.deliveries.watch):
            try:
                yield
            finally:
                housekeeping.cancel()
                await self.deliveries.close()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            self.workspace.expire()
