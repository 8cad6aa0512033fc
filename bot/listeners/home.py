"""The app's own tabs: Home with the sources' freshness, Messages with questions to start from."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot import blocks, gap_blocks, mrkdwn, payloads, reindex_blocks
from bot.blocks import Block
from bot.inbox import Job
from bot.listeners import reindex_command, reviews
from bot.parts import Parts
from bot.payloads import Body, Click
from bot.slack_client import optional
from knowledge import Scope, ServiceError, SourceStatus

PATIENCE = 1.0
"""Seconds that the tab waits for the gap report; when that takes longer it is shown without, and then again."""


async def opened(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """Fill the tab that somebody opened."""
    tab = payloads.opened(body)
    if tab.tab == "messages":
        # With a thread_ts the call would silently do nothing for an agent app.
        call = parts.slack.assistant_threads_setSuggestedPrompts(
            channel_id=tab.channel, title=blocks.PROMPTS_TITLE, prompts=list(blocks.PROMPTS)
        )
        await optional(call)
        return
    await publish(tab.user, parts)


async def reindex(body: Body, job: Job, parts: Parts) -> None:
    """Reindex a source from the Home tab, which shows that and then the report."""
    await _reindex(payloads.click(body), job, parts)


async def remove_anyway(body: Body, job: Job, parts: Parts) -> None:
    """Go on although most of a folder has vanished; what comes of it is shown where the button was."""
    click = payloads.click(body)
    if click.channel is not None:
        await reindex_command.remove_anyway(body, job, parts)
    else:
        await _reindex(click, job, parts, allow_empty=True)


async def stop(body: Body, job: Job, parts: Parts) -> None:
    """Stop a run, and say so where the button was."""
    click = payloads.click(body)
    if click.channel is not None:
        await reindex_command.stop(body, job, parts)
        return
    if await job.claim(job.delivery.key) is None:
        return
    if await reindex_command.refused(click.user, click.value, parts):
        notice = blocks.NOT_ADMIN
    elif await reindex_command.cancel(click, parts):
        notice = reindex_blocks.stopped(click.value).text
    else:
        notice = reindex_blocks.NOT_RUNNING
    await publish(click.user, parts, notice=notice)


async def _reindex(click: Click, job: Job, parts: Parts, *, allow_empty: bool = False) -> None:
    if await job.claim(job.delivery.key) is None:
        return
    if await reindex_command.refused(click.user, click.value, parts):
        await publish(click.user, parts, notice=blocks.NOT_ADMIN)
        return
    await publish(click.user, parts, notice=f"Reindexing {mrkdwn.label(click.value, 80)}…")
    report = await reindex_command.run(click.value, job, parts, user=click.user, allow_empty=allow_empty)
    await publish(click.user, parts, notice=report.text, buttons=report.blocks[1:])


async def publish(
    user: str,
    parts: Parts,
    *,
    notice: str = "",
    buttons: Sequence[Block] = (),
    reviewed: str = "",
    chosen: str = "",
) -> None:
    """Show the Home tab, with what the person is to be told about their last click, each where they clicked."""
    admin = await parts.directory.is_admin(user)
    scope = Scope(user=user, usergroups=await parts.directory.groups_of(user))
    sources = await _sources(scope, parts, admin=admin)
    disliked = await parts.kb.disliked(scope) if admin else ()
    queue, consent = await reviews.home_parts(user, parts, reviewed=reviewed, chosen=chosen)

    def tab(gaps: Sequence[Block]) -> Block:
        view = blocks.home(
            sources,
            admin=admin,
            reindexable=parts.team.sources.keys(),
            gaps=gaps,
            disliked=disliked,
            notice=notice,
            buttons=buttons,
            fault=parts.kb.team_fault if admin else "",
        )
        return view | {"blocks": blocks.fitting(view["blocks"], first=queue, last=consent)}

    if admin or await parts.directory.is_reviewer(user):
        await _publish_with_gaps(user, scope, tab, parts)
    else:
        await _publish(user, tab(()), parts)


async def _sources(scope: Scope, parts: Parts, *, admin: bool) -> list[SourceStatus]:
    """Return the sources that a person may know of."""
    sources = await parts.kb.sources()
    parts.metrics.sources(sources)
    return [source for source in sources if admin or scope.admits(source.audience)]


async def _publish_with_gaps(user: str, scope: Scope, tab: Callable[[Sequence[Block]], Block], parts: Parts) -> None:
    counting = asyncio.create_task(_gaps(scope, parts))
    try:
        await asyncio.wait([counting], timeout=PATIENCE)
        if counting.done():
            await _publish(user, tab(counting.result()), parts)
            return
        shown = await _publish(user, tab(gap_blocks.home_without(gap_blocks.BEING_COUNTED)), parts)
        # By the hash Slack refuses what would take the place of a newer tab.
        await _publish(user, tab(await counting), parts, replaces=shown)
    finally:
        counting.cancel()


async def _gaps(scope: Scope, parts: Parts) -> list[Block]:
    """Write what was left open, as far as this person may see it."""
    try:
        report = await parts.gap_reports.recent()
        sources = await parts.kb.visible_sources(scope)
    except (ServiceError, TimeoutError):
        return gap_blocks.home_without(gap_blocks.NOT_COUNTED)
    public = [asked for asked in gap_blocks.channels_of(report) if await parts.directory.is_public(asked)]
    return gap_blocks.home(report, sources=sources, public=public)


async def _publish(user: str, view: Block, parts: Parts, *, replaces: str | None = None) -> str | None:
    """Show a tab; return the hash by which Slack knows it, None when it was not taken."""
    taken = await optional(parts.slack.views_publish(user_id=user, view=view, hash=replaces), within=10)
    return None if taken is None else str(taken["view"]["hash"])
