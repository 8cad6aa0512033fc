"""What people said is weighed, nobody speaks too loudly, and contradictions teach nothing."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from knowledge import (
    Answer,
    CastVote,
    Exchange,
    Kind,
    LabelledExchange,
    Outcome,
    Question,
    Reason,
    Remark,
    Review,
    Verdict,
    Vote,
)
from knowledge.datasets.curating import SHARE, Kin, Wishes, curate
from knowledge.datasets.redacting import PatternRedactor
from knowledge.datasets.rows import Row
from knowledge.datasets.splits import Assignment, Split
from knowledge.datasets.weighing import Basis, Standing, weigh

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def row(number: int, people: tuple[str, ...], **more) -> Row:
    data = more.pop("data", {"query": f"question {number}?", "passage": f"passage {number}", "label": 1.0})
    return Row(Kind.RERANK, data, f"a{number}", Basis.VOTE, "source", people, target=str(data), **more)


def curated(rows, twins=None):
    ids = [each.answer_id for each in rows]
    kin = Kin([[each] for each in ids], twins or {each: number for number, each in enumerate(ids)})
    assigned = {each: Assignment(f"{number:016x}", Split.TRAIN) for number, each in enumerate(ids)}
    redactors = (PatternRedactor(),)
    return curate(Kind.RERANK, rows, wishes=Wishes(), kin=kin, assigned=assigned, redactors=redactors)


@given(st.lists(st.integers(0, 25).map(lambda number: f"p{number // 2}"), min_size=1, max_size=150))
def test_nobody_stands_behind_more_than_a_tenth_where_there_are_ten(voices):
    done = curated([row(number, (voice,)) for number, voice in enumerate(voices)])
    counts = Counter(each.row.people[0] for each in done.rows)
    if len(set(voices)) >= 10:
        assert max(counts.values()) <= max(1, SHARE * len(done.rows))
        assert set(counts) == set(voices)
        assert len(done.rows) + sum(done.left.values()) == len(voices)
    else:
        assert len(done.rows) == len(voices)
        assert "only from 10 people on" in done.note


def test_what_is_said_to_be_right_and_wrong_of_the_same_question_is_left_out():
    pair = {"query": "when?", "passage": "at nine"}
    rows = [row(1, ("p",), data={**pair, "label": 1.0}), row(2, ("q",), data={**pair, "label": 0.0}), row(3, ("r",))]
    done = curated(rows, {"a1": 0, "a2": 0, "a3": 1})
    assert [each.row.answer_id for each in done.rows] == ["a3"]
    assert done.left == {"it is said to be right and to be wrong": 2}


def record(*, votes="", reasons=(), reviews=(), correction=""):
    """Votes are written as `+-`, each by another person; reviews as verdicts."""
    cast = [CastVote(f"v{n}", Vote.UP if sign == "+" else Vote.DOWN, "slack", NOW) for n, sign in enumerate(votes)]
    remark = Remark(1, "a", "v9", tuple(reasons), "", correction, (), "slack", NOW)
    judged = [
        Review("a", f"r{n}", verdict, text="So." if verdict is Verdict.EDIT else "")
        for n, verdict in enumerate(reviews)
    ]
    exchange = Exchange(Question("what?"), Answer("a", Outcome.ANSWERED, "That."), (), b"", NOW)
    remarks = (remark,) if reasons or correction else ()
    return weigh(LabelledExchange(exchange, tuple(cast), remarks, tuple(judged)))


def test_a_reviewer_outweighs_votes_and_votes_count_where_they_agree():
    approve, reject, edit, unsure = Verdict.APPROVE, Verdict.REJECT, Verdict.EDIT, Verdict.UNSURE
    for votes, reviews, standing in (
        ("", (), Standing.OPEN),
        ("++", (), Standing.GOOD),
        ("--", (), Standing.BAD),
        ("+-", (), Standing.CONTESTED),
        ("+-", (approve,), Standing.GOOD),
        ("++", (reject,), Standing.BAD),
        ("--", (unsure,), Standing.BAD),
        ("++", (approve, reject), Standing.CONTESTED),
        ("++", (edit,), Standing.SUPERSEDED),
    ):
        assert record(votes=votes, reviews=reviews).standing is standing, (votes, reviews)


def test_whoever_voted_as_the_reviewer_found_stands_behind_it_too():
    assert record(votes="+-", reviews=(Verdict.APPROVE,)).people == ("r0", "v0")


def test_dislikes_that_blame_what_was_found_are_told_from_those_that_blame_the_writing():
    assert record(votes="-", reasons=(Reason.OUTDATED_SOURCE,)).blames_retrieval
    assert not record(votes="-", reasons=(Reason.WRONG_FACT,)).blames_retrieval


def test_a_correction_is_a_persons_words_until_a_reviewer_edits():
    (better,) = record(votes="-", correction="Rather so.").better
    assert (better.text, better.origin.value, better.basis) == ("Rather so.", "human", Basis.CORRECTION)
    (better,) = record(votes="-", correction="Rather so.", reviews=(Verdict.EDIT,)).better
    assert (better.text, better.origin.value, better.basis) == ("So.", "human_edit", Basis.REVIEW)
