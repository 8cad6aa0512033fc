"""What people thought of answers changes the order of passages: for like questions, and within bounds."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge import Chunk, Passage, Reason, Vote
from knowledge.evaluating import ndcg
from knowledge.learning import (
    FEEDBACK,
    HALF_LIFE,
    Ballot,
    Judgement,
    Opinion,
    RankingFeedback,
    faded,
    opinions,
    reorder,
    usual_share,
)

NOW = datetime(2026, 11, 25, tzinfo=UTC)
TOWARDS = {"up": 1.0, "down": -1.0}


def passage(name: str, rank: int, score: float) -> Passage:
    chunk = Chunk(f"chunk-{rank}-{name}", name, "s", f"{name}.md", name, None, "", None, 0, 0, 1, "x")
    return Passage(chunk, rank, score, {"dense": score})


def found(*names: str) -> list[Passage]:
    return [passage(name, rank, 1.0 - 0.03 * rank) for rank, name in enumerate(names, start=1)]


def order(passages: Sequence[Passage]) -> list[str]:
    return [each.chunk.document_id for each in passages]


def ballot(number: int, said: dict[str, float]) -> Ballot:
    return Ballot(f"U{number}", NOW + timedelta(minutes=number), said)


def unit(*values: float) -> np.ndarray:
    vector = np.array(values, np.float32)
    return vector / np.linalg.norm(vector)


def feedback_of(given: Sequence[Opinion], *questions: np.ndarray) -> RankingFeedback:
    return RankingFeedback(np.stack(questions), given, similar=0.7)


names = st.lists(st.sampled_from("ABCDEF"), min_size=2, max_size=12)
says = st.dictionaries(st.sampled_from("ABCDEF"), st.sampled_from([-1.0, -0.4, 0.4, 1.0]), min_size=1, max_size=6)


@given(names, st.lists(says, max_size=30), says, st.floats(0.1, 0.9))
def test_the_last_person_moves_nothing_by_more_than_one_rank(names, earlier, last, mean):
    passages = found(*names)
    ballots = [ballot(number, said) for number, said in enumerate(earlier)]
    before = reorder(passages, ballots, mean=mean)
    after = reorder(passages, [*ballots, ballot(99, last)], mean=mean)
    ranks = {each.chunk.id: each.rank for each in before}
    assert all(abs(ranks[each.chunk.id] - each.rank) <= 1 for each in after)


@given(names, st.lists(says, max_size=8), st.floats(0.1, 0.9))
def test_n_people_move_nothing_by_more_than_n_ranks_and_lose_nothing(names, said, mean):
    passages = found(*names)
    after = reorder(passages, [ballot(number, each) for number, each in enumerate(said)], mean=mean)
    ranks = {each.chunk.id: each.rank for each in passages}
    assert sorted(ranks) == sorted(each.chunk.id for each in after)
    assert [each.rank for each in after] == list(range(1, len(after) + 1))
    assert all(abs(ranks[each.chunk.id] - each.rank) <= len(said) for each in after)


def test_what_many_people_found_right_rises_and_says_so():
    ballots = [ballot(number, {"C": 1.0}) for number in range(8)]
    after = reorder(found("A", "B", "C", "D"), ballots, mean=0.5)
    assert order(after) == ["C", "A", "B", "D"]
    assert after[0].scores[FEEDBACK] > 0
    assert FEEDBACK not in after[1].scores
    assert after[0].scores["dense"] == found("A", "B", "C")[2].scores["dense"]


def test_what_many_people_found_wrong_sinks():
    ballots = [ballot(number, {"A": -1.0}) for number in range(8)]
    assert order(reorder(found("A", "B", "C"), ballots, mean=0.7)) == ["B", "C", "A"]


def test_one_judgement_out_of_few_hardly_counts():
    passages = [passage("A", 1, 1.0), passage("B", 2, 0.8)]
    assert order(reorder(passages, [ballot(1, {"B": 1.0})], mean=0.5)) == ["A", "B"]


def test_a_thumb_credits_what_was_cited_and_nothing_else():
    liked = Judgement("U1", NOW, vote=Vote.UP, cited=frozenset({"A", "B"}))
    assert {(each.document_id, each.good) for each in opinions(liked, question=0)} == {("A", True), ("B", True)}


def test_only_reasons_about_documents_blame_them():
    for reason in Reason:
        judgement = Judgement("U1", NOW, vote=Vote.DOWN, reasons=frozenset({reason}), cited=frozenset({"A"}))
        blamed = [each.document_id for each in opinions(judgement, question=0) if not each.good]
        assert blamed == (["A"] if reason in {Reason.WRONG_DOCUMENT, Reason.OUTDATED_SOURCE} else []), reason
    assert opinions(Judgement("U1", NOW, vote=Vote.DOWN, cited=frozenset({"A"})), question=0) == []


def test_a_correction_credits_the_document_that_it_names():
    judgement = Judgement(
        "U1",
        NOW,
        vote=Vote.DOWN,
        reasons=frozenset({Reason.WRONG_DOCUMENT}),
        cited=frozenset({"A", "B"}),
        named=frozenset({"B"}),
    )
    assert {(each.document_id, each.good) for each in opinions(judgement, question=0)} == {("A", False), ("B", True)}


def test_questions_that_are_not_alike_are_left_alone():
    given = [Opinion(0, f"U{number}", "C", good=True, at=NOW) for number in range(20)]
    feedback = feedback_of(given, unit(1, 0, 0))
    passages = found("A", "B", "C")
    assert feedback.adjust(passages, unit(0.6, 0.8, 0), now=NOW) == passages
    assert order(feedback.adjust(passages, unit(0.9, 0.1, 0), now=NOW))[0] == "C"


def test_a_person_counts_once_however_often_they_vote():
    asked = [unit(1, number / 100) for number in range(30)]
    feedback = feedback_of([Opinion(number, "U1", "C", good=True, at=NOW) for number in range(30)], *asked)
    ballots = feedback.ballots({"C"}, unit(1, 0), NOW)
    assert [(each.person, each.opinions) for each in ballots] == [("U1", {"C": 1.0})]
    assert order(feedback.adjust(found("A", "B", "C"), unit(1, 0), now=NOW)) in (["A", "B", "C"], ["A", "C", "B"])


def test_judgements_fade_with_a_half_life_of_ninety_days():
    assert faded(NOW - HALF_LIFE, NOW) == 0.5
    assert faded(NOW + timedelta(days=1), NOW) == 1.0
    old = feedback_of([Opinion(0, "U1", "A", good=True, at=NOW - 2 * HALF_LIFE)], unit(1, 0))
    assert old.ballots({"A"}, unit(1, 0), NOW)[0].opinions == {"A": 0.25}


def test_a_person_with_many_votes_does_not_set_what_is_usual():
    angry = [Opinion(0, "U0", "A", good=False, at=NOW) for _ in range(500)]
    pleased = [Opinion(0, f"U{number}", "A", good=True, at=NOW) for number in range(1, 20)]
    assert usual_share([*angry, *pleased]) > 0.75


def test_random_and_hostile_voters_do_no_harm():
    # Ten documents per question, the right one anywhere among the first five; thirty people, 20 % of them at random,
    # 5 % always against the truth. What is measured: nDCG before and after.
    rng = random.Random(5)
    before, after = [], []
    for _ in range(200):
        names = list("ABCDEFGHIJ")
        right = rng.choice(names[:5])
        passages = found(*names)
        ballots = []
        for number in range(30):
            cited = rng.choice(names[:3]) if rng.random() < 0.5 else right
            draw = rng.random()
            good = rng.random() < 0.5 if draw < 0.2 else (cited != right) if draw < 0.25 else cited == right
            ballots.append(ballot(number, {cited: 1.0 if good else -1.0}))
        for figures, ranked in ((before, passages), (after, reorder(passages, ballots, mean=0.6))):
            figures.append(ndcg([frozenset({name} & {right}) for name in order(ranked)], 1))
    worse = sum(one > other for one, other in zip(before, after, strict=True))
    assert np.mean(after) > np.mean(before) + 0.05
    assert worse <= 4
