"""Curation: which of the rows go into a set, redacted, without doubles, contradictions and loud voices (pure)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from knowledge.datasets.grouping import Kin
from knowledge.datasets.redacting import Redactor, redact, says_nothing
from knowledge.datasets.rows import GENERATOR_KINDS, Kind, Left, Row, line, sha256
from knowledge.datasets.splits import Assignment, Split
from knowledge.datasets.weighing import Basis

SHARE = 0.1
"""Largest part of one kind's rows that may rest on one person."""
_ORDER = {Basis.REVIEW: 0, Basis.CORRECTION: 1, Basis.VOTE: 2}
_BY_MODEL = "a model wrote it (see --include-model-answers)"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the person who exports wants left out or taken in."""

    include_model_answers: bool = False
    reviewed: bool = False
    """Only what a reviewer has approved, edited or rejected."""
    grounded: bool = False
    """Only those corrections whose every sentence is carried by a passage."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A row as it will be written."""

    row: Row
    text: str
    """The exact line."""
    group_id: str
    split: Split
    redactions: Mapping[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return sha256(self.text)


@dataclass(frozen=True, slots=True)
class Curated:
    """The rows of one kind, and what became of the others."""

    kind: Kind
    rows: tuple[Placed, ...]
    left: Mapping[str, int]
    """How many became no row, by reason."""
    note: str = ""
    """What a reader of the card must know about the voices in it."""


def curate(
    kind: Kind,
    built: Iterable[Row | Left],
    *,
    wishes: Wishes,
    kin: Kin,
    assigned: Mapping[str, Assignment],
    redactors: Sequence[Redactor],
) -> Curated:
    """Choose, redact and place the rows of one kind."""
    left: Counter[str] = Counter()
    rows = []
    for each in built:
        fault = each.reason if isinstance(each, Left) else _unwanted(each, wishes, assigned)
        if fault:
            left[fault] += 1
        elif isinstance(each, Row):
            rows.append(each)
    for choose in (_consistent, _distinct):
        rows, reason = choose(rows, kin)
        left.update(reason)
    placed = [each for row in rows for each in _placed(row, assigned[row.answer_id], redactors, left)]
    heard, note = _quietened(_unlike(placed, left), left)
    return Curated(kind, tuple(sorted(heard, key=lambda each: (each.split, each.sha256))), dict(left), note)


def _unwanted(row: Row, wishes: Wishes, assigned: Mapping[str, Assignment]) -> str:
    if row.kind in GENERATOR_KINDS and row.by_model and not wishes.include_model_answers:
        return _BY_MODEL
    if wishes.reviewed and row.basis is not Basis.REVIEW:
        return "no reviewer has judged it (--reviewed)"
    if wishes.grounded and row.details.get("grounded") is False:
        return "its passages do not carry the correction (--grounded)"
    if row.kind is Kind.EVAL and assigned[row.answer_id].split is not Split.TEST:
        return "its group is trained on: only held-out groups may be evaluated with"
    return ""


def _consistent(rows: list[Row], kin: Kin) -> tuple[list[Row], Mapping[str, int]]:
    """Leave out what the same question is told both ways."""
    said: dict[Any, set[Any]] = {}
    for row in rows:
        for key, value in _claims(row, kin):
            said.setdefault(key, set()).add(value)
    kept = [row for row in rows if all(len(said[key]) == 1 for key, _ in _claims(row, kin))]
    dropped = len(rows) - len(kept)
    return kept, {"it is said to be right and to be wrong": dropped} if dropped else {}


def _claims(row: Row, kin: Kin) -> list[tuple[Any, Any]]:
    """Say what a row claims, as (about what, what)."""
    data, about = row.data, kin.twins[row.answer_id]
    if row.kind is Kind.KTO:
        return [(json.dumps([data["prompt"], data["completion"]]), data["label"])]
    if row.kind is Kind.RERANK:
        return [((about, data["passage"]), data["label"])]
    if row.kind is Kind.EMBED:
        return [((about, data["positive"]), True), ((about, data["negative"]), False)]
    return []


def _distinct(rows: list[Row], kin: Kin) -> tuple[list[Row], Mapping[str, int]]:
    """Keep of near-duplicates that teach the same the one that rests on most."""
    best: dict[tuple[int, str], Row] = {}
    for row in sorted(rows, key=lambda row: _ORDER[row.basis]):
        best.setdefault((kin.twins[row.answer_id], row.target), row)
    dropped = len(rows) - len(best)
    return list(best.values()), {"a near-duplicate teaches the same": dropped} if dropped else {}


def _placed(row: Row, assignment: Assignment, redactors: Sequence[Redactor], left: Counter[str]) -> Iterable[Placed]:
    done = redact(dict(row.data), redactors)
    if any(says_nothing(text) for text in _taught(done.value)):
        left["without what was redacted it says nothing"] += 1
    elif any(True for path in row.data.get("paths", ()) for each in redactors for _ in each.find(path)):
        left["the path of its document holds personal data"] += 1
    else:
        yield Placed(row, line(done.value), assignment.group_id, assignment.split, done.counts)


def _taught(data: Mapping[str, Any]) -> list[str]:
    """Return what a trainer is to learn to say or to find."""
    messages = [*data.get("completion", ()), *data.get("chosen", ())]
    texts = [data.get("query", ""), data.get("question", ""), data.get("reference_answer", "")]
    return [*(_without_quotes(message["content"]) for message in messages), *texts]


def _without_quotes(reply: str) -> str:
    return " ".join(part.partition(" [")[0] for part in reply.splitlines() if part != "END")


def _unlike(placed: Sequence[Placed], left: Counter[str]) -> list[Placed]:
    """Keep each line once: after redaction two may be the same."""
    once = {each.text: each for each in reversed(placed)}
    if len(once) < len(placed):
        left["a near-duplicate teaches the same"] += len(placed) - len(once)
    return list(once.values())[::-1]


def _quietened(placed: list[Placed], left: Counter[str]) -> tuple[list[Placed], str]:
    """Let no person stand behind more than their share, where there are people enough."""
    voices = _voices(placed)
    counts = Counter(voices)
    least = round(1 / SHARE)
    if not placed:
        return [], ""
    if len(counts) < least:
        loudest = max(counts.values())
        return placed, (
            f"{len(counts)} {'person stands' if len(counts) == 1 else 'people stand'} behind these rows, one of them "
            f"behind {loudest / len(placed):.0%}: only from {least} people on can each be kept to {SHARE:.0%}."
        )
    most = _most(list(counts.values()))
    kept = _first(placed, voices, most)
    if len(kept) < len(placed):
        left[f"one person stands behind too many rows (at most {SHARE:.0%} of a set)"] += len(placed) - len(kept)
    return kept, ""


def _voices(placed: Sequence[Placed]) -> list[str]:
    """Attribute each row to the one of its people who has the fewest so far."""
    counts: Counter[str] = Counter()
    voices = []
    for each in sorted(placed, key=lambda each: len(each.row.people)):
        voice = min(sorted(each.row.people) or [""], key=lambda person: counts[person])
        counts[voice] += 1
        voices.append((id(each), voice))
    found = dict(voices)
    return [found[id(each)] for each in placed]


def _most(counts: Sequence[int]) -> int:
    """Return how many rows one person may stand behind so that this is at most `SHARE` of what is left."""
    most = max(counts)
    while most > 1 and most > SHARE * sum(min(count, most) for count in counts):
        most = max(1, min(most - 1, int(SHARE * sum(min(count, most) for count in counts))))
    return most


def _first(placed: Sequence[Placed], voices: Sequence[str], most: int) -> list[Placed]:
    """Keep of each person the rows that rest on most; among equals a draw decides that is the same every time."""
    ranked = sorted(zip(placed, voices, strict=True), key=lambda pair: (_ORDER[pair[0].row.basis], pair[0].sha256))
    counts: Counter[str] = Counter()
    kept = []
    for each, voice in ranked:
        counts[voice] += 1
        if counts[voice] <= most:
            kept.append(each)
    return kept


def renamed(placed: Placed, pseudonyms: Mapping[str, str]) -> Placed:
    """Let people stand there under the names that can be destroyed."""
    people = tuple(sorted(pseudonyms[person] for person in placed.row.people))
    return replace(placed, row=replace(placed.row, people=people))
