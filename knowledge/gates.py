"""Gates: is a candidate as good as what is in use? Compared case by case, with intervals that keep groups whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

import numpy as np

from knowledge.evaluating import Case, ndcg, recall, relevance, shows_answer, stands
from knowledge.types import Answer, Outcome, Passage

ROUNDS = 2000
"""Resamplings of a bootstrap."""
SEED = 20261125
CERTAIN = (2.5, 97.5)
"""Percentiles of a 95 % interval."""
TOLERANCE = 0.02
"""A drop of the mean up to this is noise, unless the whole interval lies below zero."""
LONGER = 0.2
"""An answer may grow by a fifth: longer answers please voters without being better."""


class Ruling(StrEnum):
    """What a gate says."""

    PASSED = "passed"
    """Nothing is worse."""
    REFUSED = "refused"
    """Something is worse; it is named."""
    BASELINE = "baseline"
    """There was nothing to compare with: this is what later runs are compared with."""


FIGURES: Mapping[str, str] = {
    "recall@1": "recall@1",
    "recall@5": "recall@5",
    "ndcg@10": "nDCG@10",
    "answered": "answered, of the answerable",
    "accuracy": "answered rightly, of the answerable",
    "declined": "declined, of the unanswerable",
    "citation_validity": "footnotes that stand",
    "groundedness": "sentences with a true footnote",
    "length": "words per answer, relative",
}
"""The figures of a case, in the order in which they are shown."""

CaseFigures = Mapping[str, float | None]
"""What one case shows; None where it tells nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a figure differs between two runs over the same cases."""

    figure: str
    cases: int
    """That tell it in both runs."""
    baseline: float
    candidate: float
    low: float
    """Of the 95 % interval of candidate - baseline."""
    high: float
    worse: bool


@dataclass(frozen=True, slots=True)
class GateResult:
    """Whether a candidate may be used, and what that rests on."""

    ruling: Ruling
    differences: tuple[Difference, ...] = ()
    reasons: tuple[str, ...] = ()
    """One sentence for each figure that is worse."""

    def to_json(self) -> dict[str, Any]:
        return {"ruling": self.ruling.value, "reasons": list(self.reasons)} | {
            "differences": [asdict(difference) for difference in self.differences]
        }


def case_figures(case: Case, passages: Sequence[Passage], answer: Answer | None) -> dict[str, float | None]:
    """Return every figure of one case."""
    found = relevance(case, passages)
    wanted = len(case.paths) or 1
    searched = bool(case.paths or case.answers)
    figures: dict[str, float | None] = {
        "recall@1": recall(found, wanted, 1) if searched else None,
        "recall@5": recall(found, wanted, 5) if searched else None,
        "ndcg@10": ndcg(found, wanted) if searched else None,
    }
    return figures | (_answer_figures(case, answer) if answer is not None else {})


def _answer_figures(case: Case, answer: Answer) -> dict[str, float | None]:
    answered = answer.outcome is Outcome.ANSWERED
    quotes = [float(stands(citation)) for citation in answer.citations]
    supported = [float(sentence.supported) for sentence in answer.sentences]
    return {
        "answered": float(answered) if case.answerable else None,
        "accuracy": float(answered and shows_answer(case, answer)) if case.answerable else None,
        "declined": None if case.answerable else float(answer.outcome is Outcome.DECLINED),
        "citation_validity": fmean(quotes) if quotes else None,
        "groundedness": fmean(supported) if supported else None,
        "length": float(len(answer.text.split())) if answered else None,
    }


def summary(rows: Sequence[CaseFigures]) -> dict[str, float | None]:
    """Return the mean of each figure over the cases that tell it."""
    columns = {name: [row[name] for row in rows if row.get(name) is not None] for name in FIGURES}
    return {name: round(fmean(_numbers(values)), 4) if values else None for name, values in columns.items()}


def compare(baseline: Sequence[CaseFigures], candidate: Sequence[CaseFigures], groups: Sequence[str]) -> GateResult:
    """Compare two runs over the same cases: refused when any figure is worse.

    Worse is a 95 % interval below zero, or a mean that drops by more than two points. The bootstrap draws whole
    groups, so that paraphrases of one question do not count as many.
    """
    found = [_difference(name, baseline, candidate, groups) for name in FIGURES]
    differences = tuple(difference for difference in found if difference is not None)
    reasons = tuple(_reason(difference) for difference in differences if difference.worse)
    return GateResult(Ruling.REFUSED if reasons else Ruling.PASSED, differences, reasons)


def against_thresholds(figures: Mapping[str, float | None], thresholds: Mapping[str, float]) -> GateResult:
    """Hold figures against what they must at least reach; a figure that was not measured misses it."""
    missed = [(name, floor) for name, floor in thresholds.items() if (figures.get(name) or 0.0) < floor]
    reasons = tuple(f"{name} is {_shown(figures.get(name))}, it must be at least {floor:g}." for name, floor in missed)
    return GateResult(Ruling.REFUSED if reasons else Ruling.PASSED, reasons=reasons)


def interval(differences: Sequence[float], groups: Sequence[str], *, seed: int = SEED) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean of paired differences, drawing whole groups."""
    names = {name: number for number, name in enumerate(dict.fromkeys(groups))}
    sums, sizes = np.zeros(len(names)), np.zeros(len(names))
    for value, group in zip(differences, groups, strict=True):
        sums[names[group]] += value
        sizes[names[group]] += 1
    drawn = np.random.default_rng(seed).integers(0, len(names), (ROUNDS, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), CERTAIN)
    return round(float(low), 4), round(float(high), 4)


def _difference(
    name: str, baseline: Sequence[CaseFigures], candidate: Sequence[CaseFigures], groups: Sequence[str]
) -> Difference | None:
    paired = [
        (before, after, group)
        for one, other, group in zip(baseline, candidate, groups, strict=True)
        if (before := one.get(name)) is not None and (after := other.get(name)) is not None
    ]
    if not paired:
        return None
    before, after = fmean(pair[0] for pair in paired), fmean(pair[1] for pair in paired)
    scale = before if name == "length" and before > 0 else 1.0
    low, high = interval([(pair[1] - pair[0]) / scale for pair in paired], [pair[2] for pair in paired])
    change = (after - before) / scale
    return Difference(
        name, len(paired), round(before, 4), round(after, 4), low, high, worse=_worse(name, change, low, high)
    )


def _worse(name: str, change: float, low: float, high: float) -> bool:
    if name == "length":
        return change > LONGER and low > 0
    return change < 0 and (high < 0 or change < -TOLERANCE)


def _reason(difference: Difference) -> str:
    return (
        f"{FIGURES[difference.figure]}: {difference.candidate:.3f} instead of {difference.baseline:.3f} "
        f"(difference {difference.low:+.3f} to {difference.high:+.3f})."
    )


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.3f}"
