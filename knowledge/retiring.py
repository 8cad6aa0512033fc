"""Retiring: what was indexed of a source that nobody uses any more is taken out of the database and the indexes.

A source that `footnote.toml` no longer names is used for no answer from that moment on. What was indexed of it stays
for a while, so that a slip of the pen costs nothing; what answers have shown or cited stays with those answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from knowledge.errors import FootnoteError
from knowledge.indexing import BATCH_FILES, Desk, clean_up, slices, tidy
from knowledge.store import Corpus
from knowledge.store.corpus import SourceRecord

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
"""How long what was indexed of a source stays after `footnote.toml` has ceased to name it."""
LOOK_SECONDS = 3600.0

Clear = Callable[[SourceRecord], Awaitable[int]]


async def clear(desk: Desk) -> int:
    """Remove all that was indexed of the desk's source, unless it is used again; count its documents."""
    name = desk.record.name
    if any(record.name == name and record.active for record in await desk.corpus.source_records()):
        return 0
    await tidy(desk)
    documents = await desk.corpus.manifest(name)
    for batch in slices(documents, BATCH_FILES):
        dead = await desk.corpus.retire(name, desk.token, [document.id for document in batch])
        await clean_up(desk, dead)
    log.info("source.cleared", extra={"source": name, "documents": len(documents)})
    return sum(document.live for document in documents)


async def clear_outlived(corpus: Corpus, clear_source: Clear, *, kept: timedelta = KEPT) -> None:
    """Clear every source that has been out of use for so long."""
    for record in await corpus.retired_sources(before=datetime.now(UTC) - kept):
        await clear_source(record)


async def clear_forever(corpus: Corpus, clear_source: Clear) -> None:
    """Do so now and then, until cancelled."""
    while True:
        try:
            await clear_outlived(corpus, clear_source)
        except FootnoteError:
            log.warning("source.not_cleared", exc_info=True)
        await asyncio.sleep(LOOK_SECONDS)
