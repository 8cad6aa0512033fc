"""`/ask`: an answer for the asker's eyes only, which they may share."""

from __future__ import annotations

from typing import Any

from bot import answering, blocks, noticing, payloads
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.outbox import CommandReply, Place
from bot.parts import Parts
from bot.payloads import Body, Click
from bot.slack_client import SLACK_ERRORS, error_code
from knowledge import Act, Question, Scope, SignalKind, UnknownAnswerError

_HELP = frozenset(("", "help", "--help", "-h", "?"))


def acknowledgement(body: Body) -> dict[str, Any]:
    """Say at once that we search, or how to ask."""
    text = payloads.command(body).text
    said = blocks.ASK_USAGE if text.lower() in _HELP else answering.unanswerable(text) or blocks.SEARCHING
    return {"response_type": "ephemeral", **Outgoing(said).arguments()}


async def ask(body: Body, job: Job, parts: Parts) -> None:
    """Replace the acknowledgement with the answer."""
    command = payloads.command(body)
    if command.text.lower() in _HELP or answering.unanswerable(command.text):
        return
    claim = await job.claim(job.delivery.key)
    if claim is None:
        return
    reply = CommandReply(parts.outbox, command, claim, escalate=parts.can_escalate)
    if await parts.directory.is_shared(command.channel):
        await reply.say(blocks.SHARED_CHANNEL)
        return

    async def question() -> Question:
        groups = await parts.directory.groups_of(command.user)
        return payloads.question_from_command(command, groups=groups)

    await answering.answer(command.text, question, reply=reply, job=job, parts=parts)


async def share(body: Body, job: Job, parts: Parts) -> None:
    """Post the answer for everybody in the channel, if everybody there may see what it draws on."""
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    try:
        said = await _share(click, job, parts)
    except UnknownAnswerError:
        said = blocks.ANSWER_GONE
    if said == blocks.SHARED and click.response_url:
        await parts.outbox.respond(click.response_url, Outgoing(said))
        return
    await parts.outbox.answer_click(click, Outgoing(said))


async def _share(click: Click, job: Job, parts: Parts) -> str:
    """Share, and return what to tell the one who pressed the button."""
    channel = click.channel or ""
    refusal = await _refusal(click.value, channel, parts)
    if refusal:
        parts.metrics.blocks.labels("share").inc()
        await parts.kb.audit.add(Act.SHARE_REFUSED, person=click.user, subject=click.value, outcome=f"in {channel}")
        return refusal
    exchange = await parts.kb.exchange(click.value)
    if exchange.erased:
        return blocks.ANSWER_GONE
    key = f"share:{click.value}:{channel}"
    claim = await job.claim(key)
    if claim is None:
        return blocks.SHARED_ALREADY
    message = blocks.shared_answer(exchange.answer, exchange.question.text, key=key, by=click.user_name)
    try:
        await parts.outbox.post(Place(channel, since=click.message_ts or "0"), message, claim)
    except SLACK_ERRORS as exc:
        await job.give_back(key)
        return blocks.CANNOT_POST if error_code(exc) != "timeout" else blocks.failure(job.trace)
    await noticing.did(SignalKind.SHARED, click.value, click.user, parts, value=channel)
    return blocks.SHARED


async def _refusal(answer_id: str, channel: str, parts: Parts) -> str | None:
    shared = await parts.directory.is_shared(channel)
    if shared is None:
        return blocks.CHANNEL_UNKNOWN
    if shared:
        return blocks.SHARED_CHANNEL
    if not await parts.kb.may_see(answer_id, Scope(channel=channel)):
        return blocks.NOT_FOR_ALL
    return None
