"""Exporting: feedback → weighed exchanges → rows of each kind → a folder that trainers load."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from knowledge.datasets.building import build
from knowledge.datasets.card import model_words
from knowledge.datasets.curating import Curated, Wishes, curate, renamed
from knowledge.datasets.grouping import kin
from knowledge.datasets.ordering import ExportOrder, ExportReport
from knowledge.datasets.packing import Facts, Folder, pack, snapshot_id
from knowledge.datasets.recipes.shapes import TARGETS
from knowledge.datasets.redacting import KnownPeople, NoRedactor, Redactor, Remembering
from knowledge.datasets.rows import GENERATOR_KINDS, Kind
from knowledge.datasets.splits import assign
from knowledge.datasets.weighing import Weighed, weigh
from knowledge.errors import UsageError
from knowledge.labels import LabelledExchange, Withheld
from knowledge.store import Corpus, ReviewBook, Snapshots
from knowledge.types import PUBLIC
from knowledge.understanding import ASSISTANT

NO_FEEDBACK = "no feedback"
RESTRICTED = "it draws on sources that not everybody may see (see --include-restricted)"
WITHHELD = {
    Withheld.DIRECT_MESSAGE: "it was asked in a direct message",
    Withheld.PERSON_OPTED_OUT: "a person opted out",
    Withheld.CHANNEL_OPTED_OUT: "the channel opted out",
    Withheld.ERASED: "somebody's words were erased from it",
}


class Records(Protocol):
    """Who goes through the exchanges with their labels."""

    def iterate(self, *, labelled_only: bool = ...) -> AsyncIterator[LabelledExchange]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What exporting works with."""

    records: Records
    corpus: Corpus
    snapshots: Snapshots
    reviews: ReviewBook
    redactor: Redactor


async def export(directory: Path, order: ExportOrder, *, desk: Desk) -> ExportReport:
    """Write a dataset into a new or empty folder, and remember it. Raises UsageError.

    Without a single row nothing is written.
    """
    await asyncio.to_thread(_require_empty, directory)
    unknown = [name for name in order.targets if name not in TARGETS]
    if unknown:
        raise UsageError(f"--for {unknown[0]} is not one of: {', '.join(TARGETS)}.")
    gathered = await _gather(order, desk)
    # Comparing and redacting takes processor time: other work of this process goes on.
    sets, facts = await _curated(gathered, order, desk)
    if not any(one.rows for one in sets):
        return _report(directory, sets, facts, None)
    facts = replace(facts, parent=await desk.snapshots.parent_of(snapshot_id(sets, facts)))
    targets = [target for name in order.targets for target in TARGETS[name]]
    folder = await asyncio.to_thread(pack, sets, facts, targets)
    await asyncio.to_thread(_write, directory, folder.files)
    await desk.snapshots.put(folder.id, manifest=folder.manifest, answers=folder.answers)
    return _report(directory, sets, facts, folder)


@dataclass(slots=True)
class _Gathered:
    """What the database holds for datasets."""

    weighed: list[Weighed] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    people: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)

    def meet(self, record: LabelledExchange) -> None:
        """Note whom the exchange names, also when it is not exported."""
        question = record.exchange.question
        speakers = {turn.speaker for turn in question.history} - {ASSISTANT}
        self.people.update(filter(None, (question.asker, *speakers, *record.people())))
        self.channels.update(filter(None, (question.channel,)))


async def _gather(order: ExportOrder, desk: Desk) -> _Gathered:
    """Read what was said, and leave out what may not be part of a dataset."""
    usable = await desk.corpus.usable_sources(PUBLIC)
    gathered = _Gathered()
    async for record in desk.records.iterate(labelled_only=True):
        gathered.meet(record)
        allowed = record.for_dataset()
        if not (record.votes or record.remarks or record.reviews):
            continue
        gathered.seen["labelled"] += 1
        if record.withheld is not None or allowed is None:
            gathered.seen[WITHHELD[record.withheld or Withheld.ERASED]] += 1
        elif not order.include_restricted and _is_restricted(allowed, usable):
            gathered.seen[RESTRICTED] += 1
        elif not (allowed.votes or allowed.remarks or allowed.reviews):
            gathered.seen["everybody who said something of it has opted out"] += 1
        else:
            gathered.weighed.append(await _with_sources(weigh(allowed), desk.corpus, usable))
    return gathered


def _is_restricted(record: LabelledExchange, usable: Sequence[str]) -> bool:
    exchange = record.exchange
    chunks = [passage.chunk for passage in exchange.passages] + [cited.chunk for cited in exchange.answer.citations]
    return any(chunk.source not in usable for chunk in chunks)


async def _with_sources(weighed: Weighed, corpus: Corpus, usable: Sequence[str]) -> Weighed:
    """Look up the documents that people named for what they wrote instead."""
    better = [
        replace(each, named=tuple(await corpus.chunks_of_documents(each.sources, in_sources=usable)))
        if each.sources
        else each
        for each in weighed.better
    ]
    return replace(weighed, better=tuple(better))


async def _curated(gathered: _Gathered, order: ExportOrder, desk: Desk) -> tuple[list[Curated], Facts]:
    weighed = gathered.weighed
    related = await asyncio.to_thread(kin, [one.record for one in weighed])
    assigned = assign(related.groups, await desk.snapshots.assignments())
    redactors: list[Redactor] = [Remembering(desk.redactor)]
    if not isinstance(desk.redactor, NoRedactor):
        redactors.append(KnownPeople(gathered.people, gathered.channels))
    wishes = Wishes(order.include_model_answers, order.reviewed, order.grounded)
    sets = [
        await asyncio.to_thread(
            curate,
            kind,
            build(kind, weighed),
            wishes=wishes,
            kin=related,
            assigned=assigned,
            redactors=redactors,
        )
        for kind in Kind
        if kind in order.kinds
    ]
    people = {person for one in sets for each in one.rows for person in each.row.people}
    names = await desk.reviews.pseudonyms(people) if people else {}
    sets = [replace(one, rows=tuple(renamed(each, names) for each in one.rows)) for one in sets]
    if any(one.rows for one in sets):
        await desk.snapshots.remember(assigned)
    return sets, _facts(gathered, order, desk)


def _facts(gathered: _Gathered, order: ExportOrder, desk: Desk) -> Facts:
    times = sorted(one.exchange.asked_at.astimezone(UTC) for one in gathered.weighed)
    embedders = {one.exchange.embedding.embedder for one in gathered.weighed if one.exchange.embedding}
    return Facts(
        filters=order.filters(),
        seen=dict(gathered.seen),
        time_range=(_moment(times[0]), _moment(times[-1])) if times else None,
        redactor=desk.redactor.name,
        embedders=tuple(sorted(embedders)),
    )


def _moment(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


# --- The folder ------------------------------------------------------------------------------------------------------


def _require_empty(directory: Path) -> None:
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise UsageError(f"{directory} must be a new or an empty folder: an export is never written over another.")
    except OSError as exc:
        raise UsageError(f"{directory} cannot be used: {exc.strerror}.") from exc


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write aside first and move then, the manifest last: half an export is never taken for a whole one."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".unfinished-") as beside:
            for path, content in files.items():
                place = Path(beside, path)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            for each in sorted(Path(beside).iterdir(), key=lambda path: path.name == "manifest.json"):
                each.rename(directory / each.name)
    except OSError as exc:
        raise UsageError(f"{directory} cannot be written: {exc.strerror}.") from exc


# --- What is said of it ----------------------------------------------------------------------------------------------


def _report(directory: Path, sets: Sequence[Curated], facts: Facts, folder: Folder | None) -> ExportReport:
    about = {one.kind.value: one for one in sets}
    kinds = folder.manifest["kinds"] if folder else {}
    exchanges = {reason: count for reason, count in facts.seen.items() if reason != "labelled"}
    return ExportReport(
        directory=str(directory),
        snapshot=folder.id if folder else None,
        rows=sum(len(one.rows) for one in sets),
        splits={kind: kinds[kind]["splits"] if kind in kinds else {} for kind in about},
        reasons={kind: _why_empty(one, facts) for kind, one in about.items() if not one.rows},
        left_out={"exchanges": exchanges, **{kind: one.left for kind, one in about.items()}},
        files=tuple(folder.files) if folder else (),
        notes=(*_notes(sets, facts), *(folder.until if folder else ()), *(folder.findings if folder else ())),
        kto=kinds.get(Kind.KTO.value, {}).get("kto", {}),
    )


def _why_empty(one: Curated, facts: Facts) -> str:
    if not facts.seen.get("labelled"):
        return NO_FEEDBACK
    told = {reason: count for reason, count in facts.seen.items() if reason != "labelled"} if not one.left else one.left
    ranked = sorted(told.items(), key=lambda each: (-each[1], each[0]))
    return "; ".join(f"{count} × {reason}" for reason, count in ranked[:3]) or "nothing that was said is of use for it"  # noqa: RUF001


def _notes(sets: Sequence[Curated], facts: Facts) -> Iterable[str]:
    written = any("a model wrote it" in reason for one in sets for reason in one.left)
    if written or (facts.filters["include_model_answers"] and any(one.kind in GENERATOR_KINDS for one in sets)):
        yield model_words()
    yield from (f"{one.kind}: {one.note}" for one in sets if one.note)
