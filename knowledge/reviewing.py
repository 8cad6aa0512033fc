"""Reviewing: what waits for a reviewer, as far as they may see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from knowledge.labels import LabelledExchange, Remark
from knowledge.store import Records, ReviewQueue
from knowledge.store.waiting import Waiting, Why
from knowledge.types import Scope

REVIEWED = timedelta(days=90)
"""Older answers say little about the documents of today."""


@dataclass(frozen=True, slots=True)
class QueueItem:
    """Something that waits for a verdict, with all that helps to give one."""

    record: LabelledExchange
    why: Why
    remark: Remark | None = None
    """The correction to judge; None when it is the answer itself."""

    @property
    def answer_id(self) -> str:
        """The answer that is judged, or whose correction is."""
        return self.record.exchange.answer.id


async def queue(
    reviewer: str,
    *,
    scope: Scope,
    limit: int,
    waiting: ReviewQueue,
    records: Records,
    may_see: Callable[[str, Scope], Awaitable[bool]],
) -> list[QueueItem]:
    """Return the next items for a reviewer.

    What was asked in a direct message, or by or among people who opted out, is shown to nobody; nor is an answer that
    rests on what the reviewer may not see.
    """
    found: list[QueueItem] = []
    for each in await waiting.waiting(reviewer, since=datetime.now(UTC) - REVIEWED):
        if len(found) == limit:
            break
        record = await records.get(each.answer_id)
        if record.withheld is None and await may_see(each.answer_id, scope):
            found.append(_item(record, each))
    return found


def _item(record: LabelledExchange, waiting: Waiting) -> QueueItem:
    remark = next((remark for remark in record.remarks if remark.id == waiting.remark_id), None)
    return QueueItem(record, waiting.why, remark)
