"""Builders: weighed exchanges become the rows of each kind (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from knowledge.datasets import generators, retrievers
from knowledge.datasets.rows import Kind, Left, Row
from knowledge.datasets.weighing import Weighed

VERSION = "builders-1"
"""Changes whenever the same labels would make other rows."""

_BUILDERS: Mapping[Kind, Callable[[Weighed], Iterable[Row | Left]]] = {
    Kind.SFT: generators.sft,
    Kind.DPO: generators.dpo,
    Kind.KTO: generators.kto,
    Kind.RAFT: generators.raft,
    Kind.EMBED: retrievers.embed,
    Kind.RERANK: retrievers.rerank,
    Kind.EVAL: retrievers.evaluation,
}


def build(kind: Kind, weighed: Sequence[Weighed]) -> list[Row | Left]:
    """Make the rows of one kind, in the order of the exchanges."""
    rows = [each for one in weighed for each in _BUILDERS[kind](one)]
    return [*rows, *generators.regenerated(weighed)] if kind is Kind.DPO else rows
