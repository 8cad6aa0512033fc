"""A question from Slack to its one visible outcome, whatever the surface."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot import blocks, noticing, payloads
from bot.inbox import BusyError, Job
from bot.outbox import Reply
from bot.parts import Parts
from knowledge import Answer, Question

logger = logging.getLogger(__name__)

GRACE_SECONDS = 10.0
"""On top of the answer's own deadline, for a knowledge base that does not keep it."""


def unanswerable(text: str) -> str | None:
    """Return the sentence to say to what is no question that documents could answer; None for all else."""
    if not text or payloads.is_small_talk(text):
        return blocks.HOW_TO_ASK
    if len(text) > payloads.LONGEST_QUESTION:
        return blocks.TOO_LONG
    return None if payloads.has_words(text) else blocks.NO_WORDS


async def answer(
    text: str, question: Callable[[], Awaitable[Question]], *, reply: Reply, job: Job, parts: Parts
) -> None:
    """Answer, decline, fail or say why not; in each case something is seen."""
    refusal = unanswerable(text)
    if refusal is not None:
        await reply.say(refusal)
        return
    await reply.begin()
    try:
        given = await _ask(question, reply=reply, job=job, parts=parts)
    except BusyError:
        parts.metrics.answers.labels("busy").inc()
        await reply.say(blocks.BUSY)
    except asyncio.CancelledError:
        if not job.stopped or job.task is None:
            raise
        job.task.uncancel()
        await reply.say(blocks.STOPPED)
    except Exception:
        logger.exception("answer.failed")
        parts.metrics.answers.labels("failed").inc()
        await reply.say(blocks.failure(job.trace))
    else:
        await reply.show(given)
        parts.metrics.answer(given, job.age)
        await noticing.answered(given.id, parts)
        logger.info("answer.shown", extra={"answer_id": given.id, "outcome": given.outcome.value, "seconds": job.age})


async def _ask(question: Callable[[], Awaitable[Question]], *, reply: Reply, job: Job, parts: Parts) -> Answer:
    async with parts.workers.slot(job), asyncio.timeout(parts.settings.answer_deadline + GRACE_SECONDS):
        return await parts.kb.ask(await question(), on_sentence=reply.sentence, on_status=reply.status)
