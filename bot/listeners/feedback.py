"""👍, 👎 and the form that asks why."""

from __future__ import annotations

import asyncio

from bot import blocks, payloads
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.parts import Parts
from bot.payloads import Body, Click
from bot.slack_client import optional
from knowledge import Feedback, ServiceError, UnknownAnswerError, Vote


async def vote(body: Body, job: Job, parts: Parts) -> None:
    """Keep the vote at the click, then ask why if it was 👎; the one who pressed sees that it counted."""
    click = payloads.click(body)
    given = payloads.vote(click)
    refusal = await _keep(given, job, parts)
    if refusal:
        await parts.outbox.answer_click(click, Outgoing(refusal))
        return
    if given.vote is Vote.UP:
        await parts.outbox.answer_click(click, Outgoing(blocks.THANKS_UP))
        return
    await asyncio.gather(
        _open_form(click, given.answer_id, parts),
        parts.outbox.answer_click(click, blocks.thanks_down(given.answer_id)),
    )


async def open_form(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """Open the form for somebody who asks for it later."""
    click = payloads.click(body)
    await _open_form(click, click.value, parts)


async def reasons(body: Body, job: Job, parts: Parts) -> None:
    """Keep what somebody wrote about an answer."""
    sent = payloads.submission(body)
    said = await _keep(payloads.reasons(sent), job, parts) or blocks.THANKS_REASONS
    channel, thread_ts = sent.context.get("channel"), sent.context.get("thread_ts")
    if channel and await parts.outbox.tell(channel, sent.user, Outgoing(said), thread_ts=thread_ts):
        return
    await parts.outbox.tell_directly(sent.user, Outgoing(said))


async def _keep(given: Feedback, job: Job, parts: Parts) -> str | None:
    """Store feedback; return the sentence to say when that cannot be."""
    try:
        await parts.kb.give_feedback(given)
    except UnknownAnswerError:
        return blocks.ANSWER_GONE
    except ServiceError:
        return blocks.failure(job.trace)
    return None


async def _open_form(click: Click, answer_id: str, parts: Parts) -> None:
    form = blocks.feedback_form(answer_id, channel=click.channel, ts=click.message_ts, thread_ts=click.thread_ts)
    # A trigger is good for three seconds and one form; after a takeover the thanks carry a button that opens it.
    await optional(parts.slack.views_open(trigger_id=click.trigger, view=form))
