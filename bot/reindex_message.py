"""The one message of a reindex: how far it is, then what came of it; where it was asked for, however long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot import reindex_blocks
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.outbox import Outbox
from bot.slack_client import optional
from knowledge import Claim, Progress

RESPONSE_URL_SECONDS = 29 * 60.0
URL_MOMENTS = (0.7, 5.0, 15.0)
"""A `response_url` is good for five posts: these seconds get one each, the report one, and one is kept for a repair."""
PAUSE_SECONDS = 3.0
"""Between updates in the direct message: Slack allows about fifty a minute."""


class ReindexMessage:
    """A message that is edited as the reindex goes.

    After some seconds one in the direct message takes over, which outlives the `response_url` and this process; the
    report ends both.
    """

    def __init__(self, outbox: Outbox, job: Job, claim: Claim, *, user: str, url: str, name: str) -> None:
        self._outbox = outbox
        self._job = job
        self._claim = claim
        self._user = user
        self._url = url
        self._name = name
        # Who takes over does not know how many posts are left of the five.
        self._moments = list(URL_MOMENTS) if claim.attempts == 1 else []
        self._direct = (claim.channel, claim.ts) if claim.channel and claim.ts else None
        self._now: Progress | None = None
        self.is_joined = False

    async def joined(self) -> None:
        """Say from now on that somebody else had begun."""
        self.is_joined = True

    async def progress(self, now: Progress) -> None:
        """Take how far it is; it is shown when it is time."""
        self._now = now

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Show how far it is for as long as the block lasts."""
        showing = asyncio.create_task(self._show(), name="reindex.message")
        try:
            yield
        finally:
            showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show(self) -> None:
        passed = 0.0
        for moment in self._moments:
            await asyncio.sleep(moment - passed)
            passed = moment
            await self._show_by_url(last=moment == self._moments[-1])
        if self._direct is None:
            await self._open_direct(self._current())
        shown: Outgoing | None = None
        while self._direct is not None:
            await asyncio.sleep(PAUSE_SECONDS)
            current = self._current()
            if current != shown and await self._update_direct(current):
                shown = current

    def _current(self) -> Outgoing:
        return reindex_blocks.progress(self._name, self._now, joined=self.is_joined)

    async def _show_by_url(self, *, last: bool) -> None:
        shown = self._current()
        if last and await self._open_direct(shown):
            shown = reindex_blocks.elsewhere(shown, self._name)
        await self._outbox.respond(self._url, shown)

    async def _open_direct(self, message: Outgoing) -> bool:
        posted = await optional(self._outbox.slack.chat_postMessage(channel=self._user, **message.arguments()))
        if posted is None:
            return False
        self._direct = (str(posted["channel"]), str(posted["ts"]))
        await self._outbox.note(self._claim.key, channel=self._direct[0], ts=self._direct[1])
        return True

    async def _update_direct(self, message: Outgoing) -> bool:
        if self._direct is None:
            return False
        channel, ts = self._direct
        update = self._outbox.slack.chat_update(channel=channel, ts=ts, **message.arguments())
        return await optional(update) is not None

    async def end(self, message: Outgoing) -> None:
        """Show what came of it, wherever the reindex was shown; in the last resort in a new message."""
        shown = await self._update_direct(message)
        if self._job.age < RESPONSE_URL_SECONDS and self._url:
            shown = await self._outbox.respond(self._url, message) or shown
        if not shown:
            await self._outbox.tell_directly(self._user, message)
