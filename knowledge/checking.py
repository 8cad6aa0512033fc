"""Trying the parts for real: a wrong configuration stops the start, a service that is away is named and waited for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np

from knowledge.adapters.folder_source import FolderSource
from knowledge.adapters.langchain_source import loaded_source
from knowledge.errors import ConfigurationError, FootnoteError
from knowledge.ports import Checkable, Embedder, Index, IndexQuery
from knowledge.settings import Settings, SourceSettings
from knowledge.store import Corpus
from knowledge.types import Finding

log = logging.getLogger(__name__)

START_SECONDS = 5.0
"""For a service to say at the start whether it fits; a slower one is taken for one that is away."""
READY_SECONDS = 2.5
"""For each part when somebody asks whether we are ready; who asks waits little longer than that."""
EXAMINED_SECONDS = 20.0
SILENT = "It does not answer."
BROKEN = "It does not work; the log has the cause."


async def refuse_misfits(parts: Mapping[str, object]) -> None:
    """Ask the services whether what is configured fits. Raises ConfigurationError; what is away is left for later.

    Every service is heard to its end: whoever gives up closes the connections next.
    """
    asked = (_refuse_misfit(name, part) for name, part in parts.items() if isinstance(part, Checkable))
    for said in await asyncio.gather(*asked, return_exceptions=True):
        if said is not None:
            raise said


async def _refuse_misfit(name: str, part: Checkable) -> None:
    try:
        async with asyncio.timeout(START_SECONDS):
            await part.check()
    except ConfigurationError:
        raise
    except (FootnoteError, TimeoutError) as exc:
        log.warning("part.away", extra={"part": name, "cause": repr(exc)})


async def readiness(corpus: Corpus, embedder: Embedder, index: Index) -> dict[str, str]:
    """Try what every answer needs: its name and `ok`, or one sentence about what is wrong."""
    probes: dict[str, Callable[[], Awaitable[object]]] = {
        "database": corpus.counts,
        "embedder": lambda: embedder.embed_query("ready"),
        "index": lambda: index.search(_any_query(embedder.dimensions)),
    }
    said = await asyncio.gather(*(_probe(name, probe) for name, probe in probes.items()))
    return dict(zip(probes, said, strict=True))


def _any_query(dimensions: int) -> IndexQuery:
    vector = np.full(dimensions, dimensions**-0.5, dtype=np.float32)
    return IndexQuery(text="ready", vector=vector, k=1)


async def _probe(name: str, probe: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await probe()
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with the part is what we want to know
        log.warning("part.not_ready", extra={"part": name, "cause": repr(exc)})
        return _sentence(exc)
    return "ok"


async def examine(parts: Mapping[str, object], ready: Mapping[str, str]) -> list[Finding]:
    """Try each part as thoroughly as it can be tried; what is broken becomes a finding, never an exception.

    `ready` is what `readiness` said: a part may fit and yet not work.
    """
    found = await asyncio.gather(*(_examined(name, part) for name, part in parts.items()))
    return [
        Finding(finding.part, ok=False, says=ready[finding.part])
        if finding.ok and ready.get(finding.part, "ok") != "ok"
        else finding
        for finding in found
    ]


async def _examined(name: str, part: object) -> Finding:
    if not isinstance(part, Checkable):
        return Finding(name, ok=True, says=str(getattr(part, "name", type(part).__name__)))
    try:
        async with asyncio.timeout(EXAMINED_SECONDS):
            return Finding(name, ok=True, says=await part.check())
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the finding
        log.warning("part.failed_its_check", extra={"part": name, "cause": repr(exc)})
        return Finding(name, ok=False, says=_sentence(exc))


async def examine_sources(settings: Settings) -> list[Finding]:
    """Walk every source of `footnote.toml` as a reindex would."""
    sources = settings.team.sources.items()
    return [
        await (_examined_loader(name, source) if source.path is None else _examined_source(name, source.path))
        for name, source in sources
    ]


async def _examined_loader(name: str, source: SourceSettings) -> Finding:
    """Make the loader; what it reads is asked for in a reindex only."""
    loaded = loaded_source(name, source)
    try:
        if loaded is not None:
            await loaded.check()
    except FootnoteError as exc:
        return Finding(f"source {name}", ok=False, says=str(exc))
    return Finding(f"source {name}", ok=True, says=f"{source.loader} can be made; nothing was loaded")


async def _examined_source(name: str, path: Path) -> Finding:
    part = f"source {name}"
    try:
        listing = await FolderSource(name, path).list()
    except FootnoteError as exc:
        return Finding(part, ok=False, says=f"{exc} Look at `path` in footnote.toml.")
    if listing.unseen:
        closed = f"{path}/{listing.unseen[0]}" if listing.unseen[0] else str(path)
        more = f" and {len(listing.unseen) - 1} more" if len(listing.unseen) > 1 else ""
        return Finding(part, ok=False, says=f"{closed}{more} may not be read: give this user the right to")
    if not listing.files:
        return Finding(part, ok=False, says=f"{path} is empty: put documents there, or name another folder")
    return Finding(part, ok=True, says=f"{len(listing.files)} files in {path}")


def _sentence(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return SILENT
    return str(error) if isinstance(error, FootnoteError) else BROKEN
