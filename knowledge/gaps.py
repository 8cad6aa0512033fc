"""The gap report: what people could not get answered or did not like, why, and whose documents that concerns (pure)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from knowledge.labels import LabelledExchange, SignalKind
from knowledge.learning import similar_from
from knowledge.types import Answer, Outcome, Reason, Surface, Vectors, Vote

Z95 = 1.96
MOST_QUOTED = 3
"""Questions that stand for a cluster."""


class GapKind(StrEnum):
    """Why people did not get what they needed; each is mended by somebody else."""

    NO_DOCUMENT = "no document"
    """Nothing says it: somebody has to write it down."""
    NOT_FOUND = "not found"
    """A document says it and was not found: a title, a heading or the search is to be mended."""
    OUTDATED = "outdated"
    """The document says what was true once: its owner has to update it."""
    MISREAD = "misread"
    """The right document was there and the answer got it wrong."""
    BADLY_WRITTEN = "badly written"
    """The answer was right and hard to use."""
    UNEXPLAINED = "no reason given"
    """People voted it down, or asked a human after it, and did not say why."""


_OPEN = frozenset({Surface.CHANNEL})
_KINDS: Mapping[Reason, GapKind] = {
    Reason.OUTDATED_SOURCE: GapKind.OUTDATED,
    Reason.WRONG_DOCUMENT: GapKind.NOT_FOUND,
    Reason.MISSED_EXISTING_DOCUMENT: GapKind.NOT_FOUND,
    Reason.REFUSED_BUT_ANSWER_EXISTS: GapKind.NOT_FOUND,
    Reason.SHOULD_HAVE_SAID_DONT_KNOW: GapKind.NO_DOCUMENT,
    Reason.MISREAD_QUESTION: GapKind.MISREAD,
    Reason.WRONG_FACT: GapKind.MISREAD,
    Reason.NOT_IN_SOURCES: GapKind.MISREAD,
    Reason.INCOMPLETE: GapKind.MISREAD,
    Reason.TOO_LONG_OR_STYLE: GapKind.BADLY_WRITTEN,
}


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with its 95 % Wilson interval, which stays honest for small numbers."""

    hits: int
    of: int
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ConcernedDocument:
    """A document behind a gap, and who looks after it."""

    path: str
    source: str
    owner: str
    times: int


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A question as somebody asked it."""

    text: str
    channel: str
    """Where everybody there could read it; empty where only the asker could."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Questions alike that were not answered, or not well."""

    kind: GapKind
    times: int
    people: int
    questions: tuple[AskedQuestion, ...]
    """A few of them; none from direct messages or from people who opted out."""
    documents: tuple[ConcernedDocument, ...]
    latest: datetime
    named: tuple[ConcernedDocument, ...] = ()
    """Documents that people say answer it."""


@dataclass(frozen=True, slots=True)
class Day:
    """How the questions of one day ended."""

    day: str
    answered: int
    declined: int
    disliked: int


@dataclass(frozen=True, slots=True)
class GapReport:
    """Everything that a report shows."""

    since: datetime
    until: datetime
    questions: int
    people: int
    rates: Mapping[str, Rate]
    days: tuple[Day, ...]
    kinds: Mapping[str, int]
    gaps: tuple[Gap, ...]
    """The largest first."""
    smaller: int
    """How many more there are."""
    documents: tuple[ConcernedDocument, ...]
    """Those that draw most 👎."""

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = asdict(self)
        data["since"], data["until"] = self.since.isoformat(), self.until.isoformat()
        for gap in data["gaps"]:
            gap["latest"] = gap["latest"].isoformat()
        return data


def wilson(hits: int, of: int) -> Rate:
    """Return a share with its Wilson score interval (Wilson, 1927)."""
    if of == 0:
        return Rate(0, 0, 0.0, 0.0, 1.0)
    share, square = hits / of, Z95**2
    middle = (share + square / (2 * of)) / (1 + square / of)
    spread = Z95 * math.sqrt(share * (1 - share) / of + square / (4 * of**2)) / (1 + square / of)
    return Rate(hits, of, round(share, 4), round(max(middle - spread, 0.0), 4), round(min(middle + spread, 1.0), 4))


def report(
    records: Sequence[LabelledExchange],
    *,
    since: datetime,
    until: datetime,
    owners: Mapping[str, str],
    called: Mapping[str, Sequence[tuple[str, str]]] = MappingProxyType({}),
    most: int = 20,
) -> GapReport:
    """Make the report of a stretch of time.

    `owners` names who looks after each source, `called` what documents people mean by a name, as (path, source).
    """
    kinds = {place: kind for place, record in enumerate(records) if (kind := _kind(record)) is not None}
    likeness = _Likeness(records)
    kinds |= _found_later(records, kinds, likeness)
    found = [[(records[place], kinds[place]) for place in places] for places in _clusters(kinds, likeness)]
    gaps = [_gap(members, owners, called) for members in found]
    gaps.sort(key=lambda gap: (-gap.times, -gap.people, -gap.latest.timestamp()))
    return GapReport(
        since=since,
        until=until,
        questions=len(records),
        people=len({record.exchange.question.asker for record in records} - {None}),
        rates=rates(records),
        days=_days(records),
        kinds={kind.value: count for kind, count in Counter(kinds.values()).most_common()},
        gaps=tuple(gaps[:most]),
        smaller=len(gaps[most:]),
        documents=_documents([record for record in records if _disliked(record)], owners)[:most],
    )


def rates(records: Sequence[LabelledExchange]) -> dict[str, Rate]:
    """Return the shares that say how the bot does; votes that were asked for stand beside those that were not."""
    ended = [record for record in records if record.exchange.answer.outcome is not Outcome.FAILED]
    answered = [record for record in ended if record.exchange.answer.outcome is Outcome.ANSWERED]
    asked = {place: _asked_for_rating(record) for place, record in enumerate(records)}
    votes = [(vote, vote.person in asked[place]) for place, record in enumerate(records) for vote in record.votes]
    volunteered = [vote.vote is Vote.UP for vote, requested in votes if not requested]
    sampled = [vote.vote is Vote.UP for vote, requested in votes if requested]
    return {
        "answered": wilson(len(answered), len(ended)),
        "failed": wilson(len(records) - len(ended), len(records)),
        "liked, volunteered votes": wilson(sum(volunteered), len(volunteered)),
        "liked, sampled votes": wilson(sum(sampled), len(sampled)),
        "asked again": wilson(_with_signal(records, SignalKind.ASKED_AGAIN), len(records)),
        "went to a human": wilson(_with_signal(records, SignalKind.WENT_TO_HUMAN), len(records)),
    }


def _asked_for_rating(record: LabelledExchange) -> set[str]:
    return {signal.person for signal in record.signals if signal.kind is SignalKind.RATING_REQUESTED}


def _with_signal(records: Iterable[LabelledExchange], kind: SignalKind) -> int:
    return sum(any(signal.kind is kind for signal in record.signals) for record in records)


def _disliked(record: LabelledExchange) -> bool:
    return sum(1 if vote.vote is Vote.DOWN else -1 for vote in record.votes) > 0


def _kind(record: LabelledExchange) -> GapKind | None:
    reasons = Counter(_KINDS[reason] for remark in record.remarks for reason in remark.reasons if reason in _KINDS)
    names_document = any(remark.sources for remark in record.remarks)
    if record.exchange.answer.outcome is Outcome.DECLINED:
        exists = names_document or GapKind.NOT_FOUND in reasons
        return GapKind.NOT_FOUND if exists else GapKind.NO_DOCUMENT
    if not _disliked(record) and not _with_signal([record], SignalKind.WENT_TO_HUMAN):
        return None
    return reasons.most_common(1)[0][0] if reasons else GapKind.UNEXPLAINED


def _found_later(
    records: Sequence[LabelledExchange], kinds: Mapping[int, GapKind], likeness: _Likeness
) -> dict[int, GapKind]:
    """Find what was declined although a later answer to a like question cites a document and was not disliked."""
    answered = np.array(
        [
            place
            for place, record in enumerate(records)
            if record.exchange.answer.outcome is Outcome.ANSWERED and place not in kinds
        ],
        dtype=np.intp,
    )
    return {
        place: GapKind.NOT_FOUND
        for place, kind in kinds.items()
        if kind is GapKind.NO_DOCUMENT and likeness.with_any(place, answered[answered > place])
    }


def _clusters(kinds: Mapping[int, GapKind], likeness: _Likeness) -> list[list[int]]:
    """Put each gap to the first one that is like it, in the order in which they were asked."""
    clusters: dict[int, list[int]] = {}
    for place in sorted(kinds):
        like = likeness.first(place, np.fromiter(clusters, dtype=np.intp, count=len(clusters)))
        clusters.setdefault(place if like is None else like, []).append(place)
    return list(clusters.values())


class _Likeness:
    """Says which questions are alike: by their vectors where one embedder has made both, else by their words."""

    def __init__(self, records: Sequence[LabelledExchange]) -> None:
        embeddings = [record.exchange.embedding for record in records]
        kinds = list(dict.fromkeys((each.embedder, len(each.data)) for each in embeddings if each))
        self._words = np.array([" ".join(record.exchange.question.text.casefold().split()) for record in records])
        self._kinds = np.array([kinds.index((e.embedder, len(e.data))) if e else -1 for e in embeddings], dtype=np.intp)
        self._similar = [similar_from(embedder) for embedder, _ in kinds]
        self._rows = np.zeros(len(records), dtype=np.intp)
        self._vectors: list[Vectors] = []
        for number in range(len(kinds)):
            members = np.flatnonzero(self._kinds == number)
            self._rows[members] = np.arange(len(members))
            self._vectors.append(_unit(np.stack([e.vector for place in members if (e := embeddings[place])])))

    def _alike(self, place: int, others: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self._words[others] == self._words[place]
        kind = self._kinds[place]
        if kind >= 0:
            same = self._kinds[others] == kind
            vectors = self._vectors[kind]
            found[same] |= vectors[self._rows[others[same]]] @ vectors[self._rows[place]] >= self._similar[kind]
        return found

    def with_any(self, place: int, others: npt.NDArray[np.intp]) -> bool:
        """Say whether any of the others is like this one."""
        return bool(self._alike(place, others).any())

    def first(self, place: int, others: npt.NDArray[np.intp]) -> int | None:
        """Return the first of the others that is like this one."""
        found = np.flatnonzero(self._alike(place, others))
        return int(others[found[0]]) if len(found) else None


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return unit


def without_requests(record: LabelledExchange) -> LabelledExchange:
    """Return what a report needs: a month's requests and passages, all at once, would fill a server's memory."""
    return replace(record, exchange=replace(record.exchange, request=b"", passages=()))


def names_of_documents(records: Iterable[LabelledExchange]) -> frozenset[str]:
    """Return what people have called the documents that would have answered, as far as that may be told."""
    return frozenset(name for record in records for name in _called(record))


def _called(record: LabelledExchange) -> list[str]:
    if record.withheld is not None:
        return []
    return [name for remark in record.remarks if remark.consented for name in remark.sources]


def _gap(
    members: Sequence[tuple[LabelledExchange, GapKind]],
    owners: Mapping[str, str],
    called: Mapping[str, Sequence[tuple[str, str]]],
) -> Gap:
    records = [record for record, _ in members]
    quoted = {record.exchange.question.text: _asked(record) for record in records if record.withheld is None}
    return Gap(
        kind=Counter(kind for _, kind in members).most_common(1)[0][0],
        times=len(records),
        people=len({record.exchange.question.asker for record in records}),
        questions=tuple(quoted.values())[:MOST_QUOTED],
        documents=_documents(records, owners)[:MOST_QUOTED],
        latest=max(record.exchange.asked_at for record in records),
        named=_concerned(
            [{document for name in _called(record) for document in called.get(name, ())} for record in records], owners
        )[:MOST_QUOTED],
    )


def _asked(record: LabelledExchange) -> AskedQuestion:
    question = record.exchange.question
    return AskedQuestion(question.text, (question.channel or "") if question.surface in _OPEN else "")


def _documents(records: Iterable[LabelledExchange], owners: Mapping[str, str]) -> tuple[ConcernedDocument, ...]:
    """Count the documents that answers cite, or that stood nearest where they were declined."""
    return _concerned([_shown(record.exchange.answer) for record in records], owners)


def _shown(answer: Answer) -> set[tuple[str, str]]:
    chunks = (*(citation.chunk for citation in answer.citations), *answer.nearest[:1])
    return {(chunk.path, chunk.source) for chunk in chunks}


def _concerned(each: Iterable[Iterable[tuple[str, str]]], owners: Mapping[str, str]) -> tuple[ConcernedDocument, ...]:
    counts = Counter(document for documents in each for document in documents)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ConcernedDocument(path, source, owners.get(source, ""), times) for (path, source), times in ordered)


def _days(records: Iterable[LabelledExchange]) -> tuple[Day, ...]:
    found: dict[str, Counter[str]] = {}
    for record in records:
        counts = found.setdefault(record.exchange.asked_at.date().isoformat(), Counter())
        outcome = record.exchange.answer.outcome
        counts["disliked" if outcome is Outcome.ANSWERED and _disliked(record) else outcome.value] += 1
    return tuple(
        Day(day, counts["answered"], counts["declined"], counts["disliked"]) for day, counts in sorted(found.items())
    )
