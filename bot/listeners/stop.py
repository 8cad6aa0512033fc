"""Stop: somebody does not want the answer that is being written."""

from __future__ import annotations

from bot import payloads
from bot.inbox import Job
from bot.parts import Parts
from bot.payloads import Body
from bot.slack_client import optional


async def stop(body: Body, job: Job, parts: Parts) -> None:  # noqa: ARG001 - the form of every listener
    """End the work on a thread and say so to Slack, which waits for that."""
    asked = payloads.stopped(body)
    for other in parts.inbox.jobs():
        if other.place == (asked.channel, asked.thread_ts):
            other.stop()
    call = parts.slack.agents_sessions_setStatus(channel_id=asked.channel, thread_ts=asked.thread_ts, status="active")
    await optional(call)
