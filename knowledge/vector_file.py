"""The vector half of the embedded index: an append-only matrix in files that every process maps into memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from knowledge.types import Vectors

_BLOCK = 512
"""Rows multiplied at once: small enough that BLAS stays on this thread, where it needs 4 ms for 100,000 x 256; with
two threads on two busy cores the same product waits for the scheduler."""
ROUGH_FROM = 20_000
"""Rows from which a search first looks at a projection of every row and then at the best of them exactly."""
ROUGH_DIMENSIONS = 64
ROUGH_CANDIDATES = 2000
"""Rows looked at exactly, or ten per hit wanted if that is more. Of 100,000 rows of 256 dimensions the projection
needs a third of the time of all of them and keeps 99 % of the true best 10 and 96 % of the best 50."""
_SAMPLE = 10_000
_POWER_STEPS = 8
_TINY = 1e-9
_ROW = np.dtype([("number", "<i8"), ("source", "<u2")])

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of the files is valid; whatever lies beyond is the rest of a process that died and is overwritten."""

    rows: int = 0
    id_bytes: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk to append."""

    number: int
    """Grows from row to row."""
    chunk_id: str
    source: int
    """A small number that stands for the source's name."""
    vector: bytes
    """float32, little endian."""


class VectorFile:
    """The files of one folder as one process sees them: `extend` takes notice of what was appended, by anybody."""

    def __init__(self, folder: Path, dimensions: int) -> None:
        self._folder = folder
        self._dimensions = dimensions
        self._ids: list[str] = []
        self._row_of: dict[str, int] = {}
        self._extent = Extent()
        self._rough: Projection | None = None

    def extend(self, extent: Extent) -> VectorView:
        """Map the files up to `extent`. Raises ValueError or OSError when they are shorter, hence damaged."""
        self._take_ids(extent)
        rows = self._column("rows", _ROW, extent.rows)
        if (np.diff(rows["number"]) <= 0).any():
            raise ValueError("the rows of the index are out of order")
        dead = self._column("dead", np.dtype("<u4"), extent.dead)
        matrix = self._column("vectors", np.dtype("<f4"), extent.rows * self._dimensions)
        for row in dead[self._extent.dead :].tolist():
            if self._row_of.get(self._ids[row]) == row:
                del self._row_of[self._ids[row]]
        self._extent = extent
        matrix = np.asarray(matrix).reshape(extent.rows, self._dimensions)
        return VectorView(
            matrix=matrix,
            rough=self._projected(matrix),
            numbers=np.ascontiguousarray(rows["number"]),
            sources=np.ascontiguousarray(rows["source"]),
            ids=self._ids,
            alive=_alive(extent.rows, dead),
        )

    def rows_of(self, chunk_ids: Iterable[str]) -> list[int]:
        """Return the living rows of these chunks; unknown ones have none."""
        return [row for row in map(self._row_of.get, chunk_ids) if row is not None]

    def append(self, entries: Sequence[Entry], dead: Sequence[int], extent: Extent) -> Extent:
        """Write entries and dead rows after `extent`, durably, and return the new extent. Nobody sees them yet."""
        ids = "".join(f"{entry.chunk_id}\n" for entry in entries).encode()
        rows = np.array([(entry.number, entry.source) for entry in entries], dtype=_ROW)
        vectors = b"".join(entry.vector for entry in entries)
        if len(vectors) != len(entries) * self._dimensions * np.dtype("<f4").itemsize:
            raise ValueError("a vector does not have the dimensions of the index")
        self._write("vectors", extent.rows * self._dimensions * np.dtype("<f4").itemsize, vectors)
        self._write("rows", extent.rows * _ROW.itemsize, rows.tobytes())
        self._write("ids", extent.id_bytes, ids)
        self._write("dead", extent.dead * np.dtype("<u4").itemsize, np.array(dead, dtype="<u4").tobytes())
        return Extent(extent.rows + len(entries), extent.id_bytes + len(ids), extent.dead + len(dead))

    def _projected(self, matrix: Vectors) -> Projection | None:
        if len(matrix) < ROUGH_FROM or self._dimensions <= ROUGH_DIMENSIONS:
            return None
        self._rough = (self._rough or Projection.fitted_to(matrix)).extended(matrix)
        return self._rough

    def _take_ids(self, extent: Extent) -> None:
        known = self._extent
        if extent.id_bytes == known.id_bytes:
            return
        with (self._folder / "ids").open("rb") as file:
            file.seek(known.id_bytes)
            added = file.read(extent.id_bytes - known.id_bytes).decode().split("\n")[:-1]
        if len(added) != extent.rows - known.rows:
            raise ValueError("the ids of the index do not match its rows")
        self._row_of.update(zip(added, range(known.rows, extent.rows), strict=True))
        self._ids.extend(added)

    def _column(self, name: str, kind: Any, length: int) -> npt.NDArray[Any]:
        if length == 0:
            return np.zeros(0, dtype=kind)
        return np.memmap(self._folder / name, dtype=kind, mode="r", shape=(length,))

    def _write(self, name: str, offset: int, data: bytes) -> None:
        path = self._folder / name
        with _open_for_update(path) as file:
            file.truncate(offset)
            file.seek(offset)
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())


@dataclass(frozen=True, slots=True)
class Projection:
    """The rows in the few directions in which they differ most: their first principal components."""

    directions: Vectors
    """Shape (dimensions, ROUGH_DIMENSIONS)."""
    buffer: Vectors
    """Room for more rows than there are; views of fewer rows share it."""
    rows: int

    @classmethod
    def fitted_to(cls, matrix: Vectors) -> Self:
        """Find the directions in a sample of the rows; there are no projected rows yet."""
        sample = np.asarray(matrix[:: max(len(matrix) // _SAMPLE, 1)], dtype=np.float64)
        covariance = sample.T @ sample
        basis = np.random.default_rng(0).normal(size=(matrix.shape[1], ROUGH_DIMENSIONS))
        for _ in range(_POWER_STEPS):
            basis = _orthonormal(covariance @ basis)
        return cls(basis.astype(np.float32), np.empty((0, ROUGH_DIMENSIONS), dtype=np.float32), 0)

    def extended(self, matrix: Vectors) -> Self:
        """Project the rows that were added."""
        buffer = self.buffer
        if len(buffer) < len(matrix):
            buffer = np.empty((len(matrix) * 5 // 4, ROUGH_DIMENSIONS), dtype=np.float32)
            buffer[: self.rows] = self.buffer[: self.rows]
        np.dot(matrix[self.rows :], self.directions, out=buffer[self.rows : len(matrix)])
        return replace(self, buffer=buffer, rows=len(matrix))

    def similarities(self, vector: Vectors) -> Vectors:
        """Return what the projection keeps of every row's inner product with the vector."""
        return _products(self.buffer[: self.rows], vector @ self.directions)


@dataclass(frozen=True, slots=True)
class VectorView:
    """One state of the vectors; stays as it is while others append."""

    matrix: Vectors
    rough: Projection | None
    """None while there are few rows."""
    numbers: Rows
    """Ascending."""
    sources: npt.NDArray[np.uint16]
    ids: Sequence[str]
    """Of at least these rows."""
    alive: npt.NDArray[np.bool_] | None
    """None while no row is dead."""

    def nearest(self, vector: Vectors, k: int, sources: Sequence[int] | None) -> Rows:
        """Return the k living rows of these sources with the highest cosine, best first."""
        mask = self._allowed(sources)
        if self.rough is None:
            return best(_products(self.matrix, vector), k, mask)
        candidates = best(self.rough.similarities(vector), max(ROUGH_CANDIDATES, 10 * k), mask)
        return candidates[best(self.similarities(candidates, vector), k, None)]

    def similarities(self, rows: Rows, vector: Vectors) -> Vectors:
        """Return the inner product of these rows with the vector: cosines, since embedders return unit vectors."""
        found: Vectors = np.einsum("ij,j->i", self.matrix[rows], vector)
        return found

    def _allowed(self, sources: Sequence[int] | None) -> npt.NDArray[np.bool_] | None:
        """Return a mask of the living rows of these sources; None when that is every row."""
        if sources is None:
            return self.alive
        chosen = np.zeros(np.iinfo(np.uint16).max + 1, dtype=np.bool_)
        chosen[list(sources)] = True
        mask: npt.NDArray[np.bool_] = chosen[self.sources]
        return mask if self.alive is None else mask & self.alive

    def living_rows(self) -> list[int]:
        """Return the rows that are not dead."""
        rows = np.arange(len(self.matrix)) if self.alive is None else np.flatnonzero(self.alive)
        return list(map(int, rows))

    def entry(self, row: int) -> Entry:
        """Return a row as it was appended."""
        return Entry(int(self.numbers[row]), self.ids[row], int(self.sources[row]), self.matrix[row].tobytes())

    def rows_of_numbers(self, numbers: Sequence[int]) -> Rows:
        """Return the row of each number, -1 where there is none alive."""
        if not len(self.numbers):
            return np.full(len(numbers), -1, dtype=np.int64)
        wanted = np.asarray(numbers, dtype=np.int64)
        rows = np.minimum(np.searchsorted(self.numbers, wanted), len(self.numbers) - 1)
        known = self.numbers[rows] == wanted
        if self.alive is not None:
            known &= self.alive[rows]
        return np.where(known, rows, -1)


def _orthonormal(basis: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Make the columns orthonormal in a handful of BLAS calls, each of which may wait for a busy core."""
    basis = basis / np.linalg.norm(basis, axis=0)
    lower = np.linalg.cholesky(basis.T @ basis + _TINY * np.eye(basis.shape[1]))
    return np.linalg.solve(lower, basis.T).T


def _products(matrix: Vectors, vector: Vectors) -> Vectors:
    found = np.empty(len(matrix), dtype=np.float32)
    for start in range(0, len(found), _BLOCK):
        np.dot(matrix[start : start + _BLOCK], vector, out=found[start : start + _BLOCK])
    return found


def best(scores: Vectors, k: int, mask: npt.NDArray[np.bool_] | None) -> Rows:
    """Return the k best rows among those of the mask, best first."""
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    k = min(k, len(scores))
    if k == 0:
        return np.zeros(0, dtype=np.int64)
    rows = np.argpartition(scores, len(scores) - k)[len(scores) - k :]
    rows = rows[np.argsort(-scores[rows], kind="stable")]
    return rows[np.isfinite(scores[rows])].astype(np.int64)


def _alive(rows: int, dead: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_] | None:
    if not len(dead):
        return None
    alive = np.ones(rows, dtype=np.bool_)
    alive[dead] = False
    return alive


def _open_for_update(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b")
