"""Retrying: when a file that failed for a reason that may pass is tried again, and after how many times no more."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.reading import PASSING, ReadOutcome

ATTEMPTS = 6
"""How often the same bytes are tried in the same way; afterwards only other bytes or another recipe are."""
FIRST_DELAY = 60.0
GROWTH = 5
"""Each delay is this many times as long as the one before: 1, 5 and 25 minutes, 2 and 10 hours."""
LONGEST_DELAY = FIRST_DELAY * GROWTH ** (ATTEMPTS - 2)


@dataclass(frozen=True, slots=True)
class Failures:
    """How often a file has failed, and when it is tried again."""

    attempts: int
    retry_at: float | None
    """Seconds since the epoch; None: not before its bytes or its recipe change."""


def after_failure(outcome: ReadOutcome, attempts: int, now: float) -> Failures:
    """Say what follows when a file has failed for this reason, so many times in a row."""
    if outcome is ReadOutcome.UNREADABLE:  # costs nothing to try, and permissions change without a trace in the file
        return Failures(attempts, now)
    if outcome not in PASSING or attempts >= ATTEMPTS:
        return Failures(attempts, None)
    return Failures(attempts, now + FIRST_DELAY * GROWTH ** (attempts - 1))


def is_due(retry_at: float | None, now: float) -> bool:
    """Say whether a failed file is tried again; a time beyond every delay was written before the clock went back."""
    return retry_at is not None and not now < retry_at <= now + LONGEST_DELAY
