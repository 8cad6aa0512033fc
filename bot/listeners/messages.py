"""Messages of people: mentions, follow-ups in a thread we are in, direct messages."""

from __future__ import annotations

from dataclasses import replace

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
    if message.mentions_us:
        await _answer(message, job, parts)
        return
    if message.shared or not message.in_thread or not payloads.could_be_meant(message):
        return
    thread = await _thread(message, parts)
    if payloads.meant_for_us(message, thread, bot_user=parts.directory.us(body)):
        await _answer(message, job, parts, thread=thread)


async def direct_message(body: Body, job: Job, parts: Parts) -> None:
    """Answer a direct message, streamed."""
    await _answer(payloads.message(body, bot_user=parts.directory.us(body)), job, parts)


async def _answer(message: Message, job: Job, parts: Parts, *, thread: list[Body] | None = None) -> None:
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
        said = await _thread(message, parts) if thread is None and message.in_thread else thread or []
        groups = await parts.directory.groups_of(message.user) if message.direct else ()
        asked = payloads.question_from_message(message, groups=groups)
        said = await _still_visible(said, asked, parts)
        return replace(asked, history=payloads.turns(said, before=message.ts, bot_user=parts.directory.bot_user))

    job.place = (message.channel, message.root)
    await answering.answer(message.text, question, reply=reply, job=job, parts=parts)


async def _still_visible(said: list[Body], asked: Question, parts: Parts) -> list[Body]:
    """Leave out those of our answers that draw on what the asker may not see here any more."""
    answers = {entry["ts"]: found for entry in said if (found := payloads.answer_id(entry)) is not None}
    visible = await parts.kb.visible_answers(set(answers.values()), asked.scope) if answers else frozenset()
    return [entry for entry in said if answers.get(entry["ts"]) in {None, *visible}]


async def _is_shared(message: Message, parts: Parts) -> bool:
    if message.direct or message.shared is not None:
        return bool(message.shared)
    return bool(await parts.directory.is_shared(message.channel))


async def _thread(message: Message, parts: Parts) -> list[Body]:
    """Return what was said in the thread before; nothing when Slack does not tell."""
    read = parts.slack.conversations_replies(
        channel=message.channel,
        ts=message.root,
        latest=message.ts,
        limit=999,
        inclusive=False,
        include_all_metadata=True,
    )
    found = await optional(read)
    return list(found["messages"]) if found is not None else []
