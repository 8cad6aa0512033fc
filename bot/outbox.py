"""Exactly one visible outcome per question: posted, streamed or updated; looked up before it is ever posted again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError

from bot import blocks, mrkdwn
from bot.blocks import Outgoing
from bot.metrics import Metrics
from bot.payloads import Body, Click, Command, Message
from bot.slack_client import SLACK_ERRORS, SlackClient, error_code, is_denied, is_transient, optional
from knowledge import Answer, Claim, Outcome

logger = logging.getLogger(__name__)

_PAUSES = (0.5, 1, 2, 4, 8, 15, *(30,) * 20)
"""Seconds between attempts to post while Slack is away: about eleven minutes, after which the next process goes on."""
_REPAIRABLE = frozenset("invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long".split())
_UNREADABLE = frozenset("missing_scope not_in_channel channel_not_found not_allowed_token_type".split())
_GONE = frozenset("thread_not_found message_not_found is_archived cannot_reply_to_message".split())
_STATUS = "is searching the documents…"
_STREAM_SECONDS = 0.75
_CALL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes; `since` is the earliest time it can have been posted."""

    channel: str
    thread_ts: str | None = None
    since: str = "0"


class Outbox:
    """Posts, updates and tells; knows how Slack fails and what to do then."""

    def __init__(
        self,
        slack: SlackClient,
        metrics: Metrics,
        *,
        note: Callable[..., Awaitable[None]],
        overdue: Callable[[], bool],
        asks_for_rating: Callable[[str], bool],
    ) -> None:
        """Put it together.

        `note` writes down how far a claim's outcome is. `overdue` says that this process has not renewed its leases
        in time: another one may be at the same work. `asks_for_rating` says whether chance chose an answer.
        """
        self.slack = slack
        self.asks_for_rating = asks_for_rating
        self.note = note
        self._metrics = metrics
        self._overdue = overdue

    async def post(self, place: Place, message: Outgoing, claim: Claim) -> str | None:
        """Post a message once and return its `ts`; None when nobody can know whether it stands there already.

        After a lost connection, and after a process that died while posting, the thread is searched for the message by
        its metadata first. Raises SlackApiError when Slack refuses for good.
        """
        doubt = claim.posting or self._overdue()
        look = doubt or claim.attempts > 1  # while the database was away, a post could not be noted
        await self.note(claim.key, posting=True)
        async for _ in _attempts():
            try:
                found = await self.find(place, claim.key) if look else None
                return await self._renewed(place, found, message, claim) if found else await self._send(place, message)
            except SLACK_ERRORS as exc:
                unreadable = look and error_code(exc) in _UNREADABLE
                if unreadable and doubt:
                    self._metrics.ambiguous.inc()
                    logger.error("outbox.ambiguous", extra={"error": error_code(exc)})  # noqa: TRY400 - the code says it all
                    return None
                if not unreadable and not is_transient(exc):
                    raise
                doubt = look = not unreadable
        raise TimeoutError

    async def _renewed(self, place: Place, ts: str, message: Outgoing, claim: Claim) -> str:
        """Let what an earlier attempt said, perhaps only that the database was away, say what we know now."""
        if claim.attempts > 1:
            await self.update(place.channel, ts, message)
        return ts

    async def _send(self, place: Place, message: Outgoing) -> str:
        where = {"channel": place.channel} | ({"thread_ts": place.thread_ts} if place.thread_ts else {})
        return str((await self._repaired(self.slack.chat_postMessage, where, message))["ts"])

    async def update(self, channel: str, ts: str, message: Outgoing) -> None:
        """Replace one of our messages; doing it twice does no harm. Raises SlackApiError when Slack refuses."""
        async for _ in _attempts():
            try:
                await self._repaired(self.slack.chat_update, {"channel": channel, "ts": ts}, message)
            except SLACK_ERRORS as exc:
                if not is_transient(exc):
                    raise
            else:
                return
        raise TimeoutError

    async def _repaired(self, method: Any, where: Body, message: Outgoing) -> Any:
        try:
            return await method(**where, **message.arguments())
        except SlackApiError as exc:
            if error_code(exc) not in _REPAIRABLE:
                raise
            logger.warning("outbox.sent_as_plain_text", extra={"error": error_code(exc)})
            return await method(**where, **message.arguments(as_plain_text=True))

    async def find(self, place: Place, key: str) -> str | None:
        """Look for the message that is the outcome of `key`. Raises when the conversation cannot be read."""
        async for entry in self._messages(place):
            payload = (entry.get("metadata") or {}).get("event_payload") or {}
            if payload.get("key") == key:
                return str(entry["ts"])
        return None

    async def find_orphan(self, place: Place) -> str | None:
        """Look for a stream that was begun after `place.since` and never finished: it has no metadata yet."""
        async for entry in self._messages(place):
            after = float(entry["ts"]) > float(place.since)
            if after and entry.get("bot_id") and not (entry.get("metadata") or {}).get("event_type"):
                return str(entry["ts"])
        return None

    async def _messages(self, place: Place) -> AsyncIterator[Body]:
        read: Any = self.slack.conversations_history
        arguments: Body = {"channel": place.channel, "limit": 200, "include_all_metadata": True}
        if place.thread_ts:
            read, arguments["ts"] = self.slack.conversations_replies, place.thread_ts
        if float(place.since):
            arguments["oldest"] = place.since
        while True:
            page = await read(**arguments)
            for entry in page["messages"]:
                yield entry
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            arguments["cursor"] = cursor

    async def respond(self, url: str, message: Outgoing, *, replace: bool = True) -> bool:
        """Answer a gesture through its `response_url`, for its person only; say whether that worked."""
        form = {"response_type": "ephemeral", "replace_original": replace}
        for as_plain_text in (False, True):
            if await self._respond(url, message.arguments(as_plain_text=as_plain_text) | form):
                return True
        return False

    async def _respond(self, url: str, body: Body) -> bool:
        """Try a few times: to replace a message twice does no harm, to say the same elsewhere as well would."""
        for pause in (0.5, 1.5, 0):
            try:
                await self.slack.respond(url, body)
            except aiohttp.ClientResponseError as exc:
                logger.info("outbox.response_url_refused", extra={"status": exc.status})
                return False
            except SLACK_ERRORS as exc:
                logger.info("outbox.response_url_failed", extra={"error": error_code(exc)})
                await asyncio.sleep(pause)
            else:
                return True
        return False

    async def tell(self, channel: str, user: str, message: Outgoing, *, thread_ts: str | None = None) -> bool:
        """Show something to one person in a conversation; say whether that worked."""
        arguments: Body = {name: value for name, value in message.arguments().items() if name != "metadata"}
        if thread_ts:
            arguments["thread_ts"] = thread_ts
        return await optional(self.slack.chat_postEphemeral(channel=channel, user=user, **arguments)) is not None

    async def answer_click(self, click: Click, message: Outgoing) -> None:
        """Answer a press of a button visibly to the one who pressed it, in the right thread."""
        if click.channel and await self.tell(click.channel, click.user, message, thread_ts=click.thread_ts):
            return
        if click.response_url and await self.respond(click.response_url, message, replace=False):
            return
        await self.tell_directly(click.user, message)

    async def tell_directly(self, user: str, message: Outgoing) -> None:
        """Write to one person in their direct message with us: the last way to reach them."""
        await optional(self.slack.chat_postMessage(channel=user, **message.arguments()))


async def _attempts() -> AsyncIterator[int]:
    for number, pause in enumerate(_PAUSES):
        yield number
        await asyncio.sleep(pause)


class Reply(Protocol):
    """The one outcome of a question, in the form of its surface."""

    async def begin(self) -> None:
        """Give a first visible sign."""

    async def status(self, words: str) -> None:
        """Say what is being done."""

    async def sentence(self, text: str) -> None:
        """Show a sentence before the answer is complete, where the surface can."""

    async def show(self, answer: Answer) -> None:
        """Show the answer."""

    async def say(self, text: str) -> None:
        """Say one sentence instead of an answer."""


class ThreadReply:
    """A status while we search, then one message in the thread."""

    def __init__(self, outbox: Outbox, message: Message, claim: Claim, *, escalate: bool) -> None:
        self._outbox = outbox
        self._message = message
        self._claim = claim
        self._escalate = escalate
        self._status: asyncio.Task[object] | None = None
        self._place = Place(message.channel, message.root, since=message.ts)

    async def begin(self) -> None:
        self._set_status(_STATUS)

    async def status(self, words: str) -> None:
        if self._status is None or self._status.done():
            self._set_status(mrkdwn.plain(words, 100))

    def _set_status(self, words: str) -> None:
        call = self._outbox.slack.assistant_threads_setStatus(
            channel_id=self._place.channel, thread_ts=self._place.thread_ts or "", status=words
        )
        self._status = asyncio.create_task(optional(call), name="status")

    async def _end_status(self) -> None:
        """Let a status arrive before the message that clears it."""
        if self._status is not None:
            await asyncio.wait([self._status], timeout=1)
            self._status.cancel()

    async def sentence(self, text: str) -> None:
        """Channels get one finished message: a stream would be smooth for its asker only."""

    async def show(self, answer: Answer) -> None:
        rate = not self._message.direct and self._outbox.asks_for_rating(answer.id)
        await self._deliver(blocks.answer(answer, key=self._claim.key, escalate=self._escalate, rate=rate), answer)

    async def say(self, text: str) -> None:
        await self._deliver(blocks.notice(text, key=self._claim.key), None)

    async def _deliver(self, message: Outgoing, answer: Answer | None) -> None:  # noqa: ARG002 - for streams
        await self._end_status()
        if self._claim.ts:
            await self._outbox.update(self._place.channel, self._claim.ts, message)
            return
        try:
            await self._outbox.post(self._place, message, self._claim)
        except SlackApiError as exc:
            if is_denied(exc):
                raise
            logger.warning("outbox.cannot_post", extra={"error": error_code(exc)})
            if error_code(exc) not in _GONE:
                await self._tell_the_asker()

    async def _tell_the_asker(self) -> None:
        told = blocks.notice(blocks.CANNOT_POST)
        if not await self._outbox.tell(
            self._place.channel, self._message.user, told, thread_ts=self._message.thread_ts
        ):
            await self._outbox.tell_directly(self._message.user, told)


class StreamedReply(ThreadReply):
    """The answer grows while it is written; whatever happens to the stream, in the end the whole answer is there."""

    def __init__(self, outbox: Outbox, message: Message, claim: Claim, *, escalate: bool) -> None:
        super().__init__(outbox, message, claim, escalate=escalate)
        self._written: list[str] = []
        self._sent = ""
        self._ts = claim.ts
        self._broken = claim.ts is not None
        # True while a stream may stand in the thread of which we do not know.
        self._doubt = (claim.posting or claim.attempts > 1) and claim.ts is None
        self._sending = asyncio.Lock()
        self._changed = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    async def status(self, words: str) -> None:
        if self._writer is None:
            await super().status(words)

    async def sentence(self, text: str) -> None:
        self._written.append(text)
        self._changed.set()
        if self._writer is None and not self._doubt:
            self._writer = asyncio.create_task(self._write(), name="stream")

    async def _write(self) -> None:
        """Send what is new, not too often: Slack allows about a hundred appends a minute."""
        await self._end_status()
        while not self._broken:
            await self._changed.wait()
            self._changed.clear()
            async with self._sending:
                await self._send_new()
            await asyncio.sleep(_STREAM_SECONDS)

    async def _send_new(self) -> None:
        safe = mrkdwn.markdown("".join(self._written))
        new = safe.removeprefix(self._sent)
        if not safe.startswith(self._sent) or not new.strip() or len(safe) > blocks.LONGEST_MARKDOWN:
            return
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await (self._append(new) if self._ts else self._start(new))
            self._sent = safe
        except SLACK_ERRORS as exc:
            logger.warning("stream.broken", extra={"error": error_code(exc)})
            self._broken = True
            self._doubt = self._ts is None and is_transient(exc)

    async def _start(self, text: str) -> None:
        await self._outbox.note(self._claim.key, posting=True)
        begun = await self._outbox.slack.chat_startStream(
            channel=self._place.channel,
            thread_ts=self._place.thread_ts or self._message.ts,
            recipient_team_id=self._message.team,
            recipient_user_id=self._message.user,
            markdown_text=text,
        )
        self._ts = str(begun["ts"])
        await self._outbox.note(self._claim.key, channel=self._place.channel, ts=self._ts)

    async def _append(self, text: str) -> None:
        await self._outbox.slack.chat_appendStream(channel=self._place.channel, ts=self._ts or "", markdown_text=text)

    async def _deliver(self, message: Outgoing, answer: Answer | None) -> None:
        await self._end_writer(begin=answer is not None and answer.outcome is Outcome.ANSWERED)
        if self._doubt:
            # We, or the process before us, may have begun a stream without learning where.
            self._ts, self._broken = await self._begun_before(), True
        if self._ts is None:
            await super()._deliver(message, answer)
        elif answer is None or not await self._finish(answer, message):
            await self._replace(self._ts, message)

    async def _end_writer(self, *, begin: bool) -> None:
        """Stop writing. An answer that came faster than the first words were sent is begun as a stream all the same."""
        if self._writer is None:
            return
        async with self._sending:  # a call under way ends first: only then is it known what stands there
            if begin and self._ts is None and not self._broken:
                await self._send_new()
            self._writer.cancel()
        await asyncio.wait([self._writer])

    async def _begun_before(self) -> str | None:
        with suppress(*SLACK_ERRORS):
            return await self._outbox.find(self._place, self._claim.key) or await self._outbox.find_orphan(self._place)
        return None

    async def _finish(self, answer: Answer, message: Outgoing) -> bool:
        """End the stream with what is missing, the sources and the buttons; False when the text must be replaced."""
        text, cut = blocks.answer_markdown(answer, linked=False)
        if self._broken or not text.startswith(self._sent.rstrip()):
            return False
        missing: Body = {"markdown_text": text[len(self._sent) :]} if text[len(self._sent) :].strip() else {}
        tail = blocks.answer_tail(answer, escalate=self._escalate, cut=cut)
        try:
            await self._outbox.slack.chat_stopStream(
                channel=self._place.channel,
                ts=self._ts or "",
                blocks=tail,
                metadata=message.metadata,
                **missing,
            )
        except SLACK_ERRORS as exc:
            logger.warning("stream.broken", extra={"error": error_code(exc)})
            return False
        return True

    async def _replace(self, ts: str, message: Outgoing) -> None:
        """Put the whole message where the stream stands; if that cannot be, remove it and post."""
        await optional(self._outbox.slack.chat_stopStream(channel=self._place.channel, ts=ts))
        try:
            await self._outbox.update(self._place.channel, ts, message)
        except SlackApiError as exc:
            logger.warning("stream.replaced", extra={"error": error_code(exc)})
            await optional(self._outbox.slack.chat_delete(channel=self._place.channel, ts=ts))
            await self._outbox.post(self._place, message, self._claim)


class CommandReply:
    """The acknowledgement of the command becomes the answer; only the asker sees it."""

    def __init__(self, outbox: Outbox, command: Command, claim: Claim, *, escalate: bool) -> None:
        self._outbox = outbox
        self._command = command
        self._claim = claim
        self._escalate = escalate

    async def begin(self) -> None:
        """The acknowledgement was the first sign."""

    async def status(self, words: str) -> None:
        """A `response_url` is good for five posts: none is spent on progress."""

    async def sentence(self, text: str) -> None:
        """Ephemeral messages cannot be streamed."""

    async def show(self, answer: Answer) -> None:
        open_place = not self._command.direct
        rate = open_place and self._outbox.asks_for_rating(answer.id)
        shown = blocks.answer(answer, key=self._claim.key, share=open_place, escalate=self._escalate, rate=rate)
        await self._deliver(shown)

    async def say(self, text: str) -> None:
        await self._deliver(blocks.notice(text))

    async def _deliver(self, message: Outgoing) -> None:
        if await self._outbox.respond(self._command.response_url, message):
            return
        if not await self._outbox.tell(self._command.channel, self._command.user, message):
            await self._outbox.tell_directly(self._command.user, message)
