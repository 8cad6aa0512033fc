"""Reviewers judge answers in the Home tab, one after the other; everybody chooses there whether theirs are used."""

from __future__ import annotations

from bot import blocks, payloads, review_blocks
from bot.blocks import Block
from bot.inbox import Job
from bot.listeners import home
from bot.parts import Parts
from bot.payloads import Body
from bot.slack_client import optional
from knowledge import Review, Scope, ServiceError, UnknownAnswerError, Verdict

_LISTED = 20
"""How far the queue is counted."""


async def judge(body: Body, job: Job, parts: Parts) -> None:
    """Take a verdict and show the next item, with what the verdict did."""
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    said = await _judge(click.user, click.value, review_blocks.VERDICT_ACTIONS[click.action], "", "", job, parts)
    await _show(click.user, parts, reviewed=said)


async def open_editor(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """Open the form in which a reviewer writes the answer as it should be."""
    click = payloads.click(body)
    answer_id, remark_id = payloads.review_target(click.value)
    refusal = await _refusal(click.user, answer_id, parts)
    if refusal:
        await _show(click.user, parts, reviewed=refusal)
        return
    record = await parts.kb.record(answer_id)
    remark = next((each for each in record.remarks if each.id == remark_id), None)
    form = review_blocks.edit_form(record, remark)
    if await optional(parts.slack.views_open(trigger_id=click.trigger, view=form)) is None:
        await _show(click.user, parts, reviewed="The form could not be opened. Please press Edit again.")


async def edited(body: Body, job: Job, parts: Parts) -> None:
    """Take the edited answer and show the next item."""
    sent = payloads.submission(body)
    if await job.claim(job.delivery.key) is None:
        return
    text, note = payloads.typed(sent, "text"), payloads.typed(sent, "note")
    said = await _judge(sent.user, sent.context.get("target", ""), Verdict.EDIT, text, note, job, parts)
    await _show(sent.user, parts, reviewed=said)


async def consent(body: Body, job: Job, parts: Parts) -> None:
    """Keep whether a person's words may be used, and show that."""
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    takes_part = review_blocks.CONSENT_ACTIONS[click.action]
    try:
        await parts.kb.choose_part(f"user:{click.user}", takes_part=takes_part)
        said = review_blocks.CHOICE_KEPT
    except ServiceError:
        said = blocks.failure(job.trace)
    await _show(click.user, parts, chosen=said)


async def home_parts(
    user: str, parts: Parts, *, reviewed: str = "", chosen: str = ""
) -> tuple[list[Block], list[Block]]:
    """Return what stands in the Home tab before the sources and at its end."""
    queue = []
    if await parts.directory.is_reviewer(user):
        items = await parts.kb.review_queue(user, scope=await _scope(user, parts), limit=_LISTED)
        queue = review_blocks.queue(items, more=len(items) == _LISTED, said=reviewed)
    elif reviewed:
        queue = [blocks.section(reviewed)]
    takes_part = await parts.kb.takes_part(f"user:{user}")
    return queue, review_blocks.consent(takes_part=takes_part, said=chosen)


async def _show(user: str, parts: Parts, *, reviewed: str = "", chosen: str = "") -> None:
    await home.publish(user, parts, reviewed=reviewed, chosen=chosen)


async def _judge(user: str, target: str, verdict: Verdict, text: str, note: str, job: Job, parts: Parts) -> str:
    """Store a verdict; return what to tell the reviewer."""
    answer_id, remark_id = payloads.review_target(target)
    try:
        refusal = await _refusal(user, answer_id, parts)
        if refusal:
            return refusal
        given = Review(answer_id, user, verdict, remark_id, text, note)
        judged = await parts.kb.review(given, scope=await _scope(user, parts))
    except UnknownAnswerError:
        return blocks.ANSWER_GONE
    except ServiceError:
        return blocks.failure(job.trace)
    return review_blocks.verdict_said(verdict, judged)


async def _refusal(user: str, answer_id: str, parts: Parts) -> str | None:
    if not await parts.directory.is_reviewer(user):
        parts.metrics.blocks.labels("review").inc()
        return review_blocks.NOT_REVIEWER
    if not await parts.kb.may_see(answer_id, await _scope(user, parts)):
        return review_blocks.NOT_VISIBLE
    return None


async def _scope(user: str, parts: Parts) -> Scope:
    return Scope(user=user, usergroups=await parts.directory.groups_of(user))
