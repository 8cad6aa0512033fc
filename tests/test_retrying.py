"""A file that fails is tried again after growing pauses, and at once when something about it changes."""

from __future__ import annotations

import pytest

from knowledge.reading import ReadOutcome
from knowledge.retrying import ATTEMPTS, LONGEST_DELAY, after_failure, is_due


def test_the_pauses_grow_and_end():
    delays = [after_failure(ReadOutcome.TIMEOUT, attempts, 1000.0).retry_at for attempts in range(1, ATTEMPTS + 2)]
    assert [None if at is None else at - 1000 for at in delays] == [60, 300, 1500, 7500, 37500, None, None]


@pytest.mark.parametrize("outcome", [ReadOutcome.CORRUPT, ReadOutcome.NEEDS_PASSWORD, ReadOutcome.TOO_LARGE])
def test_what_the_bytes_themselves_are_to_blame_for_waits_for_other_bytes(outcome: ReadOutcome):
    assert after_failure(outcome, 1, 1000.0).retry_at is None
    assert not is_due(None, 1e12)


def test_a_file_that_could_not_be_opened_is_tried_in_every_run():
    at = after_failure(ReadOutcome.UNREADABLE, 99, 1000.0).retry_at
    assert is_due(at, 1000.0)


def test_a_time_to_try_again_that_the_clock_has_run_away_from_counts_as_come():
    at = after_failure(ReadOutcome.CRASHED, ATTEMPTS - 1, 1e9).retry_at
    assert at is not None
    assert not is_due(at, 1e9)
    assert is_due(at, at)
    assert is_due(at, 1e9 - LONGEST_DELAY)
