"""The matrix on disk: appended to, mapped, searched exactly when small and nearly so when large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from knowledge import vector_file
from knowledge.vector_file import Entry, Extent, VectorFile, VectorView, best

DIMENSIONS = 128


def vectors(count: int, seed: int = 1) -> np.ndarray:
    """Unit vectors that differ in some directions more than in others, as embeddings do."""
    dice = np.random.default_rng(seed)
    rows = (dice.normal(size=(count, DIMENSIONS)) / np.arange(1, DIMENSIONS + 1)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def entries(rows: np.ndarray, first: int = 0) -> list[Entry]:
    return [Entry(10 * n, f"c{n}", n % 3, row.tobytes()) for n, row in enumerate(rows, start=first)]


def exact(view: VectorView, vector: np.ndarray, k: int) -> list[int]:
    return best(np.asarray(view.matrix) @ vector, k, view.alive).tolist()


def test_what_was_appended_is_mapped(tmp_path: Path):
    file = VectorFile(tmp_path, DIMENSIONS)
    rows = vectors(5)
    view = file.extend(file.append(entries(rows), [], Extent()))
    assert np.array_equal(view.matrix, rows)
    assert view.entry(3) == entries(rows)[3]
    assert view.rows_of_numbers([30, 31, 0]).tolist() == [3, -1, 0]
    assert file.rows_of(["c4", "unknown"]) == [4]


def test_what_lies_beyond_the_extent_is_overwritten(tmp_path: Path):
    rows = vectors(6)
    file = VectorFile(tmp_path, DIMENSIONS)
    extent = file.append(entries(rows[:2]), [], Extent())
    file.append(entries(rows[2:4], first=7), [], extent)  # by a process that dies before it publishes
    again = VectorFile(tmp_path, DIMENSIONS)
    view = again.extend(again.append(entries(rows[4:], first=2), [0], extent))
    assert view.ids == ["c0", "c1", "c2", "c3"]
    assert view.living_rows() == [1, 2, 3]
    assert np.array_equal(view.matrix[2:], rows[4:])


def test_a_view_stays_as_it_is_while_others_append(tmp_path: Path):
    file = VectorFile(tmp_path, DIMENSIONS)
    rows = vectors(4)
    extent = file.append(entries(rows[:2]), [], Extent())
    before = file.extend(extent)
    after = file.extend(file.append(entries(rows[2:], first=2), [1], extent))
    assert before.living_rows() == [0, 1]
    assert after.living_rows() == [0, 2, 3]


def test_a_vector_of_other_dimensions_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="dimensions"):
        VectorFile(tmp_path, DIMENSIONS + 1).append(entries(vectors(1)), [], Extent())


@pytest.mark.parametrize("rough", [False, True])
def test_the_nearest_rows_of_many_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rough: bool):
    monkeypatch.setattr(vector_file, "ROUGH_FROM", 1000 if rough else 10_000)
    monkeypatch.setattr(vector_file, "ROUGH_CANDIDATES", 200)
    file = VectorFile(tmp_path, DIMENSIONS)
    rows = vectors(4000)
    extent = file.append(entries(rows[:1500]), [], Extent())
    file.extend(extent)
    dead = list(range(0, 4000, 5))
    extent = file.append(entries(rows[1500:], first=1500), dead, extent)
    view = file.extend(extent)
    assert (view.rough is not None) is rough
    for question in vectors(20, seed=2):
        found = view.nearest(question, 10, None).tolist()
        assert not set(found) & set(dead)
        assert len(set(found) & set(exact(view, question, 10))) >= (9 if rough else 10)
        assert {n % 3 for n in view.nearest(question, 10, [1]).tolist()} == {1}


def test_the_best_are_few_when_few_are_allowed():
    scores = np.array([0.1, 0.9, 0.5], dtype=np.float32)
    assert best(scores, 5, None).tolist() == [1, 2, 0]
    assert best(scores, 5, np.array([True, False, False])).tolist() == [0]
    assert best(scores[:0], 5, None).tolist() == []
