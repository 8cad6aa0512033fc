"""The weekly report: a delivery of our own making, kept by one of many processes and finished like any other."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

from bot import gap_blocks
from bot.inbox import Job
from bot.outbox import Place
from bot.parts import Parts
from bot.payloads import Body
from bot.slack_client import SLACK_ERRORS, error_code
from knowledge import Delivery, FootnoteError, Scope

logger = logging.getLogger(__name__)

KIND = "weekly_report"
HOUR = 8
"""Of Monday, in UTC."""
OPEN_FOR = timedelta(hours=36)
"""So long after that it is still made up for. Shorter than a delivery is remembered, or it would be made again."""
LOOK_SECONDS = 600.0


def due(now: datetime) -> str | None:
    """Name the week whose report is due; None outside of Monday and Tuesday."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=HOUR, minute=0, second=0, microsecond=0)
    year, week, _ = now.isocalendar()
    return f"{year}-W{week:02}" if timedelta() <= now - monday < OPEN_FOR else None


async def keep_watch(parts: Parts) -> None:
    """Begin the report when it is due, until cancelled; while there is no channel for it, there is none."""
    while True:
        try:
            if parts.team.report.channel is not None:
                await begin(parts, now=datetime.now(UTC))
        except (FootnoteError, TimeoutError):
            logger.warning("weekly_report.not_begun")
        await asyncio.sleep(LOOK_SECONDS)


async def begin(parts: Parts, *, now: datetime) -> bool:
    """Keep this week's report as a delivery; True in the one process that was first."""
    week = due(now)
    if week is None:
        return False
    body: Body = {"type": KIND, "week": week}
    delivery = Delivery(key=f"report:{week}", kind=KIND, body=json.dumps(body).encode())
    if not await parts.inbox.record(delivery):
        return False
    parts.inbox.start(delivery, body, lambda given, job: post(given, job, parts))
    return True


async def post(body: Body, job: Job, parts: Parts) -> None:
    """Post the report of a week in its channel, once."""
    channel = parts.team.report.channel
    if channel is None:
        return
    claim = await job.claim(job.delivery.key)
    if claim is None:
        return
    report = await parts.kb.teaching.gap_report(days=7)
    if not report.questions:
        return
    sources = await parts.kb.visible_sources(Scope(channel=channel))
    public = [asked for asked in gap_blocks.channels_of(report) if await parts.directory.is_public(asked)]
    message = gap_blocks.weekly(report, key=job.delivery.key, sources=sources, public=public)
    try:
        await parts.outbox.post(Place(channel), message, claim)
    except SLACK_ERRORS as exc:
        logger.error("weekly_report.not_posted", extra={"error": error_code(exc)})  # noqa: TRY400 - the code says it all
    else:
        logger.info("weekly_report.posted", extra={"week": body["week"]})
