"""Two searches become one list; duplicates leave it; relevance is decided."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge import Chunk, IndexHits, Passage
from knowledge.evaluating import ndcg, recall, reciprocal_rank
from knowledge.ranking import coverage, dense_share, distinct, fuse, passages, relevance, relevant


def chunk(chunk_id: str, text: str, *, path: str = "leave.md", heading: str = "") -> Chunk:
    return Chunk(chunk_id, path, "handbook", path, "Leave", None, heading, None, 0, 0, len(text), text)


def usable(*chunks: Chunk) -> dict[str, Chunk]:
    return {each.id: each for each in chunks}


LONG = "Full-time employees get 27 days of paid annual leave per calendar year and may carry over five of them. "


def test_a_chunk_that_both_searches_put_first_scores_one():
    first, second = fuse(IndexHits(dense=(("a", 0.5), ("b", 0.1)), lexical=(("a", 30.0), ("b", 3.0))), dense_share=0.3)
    assert (first.chunk_id, first.score) == ("a", pytest.approx(1.0))
    assert second.score == pytest.approx(0.7 * 0.1 + 0.3 * 0.2)
    assert first.scores == {"dense": 0.5, "lexical": 30.0}


def test_the_share_says_which_search_counts_more():
    hits = IndexHits(dense=(("a", 0.9), ("b", 0.1)), lexical=(("b", 9.0), ("a", 1.0)))
    assert fuse(hits, dense_share=0.1)[0].chunk_id == "b"
    assert fuse(hits, dense_share=0.9)[0].chunk_id == "a"
    assert dense_share("wordllama-0.4-l2-supercat-256") < dense_share("fastembed-bge-small")


hit_lists = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.floats(-1, 50, allow_nan=False)), max_size=8, unique_by=lambda hit: hit[0]
).map(lambda hits: tuple(sorted(hits, key=lambda hit: -hit[1])))


@settings(max_examples=300, deadline=None)
@given(hit_lists, hit_lists, st.floats(0, 1))
def test_fusion_keeps_every_hit_once_in_order(dense, lexical, share):
    ranked = fuse(IndexHits(dense=dense, lexical=lexical), dense_share=share)
    assert sorted(place.chunk_id for place in ranked) == sorted({hit[0] for hit in dense + lexical})
    scores = [place.score for place in ranked]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 + 1e-9 for score in scores)


def test_only_what_the_database_allows_becomes_a_passage():
    hits = IndexHits(lexical=(("gone", 9.0), ("here", 3.0)))
    (passage,) = passages(hits, usable(chunk("here", LONG)))
    assert (passage.chunk.id, passage.rank, passage.score) == ("here", 1, 1.0)


def test_exact_duplicates_are_dropped_whatever_their_spacing():
    chunks = usable(chunk("a", LONG), chunk("b", LONG.replace(" ", "\n"), path="copy.md"), chunk("c", "Another text."))
    found = passages(IndexHits(lexical=(("a", 9.0), ("b", 8.0), ("c", 1.0))), chunks)
    assert [passage.chunk.id for passage in found] == ["a", "c"]
    assert [passage.rank for passage in found] == [1, 2]


def test_near_duplicates_are_dropped_only_where_asked():
    text = " ".join(f"word{number} stands here" for number in range(40))
    chunks = usable(chunk("a", text), chunk("b", f"{text} Revised in May."), chunk("c", LONG))
    hits = IndexHits(lexical=(("a", 9.0), ("b", 8.0), ("c", 1.0)))
    assert [p.chunk.id for p in passages(hits, chunks)] == ["a", "b", "c"]
    assert [p.chunk.id for p in passages(hits, chunks, keep_near_duplicates=False)] == ["a", "c"]


def test_short_texts_that_differ_in_a_number_are_no_duplicates():
    texts = ["The limit is 140 euros.", "The limit is 210 euros."]
    assert distinct(texts, text=str, keep_near_duplicates=False) == texts


def test_the_limit_is_kept():
    assert distinct(["a", "a", "b", "c"], text=str, limit=2) == ["a", "b"]


def test_coverage_weighs_rare_words_more():
    assert coverage({"leav": 1.0, "sabbat": 3.0}, {"leav"}) == 0.25
    assert coverage({}, {"leav"}) == 0.0


def test_a_question_about_something_else_is_not_relevant():
    chunks = usable(chunk("a", LONG))
    weights = {"annual": 2.0, "leav": 1.0, "day": 0.5}
    about = passages(IndexHits((("a", 0.6),), (("a", 9.0),), weights), chunks)
    other = passages(IndexHits((("a", 0.15),), (("a", 1.0),), {"volcano": 5.0, "erupt": 5.0, "day": 0.5}), chunks)
    assert relevance("annual leave days", about) == pytest.approx(0.6)
    assert relevant("annual leave days", about)
    assert not relevant("On which day did the volcano erupt?", other)
    assert not relevant("anything", [])


def test_relevance_works_without_the_index_s_word_statistics():
    passage = Passage(chunk("a", LONG), 1, 1.0, {"dense": 0.5})
    assert relevance("annual leave", [passage]) == pytest.approx(0.5)
    assert relevance("annual sabbatical", [passage]) == pytest.approx(0.25)


def test_the_heading_and_the_path_count_as_covered():
    passage = Passage(chunk("a", "14 months.", path="hr/parental.md", heading="Parental leave"), 1, 1.0, {"dense": 0.4})
    assert relevance("parental leave hr", [passage]) == pytest.approx(0.4)


A, B, NONE = frozenset("a"), frozenset("b"), frozenset()


def test_recall_counts_each_wanted_thing_once():
    assert recall([A, A, NONE, B], 2, 3) == 0.5
    assert recall([A, A, NONE, B], 2, 4) == 1.0
    assert recall([], 2, 5) == 0.0


def test_the_reciprocal_rank_is_that_of_the_first_right_hit():
    assert reciprocal_rank([NONE, B, A]) == 0.5
    assert reciprocal_rank([NONE]) == 0.0


def test_ndcg_is_one_for_the_best_order_and_less_for_any_other():
    assert ndcg([A, B], 2) == pytest.approx(1.0)
    assert ndcg([A, A, B], 2) < 1.0
    assert ndcg([NONE] * 10 + [A], 1) == 0.0
