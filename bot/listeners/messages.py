"""Messages of people: mentions, follow-ups in a thread we are in, direct messages."""

from __future__ import annotations

from bot import answering, blocks, payloads
from bot.inbox import Job
from bot.outbox import StreamedReply, ThreadReply
from bot.parts import Parts
from bot.payloads import Body, Message
from bot.slack_client import optional
from knowledge import Question


async def mention(body: Body, job: Job, parts: Parts) -> None:
    """Answer a mention in its thread."""
    await _answer(payloads.message(body, bot_user=parts.directory.us(body)), job, parts)


async def channel_message(body: Body, job: Job, parts: Parts) -> None:
    """Answer a message in a channel when it mentions us, or clearly goes on with what we said in its thread."""
    message = payloads.message(body, bot_user=parts.directory.us(body))
    if message.mentions_us or (message.in_thread and await _goes_on(message, body, parts)):
        await _answer(message, job, parts)


async def direct_message(body: Body, job: Job, parts: Parts) -> None:
    """Answer a direct message, streamed."""
    await _answer(payloads.message(body, bot_user=parts.directory.us(body)), job, parts)


async def _goes_on(message: Message, body: Body, parts: Parts) -> bool:
    if message.shared or not payloads.could_be_meant(message):
        return False
    thread = await _thread(message, parts)
    return payloads.meant_for_us(message, thread, bot_user=parts.directory.us(body))


async def _answer(message: Message, job: Job, parts: Parts) -> None:
    """Claim the message, which may arrive as two events, and answer it."""
    claim = await job.claim(message.key)
    if claim is None:
        return
    streamed = message.direct and parts.settings.streaming == "dm"
    reply = (StreamedReply if streamed else ThreadReply)(parts.outbox, message, claim, escalate=parts.can_escalate)
    if await _is_shared(message, parts):
        await reply.say(blocks.SHARED_CHANNEL)
        return

    async def question() -> Question:
        thread = await _thread(message, parts) if message.in_thread else []
        us = parts.directory.bot_user
        groups = await parts.directory.groups_of(message.user) if message.direct else ()
        return payloads.question_from_message(
            message, history=payloads.turns(thread, before=message.ts, bot_user=us), groups=groups
        )

    job.place = (message.channel, message.root)
    await answering.answer(message.text, question, reply=reply, job=job, parts=parts)


async def _is_shared(message: Message, parts: Parts) -> bool:
    if message.direct or message.shared is not None:
        return bool(message.shared)
    return bool(await parts.directory.is_shared(message.channel))


async def _thread(message: Message, parts: Parts) -> list[Body]:
    """Return what was said in the thread before; nothing when Slack does not tell."""
    read = parts.slack.conversations_replies(
        channel=message.channel, ts=message.root, latest=message.ts, limit=200, inclusive=False
    )
    found = await optional(read)
    return list(found["messages"]) if found is not None else []
