"""The app's own tabs: Home with the sources' freshness, Messages with questions to start from."""

from __future__ import annotations

from collections.abc import Sequence

from bot import blocks, mrkdwn, payloads
from bot.blocks import Block
from bot.inbox import Job
from bot.listeners import reindex_command, reviews
from bot.parts import Parts
from bot.payloads import Body
from bot.slack_client import optional
from knowledge import Exchange, Scope, SourceStatus


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
    click = payloads.click(body)
    if await job.claim(job.delivery.key) is None:
        return
    if await reindex_command.refused(click.user, click.value, parts):
        await publish(click.user, parts, notice=blocks.NOT_ADMIN)
        return
    await publish(click.user, parts, notice=f"Reindexing {mrkdwn.label(click.value, 80)}…")
    report = await reindex_command.run(click.value, job, parts, user=click.user)
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
    sources = await _sources(user, parts, admin=admin)
    unanswered: Sequence[Exchange] = await parts.kb.unanswered() if admin else ()
    reindexable = parts.settings.team.sources.keys()
    view = blocks.home(
        sources,
        admin=admin,
        reindexable=reindexable,
        unanswered=unanswered,
        disliked=await parts.kb.disliked() if admin else (),
        notice=notice,
        buttons=buttons,
    )
    queue, consent = await reviews.home_parts(user, parts, reviewed=reviewed, chosen=chosen)
    view["blocks"] = blocks.fitting(view["blocks"], first=queue, last=consent)
    await optional(parts.slack.views_publish(user_id=user, view=view), within=10)


async def _sources(user: str, parts: Parts, *, admin: bool) -> list[SourceStatus]:
    """Return the sources that a person may know of."""
    sources = await parts.kb.sources()
    parts.metrics.sources(sources)
    scope = Scope(user=user, usergroups=await parts.directory.groups_of(user))
    return [source for source in sources if admin or scope.admits(source.audience)]
