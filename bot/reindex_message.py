"""The one message of a reindex: how far it is, then what came of it; where it was asked for, however long it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from slack_sdk.errors import SlackApiError

from bot import reindex_blocks
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.outbox import Outbox
from bot.slack_client import SLACK_ERRORS, error_code, is_transient, optional
from knowledge import Claim, Progress

logger = logging.getLogger(__name__)

RESPONSE_URL_SECONDS = 29 * 60.0
URL_MOMENTS = (0.7, 5.0, 15.0)
"""A `response_url` is good for five posts: these seconds get one each, the report one, and one is kept for a repair."""
PAUSE_SECONDS = 3.0
"""Between updates in the direct message: Slack allows about fifty a minute."""
_CALL_SECONDS = 5.0
"""For one sign of progress."""


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
        # Who takes over does not know how many posts are left of the five, and the run may be over already.
        self._moments = list(URL_MOMENTS) if claim.attempts == 1 else []
        self._direct = (claim.channel, claim.ts) if claim.channel and claim.ts else None
        # True while a direct message may stand of which we do not know where: then none is posted to show progress.
        self._doubt = claim.posting and self._direct is None
        self._showing = asyncio.Lock()
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
            # A call under way ends first: cut off, it could still arrive, after the report or as a second message.
            async with self._showing:
                showing.cancel()
            await asyncio.gather(showing, return_exceptions=True)

    async def _show(self) -> None:
        passed = 0.0
        for moment in self._moments:
            await asyncio.sleep(moment - passed)
            passed = moment
            async with self._showing:
                await self._show_by_url(last=moment == self._moments[-1])
        shown: Outgoing | None = None
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            current = self._current()
            async with self._showing:
                if current != shown and await self._show_directly(current):
                    shown = current

    def _current(self) -> Outgoing:
        return reindex_blocks.progress(self._name, self._now, joined=self.is_joined)

    async def _show_by_url(self, *, last: bool) -> None:
        shown = self._current()
        if last and await self._show_directly(shown):
            shown = reindex_blocks.elsewhere(shown, self._name)
        with suppress(TimeoutError):
            async with asyncio.timeout(_CALL_SECONDS):
                await self._outbox.respond(self._url, shown)

    async def _show_directly(self, message: Outgoing) -> bool:
        if self._direct is not None:
            channel, ts = self._direct
            update = self._outbox.slack.chat_update(channel=channel, ts=ts, **message.arguments())
            return await optional(update, within=_CALL_SECONDS) is not None
        return not self._doubt and await self._post_directly(message)

    async def _post_directly(self, message: Outgoing) -> bool:
        """Post in the direct message and write down where, so that whoever takes over goes on in the same message."""
        key = self._claim.key
        await self._outbox.note(key, posting=True)
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                posted = await self._outbox.slack.chat_postMessage(channel=self._user, **message.arguments())
        except SLACK_ERRORS as exc:
            logger.info("reindex.not_shown", extra={"error": error_code(exc)})
            self._doubt = is_transient(exc)
            await self._outbox.note(key, posting=self._doubt)
            return False
        self._direct = (str(posted["channel"]), str(posted["ts"]))
        await self._outbox.note(key, channel=self._direct[0], ts=self._direct[1], posting=False)
        return True

    async def end(self, message: Outgoing) -> None:
        """Show what came of it, wherever the reindex was shown; in the last resort in a new message."""
        in_time = bool(self._url) and self._job.age < RESPONSE_URL_SECONDS
        shown = in_time and await self._outbox.respond(self._url, message)
        if not (await self._end_direct(message) or shown):
            await self._post_directly(message)

    async def _end_direct(self, message: Outgoing) -> bool:
        """Let the direct message, if there is one, say the last word; tried for as long as Slack is away."""
        if self._direct is None:
            return False
        try:
            await self._outbox.update(*self._direct, message)
        except (SlackApiError, TimeoutError) as exc:
            logger.info("reindex.not_shown", extra={"error": error_code(exc)})
            return False
        return True
