"""`/reindex`: brings a source up to date and reports; for admins."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from bot import blocks, mrkdwn, payloads
from bot.blocks import Outgoing
from bot.inbox import Job
from bot.parts import Parts
from bot.payloads import Body, Command
from knowledge import FootnoteError, Progress, Scope

logger = logging.getLogger(__name__)

_MOST_UPDATES = 3
"""A `response_url` is good for five posts; the report needs one, and one is kept for a repair."""
_FIRST_UPDATE_SECONDS = 5.0
_RESPONSE_URL_SECONDS = 29 * 60.0


def acknowledgement(body: Body) -> dict[str, Any]:
    """Say at once that we look into it."""
    name = payloads.command(body).text
    said = f"Reindexing {mrkdwn.label(name, 80)}…" if name else "Looking up the sources…"
    return {"response_type": "ephemeral", **Outgoing(said).arguments()}


async def reindex(body: Body, job: Job, parts: Parts) -> None:
    """List the sources, or reindex one and report in the same message."""
    command = payloads.command(body)
    if await job.claim(job.delivery.key) is None:
        return
    said = await _outcome(command, job, parts)
    message = Outgoing(said)
    if job.age > _RESPONSE_URL_SECONDS or not await parts.outbox.respond(command.response_url, message):
        await parts.outbox.tell_directly(command.user, message)


async def _outcome(command: Command, job: Job, parts: Parts) -> str:
    admin = await parts.directory.is_admin(command.user)
    if not command.text:
        groups = await parts.directory.groups_of(command.user)
        scope = Scope(user=command.user, channel=command.channel, usergroups=groups)
        sources = [source for source in await parts.kb.sources() if admin or scope.admits(source.audience)]
        return blocks.source_list(sources)
    if not admin:
        deny(command.user, parts)
        return blocks.NOT_ADMIN
    return await run(command.text, job, parts, Updates(command, parts))


def deny(user: str, parts: Parts) -> None:
    """Log that somebody tried to reindex who may not."""
    parts.metrics.blocks.labels("reindex").inc()
    logger.warning("reindex.denied", extra={"user": user})


async def run(source: str, job: Job, parts: Parts, updates: Updates | None = None) -> str:
    """Reindex; return the report or why there is none."""
    try:
        report = await parts.kb.request_reindex(source, key=job.delivery.key, on_progress=updates)
    except FootnoteError as exc:
        return f"{mrkdwn.label(source, 80)} was not reindexed: {mrkdwn.mrkdwn(str(exc))}"
    except Exception:
        logger.exception("reindex.failed")
        return blocks.failure(job.trace)
    logger.info("reindex.done", extra={"source": report.source, "summary": report.summary()})
    return blocks.reindex_report(report)


class Updates:
    """Shows progress in the command's own message, a few times only, further and further apart."""

    def __init__(self, command: Command, parts: Parts) -> None:
        self._command = command
        self._parts = parts
        self._left = _MOST_UPDATES
        self._pause = _FIRST_UPDATE_SECONDS
        self._next = time.monotonic() + self._pause
        self._sending: asyncio.Task[bool] | None = None

    async def __call__(self, progress: Progress) -> None:
        if not self._left or time.monotonic() < self._next:
            return
        self._left -= 1
        self._pause *= 6
        self._next = time.monotonic() + self._pause
        said = f"Reindexing {mrkdwn.label(progress.source, 80)}: {progress.files_done} of {progress.files_total} files."
        await self._parts.outbox.respond(self._command.response_url, Outgoing(said))
