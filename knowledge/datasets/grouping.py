"""Groups exchanges that must not be parted: the same thread, the same question, the same in other words (pure)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from knowledge.labels import LabelledExchange, SignalKind
from knowledge.types import Vectors

NEAR_TEXT = 0.8
"""Jaccard similarity of two questions' shingles from which on they are one question."""
NEAR_VECTOR = 0.9
"""Cosine of two questions' embeddings from which on they are one question."""

_SHINGLE = 4
"""Characters: short questions share too few words for anything longer."""
_BANDS, _ROWS = 32, 4
"""Locality-sensitive hashing: two texts at `NEAR_TEXT` share a band in all but one of ten million cases."""
_BLOCK = 1024
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Kin:
    """Which exchanges belong together."""

    groups: list[list[str]]
    """Answer ids that must not be parted by a split."""
    twins: Mapping[str, int]
    """By answer id: the number of the question, the same for near-duplicates."""


def kin(records: Sequence[LabelledExchange]) -> Kin:
    """Find near-duplicate questions, and join to groups what shares a thread, a question or a correction as well."""
    ids = [record.exchange.answer.id for record in records]
    twins, groups = UnionFind(len(ids)), UnionFind(len(ids))
    join_near_texts(twins, [record.exchange.standalone or record.exchange.question.text for record in records])
    for members, vectors in _embedded(records):
        join_near_vectors(twins, members, vectors)
    join_same(groups, ((number, twins.find(number)) for number in range(len(ids))))
    join_same(groups, ((number, key) for number, record in enumerate(records) for key in _ties(record)))
    return Kin(
        groups=[[ids[number] for number in group] for group in groups.groups()],
        twins={answer_id: twins.find(number) for number, answer_id in enumerate(ids)},
    )


def _ties(record: LabelledExchange) -> list[tuple[Hashable, ...]]:
    """Name what ties an exchange to others: its thread, the question asked again, the verified answer given again."""
    exchange, question = record.exchange, record.exchange.question
    again = (signal.value for signal in record.signals if signal.kind is SignalKind.ASKED_AGAIN)
    ties: list[tuple[Hashable, ...]] = [("answer", answer_id) for answer_id in (exchange.answer.id, *again)]
    if question.thread is not None:
        ties.append(("thread", question.team, question.channel, question.thread))
    if exchange.verified_id is not None:
        ties.append(("verified", exchange.verified_id))
    return ties


def _embedded(records: Sequence[LabelledExchange]) -> Iterator[tuple[list[int], Vectors]]:
    found: dict[str, list[tuple[int, Vectors]]] = {}
    for number, record in enumerate(records):
        if (embedding := record.exchange.embedding) is not None:
            found.setdefault(embedding.embedder, []).append((number, embedding.vector))
    for members in found.values():
        yield [number for number, _ in members], np.stack([vector for _, vector in members])


class UnionFind:
    """Numbers 0..n-1 in groups that grow together."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, one: int) -> int:
        """Return the smallest member of the group."""
        while self._parents[one] != one:
            self._parents[one] = one = self._parents[self._parents[one]]
        return one

    def union(self, one: int, other: int) -> None:
        """Make two groups one."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parents[high] = low

    def groups(self) -> list[list[int]]:
        """List the groups, members ascending, in the order of their smallest members."""
        found: dict[int, list[int]] = {}
        for each in range(len(self._parents)):
            found.setdefault(self.find(each), []).append(each)
        return list(found.values())


def join_same(union: UnionFind, keys: Iterable[tuple[int, Hashable]]) -> None:
    """Join whatever has the same key."""
    first: dict[Hashable, int] = {}
    for one, key in keys:
        union.union(one, first.setdefault(key, one))


def join_near_texts(union: UnionFind, texts: Sequence[str], *, similarity: float = NEAR_TEXT) -> None:
    """Join questions that are nearly the same letter by letter; the candidates of MinHash are compared exactly."""
    plain = [normalised(text) for text in texts]
    join_same(union, enumerate(plain))
    first = {text: one for one, text in reversed(list(enumerate(plain)))}
    ones = sorted(first.values())
    shingles = {one: _shingles(plain[one]) for one in ones}
    for bucket in _buckets(ones, shingles):
        for one, other in _pairs(bucket):
            if union.find(one) != union.find(other) and jaccard(shingles[one], shingles[other]) >= similarity:
                union.union(one, other)


def join_near_vectors(
    union: UnionFind, members: Sequence[int], vectors: Vectors, *, cosine: float = NEAR_VECTOR
) -> None:
    """Join questions whose embeddings, one row per member, point the same way."""
    unit = _unit(vectors)
    for start in range(0, len(members), _BLOCK):
        alike = np.argwhere(unit[start : start + _BLOCK] @ unit[start:].T >= cosine)
        for row, column in alike[alike[:, 0] < alike[:, 1]].tolist():
            union.union(members[start + row], members[start + column])


def normalised(text: str) -> str:
    """Write a question without case, punctuation and spacing."""
    return " ".join(_WORD.findall(text.casefold()))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of shingles that two texts have in common."""
    return len(one & other) / len(one | other) if one or other else 1.0


def alike(one: str, other: str, *, similarity: float = NEAR_TEXT) -> bool:
    """Say whether two texts are nearly the same."""
    return jaccard(_shingles(normalised(one)), _shingles(normalised(other))) >= similarity


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[at : at + _SHINGLE] for at in range(max(1, len(text) - _SHINGLE + 1)))


def _pairs(bucket: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Compare with the first and with the next: what is alike is in a chain, and a bucket of thousands stays cheap."""
    yield from ((bucket[0], other) for other in bucket[1:])
    yield from pairwise(bucket[1:])


def _buckets(ones: Sequence[int], shingles: dict[int, frozenset[str]]) -> Iterator[list[int]]:
    found: dict[tuple[int, bytes], list[int]] = {}
    for one in ones:
        signature = _signature(shingles[one])
        for band in range(_BANDS):
            found.setdefault((band, signature[band * _ROWS : (band + 1) * _ROWS].tobytes()), []).append(one)
    return (bucket for bucket in found.values() if len(bucket) > 1)


def _signature(shingles: frozenset[str]) -> npt.NDArray[np.uint64]:
    """MinHash (Broder, 1997) with one multiplication per permutation, which 64-bit overflow mixes well enough."""
    hashes = np.array(
        [int.from_bytes(hashlib.blake2b(each.encode("utf-8", "replace"), digest_size=8).digest()) for each in shingles],
        dtype=np.uint64,
    )
    mixed = hashes[:, None] * _FACTORS
    minima: npt.NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(29))).min(axis=0)
    return minima


_FACTORS = np.random.default_rng(20261125).integers(1, 1 << 63, _BANDS * _ROWS, dtype=np.uint64) | np.uint64(1)


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = (vectors / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
    return unit
