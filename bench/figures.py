"""What a measurement returns, and how the table is printed."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it must reach."""

    what: str
    measured: float
    unit: str
    target: str = ""
    met: bool | None = None


def at_most(what: str, measured: float, limit: float, unit: str) -> Figure:
    """A figure that must not be larger than the limit."""
    return Figure(what, measured, unit, f"≤ {limit:g}", measured <= limit)


def at_least(what: str, measured: float, limit: float, unit: str) -> Figure:
    """A figure that must not be smaller than the limit."""
    return Figure(what, measured, unit, f"≥ {limit:g}", measured >= limit)


def percentile(values: Sequence[float], share: int) -> float:
    """Return the percentile of some measurements."""
    if len(values) < 2:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[share - 1]


def print_table(title: str, figures: Sequence[Figure]) -> None:
    """Print figures in columns."""
    print(f"\n{title}")
    for figure in figures:
        verdict = {True: "ok", False: "MISSED", None: ""}[figure.met]
        print(f"  {figure.what:<66}{figure.measured:>10.4g} {figure.unit:<9}{figure.target:<9}{verdict}", flush=True)


def print_machine() -> None:
    """Say what was measured on."""
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
