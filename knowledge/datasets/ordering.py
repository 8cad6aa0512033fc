"""What an export is asked for, and what it says it did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from knowledge.datasets.rows import Kind


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is to be exported."""

    kinds: tuple[Kind, ...] = tuple(Kind)
    targets: tuple[str, ...] = ()
    """Other trainers and services, by name, whose shapes are written as well."""
    include_model_answers: bool = False
    include_restricted: bool = False
    """Exchanges that draw on sources with an audience of their own: whoever gets the model may learn what they say."""
    reviewed: bool = False
    """Only what a reviewer has judged."""
    grounded: bool = False
    """Only corrections that the passages carry."""

    def filters(self) -> dict[str, Any]:
        """Say for the manifest what was chosen; targets change no row."""
        return {name: value for name, value in asdict(self).items() if name != "targets"}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and why the rest was not."""

    directory: str
    snapshot: str | None
    """None when there was nothing to export, and nothing was written."""
    rows: int
    splits: Mapping[str, Mapping[str, int]]
    """Rows per split, by kind."""
    reasons: Mapping[str, str]
    """Why a kind is empty, by kind."""
    left_out: Mapping[str, Mapping[str, int]]
    """By kind and reason; `exchanges` before anything was built."""
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the person who exports should know."""
    kto: Mapping[str, float] = field(default_factory=dict)
