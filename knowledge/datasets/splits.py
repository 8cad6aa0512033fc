"""Which group of exchanges is trained on and which is held out, for ever (pure)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SALT = b"footnote-splits-1"
"""Decides who is held out. Changing it moves groups: the table of assignments would keep those that are known."""


class Split(StrEnum):
    """What a row is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    """Held out from training, looked at while choosing."""
    TEST = "test"
    """Held out from everything until the end."""


_SHARES = ((80, Split.TRAIN), (90, Split.VALIDATION), (100, Split.TEST))
_STRENGTH = {Split.TRAIN: 0, Split.VALIDATION: 1, Split.TEST: 2}


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where an exchange belongs."""

    group_id: str
    split: Split


def split_of(group_id: str, *, salt: bytes = SALT) -> Split:
    """Send 80, 10 and 10 of a hundred groups to train, validation and test."""
    place = int.from_bytes(hmac.digest(salt, group_id.encode(), "sha256")[:8]) % 100
    return next(split for below, split in _SHARES if place < below)


def assign(
    groups: Iterable[Sequence[str]], remembered: Mapping[str, Assignment], *, salt: bytes = SALT
) -> dict[str, Assignment]:
    """Assign every member of every group, given by answer ids.

    What was held out stays held out: where groups have grown together, the side that is held out furthest takes the
    others along, and their rows leave the training set.
    """
    return {
        member: assignment
        for group in groups
        for assignment in [_assignment(group, remembered, salt)]
        for member in group
    }


def _assignment(group: Sequence[str], remembered: Mapping[str, Assignment], salt: bytes) -> Assignment:
    known = [remembered[member] for member in group if member in remembered]
    if known:
        return max(known, key=lambda each: (_STRENGTH[each.split], _reversed(each.group_id)))
    group_id = hashlib.sha256(b"group" + min(group).encode()).hexdigest()[:16]
    return Assignment(group_id, split_of(group_id, salt=salt))


def _reversed(group_id: str) -> int:
    return -int(group_id, 16)
