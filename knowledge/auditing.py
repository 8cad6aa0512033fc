"""Auditing: an index against the database, which says exactly what it should hold, and putting it right.

While it is compared and put right, its sources are held as a run holds them, so nothing changes meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from secrets import SystemRandom

import numpy as np

from knowledge.indexing import BATCH_FILES, Backend, Desk, bring_over, desk_without_files, slices, tidy
from knowledge.leases import LEASE_SECONDS, held
from knowledge.ports import Fetchable, Listable, Splitter
from knowledge.store.corpus import Corpus, SourceRecord
from knowledge.types import AuditReport, IndexAudit, Vectors

SAMPLE = 1000
"""Vectors of an index that are compared with the database's."""
FETCH_AT_ONCE = 500
NEAR = 1e-3
"""How far a number of a vector may be from what was sent: services round them."""


@dataclass(slots=True)
class _Findings:
    """What one index has too little, too much or otherwise."""

    listed: bool = False
    missing: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    sampled: int = 0


async def audit(
    records: Sequence[SourceRecord],
    *,
    source: str,
    corpus: Corpus,
    backends: Sequence[Backend],
    splitter: Splitter,
    owner: str,
    lease: float = LEASE_SECONDS,
) -> AuditReport:
    """Compare what the indexes hold of these sources with the database, and make them agree.

    `source` names the one that was asked for; empty means that `records` are all there are, so that what belongs to
    none of them is removed as well. Waits while a run holds one of them. Raises ServiceError, LostLeaseError.
    """
    started = time.monotonic()
    async with AsyncExitStack() as stack:
        desks = []
        for record in sorted(records, key=lambda each: each.name):  # in order: two audits do not wait for each other
            token = await stack.enter_async_context(held(corpus, record.name, owner, lease))
            desks.append(desk_without_files(record, token, corpus, backends, splitter))
        for desk in desks:
            await tidy(desk)
        audits = [await _audit_index(backend, desks, whole=not source) for backend in backends]
    return AuditReport(source, tuple(audits), round(time.monotonic() - started, 3))


async def _audit_index(backend: Backend, desks: Sequence[Desk], *, whole: bool) -> IndexAudit:
    live = {desk.record.name: await desk.corpus.live_documents(desk.record.name) for desk in desks}
    expected = {chunk_id for chunks in live.values() for chunk_id in chunks}
    found = await _compare(backend, desks, expected, whole=whole)
    for desk in desks:
        await _bring_back(desk, backend, found.missing | found.wrong, live[desk.record.name])
    for ids in slices(sorted(found.unknown), FETCH_AT_ONCE):
        await backend.index.delete(ids)
    return IndexAudit(
        index=getattr(backend.index, "name", "") or type(backend.index).__name__,
        embedder=backend.embedder.name,
        chunks=len(expected),
        missing=len(found.missing),
        unknown=len(found.unknown),
        wrong=len(found.wrong),
        sampled=found.sampled,
        listed=found.listed,
    )


async def _compare(backend: Backend, desks: Sequence[Desk], expected: Collection[str], *, whole: bool) -> _Findings:
    found = _Findings()
    index = backend.index
    if isinstance(index, Listable):
        holds = {chunk_id async for ids in index.ids() for chunk_id in ids}
        found.listed = True
        found.missing = set(expected) - holds
        found.unknown = await _unknown(holds - set(expected), desks, whole=whole)
    if isinstance(index, Fetchable):
        asked = _sample(set(expected) - found.missing) if found.listed else sorted(expected)
        holds_vectors = await _fetched(index, asked)
        found.missing |= set(asked) - holds_vectors.keys()
        await _compare_vectors(backend, desks[0].corpus if desks else None, holds_vectors, found)
    return found


async def _unknown(extra: Collection[str], desks: Sequence[Desk], *, whole: bool) -> set[str]:
    """Return those of the chunks in an index, none of them live here, that should not be there."""
    if not desks:
        return set(extra) if whole else set()
    ours = {desk.record.name for desk in desks}
    owners = await desks[0].corpus.sources_of_chunks(sorted(extra))
    return {chunk_id for chunk_id in extra if (owners[chunk_id] in ours if chunk_id in owners else whole)}


def _sample(ids: Collection[str]) -> list[str]:
    ordered = sorted(ids)
    return ordered if len(ordered) <= SAMPLE else SystemRandom().sample(ordered, SAMPLE)


async def _fetched(index: Fetchable, ids: Sequence[str]) -> dict[str, Vectors | None]:
    found: dict[str, Vectors | None] = {}
    for some in slices(ids, FETCH_AT_ONCE):
        found.update(await index.fetch(some))
    return found


async def _compare_vectors(
    backend: Backend, corpus: Corpus | None, holds: Mapping[str, Vectors | None], found: _Findings
) -> None:
    """Sort out vectors that are not the database's; a vector of zeros is none that an index could keep."""
    told = {chunk_id: vector for chunk_id, vector in holds.items() if vector is not None}
    if corpus is None or not told:
        return
    true = await corpus.chunk_vectors(backend.embedder.name, _sample(told.keys()))
    for chunk_id, stored in true.items():
        vector = np.frombuffer(stored, dtype="<f4")
        if vector.any():
            found.sampled += 1
            if not _same(vector, told[chunk_id]):
                found.wrong.add(chunk_id)


def _same(true: Vectors, told: Vectors) -> bool:
    return true.shape == np.shape(told) and bool(np.allclose(true, told, atol=NEAR))


async def _bring_back(desk: Desk, backend: Backend, chunk_ids: Collection[str], live: Mapping[str, str]) -> None:
    """Tell the index again of the documents of these chunks, and of those it was never told of."""
    documents = {live[chunk_id] for chunk_id in chunk_ids if chunk_id in live}
    await desk.corpus.forget_brought(desk.record.name, desk.token, sorted(documents), generation=backend.generation)
    lacking = await desk.corpus.lacking(backend.generation, desk.record.name)
    alone = replace(desk, backends=(backend,))
    async for _ in bring_over(alone, _batches(lacking)):
        pass


async def _batches(ids: Iterable[str]) -> AsyncGenerator[Sequence[str]]:
    for some in slices(list(ids), BATCH_FILES):
        yield some
