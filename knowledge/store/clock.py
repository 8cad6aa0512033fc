"""The clock that leases are written and read by: seconds since the epoch, on a machine whose clock may be set back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]
"""Returns the time as `time.time` does."""
LONGEST_LEASE = 15.0
"""Seconds for which a run, a share of one, or a source is held at a time."""
FEW = 3


def ran_out(until: Any, now: float, *, lease: float = LONGEST_LEASE) -> Any:
    """Say of a lease, a number or a column, whether it is over.

    One that ends further ahead than anybody would have asked for was written before the clock went back. Whoever
    still lives renews it within a third of a lease, by the new clock.
    """
    return (until < now) | (until > now + FEW * max(lease, LONGEST_LEASE))
