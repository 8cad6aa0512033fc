"""Ask a human: passes a question that the documents do not answer on to people, once."""

from __future__ import annotations

from bot import blocks, noticing, payloads
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.outbox import Place
from bot.parts import Parts
from bot.payloads import Body, Click
from bot.slack_client import SLACK_ERRORS, optional
from knowledge import Chunk, Exchange, Question, Scope, SignalKind, Surface, UnknownAnswerError


async def ask_human(body: Body, job: Job, parts: Parts) -> None:
    """Post the question where people help, and tell the asker."""
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    try:
        said = await _pass_on(click, job, parts)
    except UnknownAnswerError:
        said = blocks.ANSWER_GONE
    await parts.outbox.answer_click(click, Outgoing(said))


async def _pass_on(click: Click, job: Job, parts: Parts) -> str:
    channel = parts.team.escalation.channel
    if channel is None:
        return blocks.NO_HUMAN
    exchange = await parts.kb.exchange(click.value)
    if exchange.erased:
        return blocks.ANSWER_GONE
    key = f"human:{click.value}"
    claim = await job.claim(key)
    if claim is None:
        return blocks.HUMAN_ASKED_ALREADY
    # Who reads there may come from outside: to them the question goes alone.
    among_us = await parts.directory.is_shared(channel) is False
    nearest = await _visible(exchange, channel, parts) if among_us else []
    thread = await _permalink(exchange.question, parts) if among_us else None
    message = blocks.escalation(exchange, nearest, asker=click.user_name, key=key, thread=thread)
    try:
        await parts.outbox.post(Place(channel, since=click.message_ts or "0"), message, claim)
    except SLACK_ERRORS:
        await job.give_back(key)
        return blocks.failure(job.trace)
    await noticing.did(SignalKind.WENT_TO_HUMAN, click.value, click.user, parts)
    return blocks.HUMAN_ASKED


async def _permalink(question: Question, parts: Parts) -> str | None:
    """Return the address of the thread, when the question was asked in a channel: who helps can answer there."""
    if question.surface is not Surface.CHANNEL or not question.channel or not question.thread:
        return None
    call = parts.slack.chat_getPermalink(channel=question.channel, message_ts=question.thread)
    found = await optional(call)
    return None if found is None else str(found["permalink"])


async def _visible(exchange: Exchange, channel: str, parts: Parts) -> list[Chunk]:
    """Return those nearest passages whose source the people in that channel may see."""
    scope = Scope(channel=channel)
    seen = {source.name for source in await parts.kb.sources() if scope.admits(source.audience)}
    return [chunk for chunk in exchange.answer.nearest if chunk.source in seen]
