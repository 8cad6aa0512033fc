"""`/reindex`: brings a source up to date and reports; for admins."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from bot import blocks, mrkdwn, payloads, reindex_blocks
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.parts import Parts
from bot.payloads import Body, Click, Command
from bot.reindex_message import ReindexMessage
from bot.slack_client import optional
from knowledge import Act, EmptySourceError, FootnoteError, ReindexCancelledError, Scope, SourceError

logger = logging.getLogger(__name__)


def acknowledgement(body: Body) -> dict[str, Any]:
    """Say at once that we look into it."""
    name = payloads.command(body).text
    said = f"Reindexing {mrkdwn.label(name, 80)}…" if name else "Looking up the sources…"
    return {"response_type": "ephemeral", **Outgoing(said).arguments()}


async def reindex(body: Body, job: Job, parts: Parts) -> None:
    """List the sources, or reindex one and report in the same message."""
    command = payloads.command(body)
    claim = await job.claim(job.delivery.key)
    if claim is None:
        return
    name = command.text
    shown = ReindexMessage(parts.outbox, job, claim, user=command.user, url=command.response_url, name=name)
    if not name:
        await shown.end(Outgoing(await _sources(command, parts)))
    elif await refused(command.user, name, parts):
        await shown.end(Outgoing(blocks.NOT_ADMIN))
    else:
        async with shown.going_on():
            outcome = await run(name, job, parts, user=command.user, shown=shown)
        await shown.end(outcome)


async def remove_anyway(body: Body, job: Job, parts: Parts) -> None:
    """Go on although the folder is empty or most of it has vanished."""
    click = payloads.click(body)
    claim = await job.claim(job.delivery.key)
    if claim is None:
        return
    if await refused(click.user, click.value, parts):
        await parts.outbox.answer_click(click, Outgoing(blocks.NOT_ADMIN))
        return
    url = click.response_url or ""
    shown = ReindexMessage(parts.outbox, job, claim, user=click.user, url=url, name=click.value)
    async with shown.going_on():
        outcome = await run(click.value, job, parts, user=click.user, shown=shown, allow_empty=True)
    await shown.end(outcome)


async def stop(body: Body, job: Job, parts: Parts) -> None:
    """Stop a run; its message says so by itself."""
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    if await refused(click.user, click.value, parts):
        await parts.outbox.answer_click(click, Outgoing(blocks.NOT_ADMIN))
    elif not await cancel(click, parts):
        await parts.outbox.answer_click(click, Outgoing(reindex_blocks.NOT_RUNNING))


async def cancel(click: Click, parts: Parts) -> bool:
    """Stop the run of the button's source; False when there is none."""
    try:
        return await parts.kb.cancel_reindex(click.value, by=click.user)
    except SourceError:
        return False


async def show_all(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """Open the list of all that failed or was skipped in the newest run."""
    click = payloads.click(body)
    if await refused(click.user, click.value, parts):
        await parts.outbox.answer_click(click, Outgoing(blocks.NOT_ADMIN))
        return
    try:
        report = await parts.kb.last_report(click.value)
    except SourceError:
        report = None
    if report is None:
        await parts.outbox.answer_click(click, Outgoing("This report is no longer kept. Reindex to get a new one."))
        return
    view = reindex_blocks.everything(click.value, report)
    await optional(parts.slack.views_open(trigger_id=click.trigger, view=view))


async def show_failures(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """Open the list of files that are not indexed as they are."""
    click = payloads.click(body)
    if await refused(click.user, click.value, parts):
        await parts.outbox.answer_click(click, Outgoing(blocks.NOT_ADMIN))
        return
    view = reindex_blocks.failures(click.value, await parts.kb.failures(click.value))
    await optional(parts.slack.views_open(trigger_id=click.trigger, view=view))


async def _sources(command: Command, parts: Parts) -> str:
    admin = await parts.directory.is_admin(command.user)
    groups = await parts.directory.groups_of(command.user)
    scope = Scope(user=command.user, channel=command.channel, usergroups=groups)
    sources = await parts.kb.sources()
    listed = sources if admin else [replace(s, asks=None) for s in sources if scope.admits(s.audience)]
    return blocks.source_list(listed, fault=parts.kb.team_fault if admin else "")


async def refused(user: str, source: str, parts: Parts) -> bool:
    """Say whether a person may not reindex, and write down that they tried."""
    if await parts.directory.is_admin(user):
        return False
    parts.metrics.blocks.labels("reindex").inc()
    logger.warning("reindex.denied", extra={"user": user})
    await parts.kb.audit.add(Act.REINDEX_REFUSED, person=user, subject=source, outcome="is no admin")
    return True


async def run(
    name: str,
    job: Job,
    parts: Parts,
    *,
    user: str,
    shown: ReindexMessage | None = None,
    allow_empty: bool = False,
) -> Outgoing:
    """Reindex; return the report, or why there is none."""
    try:
        report = await parts.kb.request_reindex(
            name,
            key=job.delivery.key,
            by=user,
            allow_empty=allow_empty,
            on_progress=shown.progress if shown else None,
            on_joined=shown.joined if shown else None,
        )
    except ReindexCancelledError:
        return reindex_blocks.stopped(name)
    except EmptySourceError as exc:
        return reindex_blocks.ask_first(name, exc)
    except FootnoteError as exc:
        return Outgoing(f"{mrkdwn.label(name, 80)} was not reindexed: {mrkdwn.mrkdwn(str(exc))}")
    except Exception:
        logger.exception("reindex.failed")
        return Outgoing(blocks.failure(job.trace))
    logger.info("reindex.done", extra={"source": report.source, "summary": report.summary()})
    return reindex_blocks.report(report, name, joined=shown is not None and shown.is_joined)
