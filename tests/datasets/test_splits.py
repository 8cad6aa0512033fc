"""Groups are never parted, and what is held out stays held out, however the groups grow."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge.datasets.grouping import UnionFind, jaccard, join_near_texts, join_near_vectors, join_same
from knowledge.datasets.splits import Split, assign, split_of

HELD_OUT = {Split.TRAIN: 0, Split.VALIDATION: 1, Split.TEST: 2}

members = st.lists(st.integers(0, 60), min_size=1, max_size=60, unique=True)
ties = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=60)


def grouped(present, tied):
    """Group those present by the ties among them."""
    union = UnionFind(61)
    for one, other in tied:
        if one in present and other in present:
            union.union(one, other)
    return [[f"a{each:02}" for each in group if each in present] for group in union.groups() if set(group) & present]


@given(members, members, ties, ties)
def test_a_group_is_in_one_split_and_never_comes_back_from_being_held_out(first, later, tied, tied_later):
    before = assign(grouped(set(first), tied), {})
    groups = grouped({*first, *later}, [*tied, *tied_later])
    after = assign(groups, before)
    for group in groups:
        assert len({after[member] for member in group}) == 1
    for member, was in before.items():
        assert HELD_OUT[after[member].split] >= HELD_OUT[was.split]


@given(members, ties)
def test_the_same_groups_are_assigned_alike_in_any_order(present, tied):
    groups = grouped(set(present), tied)
    assert assign(groups, {}) == assign([group[::-1] for group in groups[::-1]], {})
    assert assign(groups, assign(groups, {})) == assign(groups, {})


def test_groups_are_drawn_80_10_10():
    counts = Counter(split_of(f"{number:016x}") for number in range(5000))
    assert abs(counts[Split.TRAIN] - 4000) < 150
    assert abs(counts[Split.VALIDATION] - 500) < 100


def joined(texts, **more):
    union = UnionFind(len(texts))
    join_near_texts(union, texts, **more)
    return union.groups()


def test_questions_that_differ_in_signs_and_a_letter_are_one():
    texts = (
        "How many days of leave do I get?",
        "how many days of leave do I get",
        "How many days of leave do I gett?",
        "Where is the printer?",
    )
    assert joined(texts) == [[0, 1, 2], [3]]


@given(st.lists(st.text("abc de", min_size=1, max_size=30), min_size=1, max_size=12))
def test_whatever_is_alike_is_found_as_if_all_were_compared(texts):
    from knowledge.datasets.grouping import _shingles, normalised

    plain = [_shingles(normalised(text)) for text in texts]
    union = UnionFind(len(texts))
    join_same(union, ((one, normalised(text)) for one, text in enumerate(texts)))
    for one in range(len(texts)):
        for other in range(one):
            if jaccard(plain[one], plain[other]) >= 0.8:
                union.union(one, other)
    assert joined(texts) == union.groups()


def test_questions_whose_embeddings_point_the_same_way_are_one():
    vectors = np.array([[1, 0], [0.95, 0.1], [0, 3]], dtype=np.float32)
    union = UnionFind(4)
    join_near_vectors(union, [0, 2, 3], vectors)
    assert union.groups() == [[0, 2], [1], [3]]
